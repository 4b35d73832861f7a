with

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where is_accepted and is_current
),

payments as (
    select * from {{ ref('stg_referrals__granted_payments') }}
),

reviews as (
    select * from {{ ref('stg_referrals__case_reviews') }}
    where held_date <= {{ as_of() }}
),

staffing as (
    select * from {{ ref('stg_referrals__staffing') }}
),

delivered as (
    select
        municipality_code,
        max(as_of) filter (where dataset = 'cases') as cases_as_of,
        max(as_of) filter (where dataset = 'granted_payments') as payments_as_of,
        max(as_of) filter (where dataset = 'case_reviews') as reviews_as_of
    from deliveries
    group by municipality_code
),

-- the export of payments begins with a calendar year: what had ended before is not in it
payment_starts as (
    select
        municipality_code,
        cast(date_trunc('year', min(accounted_date)) as date) as payments_from
    from payments
    group by municipality_code
),

review_starts as (
    select
        municipality_code,
        cast(date_trunc('month', min(held_date)) as date) as reviews_from
    from reviews
    group by municipality_code
),

staffing_months as (
    select distinct
        municipality_code,
        cast(date_trunc('month', month_end_date) as date) as month_start
    from staffing
),

first_months as (
    select
        municipality_code,
        payments_from as month_start
    from payment_starts
    union all
    select
        municipality_code,
        reviews_from as month_start
    from review_starts
    union all
    select
        municipality_code,
        month_start
    from staffing_months
),

months as (
    select
        municipality_code,
        cast(unnest(generate_series(
            min(month_start), date_trunc('month', {{ as_of() }}), interval 1 month
        )) as date) as month_start
    from first_months
    group by municipality_code
),

final as (
    select
        months.municipality_code,
        months.month_start,
        last_day(months.month_start) as month_end_date,
        least(last_day(months.month_start), {{ as_of() }}) as measured_on_date,
        -- an open case takes both: the case's history and an activity that was granted to its child
        coalesce(
            months.month_start between payment_starts.payments_from and delivered.payments_as_of
            and months.month_start <= delivered.cases_as_of, false
        ) as has_cases,
        coalesce(
            months.month_start between payment_starts.payments_from and delivered.payments_as_of, false
        ) as has_payments,
        coalesce(months.month_start <= delivered.cases_as_of, false) as has_moves,
        coalesce(
            months.month_start between review_starts.reviews_from and delivered.reviews_as_of, false
        ) as has_reviews,
        staffing_months.month_start is not null as has_staffing,
        coalesce(
            last_day(months.month_start) > {{ as_of() }}
            or last_day(months.month_start) > delivered.cases_as_of
            or last_day(months.month_start) > delivered.payments_as_of
            or last_day(months.month_start) > delivered.reviews_as_of, true
        ) as is_preliminary
    from months
    left join delivered on months.municipality_code = delivered.municipality_code
    left join payment_starts on months.municipality_code = payment_starts.municipality_code
    left join review_starts on months.municipality_code = review_starts.municipality_code
    left join staffing_months
        on
            months.municipality_code = staffing_months.municipality_code
            and months.month_start = staffing_months.month_start
)

select * from final
