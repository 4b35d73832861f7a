with

source as (
    select * from {{ source('referrals', 'referrals') }}
),

-- a referral whose date was corrected can stand in two deliveries; it counts once, as the newest has it
current_referrals as (
    {{ newest_row('source', 'referrals', key=['referral_id'], date_column='referred_date') }}
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
