-- name: entries
select
    count(*) as entries,
    count(distinct case_number) as cases,
    count(distinct person_key) as children,
    count(scaling_step) as scaled,
    cast(sum(scaling_step) as bigint) as scale_sum
from staging.stg_referrals__cases;

-- name: entries_by_month
select
    strftime(changed_at, '%Y-%m') as month,
    count(*) as entries
from staging.stg_referrals__cases
group by all;

-- name: cases_by_team
select
    team_name,
    target_group,
    count(*) as cases
from staging.stg_referrals__cases
where is_latest
group by all;

-- name: cases_by_step
select
    effort_step,
    count(*) as cases
from staging.stg_referrals__cases
where is_latest
group by all;

-- name: moves
with
steps as (
    select
        effort_step as from_step,
        lead(effort_step) over (partition by case_number order by changed_at) as to_step,
        is_latest
    from staging.stg_referrals__cases
)

select
    from_step,
    to_step,
    count(*) as moves
from steps
where not is_latest and from_step is distinct from to_step
group by all;

-- name: cases_by_residence
select
    residence_municipality,
    count(*) as cases
from staging.stg_referrals__cases
where is_latest
group by all;
