-- Folkeskoleloven § 14 a, stk. 2: the summer holiday begins on the last Saturday of June, so the term's last school day
-- is the Friday before. Days since Saturday: isodow 6 is none, 7 is one, 1 is two.
with

terms as (
    select
        municipality_code,
        school_year,
        last_date,
        make_date(cast(right(school_year, 4) as bigint), 6, 30) as june_end
    from {{ ref('school_calendar') }}
    where period_kind = 'term'
),

expected as (
    select
        municipality_code,
        school_year,
        last_date,
        june_end - cast((isodow(june_end) + 1) % 7 as integer) - 1 as day_before_the_holiday
    from terms
)

select *
from expected
where last_date != day_before_the_holiday
