-- Grain: month in which the results tell of other children than the referrals do.
with

results as (
    select * from {{ ref('mart_icehearts_results') }}
),

referrals as (
    select * from {{ ref('mart_icehearts') }}
    where institution_level = 'municipality' and grade_group_type = 'all'
),

compared as (
    select
        referrals.month_label,
        referrals.children_cumulative,
        results.children_referred_cumulative
    from referrals
    inner join results
        on
            referrals.municipality_code = results.municipality_code
            and referrals.month_start = results.month_start
)

select * from compared
where children_cumulative is distinct from children_referred_cumulative
