-- A child that lives in two districts on one day would count twice in every denominator. The night goes on with a
-- warning, since the figures are off by one child and the register has to mend it.
{{ config(severity='warn') }}

with

spells as (
    select
        municipality_code,
        person_key,
        resident_from,
        max(coalesce(resident_to, date '9999-12-31')) over (
            partition by municipality_code, person_key
            order by resident_from
            rows between unbounded preceding and 1 preceding
        ) as earlier_resident_to
    from {{ ref('stg_school_absence__residents') }}
)

select
    municipality_code,
    count(*) as overlap_count
from spells
where resident_from <= earlier_resident_to
group by all
