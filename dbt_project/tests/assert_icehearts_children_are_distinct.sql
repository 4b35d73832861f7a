-- The last cumulative figure of the municipality is the number of distinct children ever referred.
with

referrals as (
    select
        municipality_code,
        count(distinct person_key) as children
    from {{ ref('stg_referrals__referrals') }}
    where project_code = 'ICE'
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
