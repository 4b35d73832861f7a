-- Staging against landing: one row a voucher line and year, and the sum that the newest delivery of each line gives.
-- The newest is found another way than in the model, by the greatest of the delivery's day, arrival and posting day.
with

source_rows as (
    select
        postings.municipality_code,
        postings.posting_date,
        postings.voucher_number,
        postings.voucher_line,
        postings.amount_dkk,
        row(deliveries.as_of, deliveries.received_at, postings.posting_date) as newness
    from {{ source('budget', 'ledger_postings') }} as postings
    left join {{ ref('stg_operations__deliveries') }} as deliveries
        on
            postings.delivery_id = deliveries.delivery_id
            and deliveries.dataset = 'ledger_postings'
),

newest as (
    select
        municipality_code,
        year(posting_date) as posting_year,
        voucher_number,
        voucher_line,
        max(newness) as newness
    from source_rows
    group by all
),

kept as (
    select
        count(*) as row_count,
        coalesce(sum(source_rows.amount_dkk), 0) as amount_dkk
    from newest
    inner join source_rows
        on
            newest.municipality_code = source_rows.municipality_code
            and newest.posting_year = year(source_rows.posting_date)
            and newest.voucher_number = source_rows.voucher_number
            and newest.voucher_line = source_rows.voucher_line
            and newest.newness is not distinct from source_rows.newness
),

staged as (
    select
        count(*) as row_count,
        coalesce(sum(amount_dkk), 0) as amount_dkk
    from {{ ref('stg_budget__ledger_postings') }}
)

select
    kept.row_count as expected_row_count,
    staged.row_count,
    kept.amount_dkk as expected_amount_dkk,
    staged.amount_dkk
from kept
cross join staged
where
    kept.row_count != staged.row_count
    or kept.amount_dkk != staged.amount_dkk
