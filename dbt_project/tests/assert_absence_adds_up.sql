-- Days belong to one school and one grade: the finest cells of a period add up to the row of the municipality.
with

finest as (
    select
        municipality_code,
        period_type,
        period,
        sum(school_days) as school_days,
        sum(absence_days) as absence_days
    from {{ ref('mart_school_absence') }}
    where institution_level = 'school' and grade_group_type = 'grade'
    group by all
),

whole as (
    select
        municipality_code,
        period_type,
        period,
        school_days,
        absence_days
    from {{ ref('mart_school_absence') }}
    where institution_level = 'municipality' and grade_group_type = 'all'
)

select
    whole.period_type,
    whole.period,
    whole.school_days,
    finest.school_days as finest_school_days
from whole
full outer join finest
    on
        whole.municipality_code = finest.municipality_code
        and whole.period_type = finest.period_type
        and whole.period = finest.period
where
    whole.school_days is distinct from finest.school_days
    or whole.absence_days is distinct from finest.absence_days
