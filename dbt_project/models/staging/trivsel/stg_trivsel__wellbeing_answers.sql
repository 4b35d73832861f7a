with

source as (
    select * from {{ source('trivsel', 'wellbeing_answers') }}
),

renamed as (
    select
        municipality_code,
        school_year,
        institution_number,
        cast(grade_level as integer) as grade_level,
        form,
        respondent_key,
        cast(question_number as integer) as question_number,
        cast(answer_value as integer) as answer_value,
        delivery_id
    from source
)

select * from renamed
