with

districts as (
    select * from {{ ref('district') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

houses as (
    select * from {{ ref('daycare_house') }}
    where basis <> 'synthetic' or {{ is_synthetic() }}
),

house_counts as (
    select
        municipality_code,
        district_code,
        count(*) as house_count
    from houses
    group by all
),

final as (
    select
        districts.municipality_code,
        districts.district_code,
        districts.district_name,
        districts.school_institution_number,
        institutions.institution_name as school_name,
        cast(coalesce(house_counts.house_count, 0) as integer) as house_count
    from districts
    left join institutions
        on
            districts.municipality_code = institutions.municipality_code
            and districts.school_institution_number = institutions.institution_number
    left join house_counts
        on
            districts.municipality_code = house_counts.municipality_code
            and districts.district_code = house_counts.district_code
)

select * from final
