{# the year's mean length, in which ages are told #}
{%- set days_in_a_year = 365.25 -%}
with

coverage as (
    select * from {{ ref('int_casework_coverage') }}
),

case_months as (
    select * from {{ ref('int_case_month') }}
    where is_open
),

entries as (
    select
        *,
        cast(changed_at as date) as holds_from,
        coalesce(cast(changed_again_at as date), date '9999-12-31') as holds_before
    from {{ ref('stg_referrals__cases') }}
),

reviews as (
    select * from {{ ref('stg_referrals__case_reviews') }}
    where days_since_last_review is not null and held_date <= {{ as_of() }}
),

first_efforts as (
    select * from {{ ref('int_first_effort') }}
    where age_days is not null
),

staffing as (
    select * from {{ ref('stg_referrals__staffing') }}
    where month_end_date <= last_day({{ as_of() }})
),

teams as (
    select * from {{ ref('team') }}
    where has_child_cases
),

follow_ups as (
    select * from {{ ref('dim_follow_up') }}
),

settings as (
    select * from {{ ref('measure_setting') }}
),

-- K04: the months that have ended and that staffing tells of
staffed_months as (
    select
        municipality_code,
        month_start,
        month_end_date,
        has_cases
    from coverage
    where has_staffing and month_end_date <= {{ as_of() }}
),

caseworkers as (
    select
        staffing.municipality_code,
        staffing.month_end_date,
        staffing.team_name,
        grouping(staffing.team_name) = 1 as is_all,
        sum(staffing.full_time_equivalents) as full_time_equivalents
    from staffing
    inner join teams
        on
            staffing.municipality_code = teams.municipality_code
            and staffing.team_name = teams.team_name
    where staffing.position_name = 'Socialrådgiver'
    group by
        grouping sets (
            (staffing.municipality_code, staffing.month_end_date, staffing.team_name),
            (staffing.municipality_code, staffing.month_end_date)
        )
),

open_cases as (
    select
        municipality_code,
        month_start,
        team_name,
        grouping(team_name) = 1 as is_all,
        count(*) as open_cases,
        count(distinct person_key) as children
    from case_months
    group by grouping sets ((municipality_code, month_start, team_name), (municipality_code, month_start))
),

caseload_units as (
    select
        municipality_code,
        team_name,
        false as is_all
    from teams
    union all
    select distinct
        municipality_code,
        null as team_name,
        true as is_all
    from staffed_months
),

-- a month whose cases no delivery covers has no number of them, which is not none
caseload as (
    select
        staffed_months.municipality_code,
        'K04' as measure_id,
        'all' as measure_part,
        'month' as period_type,
        {{ month_label('staffed_months.month_start') }} as period,
        staffed_months.month_end_date as period_end_date,
        case when caseload_units.is_all then 'municipality' else 'team' end as unit_type,
        coalesce(caseload_units.team_name, staffed_months.municipality_code) as unit_id,
        case when staffed_months.has_cases then coalesce(open_cases.open_cases, 0) end as numerator,
        coalesce(caseworkers.full_time_equivalents, 0) as denominator,
        case when staffed_months.has_cases then coalesce(open_cases.children, 0) end as person_count,
        not staffed_months.has_cases as is_incomplete,
        cast(null as varchar) as open_reason
    from staffed_months
    inner join caseload_units on staffed_months.municipality_code = caseload_units.municipality_code
    left join open_cases
        on
            staffed_months.municipality_code = open_cases.municipality_code
            and staffed_months.month_start = open_cases.month_start
            and caseload_units.is_all = open_cases.is_all
            and caseload_units.team_name is not distinct from open_cases.team_name
    left join caseworkers
        on
            staffed_months.municipality_code = caseworkers.municipality_code
            and staffed_months.month_end_date = caseworkers.month_end_date
            and caseload_units.is_all = caseworkers.is_all
            and caseload_units.team_name is not distinct from caseworkers.team_name
    where open_cases.open_cases > 0 or caseworkers.full_time_equivalents > 0
),

-- K05: an interval counts in the month and at the team of the review that ended it
interval_cells as (
    select
        municipality_code,
        last_day(held_date) as month_end_date,
        team_name,
        grouping(team_name) = 1 as is_all,
        sum(days_since_last_review) as numerator,
        count(*) as denominator,
        count(distinct person_key) as person_count
    from reviews
    group by
        grouping sets ((municipality_code, last_day(held_date), team_name), (municipality_code, last_day(held_date)))
),

intervals as (
    select
        municipality_code,
        'K05' as measure_id,
        'all' as measure_part,
        'month' as period_type,
        {{ month_label('month_end_date') }} as period,
        month_end_date as period_end_date,
        case when is_all then 'municipality' else 'team' end as unit_type,
        coalesce(team_name, municipality_code) as unit_id,
        numerator,
        denominator,
        person_count,
        false as is_incomplete,
        cast(null as varchar) as open_reason
    from interval_cells
    where is_all or team_name is not null
),

-- K06: from 1 January to the cut-off; of those not reached only the next one, measured tonight
first_entries as (
    select
        municipality_code,
        year(min(holds_from)) as first_year
    from entries
    group by municipality_code
),

measured_follow_ups as (
    select
        follow_ups.municipality_code,
        follow_ups.follow_up_code,
        follow_ups.data_cut_off_date,
        make_date(follow_ups.follow_up_year, 1, 1) as start_date,
        least(follow_ups.data_cut_off_date, {{ as_of() }}) as end_date
    from follow_ups
    inner join first_entries
        on
            follow_ups.municipality_code = first_entries.municipality_code
            and follow_ups.follow_up_year >= first_entries.first_year
    qualify
        follow_ups.is_reached
        or row_number() over (
            partition by follow_ups.municipality_code, follow_ups.is_reached
            order by follow_ups.data_cut_off_date, follow_ups.follow_up_code
        ) = 1
),

-- a case without an entry, or whose entry has no step, on either day is not compared
compared_cases as (
    select
        measured_follow_ups.municipality_code,
        measured_follow_ups.follow_up_code,
        measured_follow_ups.data_cut_off_date,
        start_entries.case_number,
        start_entries.person_key,
        start_entries.effort_step as from_step,
        end_entries.effort_step as to_step
    from measured_follow_ups
    inner join entries as start_entries
        on
            measured_follow_ups.municipality_code = start_entries.municipality_code
            and measured_follow_ups.start_date >= start_entries.holds_from
            and measured_follow_ups.start_date < start_entries.holds_before
    inner join entries as end_entries
        on
            start_entries.municipality_code = end_entries.municipality_code
            and start_entries.case_number = end_entries.case_number
            and measured_follow_ups.end_date >= end_entries.holds_from
            and measured_follow_ups.end_date < end_entries.holds_before
    where start_entries.effort_step is not null and end_entries.effort_step is not null
),

follow_up_moves as (
    select
        measured_follow_ups.municipality_code,
        measured_follow_ups.follow_up_code,
        measured_follow_ups.data_cut_off_date,
        count(*) filter (where compared_cases.to_step < compared_cases.from_step) as down_cases,
        count(*) filter (where compared_cases.to_step > compared_cases.from_step) as up_cases,
        count(compared_cases.case_number) as compared
    from measured_follow_ups
    left join compared_cases
        on
            measured_follow_ups.municipality_code = compared_cases.municipality_code
            and measured_follow_ups.follow_up_code = compared_cases.follow_up_code
    group by all
),

move_cells as (
    select
        municipality_code,
        follow_up_code,
        data_cut_off_date,
        'municipality' as unit_type,
        municipality_code as unit_id,
        unnest(['down', 'up', 'net']) as measure_part,
        unnest([down_cases, up_cases, down_cases - up_cases]) as numerator,
        compared as person_count
    from follow_up_moves
    union all
    select
        municipality_code,
        follow_up_code,
        data_cut_off_date,
        'step_pair' as unit_type,
        concat(from_step, '/', to_step) as unit_id,
        case when to_step < from_step then 'down' else 'up' end as measure_part,
        count(*) as numerator,
        count(distinct person_key) as person_count
    from compared_cases
    where from_step <> to_step
    group by municipality_code, follow_up_code, data_cut_off_date, from_step, to_step
),

moves as (
    select
        municipality_code,
        'K06' as measure_id,
        measure_part,
        'follow_up' as period_type,
        follow_up_code as period,
        data_cut_off_date as period_end_date,
        unit_type,
        unit_id,
        numerator,
        cast(null as decimal(18, 4)) as denominator,
        person_count,
        false as is_incomplete,
        'Dokumentet siger ikke, om ''tre'' og ''fem'' sager lægges sammen / '
        || 'The document does not say whether ''three'' and ''five'' cases add up' as open_reason
    from move_cells
),

-- K08
hired_months as (
    select
        municipality_code,
        month_end_date,
        coalesce(sum(hired_persons) filter (
            where project_code = 'FM' and position_name = 'Socialrådgiver'
        ), 0) as hired_persons
    from staffing
    group by municipality_code, month_end_date
),

hired as (
    select
        hired_months.municipality_code,
        'K08' as measure_id,
        'all' as measure_part,
        'month' as period_type,
        {{ month_label('hired_months.month_end_date') }} as period,
        hired_months.month_end_date as period_end_date,
        'municipality' as unit_type,
        hired_months.municipality_code as unit_id,
        hired_months.hired_persons as numerator,
        settings.setting_value as denominator,
        cast(null as integer) as person_count,
        false as is_incomplete,
        cast(null as varchar) as open_reason
    from hired_months
    left join settings
        on
            hired_months.municipality_code = settings.municipality_code
            and settings.setting_name = 'K08_hired_target'
            and hired_months.month_end_date >= settings.valid_from
    -- a changed number is a new row; the newest that holds at the month's end counts
    qualify row_number() over (
        partition by hired_months.municipality_code, hired_months.month_end_date
        order by settings.valid_from desc
    ) = 1
),

-- K10 and K11: of what had ended before the export of payments begins nothing is known, so those years lack children
known_years as (
    select
        municipality_code,
        year(min(month_start)) as first_year
    from coverage
    where has_payments
    group by municipality_code
),

first_years as (
    select
        municipality_code,
        section_kind,
        year(first_start_date) as first_start_year,
        sum(age_days) as numerator,
        count(*) as denominator
    from first_efforts
    where section_kind in ('preventive', 'examination') and year(first_start_date) <= year({{ as_of() }})
    group by all
),

ages as (
    select
        first_years.municipality_code,
        case first_years.section_kind when 'preventive' then 'K10' else 'K11' end as measure_id,
        'all' as measure_part,
        'year' as period_type,
        cast(first_years.first_start_year as varchar) as period,
        make_date(first_years.first_start_year, 12, 31) as period_end_date,
        'municipality' as unit_type,
        first_years.municipality_code as unit_id,
        first_years.numerator,
        first_years.denominator,
        first_years.denominator as person_count,
        coalesce(first_years.first_start_year < known_years.first_year, true) as is_incomplete,
        'Gennemsnittet for 2016 findes ikke i leverancerne / The mean of 2016 is not in the deliveries' as open_reason
    from first_years
    left join known_years on first_years.municipality_code = known_years.municipality_code
),

measures as (
    select * from caseload
    union all
    select * from intervals
    union all
    select * from moves
    union all
    select * from hired
    union all
    select * from ages
),

final as (
    select
        municipality_code,
        measure_id,
        measure_part,
        period_type,
        period,
        period_end_date,
        unit_type,
        unit_id,
        cast(numerator as decimal(18, 4)) as numerator,
        cast(denominator as decimal(18, 4)) as denominator,
        case
            when measure_id = 'K06' then cast(numerator as decimal(18, 6))
            -- years, in one rounding
            when measure_id in ('K10', 'K11')
                then {{ share('numerator', 'denominator * ' ~ days_in_a_year, 'decimal(18, 6)') }}
            else {{ share('numerator', 'denominator', 'decimal(18, 6)') }}
        end as measure_value,
        cast(person_count as integer) as person_count,
        is_incomplete,
        open_reason
    from measures
)

select * from final
