with

measures as (
    select * from {{ ref('measure') }}
),

parts as (
    select
        measure_id,
        list(measure_part order by measure_part) as measure_parts,
        list(part_name_da order by measure_part) as measure_part_names_da,
        list(unit_da order by measure_part) as measure_part_units_da,
        list(value_scale order by measure_part) as measure_part_scales
    from {{ ref('measure_part') }}
    group by measure_id
),

-- parts share a target's sentence, so each is told once
target_sentences as (
    select
        measure_id,
        target_da,
        target_en,
        min(valid_from) as valid_from,
        min(measure_part) as measure_part
    from {{ ref('measure_target') }}
    group by all
),

targets as (
    select
        measure_id,
        string_agg(target_da, '; ' order by valid_from, measure_part) as target_da,
        string_agg(target_en, '; ' order by valid_from, measure_part) as target_en
    from target_sentences
    group by measure_id
),

datasets as (
    select
        measure_id,
        list(dataset order by dataset) as datasets
    from {{ ref('measure_dataset') }}
    group by measure_id
),

final as (
    select
        {{ municipality_code() }} as municipality_code,
        measures.measure_id,
        measures.title_da,
        measures.title_en,
        measures.definition_da,
        measures.definition_en,
        measures.numerator_da,
        measures.numerator_en,
        measures.numerator_data_area,
        measures.denominator_da,
        measures.denominator_en,
        measures.denominator_data_area,
        measures.unit_da,
        measures.unit_en,
        measures.direction,
        parts.measure_parts,
        parts.measure_part_names_da,
        parts.measure_part_units_da,
        parts.measure_part_scales,
        targets.target_da,
        targets.target_en,
        targets.measure_id is not null as has_target,
        measures.level_da,
        measures.source,
        datasets.datasets,
        measures.document,
        coalesce(string_split(measures.initiative_ids, ', '), []) as initiative_ids,
        coalesce(string_split(measures.project_codes, ', '), []) as project_codes,
        measures.rhythm,
        measures.publication,
        measures.owner,
        measures.not_for_da,
        measures.not_for_en,
        measures.open_question_da,
        measures.open_question_en
    from measures
    left join parts on measures.measure_id = parts.measure_id
    left join targets on measures.measure_id = targets.measure_id
    left join datasets on measures.measure_id = datasets.measure_id
)

select * from final
