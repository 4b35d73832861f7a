with

covered_days as (
    select * from {{ ref('int_covered_days') }}
    where dataset = 'ledger_postings'
),

-- counted from 1 January, the days of a year lie without a gap as long as each day's number is its place
numbered as (
    select
        municipality_code,
        year(covered_day) as posting_year,
        covered_day,
        row_number() over (partition by municipality_code, year(covered_day) order by covered_day) as place
    from covered_days
),

years as (
    select
        municipality_code,
        cast(posting_year as integer) as posting_year,
        max(covered_day) as covered_to_date
    from numbered
    where dayofyear(covered_day) = place
    group by all
)

select * from years
