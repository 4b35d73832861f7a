with

source as (
    select * from {{ source('referrals', 'daycare_places') }}
),

districts as (
    select * from {{ ref('district') }}
),

renamed as (
    select
        source.municipality_code,
        source.month_end_date,
        cast(year(source.month_end_date) as integer) as places_year,
        cast(month(source.month_end_date) as integer) as places_month,
        source.house_code,
        source.house_name,
        districts.district_code,
        source.group_kind,
        source.group_count,
        source.place_count,
        source.place_unit,
        source.enrolled_count,
        source.waiting_count,
        source.weekly_hours,
        source.delivery_id
    from source
    left join districts
        on
            source.municipality_code = districts.municipality_code
            and source.district_name = districts.district_name
)

select * from renamed
