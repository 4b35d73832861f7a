with

criteria as (
    select * from {{ ref('project_criterion') }}
    where project_code = 'SOB'
),

projects as (
    select * from {{ ref('project') }}
),

project_districts as (
    select * from {{ ref('project_district') }}
),

districts as (
    select * from {{ ref('district') }}
),

houses as (
    select * from {{ ref('daycare_house') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

early_years as (
    select * from {{ ref('int_measures_early_years') }}
),

daycare as (
    select * from {{ ref('int_measures_daycare') }}
),

surveys as (
    select * from {{ ref('stg_referrals__surveys') }}
    where agreeing_count is not null
),

-- the project's own units: its districts, their houses and their main schools
project_units as (
    select
        project_districts.municipality_code,
        project_districts.project_code,
        'district' as unit_type,
        project_districts.district_code as unit_id,
        districts.district_name as unit_name,
        project_districts.district_code
    from project_districts
    left join districts
        on
            project_districts.municipality_code = districts.municipality_code
            and project_districts.district_code = districts.district_code
    union all
    select
        project_districts.municipality_code,
        project_districts.project_code,
        'house' as unit_type,
        houses.house_code as unit_id,
        houses.house_name as unit_name,
        houses.district_code
    from project_districts
    inner join houses
        on
            project_districts.municipality_code = houses.municipality_code
            and project_districts.district_code = houses.district_code
    union all
    select
        project_districts.municipality_code,
        project_districts.project_code,
        'school' as unit_type,
        institutions.institution_number as unit_id,
        institutions.institution_name as unit_name,
        institutions.district_code
    from project_districts
    inner join institutions
        on
            project_districts.municipality_code = institutions.municipality_code
            and project_districts.district_code = institutions.district_code
            and institutions.institution_number = institutions.main_institution_number
    union all
    select distinct
        municipality_code,
        project_code,
        'municipality' as unit_type,
        municipality_code as unit_id,
        cast(null as varchar) as unit_name,
        cast(null as varchar) as district_code
    from project_districts
),

measures as (
    select
        municipality_code,
        measure_id,
        measure_part,
        period_type,
        period,
        period_end_date,
        unit_type,
        unit_id,
        numerator,
        denominator,
        measure_value,
        person_count,
        is_incomplete,
        open_reason
    from early_years
    union all
    select
        municipality_code,
        measure_id,
        measure_part,
        period_type,
        period,
        period_end_date,
        unit_type,
        unit_id,
        numerator,
        denominator,
        measure_value,
        person_count,
        is_incomplete,
        open_reason
    from daycare
),

criterion_measures as (
    select
        criteria.criterion_id,
        measures.*
    from criteria
    inner join measures
        on
            criteria.municipality_code = measures.municipality_code
            and criteria.measure_id = measures.measure_id
),

-- a criterion without a measure is read from the survey that bears its name
survey_units as (
    select
        surveys.*,
        criteria.criterion_id,
        unnest(['municipality', 'house']) as unit_type,
        unnest([surveys.municipality_code, surveys.house_code]) as unit_id
    from surveys
    inner join criteria
        on
            surveys.municipality_code = criteria.municipality_code
            and surveys.survey_code = criteria.criterion_id
    where criteria.measure_id is null
),

survey_measures as (
    select
        criterion_id,
        municipality_code,
        cast(null as varchar) as measure_id,
        question_code as measure_part,
        'wave' as period_type,
        cast(wave_number as varchar) as period,
        max(max(survey_to)) over (partition by municipality_code, criterion_id, wave_number) as period_end_date,
        unit_type,
        unit_id,
        cast(sum(agreeing_count) as decimal(18, 4)) as numerator,
        cast(sum(answered_count) as decimal(18, 4)) as denominator,
        {{ share('sum(agreeing_count)', 'sum(answered_count)', 'decimal(18, 6)') }} as measure_value,
        cast(sum(answered_count) as integer) as person_count,
        false as is_incomplete,
        cast(null as varchar) as open_reason
    from survey_units
    where unit_id is not null
    group by criterion_id, municipality_code, question_code, wave_number, unit_type, unit_id
),

united as (
    select * from criterion_measures
    union all
    select * from survey_measures
),

-- the municipality stands for a criterion only where no district does
district_criteria as (
    select distinct
        municipality_code,
        criterion_id
    from united
    where unit_type = 'district'
),

in_project as (
    select
        united.*,
        criteria.project_code,
        criteria.criterion_text,
        criteria.criterion_text_en,
        criteria.direction,
        criteria.target_text,
        criteria.unit,
        project_units.unit_name,
        project_units.district_code,
        united.period_end_date between projects.first_date
        and coalesce(projects.last_date, date '9999-12-31') as is_in_project_period
    from united
    inner join criteria
        on
            united.municipality_code = criteria.municipality_code
            and united.criterion_id = criteria.criterion_id
    inner join project_units
        on
            united.municipality_code = project_units.municipality_code
            and criteria.project_code = project_units.project_code
            and united.unit_type = project_units.unit_type
            and united.unit_id = project_units.unit_id
    left join projects
        on
            criteria.municipality_code = projects.municipality_code
            and criteria.project_code = projects.project_code
    left join district_criteria
        on
            united.municipality_code = district_criteria.municipality_code
            and united.criterion_id = district_criteria.criterion_id
    where united.unit_type != 'municipality' or district_criteria.criterion_id is null
),

-- the first period that has a figure is what the later ones are held against
compared as (
    select
        *,
        first_value(period) over unit_periods as first_period,
        first_value(measure_value) over unit_periods as first_value_of_unit
    from in_project
    window unit_periods as (
        partition by municipality_code, criterion_id, measure_part, unit_type, unit_id
        order by measure_value is null, period_end_date
        rows between unbounded preceding and unbounded following
    )
),

changed as (
    select
        *,
        case
            when first_value_of_unit is not null and period != first_period
                then cast(measure_value - first_value_of_unit as decimal(18, 6))
        end as change_since_first
    from compared
),

final as (
    select
        municipality_code,
        project_code,
        criterion_id,
        criterion_text,
        criterion_text_en,
        measure_id,
        measure_part,
        direction,
        target_text,
        unit,
        period_type,
        period,
        period_end_date,
        is_in_project_period,
        unit_type,
        unit_id,
        unit_name,
        district_code,
        numerator,
        denominator,
        measure_value,
        person_count,
        case when first_value_of_unit is not null then first_period end as first_period,
        change_since_first,
        case direction when 'up' then change_since_first > 0 when 'down' then change_since_first < 0 end
            as is_change_as_wished,
        is_incomplete or period_end_date > {{ as_of() }} as is_preliminary,
        open_reason,
        {{ is_synthetic() }} as is_synthetic
    from changed
)

select * from final
