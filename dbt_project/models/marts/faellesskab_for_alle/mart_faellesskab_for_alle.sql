with

institutions as (
    select * from {{ ref('dim_institution') }}
),

districts as (
    select * from {{ ref('district') }}
),

activities_known as (
    select * from {{ ref('int_register_known_through') }}
    where dataset = 'activities'
),

-- what is dated after its extract has not been held yet
rounds as (
    select activities.*
    from {{ ref('stg_referrals__activities') }} as activities
    inner join activities_known
        on
            activities.municipality_code = activities_known.municipality_code
            and activities.first_date <= activities_known.known_through_date
    where activities.project_code = 'BAL' and activities.activity_status = 'Gennemført'
),

-- the places of a district: its children's houses, and its schools without their departments
places as (
    select
        municipality_code,
        unit_id as place_code,
        district_code,
        valid_from,
        valid_to,
        case when institution_kind = 'childrens_house' then 'house' else 'school' end as place_kind
    from institutions
    where has_values and district_code is not null
),

-- a round in a department is its school's
placed_rounds as (
    select
        rounds.municipality_code,
        rounds.first_date,
        coalesce(rounds.participants, 0) as participants,
        coalesce(rounds.completed_participants, 0) as completed_participants,
        coalesce(rounds.house_code, institutions.main_institution_number, rounds.institution_number) as place_code,
        coalesce(rounds.district_code, institutions.district_code) as district_code,
        case
            when rounds.house_code is not null then 'house'
            when rounds.institution_number is not null then 'school'
        end as place_kind
    from rounds
    left join institutions
        on
            rounds.municipality_code = institutions.municipality_code
            and coalesce(rounds.house_code, rounds.institution_number) = institutions.unit_id
),

months as (
    select
        municipality_code,
        cast(unnest(generate_series(
            date_trunc('month', min(first_date)), date_trunc('month', {{ as_of() }}), interval 1 month
        )) as date) as month_start
    from placed_rounds
    group by municipality_code
),

month_periods as (
    select
        municipality_code,
        unnest(['year', 'quarter']) as period_type,
        unnest([cast(year(month_start) as varchar), {{ quarter_label('month_start') }}]) as period,
        unnest([date_trunc('year', month_start), date_trunc('quarter', month_start)]) as first_day
    from months
),

periods as (
    select distinct
        municipality_code,
        period_type,
        period,
        cast(first_day as date) as period_start_date,
        cast(
            first_day + case period_type when 'year' then interval 1 year else interval 3 months end - interval 1 day
            as date
        ) as period_end_date
    from month_periods
),

-- every district and the municipality, each with its houses, its schools and both
units as (
    select
        municipality_code,
        'district' as unit_type,
        district_code as unit_id,
        district_name as unit_name,
        unnest(['house', 'school', 'all']) as place_kind
    from districts
    union all
    select distinct
        municipality_code,
        'municipality' as unit_type,
        municipality_code as unit_id,
        cast(null as varchar) as unit_name,
        unnest(['house', 'school', 'all']) as place_kind
    from months
),

unit_rounds as (
    select
        units.municipality_code,
        units.unit_type,
        units.unit_id,
        units.place_kind,
        placed_rounds.first_date,
        placed_rounds.participants,
        placed_rounds.completed_participants
    from units
    inner join placed_rounds
        on
            units.municipality_code = placed_rounds.municipality_code
            and (units.unit_type = 'municipality' or units.unit_id = placed_rounds.district_code)
            and (units.place_kind = 'all' or units.place_kind = placed_rounds.place_kind)
),

first_rounds as (
    select
        municipality_code,
        place_code,
        min(first_date) as first_round_date
    from placed_rounds
    group by all
),

unit_places as (
    select
        units.municipality_code,
        units.unit_type,
        units.unit_id,
        units.place_kind,
        places.valid_from,
        places.valid_to,
        first_rounds.first_round_date
    from units
    inner join places
        on
            units.municipality_code = places.municipality_code
            and (units.unit_type = 'municipality' or units.unit_id = places.district_code)
            and (units.place_kind = 'all' or units.place_kind = places.place_kind)
    left join first_rounds
        on
            places.municipality_code = first_rounds.municipality_code
            and places.place_code = first_rounds.place_code
),

period_rounds as (
    select
        periods.municipality_code,
        periods.period_type,
        periods.period,
        unit_rounds.unit_type,
        unit_rounds.unit_id,
        unit_rounds.place_kind,
        count(*) as rounds,
        sum(unit_rounds.participants) as participants,
        sum(unit_rounds.completed_participants) as completed_participants
    from periods
    inner join unit_rounds
        on
            periods.municipality_code = unit_rounds.municipality_code
            and unit_rounds.first_date between periods.period_start_date and periods.period_end_date
    group by all
),

-- the places that are there when the period ends (or tonight), and those of them that have had a round by then
period_places as (
    select
        periods.municipality_code,
        periods.period_type,
        periods.period,
        unit_places.unit_type,
        unit_places.unit_id,
        unit_places.place_kind,
        count(*) as places,
        count(*) filter (
            where unit_places.first_round_date <= periods.period_end_date
        ) as places_with_a_round
    from periods
    inner join unit_places
        on
            periods.municipality_code = unit_places.municipality_code
            and coalesce(unit_places.valid_from <= least(periods.period_end_date, {{ as_of() }}), true)
            and coalesce(unit_places.valid_to >= least(periods.period_end_date, {{ as_of() }}), true)
    group by all
),

counted as (
    select
        periods.*,
        units.unit_type,
        units.unit_id,
        units.unit_name,
        units.place_kind,
        coalesce(period_rounds.rounds, 0) as rounds,
        coalesce(period_rounds.participants, 0) as participants,
        coalesce(period_rounds.completed_participants, 0) as completed_participants,
        coalesce(period_places.places, 0) as places,
        coalesce(period_places.places_with_a_round, 0) as places_with_a_round,
        coalesce(activities_known.known_through_date >= periods.period_start_date, false) as is_known,
        coalesce(activities_known.known_through_date < periods.period_end_date, true) as is_preliminary
    from periods
    inner join units on periods.municipality_code = units.municipality_code
    left join period_rounds
        on
            periods.municipality_code = period_rounds.municipality_code
            and periods.period_type = period_rounds.period_type
            and periods.period = period_rounds.period
            and units.unit_type = period_rounds.unit_type
            and units.unit_id = period_rounds.unit_id
            and units.place_kind = period_rounds.place_kind
    left join period_places
        on
            periods.municipality_code = period_places.municipality_code
            and periods.period_type = period_places.period_type
            and periods.period = period_places.period
            and units.unit_type = period_places.unit_type
            and units.unit_id = period_places.unit_id
            and units.place_kind = period_places.place_kind
    left join activities_known on periods.municipality_code = activities_known.municipality_code
),

final as (
    select
        municipality_code,
        period_type,
        period,
        period_start_date,
        period_end_date,
        unit_type,
        unit_id,
        unit_name,
        place_kind,
        case when is_known then cast(rounds as integer) end as rounds,
        case when is_known then cast(participants as integer) end as participants,
        case when is_known then cast(completed_participants as integer) end as completed_participants,
        case when is_known then {{ share('completed_participants', 'participants') }} end as completed_share,
        cast(places as integer) as places,
        case when is_known then cast(places_with_a_round as integer) end as places_with_a_round,
        case when is_known then {{ share('places_with_a_round', 'places') }} end as coverage_share,
        is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from counted
)

select * from final
