with

source as (
    select * from {{ source('referrals', 'referrals') }}
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where dataset = 'referrals'
),

-- a referral whose date was corrected can stand in two deliveries; it counts once, as the newest has it
current_referrals as (
    select source.*
    from source
    left join deliveries on source.delivery_id = deliveries.delivery_id
    qualify row_number() over (
        partition by source.municipality_code, source.referral_id
        order by deliveries.as_of desc, deliveries.received_at desc, source.referred_date desc
    ) = 1
),

renamed as (
    select
        municipality_code,
        referral_id,
        project_code,
        person_key,
        institution_number,
        cast(grade_level as integer) as grade_level,
        referred_date,
        referred_by,
        referral_status,
        referral_status = 'Afvist' as is_declined,
        closed_date,
        delivery_id
    from current_referrals
)

select * from renamed
