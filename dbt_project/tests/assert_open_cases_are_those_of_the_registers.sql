-- The municipality's open cases against staging, found another way than in the model: the cases that have any entry by
-- the day and any payment whose activity runs on it, each once.
with

months as (
    select
        municipality_code,
        month_start,
        measured_on_date,
        open_cases,
        open_children
    from {{ ref('mart_cases') }}
    where unit_type = 'municipality' and open_cases is not null
),

known_cases as (
    select
        municipality_code,
        case_number,
        person_key,
        min(changed_at) as first_changed_at
    from {{ ref('stg_referrals__cases') }}
    group by all
),

recounted as (
    select
        months.municipality_code,
        months.month_start,
        count(distinct known_cases.case_number) as open_cases,
        count(distinct known_cases.person_key) as open_children
    from months
    inner join known_cases
        on
            months.municipality_code = known_cases.municipality_code
            and known_cases.first_changed_at < months.measured_on_date + interval 1 day
    inner join {{ ref('stg_referrals__granted_payments') }} as payments
        on
            known_cases.municipality_code = payments.municipality_code
            and known_cases.person_key = payments.person_key
            and months.measured_on_date between payments.activity_start_date
            and coalesce(payments.activity_end_date, date '9999-12-31')
    where payments.activity_status = 'GRANTED'
    group by all
)

select
    months.month_start,
    months.open_cases,
    recounted.open_cases as expected_open_cases
from months
left join recounted
    on
        months.municipality_code = recounted.municipality_code
        and months.month_start = recounted.month_start
where
    months.open_cases <> coalesce(recounted.open_cases, 0)
    or months.open_children <> coalesce(recounted.open_children, 0)
