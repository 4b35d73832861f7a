with

referrals as (
    select * from {{ ref('stg_referrals__referrals') }}
    where project_code = 'ICE'
),

memberships as (
    select * from {{ ref('stg_referrals__memberships') }}
    where has_joined
),

leisure_grants as (
    select * from {{ ref('stg_referrals__leisure_grants') }}
    where is_granted
),

covered_days as (
    select * from {{ ref('int_covered_days') }}
    where dataset = 'referrals'
),

-- a referral dated after its extract or after the night has not happened yet
referred_children as (
    select
        referrals.municipality_code,
        referrals.person_key,
        min(referrals.referred_date) as first_referred_date
    from referrals
    semi join covered_days
        on
            referrals.municipality_code = covered_days.municipality_code
            and referrals.referred_date = covered_days.covered_day
    group by all
),

first_memberships as (
    select
        municipality_code,
        person_key,
        min(member_from) as first_member_from
    from memberships
    group by all
),

first_grants as (
    select
        municipality_code,
        person_key,
        min(decided_date) as first_granted_date
    from leisure_grants
    group by all
),

final as (
    select
        referred_children.municipality_code,
        referred_children.person_key,
        referred_children.first_referred_date,
        first_memberships.first_member_from,
        first_grants.first_granted_date
    from referred_children
    left join first_memberships
        on
            referred_children.municipality_code = first_memberships.municipality_code
            and referred_children.person_key = first_memberships.person_key
    left join first_grants
        on
            referred_children.municipality_code = first_grants.municipality_code
            and referred_children.person_key = first_grants.person_key
)

select * from final
