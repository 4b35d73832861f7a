-- a measure whose datasets are all delivered and that still has no row: its model passes it over, or nothing of it has
-- happened yet, so somebody looks
{{ config(severity='warn') }}

with

delivered as (
    select
        measure_datasets.measure_id,
        bool_and(freshness.is_delivered) as is_delivered
    from {{ ref('measure_dataset') }} as measure_datasets
    inner join {{ ref('data_freshness') }} as freshness on measure_datasets.dataset = freshness.dataset
    group by measure_datasets.measure_id
)

select measures.measure_id
from {{ ref('dim_measure') }} as measures
inner join delivered on measures.measure_id = delivered.measure_id
anti join {{ ref('fct_measure') }} as facts on measures.measure_id = facts.measure_id
where delivered.is_delivered
