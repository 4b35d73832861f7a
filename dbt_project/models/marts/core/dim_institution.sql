with

institutions as (
    select * from {{ ref('institution') }}
    where basis <> 'synthetic' or {{ is_synthetic() }}
),

districts as (
    select * from {{ ref('district') }}
),

with_main as (
    select
        institutions.municipality_code,
        institutions.institution_number,
        institutions.institution_name,
        institutions.institution_type,
        institutions.unit_kind,
        institutions.main_institution_number,
        main_institutions.institution_name as main_institution_name,
        institutions.institution_number = institutions.main_institution_number as is_main,
        districts.district_code,
        districts.district_name,
        institutions.valid_from,
        institutions.valid_to,
        institutions.successor_institution_number
    from institutions
    inner join institutions as main_institutions
        on
            institutions.municipality_code = main_institutions.municipality_code
            and institutions.main_institution_number = main_institutions.institution_number
    left join districts
        on
            institutions.municipality_code = districts.municipality_code
            and institutions.district_code = districts.district_code
)

select * from with_main
