with

-- the houses of a month are those that report places in it
house_months as (
    select
        municipality_code,
        month_end_date,
        house_code,
        max(house_name) as house_name,
        max(district_code) as district_code
    from {{ ref('stg_referrals__daycare_places') }}
    where month_end_date <= {{ as_of() }}
    group by all
),

activities as (
    select * from {{ ref('stg_referrals__activities') }}
),

rules as (
    select
        *,
        coalesce(
            lead(valid_from) over (partition by municipality_code order by valid_from), date '9999-12-31'
        ) as valid_before
    from {{ ref('inspection_rule') }}
),

districts as (
    select * from {{ ref('district') }}
),

inspections as (
    select * from activities
    where activity_kind = 'Tilsyn' and activity_status = 'Gennemført'
),

-- without any activity delivered nobody knows who was inspected
told_municipalities as (
    select distinct municipality_code from activities
),

last_inspections as (
    select
        house_months.municipality_code,
        house_months.month_end_date,
        house_months.house_code,
        inspections.first_date,
        inspections.observation_hours,
        inspections.dialogue_hours,
        inspections.report_date,
        inspections.quality_talk_date
    from house_months
    inner join inspections
        on
            house_months.municipality_code = inspections.municipality_code
            and house_months.house_code = inspections.house_code
            and house_months.month_end_date >= inspections.first_date
    qualify row_number() over (
        partition by house_months.municipality_code, house_months.month_end_date, house_months.house_code
        order by inspections.first_date desc, inspections.activity_number desc
    ) = 1
),

houses as (
    select
        house_months.municipality_code,
        house_months.month_end_date,
        house_months.house_code,
        house_months.house_name,
        house_months.district_code,
        rules.interval_months,
        last_inspections.first_date as last_inspection_date,
        last_inspections.observation_hours,
        last_inspections.dialogue_hours,
        last_inspections.report_date,
        last_inspections.quality_talk_date,
        case
            when told_municipalities.municipality_code is not null and rules.interval_months is not null
                then
                    coalesce(
                        last_inspections.first_date
                        > house_months.month_end_date - to_months(rules.interval_months),
                        false
                    )
        end as is_inspected
    from house_months
    left join told_municipalities on house_months.municipality_code = told_municipalities.municipality_code
    left join rules
        on
            house_months.municipality_code = rules.municipality_code
            and house_months.month_end_date >= rules.valid_from
            and house_months.month_end_date < rules.valid_before
    left join last_inspections
        on
            house_months.municipality_code = last_inspections.municipality_code
            and house_months.month_end_date = last_inspections.month_end_date
            and house_months.house_code = last_inspections.house_code
),

unit_houses as (
    select
        *,
        unnest(['house', 'district', 'municipality']) as unit_type,
        unnest([house_code, district_code, municipality_code]) as unit_id
    from houses
),

counted as (
    select
        municipality_code,
        month_end_date,
        unit_type,
        unit_id,
        case when unit_type = 'house' then max(house_name) end as house_name,
        case when unit_type != 'municipality' then max(district_code) end as district_code,
        max(interval_months) as interval_months,
        count(*) as houses,
        count(*) filter (where is_inspected) as inspected_houses,
        bool_and(is_inspected is not null) as is_known,
        -- the last inspection is a house's own
        case when unit_type = 'house' then max(last_inspection_date) end as last_inspection_date,
        case when unit_type = 'house' then max(observation_hours) end as observation_hours,
        case when unit_type = 'house' then max(dialogue_hours) end as dialogue_hours,
        case when unit_type = 'house' then max(report_date) end as report_date,
        case when unit_type = 'house' then max(quality_talk_date) end as quality_talk_date
    from unit_houses
    where unit_id is not null
    group by municipality_code, month_end_date, unit_type, unit_id
),

final as (
    select
        counted.municipality_code,
        counted.month_end_date,
        {{ month_label('counted.month_end_date') }} as month_label,
        counted.unit_type,
        counted.unit_id,
        coalesce(counted.house_name, districts.district_name) as unit_name,
        counted.district_code,
        cast(counted.houses as integer) as houses,
        case when counted.is_known then cast(counted.inspected_houses as integer) end as inspected_houses,
        case when counted.is_known then {{ share('counted.inspected_houses', 'counted.houses') }} end
            as inspected_share,
        counted.interval_months,
        counted.last_inspection_date,
        -- months as the interval counts them: the day as many months before the month's end
        cast(
            date_diff('month', counted.last_inspection_date, counted.month_end_date)
            - case
                when
                    counted.last_inspection_date > counted.month_end_date
                    - to_months(cast(
                        date_diff('month', counted.last_inspection_date, counted.month_end_date) as integer
                    ))
                    then 1
                else 0
            end as integer
        ) as months_since_inspection,
        counted.observation_hours,
        counted.dialogue_hours,
        -- what came after the month's end was not there yet
        case when counted.report_date <= counted.month_end_date then counted.report_date end as report_date,
        case when counted.quality_talk_date <= counted.month_end_date then counted.quality_talk_date end
            as quality_talk_date,
        {{ is_synthetic() }} as is_synthetic
    from counted
    left join districts
        on
            counted.municipality_code = districts.municipality_code
            and counted.unit_type = 'district'
            and counted.unit_id = districts.district_code
)

select * from final
