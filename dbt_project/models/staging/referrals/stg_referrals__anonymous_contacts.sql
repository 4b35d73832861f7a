with

source as (
    select * from {{ source('referrals', 'anonymous_contacts') }}
),

renamed as (
    select
        municipality_code,
        cast(contact_month || '-01' as date) as contact_month,
        place_name,
        contact_kind,
        age_band,
        age_band in ('12-15', '16-18', '19-25') as is_12_to_25,
        contact_count,
        delivery_id
    from source
)

select * from renamed
