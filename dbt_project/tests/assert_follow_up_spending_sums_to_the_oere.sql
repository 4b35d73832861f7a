-- From the ledger to the mart: what the follow-ups show, what they may not show and what nobody claims make up the
-- ledger from 1 January to the last day of the follow-up's spending, to the øre.
with

periods as (
    select * from {{ ref('int_follow_up_spending_period') }}
    where spent_through_date is not null
),

ledger as (
    select
        periods.municipality_code,
        periods.follow_up_code,
        coalesce(sum(postings.amount_dkk), 0) as amount_dkk
    from periods
    left join {{ ref('stg_budget__ledger_postings') }} as postings
        on
            periods.municipality_code = postings.municipality_code
            and periods.follow_up_year = year(postings.posting_date)
            and periods.spent_through_date >= postings.posting_date
    group by all
),

shown as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        follow_up_code,
        spent_to_date_dkk as amount_dkk
    from {{ ref('mart_budget_follow_up') }}
    where spent_to_date_dkk is not null
),

period_spending as (
    select
        periods.follow_up_code,
        spending.*
    from periods
    inner join {{ ref('fct_initiative_spending') }} as spending
        on
            periods.municipality_code = spending.municipality_code
            and periods.follow_up_year = spending.posting_year
            and periods.spent_through_date >= make_date(spending.posting_year, spending.posting_month, 1)
),

-- initiatives of other agreements, money of persons, and the rest of the ledger
not_shown as (
    select
        period_spending.municipality_code,
        period_spending.follow_up_code,
        period_spending.amount_dkk
    from period_spending
    anti join shown
        on
            period_spending.municipality_code = shown.municipality_code
            and period_spending.follow_up_code = shown.follow_up_code
            and period_spending.agreement_year = shown.agreement_year
            and period_spending.initiative_id = shown.initiative_id
),

united as (
    select
        municipality_code,
        follow_up_code,
        amount_dkk
    from shown
    union all
    select
        municipality_code,
        follow_up_code,
        amount_dkk
    from not_shown
),

followed as (
    select
        municipality_code,
        follow_up_code,
        sum(amount_dkk) as amount_dkk
    from united
    group by all
)

select
    ledger.follow_up_code,
    ledger.amount_dkk,
    followed.amount_dkk as followed_amount_dkk
from ledger
full outer join followed
    on
        ledger.municipality_code = followed.municipality_code
        and ledger.follow_up_code = followed.follow_up_code
where coalesce(ledger.amount_dkk, 0) != coalesce(followed.amount_dkk, 0)
