with

source as (
    select * from {{ source('trivsel', 'school_starts') }}
),

-- duty begins on 1 August of the calendar year in which the child turns six (folkeskoleloven § 34)
with_years as (
    select
        *,
        cast(year(birth_date) + 6 as integer) as duty_year,
        cast(coalesce(year(actual_start_date), planned_start_year) as integer) as start_year
    from source
),

renamed as (
    select
        municipality_code,
        start_number,
        person_key,
        birth_date,
        child_sex,
        district_code,
        start_kind,
        duty_year,
        cast(planned_start_year as integer) as planned_start_year,
        actual_start_date,
        start_year,
        start_year > duty_year as is_late,
        start_year < duty_year as is_early,
        decision_date,
        reason_code,
        requested_by_parents = 'Ja' as is_requested_by_parents,
        decided_by_council = 'Ja' as is_decided_by_council,
        delivery_id
    from with_years
)

select * from renamed
