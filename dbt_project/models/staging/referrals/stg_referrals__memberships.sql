with

source as (
    select * from {{ source('referrals', 'memberships') }}
),

renamed as (
    select
        municipality_code,
        membership_id,
        referral_id,
        person_key,
        association_code,
        activity_name,
        registered_date,
        first_attended_date,
        member_from,
        member_to,
        membership_status,
        member_from is not null as has_joined,
        delivery_id
    from source
)

select * from renamed
