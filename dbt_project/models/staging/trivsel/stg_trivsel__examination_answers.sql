with

source as (
    select * from {{ source('trivsel', 'school_examinations') }}
),

questions as (
    select * from {{ ref('examination_question') }}
),

-- the answers stand side by side in the journal; here each is a row, and a question without an answer is none
answers as (
    select
        municipality_code,
        examination_number,
        person_key,
        school_year,
        institution_number,
        examination_date,
        cast(unnest(generate_series(1, 6)) as integer) as question_number,
        unnest([answer_1, answer_2, answer_3, answer_4, answer_5, answer_6]) as answer,
        delivery_id
    from source
),

-- the question as it was worded on the day: another wording is a new row of the seed
with_question as (
    select
        answers.*,
        questions.most_positive_answer
    from answers
    left join questions
        on
            answers.question_number = questions.question_number
            and answers.examination_date >= questions.valid_from
    where answers.answer is not null
    qualify row_number() over (
        partition by answers.municipality_code, answers.examination_number, answers.question_number
        order by questions.valid_from desc
    ) = 1
),

renamed as (
    select
        municipality_code,
        examination_number,
        person_key,
        school_year,
        institution_number,
        question_number,
        answer,
        answer = most_positive_answer as is_most_positive,
        delivery_id
    from with_question
)

select * from renamed
