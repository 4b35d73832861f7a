-- a target of an unknown part judges nothing, and of two that hold at once nobody could say which is the target
select
    targets.measure_id,
    targets.measure_part,
    targets.valid_from
from {{ ref('measure_target') }} as targets
left join {{ ref('measure_part') }} as parts
    on
        targets.measure_id = parts.measure_id
        and targets.measure_part = parts.measure_part
left join {{ ref('measure_target') }} as later
    on
        targets.measure_id = later.measure_id
        and targets.measure_part = later.measure_part
        and targets.valid_from < later.valid_from
        and (targets.valid_to is null or targets.valid_to >= later.valid_from)
where parts.measure_id is null or later.measure_id is not null
