with

answers as (
    select * from {{ ref('stg_trivsel__wellbeing_answers') }}
),

questionnaire as (
    select * from {{ ref('questionnaire') }}
),

measured_years as (
    select distinct
        school_year,
        form
    from answers
),

-- the whole form changes at once: the newest version that is not newer than the measurement
versions as (
    select
        measured_years.school_year,
        measured_years.form,
        max(questionnaire.valid_from_school_year) as questionnaire_version
    from measured_years
    inner join questionnaire
        on
            measured_years.form = questionnaire.form
            and measured_years.school_year >= questionnaire.valid_from_school_year
    group by all
),

compared_versions as (
    select
        school_year,
        form,
        questionnaire_version,
        coalesce(
            questionnaire_version != lag(questionnaire_version) over (partition by form order by school_year),
            false
        ) as has_break
    from versions
),

questions as (
    select
        compared_versions.school_year,
        compared_versions.form,
        questionnaire.question_number,
        questionnaire.question_text,
        questionnaire.indicator,
        questionnaire.is_reversed,
        questionnaire.is_mapping_confirmed,
        compared_versions.questionnaire_version,
        compared_versions.has_break
    from compared_versions
    inner join questionnaire
        on
            compared_versions.form = questionnaire.form
            and compared_versions.questionnaire_version = questionnaire.valid_from_school_year
)

select * from questions
