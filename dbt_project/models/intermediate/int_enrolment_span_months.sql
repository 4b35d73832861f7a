with

enrolments as (
    select * from {{ ref('stg_school_absence__enrolments') }}
),

covered_school_days as (
    select * from {{ ref('int_covered_school_days') }}
),

-- Most pupils share first and last day, so school days are counted once for each span and not for each pupil.
spans as (
    select distinct
        municipality_code,
        school_year,
        enrolled_from,
        enrolled_to
    from enrolments
),

span_months as (
    select
        spans.municipality_code,
        spans.school_year,
        spans.enrolled_from,
        spans.enrolled_to,
        covered_school_days.month_start,
        cast(count(*) as integer) as school_days
    from spans
    inner join covered_school_days
        on
            spans.municipality_code = covered_school_days.municipality_code
            and spans.school_year = covered_school_days.school_year
            and covered_school_days.school_day between spans.enrolled_from and spans.enrolled_to
    group by all
)

select * from span_months
