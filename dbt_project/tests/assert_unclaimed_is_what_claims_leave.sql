-- The unclaimed row of a month is computed as a remainder, so the month adds up whatever is claimed. Here it is
-- counted from the other side: postings without a claim, and of the others the share that nobody has. Claims are
-- rounded to the øre, so the two may differ by half an øre a claim.
with

claims as (
    select
        municipality_code,
        posting_date,
        voucher_number,
        voucher_line,
        sum(share) as shares,
        count(*) as claim_count
    from {{ ref('int_initiative_posting') }}
    group by all
),

postings as (
    select * from {{ ref('stg_budget__ledger_postings') }}
),

left_over as (
    select
        postings.municipality_code,
        postings.posting_date,
        postings.amount_dkk,
        0 as claim_count
    from postings
    anti join claims
        on
            postings.municipality_code = claims.municipality_code
            and postings.posting_date = claims.posting_date
            and postings.voucher_number = claims.voucher_number
            and postings.voucher_line = claims.voucher_line
    union all
    select
        postings.municipality_code,
        postings.posting_date,
        postings.amount_dkk * (1 - claims.shares) as amount_dkk,
        claims.claim_count
    from postings
    inner join claims
        on
            postings.municipality_code = claims.municipality_code
            and postings.posting_date = claims.posting_date
            and postings.voucher_number = claims.voucher_number
            and postings.voucher_line = claims.voucher_line
),

expected as (
    select
        municipality_code,
        year(posting_date) as posting_year,
        month(posting_date) as posting_month,
        sum(amount_dkk) as amount_dkk,
        sum(claim_count) as claim_count
    from left_over
    group by all
),

unclaimed as (
    select * from {{ ref('fct_initiative_spending') }}
    where is_unclaimed
)

select
    expected.posting_year,
    expected.posting_month,
    expected.amount_dkk as expected_amount_dkk,
    unclaimed.amount_dkk
from expected
full outer join unclaimed
    on
        expected.municipality_code = unclaimed.municipality_code
        and expected.posting_year = unclaimed.posting_year
        and expected.posting_month = unclaimed.posting_month
where coalesce(abs(expected.amount_dkk - unclaimed.amount_dkk) > 0.005 * expected.claim_count, true)
