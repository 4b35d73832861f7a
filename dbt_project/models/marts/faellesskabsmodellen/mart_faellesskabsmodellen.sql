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

effort_steps as (
    select * from {{ ref('effort_step') }}
),

staffing as (
    select * from {{ ref('stg_referrals__staffing') }}
    where project_code = 'FM' and position_name = 'Socialrådgiver'
),

-- the six steps, the cases that have none, and the municipality as a whole
levels as (
    select
        'step' as row_level,
        cast(effort_step as integer) as effort_step,
        step_name_da,
        step_name_en
    from effort_steps
    union all
    select
        'without_step' as row_level,
        null as effort_step,
        null as step_name_da,
        null as step_name_en
    union all
    select
        'municipality' as row_level,
        null as effort_step,
        null as step_name_da,
        null as step_name_en
),

case_counts as (
    select
        municipality_code,
        month_start,
        effort_step,
        case
            when grouping(effort_step) = 1 then 'municipality'
            when effort_step is null then 'without_step'
            else 'step'
        end as row_level,
        count(*) as open_cases,
        count(distinct person_key) as open_children,
        count(scaling_step) as scaled_cases,
        coalesce(sum(scaling_step), 0) as scaling_sum
    from case_months
    group by grouping sets ((municipality_code, month_start, effort_step), (municipality_code, month_start))
),

move_counts as (
    select
        municipality_code,
        month_start,
        to_step,
        case when grouping(to_step) = 1 then 'municipality' else 'step' end as row_level,
        count(*) filter (where direction = 'down') as moves_from_above,
        count(*) filter (where direction = 'up') as moves_from_below
    from moves
    group by grouping sets ((municipality_code, month_start, to_step), (municipality_code, month_start))
),

-- the model's caseworkers work on all steps, so they stand in the municipality's row alone
staffing_counts as (
    select
        municipality_code,
        cast(date_trunc('month', month_end_date) as date) as month_start,
        'municipality' as row_level,
        sum(hired_persons) as hired_caseworkers,
        sum(full_time_equivalents) as full_time_equivalents
    from staffing
    group by all
),

grid as (
    select
        months.*,
        levels.row_level,
        levels.effort_step,
        levels.step_name_da,
        levels.step_name_en
    from months
    cross join levels
),

counted as (
    select
        grid.*,
        case when grid.has_cases then coalesce(case_counts.open_cases, 0) end as open_cases,
        case when grid.has_cases then coalesce(case_counts.open_children, 0) end as open_children,
        case when grid.has_cases then coalesce(case_counts.scaled_cases, 0) end as scaled_cases,
        case when grid.has_cases then coalesce(case_counts.scaling_sum, 0) end as scaling_sum,
        case
            when grid.has_moves and grid.row_level <> 'without_step' then coalesce(move_counts.moves_from_above, 0)
        end as moves_from_above,
        case
            when grid.has_moves and grid.row_level <> 'without_step' then coalesce(move_counts.moves_from_below, 0)
        end as moves_from_below,
        case
            when
                grid.has_staffing and grid.row_level = 'municipality'
                then coalesce(staffing_counts.hired_caseworkers, 0)
        end as hired_caseworkers,
        case
            when grid.has_staffing and grid.row_level = 'municipality'
                then coalesce(staffing_counts.full_time_equivalents, 0)
        end as full_time_equivalents
    from grid
    left join case_counts
        on
            grid.municipality_code = case_counts.municipality_code
            and grid.month_start = case_counts.month_start
            and grid.row_level = case_counts.row_level
            and grid.effort_step is not distinct from case_counts.effort_step
    left join move_counts
        on
            grid.municipality_code = move_counts.municipality_code
            and grid.month_start = move_counts.month_start
            and grid.row_level = move_counts.row_level
            and grid.effort_step is not distinct from move_counts.to_step
    left join staffing_counts
        on
            grid.municipality_code = staffing_counts.municipality_code
            and grid.month_start = staffing_counts.month_start
            and grid.row_level = staffing_counts.row_level
),

final as (
    select
        municipality_code,
        {{ month_label('month_start') }} as month_label,
        month_start,
        row_level,
        effort_step,
        step_name_da,
        step_name_en,
        measured_on_date,
        cast(open_cases as integer) as open_cases,
        cast(open_children as integer) as open_children,
        cast(moves_from_above as integer) as moves_from_above,
        cast(moves_from_below as integer) as moves_from_below,
        cast(scaled_cases as integer) as scaled_cases,
        cast(scaling_sum as integer) as scaling_sum,
        {{ share('scaling_sum', 'scaled_cases') }} as mean_scaling,
        cast(hired_caseworkers as integer) as hired_caseworkers,
        cast(full_time_equivalents as decimal(9, 2)) as full_time_equivalents,
        is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from counted
)

select * from final
