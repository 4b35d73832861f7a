-- A posting that was moved over New Year can stand in the file of both years, since voucher numbers recur and each
-- year is sent on its own: the same voucher line, account and amount in two adjacent years may be counted twice.
{{ config(severity='warn') }}

with

postings as (
    select
        *,
        year(posting_date) as posting_year
    from {{ ref('stg_budget__ledger_postings') }}
)

select
    postings.posting_year,
    count(*) as postings_in_both_years
from postings
inner join postings as year_after
    on
        postings.municipality_code = year_after.municipality_code
        and postings.posting_year + 1 = year_after.posting_year
        and postings.voucher_number = year_after.voucher_number
        and postings.voucher_line = year_after.voucher_line
        and postings.account_string = year_after.account_string
        and postings.amount_dkk = year_after.amount_dkk
group by postings.posting_year
