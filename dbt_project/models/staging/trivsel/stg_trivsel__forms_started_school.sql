with

source as (
    select * from {{ source('trivsel', 'link_forms_started_school') }}
),

-- Linked rows have no key: nothing tells two forms of a house apart, so they are counted.
counted as (
    select
        municipality_code,
        school_year,
        daycare_house_code,
        cast(count(*) as integer) as forms
    from source
    group by all
)

select * from counted
