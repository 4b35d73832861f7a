-- name: by_team_month
select
    month_end_date::varchar as month_end_date,
    team_name,
    count(*) as "rows",
    sum(hired_persons)::integer as hired,
    sum(full_time_equivalents)::varchar as equivalents,
    sum(weekly_hours)::varchar as hours
from staging.stg_referrals__staffing
group by all;

-- name: caseworkers
select
    month_end_date::varchar as month_end_date,
    team_name,
    sum(full_time_equivalents)::varchar as equivalents
from staging.stg_referrals__staffing
inner join seeds.team using (municipality_code, team_name)
where has_child_cases and position_name = 'Socialrådgiver'
group by all;

-- name: swedish_model_hired
select month_end_date::varchar as month_end_date, sum(hired_persons)::integer as hired
from staging.stg_referrals__staffing
where project_code = 'FM'
group by all;
