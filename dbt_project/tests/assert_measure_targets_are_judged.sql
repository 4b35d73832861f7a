-- whether a target is met, once more from the seed and the other way round: from the targets to their figures
with

targets as (
    select
        measure_id,
        measure_part,
        unnest(string_split(unit_types, ', ')) as unit_type,
        comparison,
        target_value,
        valid_from,
        coalesce(valid_to, date '9999-12-31') as valid_to,
        is_judgeable
    from {{ ref('measure_target') }}
),

facts as (
    select * from {{ ref('fct_measure') }}
),

judged as (
    select
        facts.target,
        facts.is_target_met,
        targets.target_value as expected_target,
        case
            when targets.is_judgeable
                then if(targets.comparison = '>=', 1, -1) * (facts.value - targets.target_value) >= 0
        end as expected_is_met
    from facts
    left join targets
        on
            facts.measure_id = targets.measure_id
            and facts.measure_part = targets.measure_part
            and facts.unit_type = targets.unit_type
            and facts.period_end_date between targets.valid_from and targets.valid_to
)

select *
from judged
where
    target is distinct from expected_target
    or is_target_met is distinct from expected_is_met
