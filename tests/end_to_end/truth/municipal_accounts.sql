-- name: cells_by_status
select
    table_code,
    value_status,
    count(*)::integer as cells
from staging.stg_budget__municipal_accounts
group by all;

-- name: amount_by_function
select
    table_code,
    function_code,
    accounting_year,
    sum(amount_1000_dkk)::decimal(15, 3) as amount
from staging.stg_budget__municipal_accounts
group by all;

-- name: amount_of_ballerup
select
    table_code,
    accounting_year,
    sum(amount_1000_dkk)::decimal(15, 3) as amount
from staging.stg_budget__municipal_accounts
where place_municipality_code = '151'
group by all;

-- name: preventive_share_of_ballerup
select
    table_code,
    accounting_year,
    floor(
        (2000 * coalesce(sum(amount_1000_dkk) filter (where function_code = '52821'), 0) + sum(amount_1000_dkk))
        / (2 * sum(amount_1000_dkk))
    )::integer as per_mille
from staging.stg_budget__municipal_accounts
where place_municipality_code = '151'
group by all;

-- name: tables
select
    table_code,
    strftime(table_updated_at, '%Y-%m-%d %H:%M:%S') as updated,
    count(distinct place_municipality_code)::integer as places
from staging.stg_budget__municipal_accounts
group by all;
