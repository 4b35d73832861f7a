with

school_starts as (
    select
        *,
        cast(year(birth_date) as integer) as birth_year
    from {{ ref('stg_trivsel__school_starts') }}
    where birth_date is not null
),

districts as (
    select * from {{ ref('district') }}
),

-- each start counts in the municipality, and in its district if the seed knows it
unit_starts as (
    select
        municipality_code,
        birth_year,
        person_key,
        is_late,
        is_early,
        unnest(['municipality', 'district']) as unit_type,
        unnest([municipality_code, district_code]) as unit_id
    from school_starts
),

-- a child has one start; of two, the late one tells
unit_children as (
    select
        unit_starts.municipality_code,
        unit_starts.birth_year,
        unit_starts.unit_type,
        unit_starts.unit_id,
        districts.district_name as unit_name,
        unit_starts.person_key,
        bool_or(unit_starts.is_late) as is_late,
        bool_or(unit_starts.is_early) as is_early
    from unit_starts
    left join districts
        on
            unit_starts.municipality_code = districts.municipality_code
            and unit_starts.unit_type = 'district'
            and unit_starts.unit_id = districts.district_code
    where unit_starts.unit_type = 'municipality' or districts.district_code is not null
    group by all
),

counted as (
    select
        municipality_code,
        birth_year,
        unit_type,
        unit_id,
        unit_name,
        count(*) as children,
        count(*) filter (where is_late) as late_children,
        count(*) filter (where is_early and not is_late) as early_children
    from unit_children
    group by all
),

final as (
    select
        municipality_code,
        birth_year,
        unit_type,
        unit_id,
        unit_name,
        cast(children as integer) as children,
        cast(late_children as integer) as late_children,
        cast(early_children as integer) as early_children,
        cast(children - late_children - early_children as integer) as normal_children,
        {{ share('late_children', 'children') }} as late_share,
        {{ share('early_children', 'children') }} as early_share,
        make_date(birth_year + 6, 12, 31) > {{ as_of() }} as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from counted
)

select * from final
