-- name: statuses
select follow_up_code, status_kind, status, count(*) as answers
from staging.stg_budget__milestone_status
group by all;

-- name: centers
select follow_up_code, center_code, count(*) as answers
from staging.stg_budget__milestone_status
group by all;

-- name: remarks
select follow_up_code, count(*) as remarks
from staging.stg_budget__milestone_status
where comment is not null
group by all;

-- name: corrected
select follow_up_code, count(*) as milestones
from staging.stg_budget__milestone_status
where answer_count > 1
group by all;
