-- parts that follow another list: the fixed visits, and the questions of school start and of the youngest pupils
with

listed as (
    select distinct
        'K31' as measure_id,
        visit_type_code as measure_part
    from {{ ref('visit_type') }}
    where is_fixed
    union distinct
    select distinct
        'K25' as measure_id,
        concat('examination-', question_number) as measure_part
    from {{ ref('examination_question') }}
    union distinct
    select distinct
        'K25' as measure_id,
        concat('wellbeing-', lpad(cast(question_number as varchar), 2, '0')) as measure_part
    from {{ ref('questionnaire') }}
    where form = '0-3'
),

parts as (
    select
        measure_id,
        measure_part
    from {{ ref('measure_part') }}
    where measure_id in (select listed.measure_id from listed)
)

select
    coalesce(listed.measure_id, parts.measure_id) as measure_id,
    coalesce(listed.measure_part, parts.measure_part) as measure_part
from listed
full outer join parts
    on
        listed.measure_id = parts.measure_id
        and listed.measure_part = parts.measure_part
where listed.measure_id is null or parts.measure_id is null
