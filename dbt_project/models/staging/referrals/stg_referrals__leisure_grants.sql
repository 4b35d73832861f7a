with

source as (
    select * from {{ source('referrals', 'leisure_grants') }}
),

renamed as (
    select
        municipality_code,
        grant_id,
        person_key,
        nominated_by,
        applied_date,
        decided_date,
        grant_status,
        grant_status = 'Bevilget' as is_granted,
        case when grant_status = 'Bevilget' then cast(extract('year' from decided_date) as integer) end
            as granted_year,
        cast(datesub('year', birth_date, applied_date) as integer) as age_years,
        coalesce(fee_dkk, 0.00) as fee_dkk,
        coalesce(event_dkk, 0.00) as event_dkk,
        coalesce(equipment_dkk, 0.00) as equipment_dkk,
        cast(
            coalesce(fee_dkk, 0.00) + coalesce(event_dkk, 0.00) + coalesce(equipment_dkk, 0.00) as decimal(9, 2)
        ) as granted_dkk,
        association_code,
        activity_name,
        period_from,
        period_to,
        delivery_id
    from source
)

select * from renamed
