with

school_calendar as (
    select * from {{ ref('school_calendar') }}
),

terms as (
    select * from school_calendar
    where period_kind = 'term'
),

holidays as (
    select * from school_calendar
    where period_kind = 'holiday'
),

term_days as (
    select
        municipality_code,
        school_year,
        cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as school_day
    from terms
),

school_days as (
    select
        term_days.municipality_code,
        term_days.school_year,
        term_days.school_day
    from term_days
    left join holidays
        on
            term_days.municipality_code = holidays.municipality_code
            and term_days.school_day between holidays.first_date and holidays.last_date
    where
        isodow(term_days.school_day) <= 5
        and holidays.first_date is null
)

select * from school_days
