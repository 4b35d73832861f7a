with

datasets as (
    select * from {{ ref('stg_operations__datasets') }}
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
),

-- An old period that is sent again brings no newer day: where rows lie on days, a delivery is as new as the last day
-- that it tells of. A label such as the current school year stands on the day of its extract.
accepted as (
    select
        deliveries.dataset,
        max(
            case
                when datasets.period_kind = 'range'
                    then least(deliveries.as_of, coalesce(deliveries.period_to, deliveries.as_of))
                else deliveries.as_of
            end
        ) as data_as_of,
        max(deliveries.as_of) as last_extract_date,
        max(deliveries.received_at) as last_received_at
    from deliveries
    inner join datasets on deliveries.dataset = datasets.dataset
    where deliveries.is_accepted
    group by deliveries.dataset
),

-- a rejected delivery counts until one for the same period, as new or newer, has been accepted after it
open_rejections as (
    select rejected.*
    from deliveries as rejected
    left join deliveries as replaced
        on
            rejected.dataset = replaced.dataset
            and rejected.period_label is not distinct from replaced.period_label
            and rejected.as_of <= replaced.as_of
            and rejected.received_at < replaced.received_at
            and replaced.is_accepted
    where
        not rejected.is_accepted
        and replaced.delivery_id is null
),

latest_rejections as (
    select
        dataset,
        max(coalesce(as_of, cast(received_at as date))) as rejected_as_of
    from open_rejections
    group by dataset
),

described as (
    select
        {{ municipality_code() }} as municipality_code,
        datasets.domain,
        datasets.dataset,
        datasets.title_da,
        datasets.title_en,
        datasets.source,
        datasets.owner,
        datasets.rhythm,
        datasets.stale_after_days,
        accepted.data_as_of is not null as is_delivered,
        accepted.data_as_of,
        cast(date_diff('day', accepted.data_as_of, {{ as_of() }}) as integer) as days_since,
        coalesce(
            latest_rejections.rejected_as_of >= accepted.last_extract_date, latest_rejections.dataset is not null
        ) as has_rejected_since,
        accepted.last_received_at as received_at,
        {{ as_of() }} as as_of,
        {{ is_synthetic() }} as is_synthetic
    from datasets
    left join accepted on datasets.dataset = accepted.dataset
    left join latest_rejections on datasets.dataset = latest_rejections.dataset
),

final as (
    select
        *,
        is_delivered and days_since > stale_after_days as is_stale,
        case
            when not is_delivered then 'never_delivered'
            when days_since > stale_after_days then 'stale'
            else 'fresh'
        end as freshness
    from described
)

select * from final
