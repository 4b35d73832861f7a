with

datasets as (
    select * from {{ ref('stg_operations__datasets') }}
    where period_kind = 'range'
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where is_accepted and is_current
),

-- A delivery tells of the days of its period up to the day of its extract, and nothing of a day after the night's.
spans as (
    select distinct
        deliveries.municipality_code,
        deliveries.dataset,
        deliveries.period_from as first_day,
        least(deliveries.period_to, deliveries.as_of, {{ as_of() }}) as last_day
    from deliveries
    semi join datasets on deliveries.dataset = datasets.dataset
),

covered as (
    select distinct
        municipality_code,
        dataset,
        cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as covered_day
    from spans
    where first_day <= last_day
)

select * from covered
