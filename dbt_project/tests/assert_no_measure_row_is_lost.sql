-- the fact has as many rows as the six models together: no join drops a row or doubles one
with

models as (
    select count(*) as row_count from {{ ref('int_measures_budget') }}
    union all
    select count(*) as row_count from {{ ref('int_measures_cases') }}
    union all
    select count(*) as row_count from {{ ref('int_measures_school_absence') }}
    union all
    select count(*) as row_count from {{ ref('int_measures_referrals') }}
    union all
    select count(*) as row_count from {{ ref('int_measures_early_years') }}
    union all
    select count(*) as row_count from {{ ref('int_measures_daycare') }}
),

expected as (
    select sum(row_count) as row_count from models
),

facts as (
    select count(*) as row_count from {{ ref('fct_measure') }}
)

select
    facts.row_count,
    expected.row_count as expected_row_count
from facts
cross join expected
where facts.row_count is distinct from expected.row_count
