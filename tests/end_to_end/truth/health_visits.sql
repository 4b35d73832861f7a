-- name: by_type_and_status
select visit_type_code, visit_status, count(*) as row_count
from staging.stg_trivsel__health_visits
group by all;

-- name: held_in_window
select
    visit_type_code,
    count(*) as row_count,
    count(*) filter (where is_held) as held,
    count(*) filter (where is_held_in_window) as in_window
from staging.stg_trivsel__health_visits
where is_fixed_visit
group by all;

-- name: by_district_and_year
select
    district_code,
    year(planned_date) as planned_year,
    count(*) as row_count,
    count(*) filter (where has_concern) as concerns,
    count(distinct person_key) as persons
from staging.stg_trivsel__health_visits
group by all;

-- name: attachment
select
    year(birth_date) as birth_year,
    child_sex,
    count(*) as row_count,
    count(*) filter (where is_attachment_observed) as observed,
    count(*) filter (where is_attachment_positive) as positive
from staging.stg_trivsel__health_visits
group by all;
