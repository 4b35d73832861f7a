with

places as (
    select * from {{ ref('stg_referrals__daycare_places') }}
    where month_end_date <= {{ as_of() }}
),

districts as (
    select * from {{ ref('district') }}
),

-- Each row counts in its house, its district and the municipality, and there in its kind and in all kinds. All kinds
-- are of one unit of place: 'enheder' are no 'pladser'.
unit_places as (
    select
        municipality_code,
        month_end_date,
        unnest(['house', 'district', 'municipality']) as unit_type,
        unnest([house_code, district_code, municipality_code]) as unit_id,
        house_name,
        house_code,
        district_code,
        group_kind,
        place_unit,
        group_count,
        place_count,
        enrolled_count,
        waiting_count,
        weekly_hours
    from places
),

cell_places as (
    select
        *,
        unnest([group_kind, 'all']) as cell_group_kind
    from unit_places
    where unit_id is not null
),

cells as (
    select
        municipality_code,
        month_end_date,
        unit_type,
        unit_id,
        cell_group_kind as group_kind,
        place_unit,
        case when unit_type = 'house' then max(house_name) end as house_name,
        case when unit_type != 'municipality' then max(district_code) end as district_code,
        count(distinct house_code) as houses,
        sum(group_count) as group_count,
        sum(place_count) as place_count,
        sum(enrolled_count) as enrolled_count,
        sum(waiting_count) as waiting_count,
        case when min(weekly_hours) = max(weekly_hours) then min(weekly_hours) end as weekly_hours,
        sum(enrolled_count * weekly_hours) as weekly_child_hours
    from cell_places
    group by municipality_code, month_end_date, unit_type, unit_id, cell_group_kind, place_unit
),

months as (
    select
        municipality_code,
        last_day(cast(unnest(generate_series(
            date_trunc('month', min(month_end_date)),
            -- the last month that has ended
            date_trunc('month', {{ as_of() }} + 1) - interval 1 month,
            interval 1 month
        )) as date)) as month_end_date
    from places
    group by municipality_code
),

reported_months as (
    select distinct
        municipality_code,
        month_end_date
    from places
),

missing_months as (
    select
        months.municipality_code,
        months.month_end_date
    from months
    anti join reported_months
        on
            months.municipality_code = reported_months.municipality_code
            and months.month_end_date = reported_months.month_end_date
),

-- a month without any row is unknown, in every cell that stood in the newest month before it
missing_cells as (
    select cells.* replace (missing_months.month_end_date as month_end_date)
    from missing_months
    inner join cells
        on
            missing_months.municipality_code = cells.municipality_code
            and missing_months.month_end_date > cells.month_end_date
    qualify cells.month_end_date = max(cells.month_end_date) over (
        partition by missing_months.municipality_code, missing_months.month_end_date
    )
),

united as (
    select
        *,
        true as is_reported
    from cells
    union all
    select
        *,
        false as is_reported
    from missing_cells
),

final as (
    select
        united.municipality_code,
        united.month_end_date,
        {{ month_label('united.month_end_date') }} as month_label,
        united.unit_type,
        united.unit_id,
        coalesce(united.house_name, districts.district_name) as unit_name,
        united.district_code,
        united.group_kind,
        united.place_unit,
        case when united.is_reported then cast(united.houses as integer) end as houses,
        case when united.is_reported then cast(united.group_count as integer) end as group_count,
        case when united.is_reported then cast(united.place_count as integer) end as place_count,
        case when united.is_reported then cast(united.enrolled_count as integer) end as enrolled_count,
        case when united.is_reported then cast(united.waiting_count as integer) end as waiting_count,
        case when united.is_reported then cast(united.place_count - united.enrolled_count as integer) end
            as free_places,
        case
            when united.is_reported then {{ share('united.enrolled_count', 'united.place_count') }}
        end as occupancy_share,
        case when united.is_reported then united.weekly_hours end as weekly_hours,
        case when united.is_reported then cast(united.weekly_child_hours as decimal(18, 2)) end as weekly_child_hours,
        united.is_reported,
        {{ is_synthetic() }} as is_synthetic
    from united
    left join districts
        on
            united.municipality_code = districts.municipality_code
            and united.unit_type = 'district'
            and united.unit_id = districts.district_code
)

select * from final
