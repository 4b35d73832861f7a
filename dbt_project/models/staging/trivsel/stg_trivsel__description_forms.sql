with

source as (
    select * from {{ source('trivsel', 'description_forms') }}
),

renamed as (
    select
        municipality_code,
        form_number,
        person_key,
        birth_date,
        daycare_house_code,
        form_date,
        school_ready as school_readiness,
        case school_ready when 'Ja' then true when 'Nej' then false end as is_school_ready,
        school_number,
        school_number is not null as is_sent_to_school,
        consent = 'Ja' as has_consent,
        consent_date,
        delivery_id
    from source
)

select * from renamed
