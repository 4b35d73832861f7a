with

postings as (
    select * from {{ ref('stg_budget__ledger_postings') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
),

account_months as (
    select
        municipality_code,
        account_string,
        year(posting_date) as posting_year,
        month(posting_date) as posting_month,
        sum(amount_dkk) as amount_dkk,
        count(*) as posting_count
    from postings
    group by all
),

-- the mark holds for a year as a whole: which months have money for single children must not be told either
account_person_years as (
    select
        municipality_code,
        account_string,
        year(posting_date) as posting_year,
        bool_or(is_posted_by_person) as has_person_postings
    from postings
    group by all
),

-- The official accounts tell what a function costs in a year. Less the accounts that everybody may see, that would be
-- the money of single persons, so none of its accounts is for everybody.
marked_accounts as (
    select
        account_person_years.municipality_code,
        account_person_years.account_string,
        account_person_years.posting_year,
        account_person_years.has_person_postings,
        bool_or(account_person_years.has_person_postings) over (
            partition by
                account_person_years.municipality_code, account_person_years.posting_year, accounts.function_code
        ) as function_has_person_postings
    from account_person_years
    left join accounts
        on
            account_person_years.municipality_code = accounts.municipality_code
            and account_person_years.account_string = accounts.account_string
),

final as (
    select
        account_months.municipality_code,
        account_months.account_string,
        cast(account_months.posting_year as integer) as posting_year,
        cast(account_months.posting_month as integer) as posting_month,
        cast(account_months.amount_dkk as decimal(18, 2)) as amount_dkk,
        cast(account_months.posting_count as integer) as posting_count,
        marked_accounts.has_person_postings,
        marked_accounts.function_has_person_postings,
        {{ is_synthetic() }} as is_synthetic
    from account_months
    inner join marked_accounts
        on
            account_months.municipality_code = marked_accounts.municipality_code
            and account_months.account_string = marked_accounts.account_string
            and account_months.posting_year = marked_accounts.posting_year
)

select * from final
