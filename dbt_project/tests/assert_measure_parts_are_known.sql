-- a part that the catalogue does not name has no name, unit or scale
select distinct
    facts.measure_id,
    facts.measure_part
from {{ ref('fct_measure') }} as facts
anti join {{ ref('measure_part') }} as parts
    on
        facts.measure_id = parts.measure_id
        and facts.measure_part = parts.measure_part
