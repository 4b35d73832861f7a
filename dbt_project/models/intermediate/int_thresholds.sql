with

thresholds as (
    select * from {{ ref('threshold') }}
),

-- a changed threshold is a new row; the old one holds until the day before
with_end as (
    select
        threshold_name,
        threshold_value,
        valid_from,
        coalesce(
            lead(valid_from) over (partition by threshold_name order by valid_from),
            date '9999-12-31'
        ) as valid_before
    from thresholds
)

select * from with_end
