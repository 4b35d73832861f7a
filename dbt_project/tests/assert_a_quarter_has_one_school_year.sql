-- The cells of a quarter hold one grade a pupil only as long as no quarter has school days of two school years. A term
-- that went on into July would mix the grades of two years in the third quarter without a word.
select
    municipality_code,
    {{ quarter_label('school_day') }} as quarter_label,
    count(distinct school_year) as school_years,
    max(school_day) filter (where month(school_day) = 7) as last_day_in_july
from {{ ref('int_school_days') }}
group by all
having count(distinct school_year) > 1 or count(*) filter (where month(school_day) = 7) > 0
