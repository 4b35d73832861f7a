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

-- the mark holds for a year as a whole: which months have money for single children must not be told either
initiative_person_years as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        year(posting_date) as posting_year,
        bool_or(is_posted_by_person) as has_person_postings
    from claimed_postings
    group by all
),

unclaimed_person_years as (
    select
        postings.municipality_code,
        year(postings.posting_date) as posting_year,
        bool_or(postings.is_posted_by_person) as has_person_postings
    from postings
    anti join claimed_postings
        on
            postings.municipality_code = claimed_postings.municipality_code
            and postings.posting_date = claimed_postings.posting_date
            and postings.voucher_number = claimed_postings.voucher_number
            and postings.voucher_line = claimed_postings.voucher_line
    group by all
),

united as (
    select
        initiative_months.municipality_code,
        initiative_months.agreement_year,
        initiative_months.initiative_id,
        false as is_unclaimed,
        initiative_months.posting_year,
        initiative_months.posting_month,
        initiative_months.amount_dkk,
        initiative_months.posting_count,
        initiative_person_years.has_person_postings
    from initiative_months
    inner join initiative_person_years
        on
            initiative_months.municipality_code = initiative_person_years.municipality_code
            and initiative_months.agreement_year = initiative_person_years.agreement_year
            and initiative_months.initiative_id = initiative_person_years.initiative_id
            and initiative_months.posting_year = initiative_person_years.posting_year
    union all
    select
        unclaimed_months.municipality_code,
        null as agreement_year,
        null as initiative_id,
        true as is_unclaimed,
        unclaimed_months.posting_year,
        unclaimed_months.posting_month,
        unclaimed_months.amount_dkk,
        unclaimed_months.posting_count,
        unclaimed_person_years.has_person_postings
    from unclaimed_months
    left join unclaimed_person_years
        on
            unclaimed_months.municipality_code = unclaimed_person_years.municipality_code
            and unclaimed_months.posting_year = unclaimed_person_years.posting_year
),

described as (
    select
        municipality_code,
        cast(agreement_year as integer) as agreement_year,
        initiative_id,
        is_unclaimed,
        cast(posting_year as integer) as posting_year,
        cast(posting_month as integer) as posting_month,
        cast(amount_dkk as decimal(18, 2)) as amount_dkk,
        cast(posting_count as integer) as posting_count,
        coalesce(has_person_postings, false) as has_person_postings,
        {{ is_synthetic() }} as is_synthetic
    from united
)

select * from described
