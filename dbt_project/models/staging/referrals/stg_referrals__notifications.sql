with

source as (
    select * from {{ source('referrals', 'notifications') }}
),

-- a notification whose date was corrected can stand in two deliveries; it counts once, as the newest has it
current_notifications as (
    {{ newest_row('source', 'notifications', key=['notification_id'], date_column='received_date') }}
),

-- of an unborn child nothing is known but the mother
renamed as (
    select
        municipality_code,
        notification_id,
        received_date,
        registered_date,
        unborn_child = 'Ja' as is_unborn,
        case when unborn_child = 'Nej' then person_key end as person_key,
        case when unborn_child = 'Ja' then person_key end as mother_person_key,
        case when unborn_child = 'Nej' then sex end as sex,
        case when unborn_child = 'Nej' then cast(datesub('year', birth_date, received_date) as integer) end
            as age_years,
        district_code,
        administering_municipality_code,
        notifier_code,
        cause_codes,
        assessed_within_24_hours = 'Ja' as is_assessed_within_24_hours,
        outcome,
        delivery_id
    from current_notifications
)

select * from renamed
