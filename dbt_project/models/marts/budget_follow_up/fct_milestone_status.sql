with

milestones as (
    select * from {{ ref('fct_milestone') }}
    where has_text
),

statuses as (
    select * from {{ ref('stg_budget__milestone_status') }}
    where status_kind = 'effort'
),

centers as (
    select * from {{ ref('dim_center') }}
),

-- The milestone has a follow-up of its own, and the answer the one whose form it stood in: a later form asks again for
-- what was not reached.
answered as (
    select
        milestones.municipality_code,
        milestones.agreement_year,
        milestones.initiative_id,
        milestones.milestone_number,
        milestones.follow_up_code as milestone_follow_up_code,
        statuses.follow_up_code as answered_follow_up_code,
        statuses.status,
        statuses.comment,
        statuses.role,
        statuses.answered_date,
        statuses.center_code,
        centers.center_name,
        statuses.answer_count,
        statuses.milestone_digest = {{ text_digest('milestones.milestone_text') }} as is_wording_current,
        {{ is_synthetic() }} as is_synthetic
    from milestones
    inner join statuses
        on
            milestones.municipality_code = statuses.municipality_code
            and milestones.agreement_year = statuses.agreement_year
            and milestones.initiative_id = statuses.initiative_id
            and milestones.milestone_number = statuses.milestone_number
    left join centers
        on
            statuses.municipality_code = centers.municipality_code
            and statuses.center_code = centers.center_code
)

select * from answered
