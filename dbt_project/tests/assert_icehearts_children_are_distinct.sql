-- The last cumulative figure of the municipality is the number of distinct children ever referred on a covered day.
with

referrals as (
    select
        referrals.municipality_code,
        count(distinct referrals.person_key) as children
    from {{ ref('stg_referrals__referrals') }} as referrals
    inner join {{ ref('int_covered_days') }} as covered_days
        on
            referrals.municipality_code = covered_days.municipality_code
            and referrals.referred_date = covered_days.covered_day
            and covered_days.dataset = 'referrals'
    where referrals.project_code = 'ICE'
    group by all
),

latest as (
    select
        municipality_code,
        max(children_cumulative) as children
    from {{ ref('mart_icehearts') }}
    where institution_level = 'municipality' and grade_group_type = 'all'
    group by all
)

select
    referrals.children,
    latest.children as children_cumulative
from referrals
full outer join latest on referrals.municipality_code = latest.municipality_code
where referrals.children is distinct from latest.children
