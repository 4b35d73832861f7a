with

source as (
    select * from {{ source('trivsel', 'consents') }}
),

-- What is contradictory counts as withdrawn: a consent that is not valid and has no last day never held, and one that
-- was withdrawn before it was given ended when it was given.
renamed as (
    select
        municipality_code,
        consent_number,
        person_key,
        transition,
        given_by,
        given_date,
        withdrawn_date,
        valid = 'Ja' as is_valid,
        case
            when withdrawn_date is not null then greatest(withdrawn_date, given_date)
            when valid = 'Nej' then given_date
        end as ended_date,
        delivery_id
    from source
)

select * from renamed
