with

postings as (
    select * from {{ ref('stg_budget__ledger_postings') }}
),

initiative_accounts as (
    select * from {{ ref('initiative_account') }}
    -- made-up accounts claim nothing in a real ledger
    where basis != 'synthetic' or {{ is_synthetic() }}
),

-- patterns are matched with the few thousand accounts and not with each posting
accounts as (
    select distinct
        municipality_code,
        account_alias,
        account_string,
        cost_center,
        account_number,
        activity_number,
        art_number,
        project_number
    from postings
),

claimed_accounts as (
    select
        accounts.municipality_code,
        accounts.account_alias,
        accounts.account_string,
        initiative_accounts.agreement_year,
        initiative_accounts.initiative_id,
        initiative_accounts.valid_from,
        initiative_accounts.valid_to,
        initiative_accounts.share
    from accounts
    inner join initiative_accounts
        on
            accounts.municipality_code = initiative_accounts.municipality_code
            and case initiative_accounts.account_field
                when 'account_alias' then accounts.account_alias
                when 'account_string' then accounts.account_string
                when 'cost_center' then accounts.cost_center
                when 'account_number' then accounts.account_number
                when 'activity_number' then accounts.activity_number
                when 'art_number' then accounts.art_number
                when 'project_number' then accounts.project_number
            end like initiative_accounts.account_pattern
),

claimed_postings as (
    select
        postings.municipality_code,
        postings.posting_date,
        postings.voucher_number,
        postings.voucher_line,
        claimed_accounts.agreement_year,
        claimed_accounts.initiative_id,
        claimed_accounts.share,
        postings.is_posted_by_person,
        postings.amount_dkk,
        cast(round(postings.amount_dkk * claimed_accounts.share, 2) as decimal(15, 2)) as claimed_amount_dkk
    from postings
    inner join claimed_accounts
        on
            postings.municipality_code = claimed_accounts.municipality_code
            and postings.account_alias = claimed_accounts.account_alias
            and postings.account_string = claimed_accounts.account_string
            and postings.posting_date >= claimed_accounts.valid_from
            and (claimed_accounts.valid_to is null or postings.posting_date <= claimed_accounts.valid_to)
)

select * from claimed_postings
