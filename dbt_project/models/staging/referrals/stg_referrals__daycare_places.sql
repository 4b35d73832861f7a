with

source as (
    select * from {{ source('referrals', 'daycare_places') }}
),

districts as (
    select * from {{ ref('district') }}
),

houses as (
    select * from {{ ref('daycare_house') }}
    where basis <> 'synthetic' or {{ is_synthetic() }}
),

renamed as (
    select
        source.municipality_code,
        source.month_end_date,
        cast(year(source.month_end_date) as integer) as places_year,
        cast(month(source.month_end_date) as integer) as places_month,
        source.house_code,
        -- never the delivered name: a person's, written there by mistake, would be public
        coalesce(houses.house_name, source.house_code) as house_name,
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
    left join houses
        on
            source.municipality_code = houses.municipality_code
            and source.house_code = houses.house_code
)

select * from renamed
