with

enrolments as (
    select * from {{ ref('stg_school_absence__enrolments') }}
),

span_months as (
    select * from {{ ref('int_enrolment_span_months') }}
),

absence_days as (
    select * from {{ ref('stg_school_absence__absence_days') }}
),

covered_school_days as (
    select * from {{ ref('int_covered_school_days') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

school_stages as (
    select * from {{ ref('school_stage') }}
),

-- an absence counts on a school day on which the pupil was enrolled, at the school and grade of that enrolment
absence_months as (
    select
        enrolments.municipality_code,
        enrolments.person_key,
        enrolments.school_year,
        enrolments.enrolled_from,
        covered_school_days.month_start,
        count(*) filter (where absence_days.absence_kind = 'sick') as sick_days,
        count(*) filter (where absence_days.absence_kind = 'permitted') as permitted_days,
        count(*) filter (where absence_days.absence_kind = 'unlawful') as unlawful_days
    from absence_days
    inner join covered_school_days
        on
            absence_days.municipality_code = covered_school_days.municipality_code
            and absence_days.absence_date = covered_school_days.school_day
    inner join enrolments
        on
            absence_days.municipality_code = enrolments.municipality_code
            and absence_days.person_key = enrolments.person_key
            and absence_days.school_year = enrolments.school_year
            and absence_days.absence_date between enrolments.enrolled_from and enrolments.enrolled_to
    group by all
),

pupil_months as (
    select
        enrolments.municipality_code,
        enrolments.person_key,
        enrolments.school_year,
        enrolments.enrolled_from,
        coalesce(institutions.main_institution_number, enrolments.institution_number) as school_number,
        school_stages.school_stage,
        enrolments.grade_level,
        span_months.month_start,
        span_months.planned_school_days,
        span_months.school_days,
        cast(coalesce(absence_months.sick_days, 0) as integer) as sick_days,
        cast(coalesce(absence_months.permitted_days, 0) as integer) as permitted_days,
        cast(coalesce(absence_months.unlawful_days, 0) as integer) as unlawful_days
    from enrolments
    inner join span_months
        on
            enrolments.municipality_code = span_months.municipality_code
            and enrolments.school_year = span_months.school_year
            and enrolments.enrolled_from = span_months.enrolled_from
            and enrolments.enrolled_to = span_months.enrolled_to
    left join absence_months
        on
            enrolments.municipality_code = absence_months.municipality_code
            and enrolments.person_key = absence_months.person_key
            and enrolments.school_year = absence_months.school_year
            and enrolments.enrolled_from = absence_months.enrolled_from
            and span_months.month_start = absence_months.month_start
    left join institutions
        on
            enrolments.municipality_code = institutions.municipality_code
            and enrolments.institution_number = institutions.institution_number
    left join school_stages on enrolments.grade_level = school_stages.grade_level
)

select * from pupil_months
