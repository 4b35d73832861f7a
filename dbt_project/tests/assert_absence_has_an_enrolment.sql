-- Absence on a school day on which the pupil was not enrolled counts nowhere; here it is told how much of it there is.
{{ config(severity='warn') }}

with

absence_days as (
    select
        absence_days.school_year,
        count(*) as days
    from {{ ref('stg_school_absence__absence_days') }} as absence_days
    semi join {{ ref('int_covered_school_days') }} as covered_school_days
        on
            absence_days.municipality_code = covered_school_days.municipality_code
            and absence_days.absence_date = covered_school_days.school_day
    group by all
),

counted_days as (
    select
        school_year,
        sum(sick_days + permitted_days + unlawful_days) as days
    from {{ ref('int_pupil_absence') }}
    group by all
)

select
    absence_days.school_year,
    absence_days.days - coalesce(counted_days.days, 0) as days_without_an_enrolment
from absence_days
left join counted_days on absence_days.school_year = counted_days.school_year
where absence_days.days != coalesce(counted_days.days, 0)
