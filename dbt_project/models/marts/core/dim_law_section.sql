with

sections as (
    select * from {{ ref('law_section') }}
),

section_steps as (
    select * from {{ ref('law_section_step') }}
),

steps as (
    select
        section_key,
        list(cast(effort_step as integer) order by effort_step) as effort_steps,
        cast(min(effort_step) as integer) as lowest_effort_step,
        cast(max(effort_step) as integer) as highest_effort_step
    from section_steps
    group by all
),

final as (
    select
        {{ municipality_code() }} as municipality_code,
        sections.section_key as section_code,
        sections.law as law_code,
        sections.label_da as section_name,
        sections.section_kind,
        sections.valid_from,
        sections.valid_to,
        sections.valid_from <= {{ as_of() }} and coalesce(sections.valid_to >= {{ as_of() }}, true) as is_current,
        sections.dst_code,
        sections.dst_statistics,
        sections.earlier_section_key as earlier_section_code,
        coalesce(steps.effort_steps, []) as effort_steps,
        steps.lowest_effort_step,
        steps.highest_effort_step,
        sections.basis
    from sections
    left join steps on sections.section_key = steps.section_key
)

select * from final
