-- the municipality's months of a measure follow one another: a month without a row is one that no delivery covers, or
-- one in which nothing happened, and somebody has to know which
{{ config(severity='warn') }}

with

months as (
    select distinct
        measure_id,
        measure_part,
        period_end_date
    from {{ ref('fct_measure') }}
    where period_type = 'month' and unit_type = 'municipality'
)

select
    measure_id,
    measure_part,
    count(*) as months,
    date_diff('month', min(period_end_date), max(period_end_date)) + 1 as expected_months
from months
group by all
having count(*) != date_diff('month', min(period_end_date), max(period_end_date)) + 1
