-- periods of one measure that are over have about as many rows as the period before; half or double is worth a look.
-- where both have few rows, a ratio changes by chance, and what is cumulated grows in its first periods
{{ config(severity='warn') }}

{% set minimum_rows = 20 %}
{% set largest_ratio = 2 %}

with

periods as (
    select
        measure_id,
        measure_part,
        period_type,
        period_end_date,
        count(*) as row_count
    from {{ ref('fct_measure') }}
    where period_end_date < {{ as_of() }}
    group by all
),

compared as (
    select
        *,
        lag(row_count) over (
            partition by measure_id, measure_part, period_type
            order by period_end_date
        ) as earlier_row_count
    from periods
)

select *
from compared
where
    greatest(row_count, earlier_row_count) >= {{ minimum_rows }}
    and greatest(row_count, earlier_row_count) > {{ largest_ratio }} * least(row_count, earlier_row_count)
