-- Grain: institution that is missing or too much. A made-up school stands in a synthetic warehouse alone.
with

institutions as (
    select * from {{ ref('institution') }}
),

dimension as (
    select * from {{ ref('dim_institution') }}
),

expected as (
    select institution_number from institutions
    where basis = 'document' or {{ is_synthetic() }}
),

compared as (
    select
        expected.institution_number as expected_number,
        dimension.institution_number as found_number
    from expected
    full outer join dimension on expected.institution_number = dimension.institution_number
)

select * from compared
where expected_number is null or found_number is null
