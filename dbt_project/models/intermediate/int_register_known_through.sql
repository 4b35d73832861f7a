with

datasets as (
    select * from {{ ref('stg_operations__datasets') }}
    where period_kind = 'whole'
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where is_accepted and is_current
),

-- a register that is delivered whole tells of every day up to its extract, and of none after the night's
known_through as (
    select
        deliveries.municipality_code,
        deliveries.dataset,
        max(least(deliveries.as_of, {{ as_of() }})) as known_through_date
    from deliveries
    semi join datasets on deliveries.dataset = datasets.dataset
    group by all
)

select * from known_through
