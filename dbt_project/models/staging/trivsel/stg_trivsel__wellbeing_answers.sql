with

source as (
    select * from {{ source('trivsel', 'wellbeing_answers') }}
),

school_stages as (
    select * from {{ ref('school_stage') }}
),

renamed as (
    select
        source.municipality_code,
        source.school_year,
        source.institution_number,
        cast(source.grade_level as integer) as grade_level,
        school_stages.wellbeing_form as form,
        source.respondent_key,
        cast(source.question_number as integer) as question_number,
        cast(source.answer_value as integer) as answer_value,
        source.delivery_id
    from source
    left join school_stages on source.grade_level = school_stages.grade_level
)

select * from renamed
