with

school_days as (
    select * from {{ ref('int_school_days') }}
),

days as (
    select cast(unnest(generate_series(
        date '2016-01-01', make_date(year({{ as_of() }}) + 1, 12, 31), interval 1 day
    )) as date) as date_day
),

described as (
    select
        {{ municipality_code() }} as municipality_code,
        date_day,
        cast(year(date_day) as integer) as year_number,
        -- a municipality's fiscal year is the calendar year
        cast(year(date_day) as integer) as fiscal_year,
        cast(quarter(date_day) as integer) as quarter_number,
        {{ quarter_label('date_day') }} as quarter_label,
        {{ month_label('date_day') }} as month_label,
        cast(month(date_day) as integer) as month_number,
        [
            'januar', 'februar', 'marts', 'april', 'maj', 'juni',
            'juli', 'august', 'september', 'oktober', 'november', 'december'
        ][month(date_day)] as month_name,
        cast(week(date_day) as integer) as iso_week,
        cast(isodow(date_day) as integer) as iso_weekday,
        [
            'mandag', 'tirsdag', 'onsdag', 'torsdag', 'fredag', 'lørdag', 'søndag'
        ][isodow(date_day)] as weekday_name,
        {{ school_year('date_day') }} as school_year,
        make_date(year(date_day) - if(month(date_day) >= 8, 0, 1), 8, 1) as school_year_first_date,
        make_date(year(date_day) + if(month(date_day) >= 8, 1, 0), 7, 31) as school_year_last_date,
        last_day(date_day) = date_day as is_month_end
    from days
),

calendar_years as (
    select distinct school_year from school_days
),

with_school_days as (
    select
        described.*,
        case
            when calendar_years.school_year is not null then school_days.school_day is not null
        end as is_school_day
    from described
    left join school_days
        on
            described.municipality_code = school_days.municipality_code
            and described.date_day = school_days.school_day
    left join calendar_years on described.school_year = calendar_years.school_year
)

select * from with_school_days
