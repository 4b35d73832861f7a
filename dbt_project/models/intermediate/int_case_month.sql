with

months as (
    select * from {{ ref('int_casework_coverage') }}
    where has_cases
),

entries as (
    select
        *,
        cast(changed_at as date) as holds_from,
        coalesce(cast(changed_again_at as date), date '9999-12-31') as holds_before
    from {{ ref('stg_referrals__cases') }}
),

activities as (
    select * from {{ ref('int_granted_activity') }}
),

reviews as (
    select * from {{ ref('stg_referrals__case_reviews') }}
    where held_date is not null
),

-- the entry that stood at the end of the day: one a case, since all but the day's last end on the day they begin
case_months as (
    select
        months.municipality_code,
        months.month_start,
        months.month_end_date,
        months.measured_on_date,
        months.has_reviews,
        entries.case_number,
        entries.person_key,
        entries.team_name,
        entries.target_group,
        entries.effort_step,
        entries.scaling_step
    from months
    inner join entries
        on
            months.municipality_code = entries.municipality_code
            and months.measured_on_date >= entries.holds_from
            and months.measured_on_date < entries.holds_before
),

-- an activity of the child makes its case an open one; both its first and its last day count
open_children as (
    select distinct
        months.municipality_code,
        months.month_start,
        activities.person_key
    from months
    inner join activities
        on
            months.municipality_code = activities.municipality_code
            and months.measured_on_date >= activities.activity_start_date
            and (activities.activity_end_date is null or months.measured_on_date <= activities.activity_end_date)
),

last_reviews as (
    select
        case_months.municipality_code,
        case_months.month_start,
        case_months.case_number,
        max(reviews.held_date) as last_review_date
    from case_months
    inner join reviews
        on
            case_months.municipality_code = reviews.municipality_code
            and case_months.case_number = reviews.case_number
            and case_months.measured_on_date >= reviews.held_date
    where case_months.has_reviews
    group by all
),

final as (
    select
        case_months.municipality_code,
        case_months.case_number,
        case_months.month_start,
        case_months.month_end_date,
        case_months.measured_on_date,
        case_months.person_key,
        case_months.team_name,
        case_months.target_group,
        case_months.effort_step,
        case_months.scaling_step,
        open_children.person_key is not null as is_open,
        last_reviews.last_review_date,
        cast(case_months.measured_on_date - last_reviews.last_review_date as integer) as days_since_last_review
    from case_months
    left join open_children
        on
            case_months.municipality_code = open_children.municipality_code
            and case_months.month_start = open_children.month_start
            and case_months.person_key = open_children.person_key
    left join last_reviews
        on
            case_months.municipality_code = last_reviews.municipality_code
            and case_months.month_start = last_reviews.month_start
            and case_months.case_number = last_reviews.case_number
)

select * from final
