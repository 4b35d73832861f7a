-- An answer to a question that the seed does not name would be counted in no measure, and nobody would miss it.
select
    surveys.survey_code,
    surveys.question_code,
    count(*) as row_count
from {{ ref('stg_referrals__surveys') }} as surveys
anti join {{ ref('survey_question') }} as questions
    on
        surveys.municipality_code = questions.municipality_code
        and surveys.survey_code = questions.survey_code
        and surveys.question_code = questions.question_code
group by all
