with

source as (
    select * from {{ source('school_absence', 'absence_statistics') }}
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where dataset = 'absence_statistics'
),

municipalities as (
    select * from {{ ref('municipality') }}
),

measures as (
    select * from {{ ref('ministry_measure') }}
),

-- each answer of the API brings earlier school years along; the newest answer holds
current_values as (
    select source.*
    from source
    left join deliveries on source.delivery_id = deliveries.delivery_id
    qualify row_number() over (
        partition by source.municipality_name, source.school_stage, source.school_year, source.measure_name
        order by deliveries.as_of desc, deliveries.received_at desc
    ) = 1
),

renamed as (
    select
        current_values.municipality_code,
        current_values.municipality_name as place_name,
        municipalities.municipality_code as place_municipality_code,
        current_values.school_stage,
        current_values.school_year,
        current_values.measure_name,
        measures.measure_code,
        current_values.measure_value,
        current_values.value_status,
        current_values.delivery_id
    from current_values
    left join municipalities on current_values.municipality_name = municipalities.municipality_name
    left join measures on current_values.measure_name = measures.measure_name
)

select * from renamed
