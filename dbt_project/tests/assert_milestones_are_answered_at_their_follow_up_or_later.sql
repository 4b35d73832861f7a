-- A form asks for the milestones of its follow-up, and again for earlier ones of the same year.
{{ config(severity='warn') }}

select
    statuses.agreement_year,
    statuses.initiative_id,
    statuses.milestone_number,
    statuses.answered_follow_up_code
from {{ ref('fct_milestone_status') }} as statuses
inner join {{ ref('dim_follow_up') }} as own
    on
        statuses.municipality_code = own.municipality_code
        and statuses.milestone_follow_up_code = own.follow_up_code
inner join {{ ref('dim_follow_up') }} as answered
    on
        statuses.municipality_code = answered.municipality_code
        and statuses.answered_follow_up_code = answered.follow_up_code
where
    own.follow_up_year != answered.follow_up_year
    or own.follow_up_sequence > answered.follow_up_sequence
