-- name: late_by_district
select
    district_code,
    year(birth_date) as birth_year,
    count(*) as row_count,
    count(distinct person_key) as persons,
    count(*) filter (where is_late) as late,
    count(*) filter (where is_early) as early
from staging.stg_trivsel__school_starts
group by all;

-- name: by_kind_and_reason
select start_kind, reason_code, count(*) as row_count, count(*) filter (where is_requested_by_parents) as requested
from staging.stg_trivsel__school_starts
group by all;

-- name: decisions_by_month
select strftime(decision_date, '%Y-%m') as month, start_kind, count(*) as row_count
from staging.stg_trivsel__school_starts
where decision_date is not null
group by all;

-- name: by_first_day_and_sex
select actual_start_date, child_sex, count(*) as row_count
from staging.stg_trivsel__school_starts
group by all;
