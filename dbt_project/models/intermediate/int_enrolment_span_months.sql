with

enrolments as (
    select * from {{ ref('stg_school_absence__enrolments') }}
),

school_days as (
    select * from {{ ref('int_school_days') }}
),

covered_school_days as (
    select * from {{ ref('int_covered_school_days') }}
),

marked_school_days as (
    select
        school_days.municipality_code,
        school_days.school_year,
        school_days.school_day,
        cast(date_trunc('month', school_days.school_day) as date) as month_start,
        covered_school_days.school_day is not null as is_covered
    from school_days
    left join covered_school_days
        on
            school_days.municipality_code = covered_school_days.municipality_code
            and school_days.school_day = covered_school_days.school_day
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

-- months to come are here too, with their planned days and none that is covered
span_months as (
    select
        spans.municipality_code,
        spans.school_year,
        spans.enrolled_from,
        spans.enrolled_to,
        marked_school_days.month_start,
        cast(count(*) as integer) as planned_school_days,
        cast(count(*) filter (where marked_school_days.is_covered) as integer) as school_days
    from spans
    inner join marked_school_days
        on
            spans.municipality_code = marked_school_days.municipality_code
            and spans.school_year = marked_school_days.school_year
            and marked_school_days.school_day between spans.enrolled_from and spans.enrolled_to
    group by all
)

select * from span_months
