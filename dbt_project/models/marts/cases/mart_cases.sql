{# the year's mean length, in which ages are told #}
{%- set days_in_a_year = 365.25 -%}
with

months as (
    select * from {{ ref('int_casework_coverage') }}
),

case_months as (
    select * from {{ ref('int_case_month') }}
    where is_open
),

moves as (
    select * from {{ ref('int_case_move') }}
),

reviews as (
    select
        *,
        cast(date_trunc('month', held_date) as date) as month_start
    from {{ ref('stg_referrals__case_reviews') }}
    where held_date is not null
),

first_efforts as (
    select
        *,
        cast(date_trunc('month', first_start_date) as date) as month_start
    from {{ ref('int_first_effort') }}
    where age_days is not null
),

staffing as (
    select * from {{ ref('stg_referrals__staffing') }}
    where position_name = 'Socialrådgiver'
),

teams as (
    select * from {{ ref('team') }}
),

review_rules as (
    select * from {{ ref('int_case_rules') }}
    where rule_name = 'review_interval_days'
),

month_rules as (
    select
        months.*,
        review_rules.rule_value as review_target_days
    from months
    left join review_rules
        on
            months.municipality_code = review_rules.municipality_code
            and months.measured_on_date >= review_rules.valid_from
            and months.measured_on_date < review_rules.valid_before
),

-- all teams that have child cases, and whatever other team occurs
unit_teams as (
    select
        municipality_code,
        team_name
    from teams
    where has_child_cases
    union distinct
    select
        municipality_code,
        team_name
    from case_months
    where team_name is not null
    union distinct
    select
        municipality_code,
        team_name
    from reviews
    where team_name is not null
),

units as (
    select
        municipality_code,
        'team' as unit_type,
        team_name
    from unit_teams
    union all
    select distinct
        municipality_code,
        unnest(['without_team', 'municipality']) as unit_type,
        null as team_name
    from months
),

-- each fact is counted for its team, or for what has none, and for the municipality
case_counts as (
    select
        case_months.municipality_code,
        case_months.month_start,
        case_months.team_name,
        grouping(case_months.team_name) = 1 as is_all,
        count(*) as open_cases,
        count(distinct case_months.person_key) as open_children,
        count(distinct case_months.person_key) filter (where case_months.effort_step = 1) as children_step_1,
        count(distinct case_months.person_key) filter (where case_months.effort_step = 2) as children_step_2,
        count(distinct case_months.person_key) filter (where case_months.effort_step = 3) as children_step_3,
        count(distinct case_months.person_key) filter (where case_months.effort_step = 4) as children_step_4,
        count(distinct case_months.person_key) filter (where case_months.effort_step = 5) as children_step_5,
        count(distinct case_months.person_key) filter (where case_months.effort_step = 6) as children_step_6,
        count(distinct case_months.person_key) filter (where case_months.effort_step is null) as children_without_step,
        count(case_months.days_since_last_review) as open_cases_reviewed,
        sum(case_months.days_since_last_review) as days_since_last_review,
        count(*) filter (
            where case_months.days_since_last_review > month_rules.review_target_days
        ) as open_cases_over_target
    from case_months
    inner join month_rules
        on
            case_months.municipality_code = month_rules.municipality_code
            and case_months.month_start = month_rules.month_start
    group by
        grouping sets (
            (case_months.municipality_code, case_months.month_start, case_months.team_name),
            (case_months.municipality_code, case_months.month_start)
        )
),

review_counts as (
    select
        reviews.municipality_code,
        reviews.month_start,
        reviews.team_name,
        grouping(reviews.team_name) = 1 as is_all,
        count(*) as reviews_held,
        count(reviews.days_since_last_review) as review_intervals,
        sum(reviews.days_since_last_review) as review_interval_days,
        count(*) filter (
            where reviews.days_since_last_review <= review_rules.rule_value
        ) as review_intervals_within_target
    from reviews
    left join review_rules
        on
            reviews.municipality_code = review_rules.municipality_code
            and reviews.held_date >= review_rules.valid_from
            and reviews.held_date < review_rules.valid_before
    where reviews.held_date <= {{ as_of() }}
    group by
        grouping sets (
            (reviews.municipality_code, reviews.month_start, reviews.team_name),
            (reviews.municipality_code, reviews.month_start)
        )
),

move_counts as (
    select
        municipality_code,
        month_start,
        team_name,
        grouping(team_name) = 1 as is_all,
        count(*) filter (where direction = 'down') as moves_down,
        count(*) filter (where direction = 'up') as moves_up
    from moves
    group by
        grouping sets (
            (municipality_code, month_start, team_name),
            (municipality_code, month_start)
        )
),

first_counts as (
    select
        municipality_code,
        month_start,
        team_name,
        grouping(team_name) = 1 as is_all,
        count(*) filter (where section_kind = 'preventive') as preventive_children,
        coalesce(sum(age_days) filter (where section_kind = 'preventive'), 0) as preventive_days,
        count(*) filter (where section_kind = 'examination') as examined_children,
        coalesce(sum(age_days) filter (where section_kind = 'examination'), 0) as examined_days
    from first_efforts
    where first_start_date <= {{ as_of() }}
    group by
        grouping sets (
            (municipality_code, month_start, team_name),
            (municipality_code, month_start)
        )
),

staffing_counts as (
    select
        staffing.municipality_code,
        cast(date_trunc('month', staffing.month_end_date) as date) as month_start,
        staffing.team_name,
        grouping(staffing.team_name) = 1 as is_all,
        sum(staffing.full_time_equivalents) as full_time_equivalents
    from staffing
    inner join teams
        on
            staffing.municipality_code = teams.municipality_code
            and staffing.team_name = teams.team_name
    where teams.has_child_cases
    group by
        grouping sets (
            (staffing.municipality_code, staffing.month_end_date, staffing.team_name),
            (staffing.municipality_code, staffing.month_end_date)
        )
),

-- zero where a delivery covers the month and nothing is there, null where none does
grid as (
    select
        month_rules.*,
        units.unit_type,
        units.team_name,
        units.unit_type = 'municipality' or coalesce(teams.has_child_cases, false) as has_caseworkers
    from month_rules
    inner join units on month_rules.municipality_code = units.municipality_code
    left join teams
        on
            units.municipality_code = teams.municipality_code
            and units.team_name = teams.team_name
),

counted as (
    select
        grid.*,
        case when grid.has_cases then coalesce(case_counts.open_cases, 0) end as open_cases,
        case when grid.has_cases then coalesce(case_counts.open_children, 0) end as open_children,
        case when grid.has_cases then coalesce(case_counts.children_step_1, 0) end as children_step_1,
        case when grid.has_cases then coalesce(case_counts.children_step_2, 0) end as children_step_2,
        case when grid.has_cases then coalesce(case_counts.children_step_3, 0) end as children_step_3,
        case when grid.has_cases then coalesce(case_counts.children_step_4, 0) end as children_step_4,
        case when grid.has_cases then coalesce(case_counts.children_step_5, 0) end as children_step_5,
        case when grid.has_cases then coalesce(case_counts.children_step_6, 0) end as children_step_6,
        case when grid.has_cases then coalesce(case_counts.children_without_step, 0) end as children_without_step,
        case
            when grid.has_cases and grid.has_reviews then coalesce(case_counts.open_cases_reviewed, 0)
        end as open_cases_reviewed,
        case
            when grid.has_cases and grid.has_reviews then coalesce(case_counts.open_cases_over_target, 0)
        end as open_cases_over_target,
        case_counts.days_since_last_review,
        case when grid.has_reviews then coalesce(review_counts.reviews_held, 0) end as reviews_held,
        case when grid.has_reviews then coalesce(review_counts.review_intervals, 0) end as review_intervals,
        case when grid.has_reviews then coalesce(review_counts.review_interval_days, 0) end as review_interval_days,
        case
            when grid.has_reviews then coalesce(review_counts.review_intervals_within_target, 0)
        end as review_intervals_within_target,
        case when grid.has_moves then coalesce(move_counts.moves_down, 0) end as moves_down,
        case when grid.has_moves then coalesce(move_counts.moves_up, 0) end as moves_up,
        case when grid.has_payments then coalesce(first_counts.preventive_children, 0) end as preventive_children,
        case when grid.has_payments then coalesce(first_counts.preventive_days, 0) end as preventive_days,
        case when grid.has_payments then coalesce(first_counts.examined_children, 0) end as examined_children,
        case when grid.has_payments then coalesce(first_counts.examined_days, 0) end as examined_days,
        case
            when grid.has_staffing and grid.has_caseworkers then coalesce(staffing_counts.full_time_equivalents, 0)
        end as full_time_equivalents
    from grid
    left join case_counts
        on
            grid.municipality_code = case_counts.municipality_code
            and grid.month_start = case_counts.month_start
            and grid.team_name is not distinct from case_counts.team_name
            and case_counts.is_all = (grid.unit_type = 'municipality')
    left join review_counts
        on
            grid.municipality_code = review_counts.municipality_code
            and grid.month_start = review_counts.month_start
            and grid.team_name is not distinct from review_counts.team_name
            and review_counts.is_all = (grid.unit_type = 'municipality')
    left join move_counts
        on
            grid.municipality_code = move_counts.municipality_code
            and grid.month_start = move_counts.month_start
            and grid.team_name is not distinct from move_counts.team_name
            and move_counts.is_all = (grid.unit_type = 'municipality')
    left join first_counts
        on
            grid.municipality_code = first_counts.municipality_code
            and grid.month_start = first_counts.month_start
            and grid.team_name is not distinct from first_counts.team_name
            and first_counts.is_all = (grid.unit_type = 'municipality')
    left join staffing_counts
        on
            grid.municipality_code = staffing_counts.municipality_code
            and grid.month_start = staffing_counts.month_start
            and grid.team_name is not distinct from staffing_counts.team_name
            and staffing_counts.is_all = (grid.unit_type = 'municipality')
),

-- a child has one first effort, so the months of a year add up to the year so far
with_year as (
    select
        *,
        case when has_payments then sum(preventive_children) over year_so_far end as preventive_children_year,
        sum(preventive_days) over year_so_far as preventive_days_year,
        case when has_payments then sum(examined_children) over year_so_far end as examined_children_year,
        sum(examined_days) over year_so_far as examined_days_year
    from counted
    window year_so_far as (
        partition by municipality_code, unit_type, team_name, year(month_start)
        order by month_start
        rows between unbounded preceding and current row
    )
),

final as (
    select
        municipality_code,
        {{ month_label('month_start') }} as month_label,
        month_start,
        unit_type,
        team_name,
        measured_on_date,
        cast(open_cases as integer) as open_cases,
        cast(open_children as integer) as open_children,
        cast(full_time_equivalents as decimal(9, 2)) as full_time_equivalents,
        {{ share('open_cases', 'full_time_equivalents', 'decimal(18, 6)') }} as cases_per_caseworker,
        cast(children_step_1 as integer) as children_step_1,
        cast(children_step_2 as integer) as children_step_2,
        cast(children_step_3 as integer) as children_step_3,
        cast(children_step_4 as integer) as children_step_4,
        cast(children_step_5 as integer) as children_step_5,
        cast(children_step_6 as integer) as children_step_6,
        cast(children_without_step as integer) as children_without_step,
        cast(review_target_days as integer) as review_target_days,
        cast(reviews_held as integer) as reviews_held,
        cast(review_intervals as integer) as review_intervals,
        cast(review_interval_days as integer) as review_interval_days,
        {{ share('review_interval_days', 'review_intervals', 'decimal(18, 6)') }} as mean_review_interval_days,
        cast(review_intervals_within_target as integer) as review_intervals_within_target,
        {{ share('review_intervals_within_target', 'review_intervals') }} as within_target_share,
        cast(open_cases_reviewed as integer) as open_cases_reviewed,
        cast(open_cases - open_cases_reviewed as integer) as open_cases_never_reviewed,
        {{ share('days_since_last_review', 'open_cases_reviewed', 'decimal(18, 6)') }} as mean_days_since_last_review,
        cast(open_cases_over_target as integer) as open_cases_over_target,
        cast(moves_down as integer) as moves_down,
        cast(moves_up as integer) as moves_up,
        cast(preventive_children as integer) as first_preventive_children,
        {{ share('preventive_days', 'preventive_children * ' ~ days_in_a_year, 'decimal(18, 6)') }}
            as first_preventive_mean_age,
        cast(preventive_children_year as integer) as first_preventive_children_year,
        {{ share('preventive_days_year', 'preventive_children_year * ' ~ days_in_a_year, 'decimal(18, 6)') }}
            as first_preventive_mean_age_year,
        cast(examined_children as integer) as first_examination_children,
        {{ share('examined_days', 'examined_children * ' ~ days_in_a_year, 'decimal(18, 6)') }}
            as first_examination_mean_age,
        cast(examined_children_year as integer) as first_examination_children_year,
        {{ share('examined_days_year', 'examined_children_year * ' ~ days_in_a_year, 'decimal(18, 6)') }}
            as first_examination_mean_age_year,
        is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from with_year
)

select * from final
