with

postings as (
    select * from {{ ref('stg_budget__ledger_postings') }}
),

claimed_postings as (
    select * from {{ ref('int_initiative_posting') }}
),

month_totals as (
    select
        municipality_code,
        year(posting_date) as posting_year,
        month(posting_date) as posting_month,
        sum(amount_dkk) as amount_dkk,
        count(*) as posting_count
    from postings
    group by all
),

initiative_months as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        year(posting_date) as posting_year,
        month(posting_date) as posting_month,
        sum(claimed_amount_dkk) as amount_dkk,
        count(*) as posting_count
    from claimed_postings
    group by all
),

-- a posting that several initiatives share is one claimed posting
once_claimed as (
    select
        municipality_code,
        posting_date,
        voucher_number,
        voucher_line,
        sum(claimed_amount_dkk) as claimed_amount_dkk
    from claimed_postings
    group by all
),

claimed_months as (
    select
        municipality_code,
        year(posting_date) as posting_year,
        month(posting_date) as posting_month,
        sum(claimed_amount_dkk) as amount_dkk,
        count(*) as posting_count
    from once_claimed
    group by all
),

-- what no initiative claims, the rounding of shares included, so that each month sums to the øre
unclaimed_months as (
    select
        month_totals.municipality_code,
        month_totals.posting_year,
        month_totals.posting_month,
        month_totals.amount_dkk - coalesce(claimed_months.amount_dkk, 0) as amount_dkk,
        month_totals.posting_count - coalesce(claimed_months.posting_count, 0) as posting_count
    from month_totals
    left join claimed_months
        on
            month_totals.municipality_code = claimed_months.municipality_code
            and month_totals.posting_year = claimed_months.posting_year
            and month_totals.posting_month = claimed_months.posting_month
),

united as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        false as is_unclaimed,
        posting_year,
        posting_month,
        amount_dkk,
        posting_count
    from initiative_months
    union all
    select
        municipality_code,
        null as agreement_year,
        null as initiative_id,
        true as is_unclaimed,
        posting_year,
        posting_month,
        amount_dkk,
        posting_count
    from unclaimed_months
),

described as (
    select
        municipality_code,
        cast(agreement_year as smallint) as agreement_year,
        initiative_id,
        is_unclaimed,
        cast(posting_year as smallint) as posting_year,
        cast(posting_month as smallint) as posting_month,
        cast(amount_dkk as decimal(18, 2)) as amount_dkk,
        cast(posting_count as integer) as posting_count,
        {{ is_synthetic() }} as is_synthetic
    from united
)

select * from described
