with

months as (
    select * from {{ ref('int_casework_coverage') }}
),

case_months as (
    select * from {{ ref('int_case_month') }}
    where is_open
),

activities as (
    select * from {{ ref('int_granted_activity') }}
),

payments as (
    select
        *,
        cast(date_trunc('month', paid_date) as date) as month_start
    from {{ ref('stg_referrals__granted_payments') }}
    -- a fictive payment is booked and never paid out
    where is_paid and not is_fictive and paid_date <= {{ as_of() }}
),

teams as (
    select * from {{ ref('team') }}
    where project_code = 'HT'
),

case_counts as (
    select
        municipality_code,
        month_start,
        team_name,
        target_group,
        count(*) as open_cases,
        count(distinct person_key) as open_children
    from case_months
    group by all
),

-- what runs for the children of the open cases; an activity counts once in a cell, however many cases its child has
cell_children as (
    select distinct
        municipality_code,
        month_start,
        measured_on_date,
        team_name,
        target_group,
        person_key
    from case_months
),

activity_counts as (
    select
        cell_children.municipality_code,
        cell_children.month_start,
        cell_children.team_name,
        cell_children.target_group,
        count(*) as running_activities,
        count(*) filter (where activities.section_kind = 'preventive') as running_preventive,
        count(*) filter (where activities.section_kind = 'placement') as running_placement,
        count(*) filter (where activities.section_kind = 'examination') as running_examination,
        count(*) filter (where activities.section_kind = 'other') as running_other,
        count(*) filter (where activities.section_kind is null) as running_unclassified
    from cell_children
    inner join activities
        on
            cell_children.municipality_code = activities.municipality_code
            and cell_children.person_key = activities.person_key
            and cell_children.measured_on_date >= activities.activity_start_date
            and (
                activities.activity_end_date is null
                or cell_children.measured_on_date <= activities.activity_end_date
            )
    group by all
),

payment_counts as (
    select
        municipality_code,
        month_start,
        team_name,
        target_group,
        count(*) as payments,
        count(distinct person_key) as paid_children,
        sum(paid_amount_dkk) as paid_amount_dkk
    from payments
    group by all
),

target_groups as (
    select
        municipality_code,
        target_group
    from case_counts
    union distinct
    select
        municipality_code,
        target_group
    from payment_counts
),

grid as (
    select
        months.*,
        teams.team_name,
        target_groups.target_group
    from months
    inner join teams on months.municipality_code = teams.municipality_code
    inner join target_groups on months.municipality_code = target_groups.municipality_code
),

final as (
    select
        grid.municipality_code,
        {{ month_label('grid.month_start') }} as month_label,
        grid.month_start,
        grid.team_name,
        grid.target_group,
        grid.measured_on_date,
        case when grid.has_cases then cast(coalesce(case_counts.open_cases, 0) as integer) end as open_cases,
        case when grid.has_cases then cast(coalesce(case_counts.open_children, 0) as integer) end as open_children,
        case
            when grid.has_cases then cast(coalesce(activity_counts.running_activities, 0) as integer)
        end as running_activities,
        case
            when grid.has_cases then cast(coalesce(activity_counts.running_preventive, 0) as integer)
        end as running_preventive,
        case
            when grid.has_cases then cast(coalesce(activity_counts.running_placement, 0) as integer)
        end as running_placement,
        case
            when grid.has_cases then cast(coalesce(activity_counts.running_examination, 0) as integer)
        end as running_examination,
        case when grid.has_cases then cast(coalesce(activity_counts.running_other, 0) as integer) end as running_other,
        case
            when grid.has_cases then cast(coalesce(activity_counts.running_unclassified, 0) as integer)
        end as running_unclassified,
        case when grid.has_payments then cast(coalesce(payment_counts.payments, 0) as integer) end as payments,
        case
            when grid.has_payments then cast(coalesce(payment_counts.paid_children, 0) as integer)
        end as paid_children,
        case
            when grid.has_payments then cast(coalesce(payment_counts.paid_amount_dkk, 0) as decimal(18, 2))
        end as paid_amount_dkk,
        grid.is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from grid
    left join case_counts
        on
            grid.municipality_code = case_counts.municipality_code
            and grid.month_start = case_counts.month_start
            and grid.team_name = case_counts.team_name
            and grid.target_group is not distinct from case_counts.target_group
    left join activity_counts
        on
            grid.municipality_code = activity_counts.municipality_code
            and grid.month_start = activity_counts.month_start
            and grid.team_name = activity_counts.team_name
            and grid.target_group is not distinct from activity_counts.target_group
    left join payment_counts
        on
            grid.municipality_code = payment_counts.municipality_code
            and grid.month_start = payment_counts.month_start
            and grid.team_name = payment_counts.team_name
            and grid.target_group is not distinct from payment_counts.target_group
)

select * from final
