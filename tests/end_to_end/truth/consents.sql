-- name: by_transition_and_role
select
    transition,
    given_by,
    count(*) as row_count,
    count(*) filter (where withdrawn_date is not null) as withdrawn,
    count(*) filter (where ended_date is null) as valid
from staging.stg_trivsel__consents
group by all;

-- name: withdrawn_by_day
select transition, withdrawn_date, count(*) as row_count
from staging.stg_trivsel__consents
where withdrawn_date is not null
group by all;

-- name: given_by_month
select
    transition,
    strftime(given_date, '%Y-%m') as month,
    count(*) as row_count,
    count(distinct person_key) as persons
from staging.stg_trivsel__consents
group by all;
