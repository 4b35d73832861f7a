with

source as (
    select * from {{ source('trivsel', 'wellbeing_statistics') }}
),

municipalities as (
    select * from {{ ref('municipality') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

indicators as (
    select * from {{ ref('wellbeing_indicator') }}
),

renamed as (
    select
        source.municipality_code,
        case
            when source.institution_number <> 'I alt' then 'school'
            when source.municipality_name <> 'I alt' then 'municipality'
            else 'country'
        end as place_level,
        source.municipality_name as place_name,
        municipalities.municipality_code as place_municipality_code,
        nullif(source.institution_number, 'I alt') as institution_number,
        institutions.unit_kind,
        source.grade_group,
        source.school_year,
        indicators.indicator,
        source.indicator_name,
        source.answer_interval,
        case source.measure_name
            when 'Indikatorsvar' then 'mean'
            when 'Andel Indikatorsvar' then 'share'
            when 'Totale antal elever - indikatorsvar' then 'pupils'
        end as measure_code,
        source.measure_name,
        source.measure_value,
        source.value_status,
        source.delivery_id
    from source
    left join municipalities on source.municipality_name = municipalities.municipality_name
    left join institutions on source.institution_number = institutions.institution_number
    left join indicators on source.indicator_name = indicators.indicator_name_da
)

select * from renamed
