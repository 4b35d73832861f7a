-- No initiative is missing from a follow-up of its year.
with

expected as (
    select
        initiatives.municipality_code,
        initiatives.agreement_year,
        initiatives.initiative_id,
        follow_ups.follow_up_code
    from {{ ref('dim_initiative') }} as initiatives
    inner join {{ ref('dim_follow_up') }} as follow_ups
        on
            initiatives.municipality_code = follow_ups.municipality_code
            and initiatives.agreement_year = follow_ups.follow_up_year
)

select expected.*
from expected
anti join {{ ref('mart_budget_follow_up') }} as followed
    on
        expected.municipality_code = followed.municipality_code
        and expected.agreement_year = followed.agreement_year
        and expected.initiative_id = followed.initiative_id
        and expected.follow_up_code = followed.follow_up_code
