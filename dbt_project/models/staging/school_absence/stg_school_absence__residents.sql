with

source as (
    select * from {{ source('school_absence', 'residents') }}
),

-- the newest month's statement tells of all months before it, as the register has come to know them
newest_statement as (
    select *
    from source
    qualify statement_month = max(statement_month) over (partition by municipality_code)
),

renamed as (
    select
        municipality_code,
        person_key,
        birth_date,
        case sex when 'K' then 'female' when 'M' then 'male' end as sex,
        district_code,
        resident_from,
        resident_to,
        moved_from_municipality_code,
        moved_to_municipality_code,
        last_day(cast(statement_month || '-01' as date)) as statement_date,
        delivery_id
    from newest_statement
)

select * from renamed
