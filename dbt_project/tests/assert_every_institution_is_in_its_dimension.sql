-- Grain: institution that is missing or too much. A made-up school or house stands in a synthetic warehouse alone.
with

institutions as (
    select * from {{ ref('institution') }}
),

houses as (
    select * from {{ ref('daycare_house') }}
),

dimension as (
    select * from {{ ref('dim_institution') }}
),

expected as (
    select institution_number as unit_id from institutions
    where basis = 'document' or {{ is_synthetic() }}
    union all
    select house_code as unit_id from houses
    where basis = 'document' or {{ is_synthetic() }}
),

compared as (
    select
        expected.unit_id as expected_code,
        dimension.unit_id as found_code
    from expected
    full outer join dimension on expected.unit_id = dimension.unit_id
)

select * from compared
where expected_code is null or found_code is null
