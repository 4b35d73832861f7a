-- name: by_kind_status
select activity_kind, activity_status, count(*) as activities
from staging.stg_referrals__activities
group by all;

-- name: active_teams
select
    activity_kind,
    institution_number,
    count(*) as teams,
    sum(participants)::integer as participants
from staging.stg_referrals__activities
inner join seeds.activity_kind using (municipality_code, activity_kind)
where measure_id = 'K20' and activity_status = 'I gang'
group by all;

-- name: parents_helped
select first_date::varchar as first_date, sum(new_participants)::integer as parents
from staging.stg_referrals__activities
inner join seeds.activity_kind using (municipality_code, activity_kind)
where measure_id = 'K18'
group by all;

-- name: courses
select
    profession_group,
    district_code,
    count(distinct house_code) as houses,
    sum(completed_participants)::integer as completed
from staging.stg_referrals__activities
inner join seeds.activity_kind using (municipality_code, activity_kind)
where measure_id = 'K26' and activity_status = 'Gennemført'
group by all;

-- name: communities
select house_code, count(*) as communities
from staging.stg_referrals__activities
inner join seeds.activity_kind using (municipality_code, activity_kind)
where measure_id = 'K29' and activity_status in ('I gang', 'Gennemført')
group by all;

-- name: parents_involved
select
    house_code,
    sum(participants)::integer as participants,
    sum(participants_before)::integer as participants_before
from staging.stg_referrals__activities
inner join seeds.activity_kind using (municipality_code, activity_kind)
where measure_id = 'K28' and activity_status in ('I gang', 'Gennemført')
group by all;

-- name: anxiety_groups
select
    first_date::varchar as first_date,
    coalesce(sum(participants), 0)::integer as participants,
    sum(expected_participants)::integer as expected
from staging.stg_referrals__activities
inner join seeds.activity_kind using (municipality_code, activity_kind)
where measure_id = 'K14' and not is_cancelled
group by all;

-- name: inspections
select
    house_code,
    count(*) as inspections,
    (count(*) filter (where first_date > date '2026-06-19' - interval 24 month)) as inspected_lately,
    sum(observation_hours)::varchar as observation_hours,
    sum(dialogue_hours)::varchar as dialogue_hours,
    max(report_date)::varchar as last_report_date,
    count(quality_talk_date) as quality_talks
from staging.stg_referrals__activities
inner join seeds.daycare_house using (municipality_code, house_code)
where activity_kind = 'Tilsyn' and activity_status = 'Gennemført'
group by all;

-- name: conferences
select task_type, district_code, count(*) as conferences
from staging.stg_referrals__activities
where task_type is not null and activity_status = 'Gennemført'
group by all;

-- name: action_learning
select
    district_code,
    sum(participants)::integer as participants,
    sum(completed_participants)::integer as completed
from staging.stg_referrals__activities
where project_code = 'BAL' and activity_status = 'Gennemført'
group by all;
