-- name: by_status
select
    review_status,
    count(*) as reviews
from staging.stg_referrals__case_reviews
group by all;

-- name: held_by_year
select
    cast(year(held_date) as integer) as year,
    review_kind,
    count(*) as reviews
from staging.stg_referrals__case_reviews
where review_status = 'Afholdt'
group by all;

-- name: intervals
select
    count(days_since_last_review) as intervals,
    cast(sum(days_since_last_review) as bigint) as days,
    count(*) filter (where days_since_last_review <= 42) as within_target
from staging.stg_referrals__case_reviews;

-- name: scaling
select
    count(*) as reviews,
    count(distinct case_number) as cases,
    cast(sum(scaling_step) as bigint) as scale_sum,
    cast(sum(effort_step) as bigint) as step_sum,
    count(*) filter (where is_child_heard) as heard
from staging.stg_referrals__case_reviews
where review_status = 'Afholdt';
