with

referrals as (
    select * from {{ ref('stg_referrals__referrals') }}
    where project_code = 'ICE'
),

projects as (
    select * from {{ ref('referral_project') }}
    where project_code = 'ICE'
),

institutions as (
    select * from {{ ref('institution') }}
),

school_stages as (
    select * from {{ ref('school_stage') }}
),

covered_days as (
    select * from {{ ref('int_covered_days') }}
    where dataset = 'referrals'
),

-- departments count at their school; a referral dated after its extract or after the night has not happened yet
school_referrals as (
    select
        referrals.municipality_code,
        coalesce(institutions.main_institution_number, referrals.institution_number) as school_number,
        referrals.grade_level,
        referrals.person_key,
        referrals.is_declined,
        cast(date_trunc('month', referrals.referred_date) as date) as month_start
    from referrals
    semi join covered_days
        on
            referrals.municipality_code = covered_days.municipality_code
            and referrals.referred_date = covered_days.covered_day
    left join institutions
        on
            referrals.municipality_code = institutions.municipality_code
            and referrals.institution_number = institutions.institution_number
),

-- each referral counts in four cells: its school and grade, its school, its grade, and the municipality
cell_referrals as (
    select
        municipality_code,
        person_key,
        is_declined,
        month_start,
        unnest([school_number, school_number, null, null]) as school_number,
        unnest([grade_level, null, grade_level, null]) as grade_level
    from school_referrals
),

-- a child is new in a cell in the month of its first referral there
marked_referrals as (
    select
        *,
        month_start = min(month_start) over (
            partition by municipality_code, school_number, grade_level, person_key
        ) as is_first_month
    from cell_referrals
),

cell_months as (
    select
        municipality_code,
        school_number,
        grade_level,
        month_start,
        count(*) as referrals,
        count(*) filter (where is_declined) as declined_referrals,
        count(distinct person_key) as children,
        count(distinct person_key) filter (where is_first_month) as new_children
    from marked_referrals
    group by all
),

-- the grid: every grade of the target group at every school that has referred, and whatever else occurs
target_grades as (
    select
        projects.municipality_code,
        school_stages.grade_level
    from projects
    inner join school_stages
        on school_stages.grade_level between projects.target_grade_from and projects.target_grade_to
),

schools as (
    select distinct
        municipality_code,
        school_number
    from cell_months
),

grid_cells as (
    select
        schools.municipality_code,
        schools.school_number,
        target_grades.grade_level
    from schools
    inner join target_grades on schools.municipality_code = target_grades.municipality_code
    union distinct
    select
        municipality_code,
        school_number,
        grade_level
    from cell_months
),

months as (
    select
        municipality_code,
        cast(unnest(generate_series(
            min(month_start), greatest(max(month_start), date_trunc('month', {{ as_of() }})), interval 1 month
        )) as date) as month_start
    from cell_months
    group by municipality_code
),

covered_months as (
    select
        municipality_code,
        cast(date_trunc('month', covered_day) as date) as month_start,
        count(*) as covered_day_count
    from covered_days
    group by all
),

-- a month that no delivery covers is unknown, and what is cumulated after a month that lacks days may lack them too
known_months as (
    select
        months.municipality_code,
        months.month_start,
        covered_months.month_start is not null as is_covered,
        bool_and(
            coalesce(covered_months.covered_day_count = day(last_day(months.month_start)), false)
            and last_day(months.month_start) < {{ as_of() }}
        ) over (
            partition by months.municipality_code
            order by months.month_start
            rows between unbounded preceding and current row
        ) as is_complete
    from months
    left join covered_months
        on
            months.municipality_code = covered_months.municipality_code
            and months.month_start = covered_months.month_start
),

grid as (
    select
        grid_cells.municipality_code,
        grid_cells.school_number,
        grid_cells.grade_level,
        known_months.month_start,
        known_months.is_covered,
        known_months.is_complete,
        coalesce(cell_months.referrals, 0) as referrals,
        coalesce(cell_months.declined_referrals, 0) as declined_referrals,
        coalesce(cell_months.children, 0) as children,
        coalesce(cell_months.new_children, 0) as new_children
    from grid_cells
    inner join known_months on grid_cells.municipality_code = known_months.municipality_code
    left join cell_months
        on
            grid_cells.municipality_code = cell_months.municipality_code
            and grid_cells.school_number is not distinct from cell_months.school_number
            and grid_cells.grade_level is not distinct from cell_months.grade_level
            and known_months.month_start = cell_months.month_start
),

cumulated as (
    select
        *,
        sum(referrals) over cell_so_far as referrals_cumulative,
        sum(new_children) over cell_so_far as children_cumulative
    from grid
    window cell_so_far as (
        partition by municipality_code, school_number, grade_level
        order by month_start
        rows between unbounded preceding and current row
    )
),

final as (
    select
        cumulated.municipality_code,
        {{ month_label('cumulated.month_start') }} as month_label,
        cumulated.month_start,
        case when cumulated.school_number is null then 'municipality' else 'school' end as institution_level,
        cumulated.school_number as institution_number,
        institutions.institution_name,
        case when cumulated.grade_level is null then 'all' else 'grade' end as grade_group_type,
        cumulated.grade_level,
        case
            when cumulated.grade_level is not null
                then cumulated.grade_level between projects.target_grade_from and projects.target_grade_to
        end as is_target_group,
        case when cumulated.is_covered then cast(cumulated.referrals as integer) end as referrals,
        case when cumulated.is_covered then cast(cumulated.declined_referrals as integer) end as declined_referrals,
        case when cumulated.is_covered then cast(cumulated.children as integer) end as children,
        case when cumulated.is_covered then cast(cumulated.new_children as integer) end as new_children,
        case when cumulated.is_covered then cast(cumulated.referrals_cumulative as integer) end as referrals_cumulative,
        case when cumulated.is_covered then cast(cumulated.children_cumulative as integer) end as children_cumulative,
        not cumulated.is_complete as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from cumulated
    left join projects on cumulated.municipality_code = projects.municipality_code
    left join institutions
        on
            cumulated.municipality_code = institutions.municipality_code
            and cumulated.school_number = institutions.institution_number
)

select * from final
