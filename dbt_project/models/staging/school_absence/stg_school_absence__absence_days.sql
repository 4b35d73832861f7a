with

source as (
    select * from {{ source('school_absence', 'absence_days') }}
),

absence_kinds as (
    select * from {{ ref('absence_kind') }}
),

renamed as (
    select
        source.municipality_code,
        source.person_key,
        source.institution_number,
        source.absence_date,
        {{ school_year('source.absence_date') }} as school_year,
        absence_kinds.absence_kind_code as absence_kind,
        source.registered_date,
        source.delivery_id
    from source
    left join absence_kinds on source.absence_kind = absence_kinds.absence_kind
)

select * from renamed
