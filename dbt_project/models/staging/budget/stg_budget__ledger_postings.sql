with

source as (
    select * from {{ source('budget', 'ledger_postings') }}
),

-- A posting that was moved to another day can stand in two deliveries, one for each day. It counts once, as the
-- newest delivery has it. Voucher numbers may recur from one accounting year to the next.
current_postings as (
    {{ newest_row(
        'source', 'ledger_postings',
        key=['year(posting_date)', 'voucher_number', 'voucher_line'], date_column='posting_date'
    ) }}
),

renamed as (
    select
        municipality_code,
        posting_date,
        voucher_number,
        voucher_line,
        account_alias,
        account_string,
        cost_center,
        account_number,
        activity_number,
        art_number,
        project_number,
        account_form,
        person_mark is not null as is_posted_by_person,
        amount_dkk,
        delivery_id
    from current_postings
)

select * from renamed
