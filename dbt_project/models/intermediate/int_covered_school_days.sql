with

school_days as (
    select * from {{ ref('int_school_days') }}
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where dataset = 'absence_days' and is_accepted
),

-- A delivery tells of the days of its period up to the day of the extract. A school day that none tells of is not a
-- day without absence: it is unknown and counts nowhere.
covered as (
    select
        school_days.municipality_code,
        school_days.school_year,
        school_days.school_day,
        cast(date_trunc('month', school_days.school_day) as date) as month_start
    from school_days
    semi join deliveries
        on
            school_days.municipality_code = deliveries.municipality_code
            and school_days.school_day between deliveries.period_from and least(deliveries.period_to, deliveries.as_of)
)

select * from covered
