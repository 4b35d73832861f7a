-- A centre's answer for a milestone that the agreement does not have, or has without a text, is shown nowhere.
{{ config(severity='warn') }}

select
    statuses.follow_up_code,
    statuses.milestone_key,
    statuses.center_code
from {{ ref('stg_budget__milestone_status') }} as statuses
anti join {{ ref('fct_milestone_status') }} as shown
    on
        statuses.municipality_code = shown.municipality_code
        and statuses.agreement_year = shown.agreement_year
        and statuses.initiative_id = shown.initiative_id
        and statuses.milestone_number = shown.milestone_number
        and statuses.follow_up_code = shown.answered_follow_up_code
where statuses.status_kind = 'effort'
