with

answers as (
    select * from {{ ref('stg_trivsel__wellbeing_answers') }}
    where form = '4-9'
),

questions as (
    select * from {{ ref('int_wellbeing_questions') }}
    where indicator is not null
),

institutions as (
    select * from {{ ref('institution') }}
),

school_stages as (
    select * from {{ ref('school_stage') }}
),

thresholds as (
    select * from {{ ref('int_thresholds') }}
    where threshold_name = 'minimum_answered_share'
),

-- general wellbeing is the mean over all questions that have an indicator
indicator_questions as (
    select
        school_year,
        form,
        question_number,
        is_reversed,
        unnest([indicator, 'generel']) as indicator
    from questions
),

question_counts as (
    select
        school_year,
        form,
        indicator,
        cast(count(*) as integer) as question_count
    from indicator_questions
    group by all
),

-- answers run from 1 (worst) to 5 (best); a reversed question is turned round
answered as (
    select
        answers.municipality_code,
        answers.school_year,
        answers.form,
        answers.institution_number,
        answers.grade_level,
        answers.respondent_key,
        indicator_questions.indicator,
        cast(count(answers.answer_value) as integer) as answered_count,
        cast(
            coalesce(
                sum(
                    case
                        when indicator_questions.is_reversed then 6 - answers.answer_value
                        else answers.answer_value
                    end
                ),
                0
            ) as integer
        ) as score_sum
    from answers
    inner join indicator_questions
        on
            answers.school_year = indicator_questions.school_year
            and answers.form = indicator_questions.form
            and answers.question_number = indicator_questions.question_number
    group by all
),

judged as (
    select
        answered.*,
        question_counts.question_count,
        answered.answered_count >= thresholds.threshold_value * question_counts.question_count as has_score
    from answered
    inner join question_counts
        on
            answered.school_year = question_counts.school_year
            and answered.form = question_counts.form
            and answered.indicator = question_counts.indicator
    inner join thresholds
        on
            make_date(cast(left(answered.school_year, 4) as bigint), 8, 1) >= thresholds.valid_from
            and make_date(cast(left(answered.school_year, 4) as bigint), 8, 1) < thresholds.valid_before
),

scored as (
    select
        judged.municipality_code,
        judged.school_year,
        judged.respondent_key,
        coalesce(institutions.main_institution_number, judged.institution_number) as school_number,
        school_stages.school_stage,
        judged.grade_level,
        judged.indicator,
        judged.question_count,
        judged.answered_count,
        judged.score_sum,
        judged.has_score,
        case
            when judged.has_score
                then cast(round(judged.score_sum / judged.answered_count, 9) as decimal(12, 9))
        end as pupil_score
    from judged
    left join institutions
        on
            judged.municipality_code = institutions.municipality_code
            and judged.institution_number = institutions.institution_number
    left join school_stages on judged.grade_level = school_stages.grade_level
)

select * from scored
