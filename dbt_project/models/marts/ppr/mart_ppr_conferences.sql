with

task_types as (
    select * from {{ ref('conference_task_type') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

districts as (
    select * from {{ ref('district') }}
),

activities_known as (
    select * from {{ ref('int_register_known_through') }}
    where dataset = 'activities'
),

-- what is dated after its extract has not been held yet
conferences as (
    select activities.*
    from {{ ref('stg_referrals__activities') }} as activities
    inner join activities_known
        on
            activities.municipality_code = activities_known.municipality_code
            and activities.first_date <= activities_known.known_through_date
    where activities.project_code = 'PPR' and activities.activity_status = 'Gennemført'
),

placed_conferences as (
    select
        conferences.municipality_code,
        conferences.task_type,
        cast(date_trunc('month', conferences.first_date) as date) as month_start,
        coalesce(institutions.main_institution_number, conferences.institution_number) as school_number,
        coalesce(conferences.district_code, institutions.district_code) as district_code
    from conferences
    left join institutions
        on
            conferences.municipality_code = institutions.municipality_code
            and conferences.institution_number = institutions.institution_number
),

-- each conference counts at its school, in its district and in the municipality; one in a children's house at no school
unit_conferences as (
    select
        municipality_code,
        month_start,
        task_type,
        unnest(['school', 'district', 'municipality']) as unit_type,
        unnest([school_number, district_code, municipality_code]) as unit_id
    from placed_conferences
),

counts as (
    select
        municipality_code,
        unit_type,
        unit_id,
        month_start,
        task_type,
        count(*) as conferences
    from unit_conferences
    where unit_id is not null
    group by all
),

units as (
    select distinct
        municipality_code,
        unit_type,
        unit_id
    from counts
),

-- the seed's types of task, and whatever else occurs
types as (
    select
        municipality_code,
        task_type
    from task_types
    union distinct
    select
        municipality_code,
        task_type
    from counts
    where task_type is not null
),

months as (
    select
        municipality_code,
        cast(unnest(generate_series(
            min(month_start), date_trunc('month', {{ as_of() }}), interval 1 month
        )) as date) as month_start
    from counts
    group by municipality_code
),

final as (
    select
        months.municipality_code,
        {{ month_label('months.month_start') }} as month_label,
        months.month_start,
        units.unit_type,
        units.unit_id,
        coalesce(institutions.institution_name, districts.district_name) as unit_name,
        types.task_type,
        task_types.task_type_en,
        case
            when activities_known.known_through_date >= months.month_start
                then cast(coalesce(counts.conferences, 0) as integer)
        end as conferences,
        coalesce(activities_known.known_through_date < last_day(months.month_start), true) as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from months
    inner join units on months.municipality_code = units.municipality_code
    inner join types on months.municipality_code = types.municipality_code
    left join counts
        on
            months.municipality_code = counts.municipality_code
            and months.month_start = counts.month_start
            and units.unit_type = counts.unit_type
            and units.unit_id = counts.unit_id
            and types.task_type = counts.task_type
    left join task_types
        on
            types.municipality_code = task_types.municipality_code
            and types.task_type = task_types.task_type
    left join institutions
        on
            units.municipality_code = institutions.municipality_code
            and units.unit_type = 'school'
            and units.unit_id = institutions.institution_number
    left join districts
        on
            units.municipality_code = districts.municipality_code
            and units.unit_type = 'district'
            and units.unit_id = districts.district_code
    left join activities_known on months.municipality_code = activities_known.municipality_code
)

select * from final
