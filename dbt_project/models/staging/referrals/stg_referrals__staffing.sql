with

source as (
    select * from {{ source('referrals', 'staffing') }}
),

renamed as (
    select
        municipality_code,
        month_end_date,
        cast(year(month_end_date) as integer) as staffing_year,
        cast(month(month_end_date) as integer) as staffing_month,
        team_name,
        position_name,
        -- ordinary running is no project
        nullif(project_code, 'DRIFT') as project_code,
        hired_persons,
        full_time_equivalents,
        weekly_hours,
        delivery_id
    from source
)

select * from renamed
