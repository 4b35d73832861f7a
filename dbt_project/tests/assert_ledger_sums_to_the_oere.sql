-- What the initiatives claim and what nobody claims make up every month of the ledger, to the øre.
with

postings as (
    select
        municipality_code,
        year(posting_date) as posting_year,
        month(posting_date) as posting_month,
        sum(amount_dkk) as amount_dkk
    from {{ ref('stg_budget__ledger_postings') }}
    group by all
),

spending as (
    select
        municipality_code,
        posting_year,
        posting_month,
        sum(amount_dkk) as amount_dkk
    from {{ ref('fct_initiative_spending') }}
    group by all
)

select
    postings.posting_year,
    postings.posting_month,
    postings.amount_dkk,
    spending.amount_dkk as spending_amount_dkk
from postings
full outer join spending
    on
        postings.municipality_code = spending.municipality_code
        and postings.posting_year = spending.posting_year
        and postings.posting_month = spending.posting_month
where postings.amount_dkk is distinct from spending.amount_dkk
