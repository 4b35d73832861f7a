-- name: by_year_kind
select budget_year, appropriation_kind, count(*) as entries, sum(amount_dkk)::varchar as amount_dkk
from staging.stg_budget__appropriations
group by all;

-- name: by_frame
select budget_year, appropriation_frame, sum(amount_dkk)::varchar as amount_dkk
from staging.stg_budget__appropriations
group by all;

-- name: by_follow_up
select follow_up_code, count(*) as entries, sum(amount_dkk)::varchar as amount_dkk
from staging.stg_budget__appropriations
where follow_up_code is not null
group by all;

-- name: initiative_budget
select
    claims.agreement_year,
    claims.initiative_id,
    entries.budget_year,
    follow_ups.follow_up_code,
    coalesce(
        sum(round(entries.amount_dkk * claims.share, 2)) filter (where not entries.is_change), 0
    )::decimal(15, 2)::varchar as adopted_dkk,
    coalesce(
        sum(round(entries.amount_dkk * claims.share, 2))
            filter (where entries.decision_date <= follow_ups.data_cut_off_date), 0
    )::decimal(15, 2)::varchar as corrected_dkk
from staging.stg_budget__appropriations as entries
inner join seeds.initiative_account as claims
    on
        entries.municipality_code = claims.municipality_code
        and claims.account_field = 'activity_number'
        and entries.activity_number like claims.account_pattern
        and make_date(entries.budget_year, 1, 1) between claims.valid_from and claims.valid_to
inner join seeds.follow_up_calendar as follow_ups
    on
        entries.municipality_code = follow_ups.municipality_code
        and entries.budget_year = follow_ups.follow_up_year
group by all;

-- name: unclaimed
select entries.budget_year, sum(entries.amount_dkk)::varchar as amount_dkk
from staging.stg_budget__appropriations as entries
where
    not exists (
        select 1 from seeds.initiative_account as claims
        where
            claims.account_field = 'activity_number'
            and entries.activity_number like claims.account_pattern
            and make_date(entries.budget_year, 1, 1) between claims.valid_from and claims.valid_to
    )
group by all;
