-- No child is granted more in a calendar year than the limit that held when the first of its grants was decided.
-- A warning: what was granted has been paid, and history may have broken the rule.
{{ config(severity='warn') }}

with

granted as (
    select
        municipality_code,
        person_key,
        granted_year,
        min(decided_date) as first_decided_date,
        sum(granted_dkk) as granted_dkk
    from {{ ref('stg_referrals__leisure_grants') }}
    where is_granted
    group by all
)

-- only counts leave the test: no key of a child is told
select count(*) as children_above_the_limit
from granted
inner join {{ ref('leisure_grant_limit') }} as limits
    on
        granted.municipality_code = limits.municipality_code
        and limits.limit_name = 'child_and_year_dkk'
        and granted.first_decided_date between limits.valid_from and coalesce(limits.valid_to, date '9999-12-31')
where granted.granted_dkk > limits.maximum_value
having count(*) > 0
