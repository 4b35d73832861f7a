with

institutions as (
    select * from {{ ref('institution') }}
    where basis <> 'synthetic' or {{ is_synthetic() }}
),

houses as (
    select * from {{ ref('daycare_house') }}
    where basis <> 'synthetic' or {{ is_synthetic() }}
),

districts as (
    select * from {{ ref('district') }}
),

-- values sit on the main school; a department is added up in it
schools as (
    select
        institutions.municipality_code,
        institutions.institution_number as unit_id,
        case
            when institutions.institution_type = 'specialskole' then 'special_school'
            when institutions.institution_type = 'fri grundskole' then 'free_school'
            when institutions.institution_number <> institutions.main_institution_number then 'department'
            else 'main_school'
        end as institution_kind,
        institutions.institution_number,
        institutions.institution_name,
        institutions.institution_type,
        institutions.unit_kind,
        institutions.main_institution_number,
        main_institutions.institution_name as main_institution_name,
        institutions.institution_number = institutions.main_institution_number as is_main,
        institutions.district_code,
        institutions.valid_from,
        institutions.valid_to,
        institutions.successor_institution_number
    from institutions
    inner join institutions as main_institutions
        on
            institutions.municipality_code = main_institutions.municipality_code
            and institutions.main_institution_number = main_institutions.institution_number
),

-- a children's house has no number in the institution register and no main school
childrens_houses as (
    select
        municipality_code,
        house_code as unit_id,
        'childrens_house' as institution_kind,
        cast(null as varchar) as institution_number,
        house_name as institution_name,
        'børnehus' as institution_type,
        cast(null as varchar) as unit_kind,
        cast(null as varchar) as main_institution_number,
        cast(null as varchar) as main_institution_name,
        true as is_main,
        district_code,
        cast(null as date) as valid_from,
        cast(null as date) as valid_to,
        cast(null as varchar) as successor_institution_number
    from houses
),

units as (
    select * from schools
    union all
    select * from childrens_houses
),

final as (
    select
        units.municipality_code,
        units.unit_id,
        units.institution_kind,
        units.institution_number,
        units.institution_name,
        units.institution_type,
        units.unit_kind,
        units.main_institution_number,
        units.main_institution_name,
        units.is_main,
        units.is_main as has_values,
        not units.is_main as is_added_up,
        districts.district_code,
        districts.district_name,
        units.valid_from,
        units.valid_to,
        units.successor_institution_number
    from units
    left join districts
        on
            units.municipality_code = districts.municipality_code
            and units.district_code = districts.district_code
)

select * from final
