with

source as (
    select * from {{ source('school_absence', 'absence_statistics') }}
),

municipalities as (
    select * from {{ ref('municipality') }}
),

measures as (
    select * from {{ ref('ministry_measure') }}
),

renamed as (
    select
        source.municipality_code,
        case when source.municipality_name = 'I alt' then 'country' else 'municipality' end as place_level,
        source.municipality_name as place_name,
        municipalities.municipality_code as place_municipality_code,
        source.school_stage,
        source.school_year,
        source.measure_name,
        measures.measure_code,
        source.measure_value,
        source.value_status,
        source.delivery_id
    from source
    left join municipalities on source.municipality_name = municipalities.municipality_name
    left join measures on source.measure_name = measures.measure_name
)

select * from renamed
