with

postings as (
    select * from {{ ref('stg_budget__ledger_postings') }}
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

final as (
    select
        account_months.municipality_code,
        account_months.account_string,
        cast(account_months.posting_year as integer) as posting_year,
        cast(account_months.posting_month as integer) as posting_month,
        cast(account_months.amount_dkk as decimal(18, 2)) as amount_dkk,
        cast(account_months.posting_count as integer) as posting_count,
        account_person_years.has_person_postings,
        {{ is_synthetic() }} as is_synthetic
    from account_months
    inner join account_person_years
        on
            account_months.municipality_code = account_person_years.municipality_code
            and account_months.account_string = account_person_years.account_string
            and account_months.posting_year = account_person_years.posting_year
)

select * from final
