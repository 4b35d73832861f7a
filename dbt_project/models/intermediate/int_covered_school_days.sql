with

school_days as (
    select * from {{ ref('int_school_days') }}
),

covered_days as (
    select * from {{ ref('int_covered_days') }}
    where dataset = 'absence_days'
),

-- A school day that no delivery tells of is not a day without absence: it is unknown and counts nowhere.
covered as (
    select
        school_days.municipality_code,
        school_days.school_year,
        school_days.school_day,
        cast(date_trunc('month', school_days.school_day) as date) as month_start
    from school_days
    semi join covered_days
        on
            school_days.municipality_code = covered_days.municipality_code
            and school_days.school_day = covered_days.covered_day
)

select * from covered
