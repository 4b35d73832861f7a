-- each measure has as many rows in the fact as in the six models together: no join drops a row or doubles one, and no
-- measure is in two models
with

models as (
    select
        measure_id,
        'budget' as model_name
    from {{ ref('int_measures_budget') }}
    union all
    select
        measure_id,
        'cases' as model_name
    from {{ ref('int_measures_cases') }}
    union all
    select
        measure_id,
        'school_absence' as model_name
    from {{ ref('int_measures_school_absence') }}
    union all
    select
        measure_id,
        'referrals' as model_name
    from {{ ref('int_measures_referrals') }}
    union all
    select
        measure_id,
        'early_years' as model_name
    from {{ ref('int_measures_early_years') }}
    union all
    select
        measure_id,
        'daycare' as model_name
    from {{ ref('int_measures_daycare') }}
),

expected as (
    select
        measure_id,
        count(*) as row_count,
        count(distinct model_name) as model_count
    from models
    group by measure_id
),

facts as (
    select
        measure_id,
        count(*) as row_count
    from {{ ref('fct_measure') }}
    group by measure_id
)

select
    coalesce(facts.measure_id, expected.measure_id) as measure_id,
    facts.row_count,
    expected.row_count as expected_row_count,
    expected.model_count
from facts
full outer join expected on facts.measure_id = expected.measure_id
where facts.row_count is distinct from expected.row_count or expected.model_count > 1
