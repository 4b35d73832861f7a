-- name: first_year_by_district
select
    district_code,
    birth_year,
    count(*) as row_count,
    count(*) filter (where is_positive) as positive,
    count(*) filter (where has_follow_up) as followed_up,
    count(distinct person_key) as persons
from staging.stg_trivsel__screenings
where is_in_first_year
group by all;

-- name: totals_by_role
select
    screened_role,
    count(*) as row_count,
    sum(total_score)::bigint as total_score,
    count(*) filter (where is_positive) as positive
from staging.stg_trivsel__screenings
group by all;

-- name: by_month
select strftime(screening_date, '%Y-%m') as month, count(*) as row_count, sum(total_score)::bigint as total_score
from staging.stg_trivsel__screenings
group by all;

-- name: follow_up_by_kind
select follow_up_kind, follow_up_date, count(*) as row_count
from staging.stg_trivsel__screenings
where has_follow_up
group by all;
