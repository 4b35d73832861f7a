-- Counted from the ledger itself and not from the flag: no initiative with a posting by person in its agreement's year
-- shows spending in the public mart or anything that it could be told from, and every one of them says so.
with

person_postings as (
    select distinct
        claimed.municipality_code,
        claimed.agreement_year,
        claimed.initiative_id
    from {{ ref('int_initiative_posting') }} as claimed
    inner join {{ source('budget', 'ledger_postings') }} as postings
        on
            claimed.municipality_code = postings.municipality_code
            and claimed.posting_date = postings.posting_date
            and claimed.voucher_number = postings.voucher_number
            and claimed.voucher_line = postings.voucher_line
            and claimed.agreement_year = year(postings.posting_date)
    where postings.person_mark is not null
)

select
    followed.agreement_year,
    followed.initiative_id,
    followed.follow_up_code
from {{ ref('mart_budget_follow_up') }} as followed
left join person_postings
    on
        followed.municipality_code = person_postings.municipality_code
        and followed.agreement_year = person_postings.agreement_year
        and followed.initiative_id = person_postings.initiative_id
where
    followed.has_person_postings != (person_postings.initiative_id is not null)
    or (
        person_postings.initiative_id is not null
        and coalesce(
            cast(followed.spent_to_date_dkk as varchar),
            cast(followed.spent_share as varchar),
            cast(followed.forecast_dkk as varchar),
            cast(followed.deviation_dkk as varchar),
            followed.computed_economy_status
        ) is not null
    )
