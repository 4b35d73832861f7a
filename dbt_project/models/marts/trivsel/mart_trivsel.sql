with

-- pupils whose grade landing left out, since too few answered there, have a stage of their own: so the stages add up
pupil_indicators as (
    select * replace (coalesce(school_stage, 'Ikke oplyst') as school_stage)
    from {{ ref('int_wellbeing_pupil_indicator') }}
),

answers as (
    select * from {{ ref('stg_trivsel__wellbeing_answers') }}
    where form = '0-3'
),

questions as (
    select * from {{ ref('int_wellbeing_questions') }}
),

indicators as (
    select * from {{ ref('wellbeing_indicator') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

school_stages as (
    select * from {{ ref('school_stage') }}
),

thresholds as (
    select * from {{ ref('int_thresholds') }}
    where threshold_name = 'interval_minimum_n'
),

t_quantiles as (
    select
        n_from,
        t_quantile,
        lead(n_from) over (order by n_from) as n_before
    from {{ ref('t_quantile') }}
),

form_years as (
    select distinct
        form,
        school_year,
        questionnaire_version,
        has_break
    from questions
),

-- an indicator is as sure as the least sure of its questions; general wellbeing has those of all four
indicator_mappings as (
    select
        school_year,
        unnest([indicator, 'generel']) as indicator,
        is_mapping_confirmed
    from questions
    where form = '4-9' and indicator is not null
),

confirmed_indicators as (
    select
        school_year,
        indicator,
        bool_and(is_mapping_confirmed) as is_mapping_confirmed
    from indicator_mappings
    group by all
),

-- grades 4-9: the unit's figure is the mean of its pupils' scores; sums and sums of squares of decimals are exact
indicator_cells as (
    select
        municipality_code,
        school_year,
        school_number,
        school_stage,
        grade_level,
        indicator,
        count(*) as respondents,
        count(pupil_score) as score_count,
        sum(pupil_score) as score_total,
        sum(pupil_score * pupil_score) as score_square_total,
        count(*) filter (where pupil_score <= 2) as pupils_1_to_2,
        count(*) filter (where pupil_score > 2 and pupil_score <= 3) as pupils_2_to_3,
        count(*) filter (where pupil_score > 3 and pupil_score <= 4) as pupils_3_to_4,
        count(*) filter (where pupil_score > 4) as pupils_4_to_5
    from pupil_indicators
    group by
        grouping sets (
            (municipality_code, school_year, indicator),
            (municipality_code, school_year, indicator, school_stage),
            (municipality_code, school_year, indicator, school_stage, grade_level),
            (municipality_code, school_year, indicator, school_number),
            (municipality_code, school_year, indicator, school_number, school_stage),
            (municipality_code, school_year, indicator, school_number, school_stage, grade_level)
        )
    -- a grade or school that landing left out, since too few answered, is in the totals and has no row of its own
    having
        (grouping(school_number) = 1 or school_number is not null)
        and (grouping(grade_level) = 1 or grade_level is not null)
),

indicator_spread as (
    select
        indicator_cells.*,
        indicator_cells.score_total / nullif(indicator_cells.score_count, 0) as mean_score,
        -- half the width of the interval: Student's t times the standard error, from the sample variance
        case
            when indicator_cells.score_count >= thresholds.threshold_value
                then
                    t_quantiles.t_quantile * sqrt(
                        greatest(
                            (
                                indicator_cells.score_square_total
                                - indicator_cells.score_total / indicator_cells.score_count
                                * indicator_cells.score_total
                            ) / (indicator_cells.score_count - 1),
                            0
                        ) / indicator_cells.score_count
                    )
        end as half_interval
    from indicator_cells
    inner join thresholds
        on
            make_date(cast(left(indicator_cells.school_year, 4) as bigint), 8, 1) >= thresholds.valid_from
            and make_date(cast(left(indicator_cells.school_year, 4) as bigint), 8, 1) < thresholds.valid_before
    left join t_quantiles
        on
            indicator_cells.score_count >= t_quantiles.n_from
            and (t_quantiles.n_before is null or indicator_cells.score_count < t_quantiles.n_before)
),

indicator_rows as (
    select
        indicator_spread.municipality_code,
        indicator_spread.school_year,
        indicator_spread.school_number,
        indicator_spread.school_stage,
        indicator_spread.grade_level,
        '4-9' as form,
        'indicator' as measure_type,
        indicator_spread.indicator as measure,
        indicators.indicator_name_da as measure_name,
        null as question_number,
        null as answer_value,
        indicator_spread.respondents,
        indicator_spread.score_count as n,
        cast(round(indicator_spread.mean_score, 4) as decimal(6, 4)) as mean_score,
        -- no mean lies outside the scale of 1 to 5; greatest and least would pass over a null
        case
            when indicator_spread.half_interval is not null
                then
                    cast(
                        round(greatest(indicator_spread.mean_score - indicator_spread.half_interval, 1), 4)
                        as decimal(6, 4)
                    )
        end as interval_low,
        case
            when indicator_spread.half_interval is not null
                then
                    cast(
                        round(least(indicator_spread.mean_score + indicator_spread.half_interval, 5), 4)
                        as decimal(6, 4)
                    )
        end as interval_high,
        indicator_spread.pupils_1_to_2,
        indicator_spread.pupils_2_to_3,
        indicator_spread.pupils_3_to_4,
        indicator_spread.pupils_4_to_5,
        null as answer_count,
        confirmed_indicators.is_mapping_confirmed
    from indicator_spread
    inner join indicators on indicator_spread.indicator = indicators.indicator
    left join confirmed_indicators
        on
            indicator_spread.school_year = confirmed_indicators.school_year
            and indicator_spread.indicator = confirmed_indicators.indicator
),

-- grades 0-3 have no indicator: the share of each answer to each question
located_answers as (
    select
        answers.municipality_code,
        answers.school_year,
        coalesce(institutions.main_institution_number, answers.institution_number) as school_number,
        coalesce(school_stages.school_stage, 'Ikke oplyst') as school_stage,
        answers.grade_level,
        answers.question_number,
        answers.answer_value
    from answers
    left join institutions
        on
            answers.municipality_code = institutions.municipality_code
            and answers.institution_number = institutions.institution_number
    left join school_stages on answers.grade_level = school_stages.grade_level
),

answer_cells as (
    select
        municipality_code,
        school_year,
        school_number,
        school_stage,
        grade_level,
        question_number,
        count(*) as respondents,
        count(answer_value) as answered_count,
        count(*) filter (where answer_value = 1) as answers_1,
        count(*) filter (where answer_value = 2) as answers_2,
        count(*) filter (where answer_value = 3) as answers_3
    from located_answers
    group by
        grouping sets (
            (municipality_code, school_year, question_number),
            (municipality_code, school_year, question_number, school_stage),
            (municipality_code, school_year, question_number, school_stage, grade_level),
            (municipality_code, school_year, question_number, school_number),
            (municipality_code, school_year, question_number, school_number, school_stage),
            (municipality_code, school_year, question_number, school_number, school_stage, grade_level)
        )
    -- a grade or school that landing left out, since too few answered, is in the totals and has no row of its own
    having
        (grouping(school_number) = 1 or school_number is not null)
        and (grouping(grade_level) = 1 or grade_level is not null)
),

answer_values as (
    select
        municipality_code,
        school_year,
        school_number,
        school_stage,
        grade_level,
        question_number,
        respondents,
        answered_count,
        unnest([1, 2, 3]) as answer_value,
        unnest([answers_1, answers_2, answers_3]) as answer_count
    from answer_cells
),

answer_rows as (
    select
        answer_values.municipality_code,
        answer_values.school_year,
        answer_values.school_number,
        answer_values.school_stage,
        answer_values.grade_level,
        '0-3' as form,
        'answer' as measure_type,
        'question_' || lpad(cast(answer_values.question_number as varchar), 2, '0') as measure,
        questions.question_text as measure_name,
        answer_values.question_number,
        answer_values.answer_value,
        answer_values.respondents,
        answer_values.answered_count as n,
        null as mean_score,
        null as interval_low,
        null as interval_high,
        null as pupils_1_to_2,
        null as pupils_2_to_3,
        null as pupils_3_to_4,
        null as pupils_4_to_5,
        answer_values.answer_count,
        questions.is_mapping_confirmed
    from answer_values
    left join questions
        on
            questions.form = '0-3'
            and answer_values.school_year = questions.school_year
            and answer_values.question_number = questions.question_number
),

united as (
    select * from indicator_rows
    union all
    select * from answer_rows
),

final as (
    select
        united.municipality_code,
        united.school_year,
        case when united.school_number is null then 'municipality' else 'school' end as institution_level,
        united.school_number as institution_number,
        institutions.institution_name,
        case
            when united.grade_level is not null then 'grade'
            when united.school_stage is not null then 'stage'
            else 'all'
        end as grade_group_type,
        united.school_stage,
        united.grade_level,
        united.form,
        united.measure_type,
        united.measure,
        united.measure_name,
        cast(united.question_number as integer) as question_number,
        cast(united.answer_value as integer) as answer_value,
        cast(united.respondents as integer) as respondents,
        cast(united.n as integer) as n,
        cast(united.mean_score as decimal(6, 4)) as mean_score,
        cast(united.interval_low as decimal(6, 4)) as interval_low,
        cast(united.interval_high as decimal(6, 4)) as interval_high,
        cast(united.pupils_1_to_2 as integer) as pupils_1_to_2,
        cast(united.pupils_2_to_3 as integer) as pupils_2_to_3,
        cast(united.pupils_3_to_4 as integer) as pupils_3_to_4,
        cast(united.pupils_4_to_5 as integer) as pupils_4_to_5,
        cast(united.answer_count as integer) as answer_count,
        {{ share('united.answer_count', 'united.n') }} as answer_share,
        united.is_mapping_confirmed,
        form_years.questionnaire_version,
        form_years.has_break,
        {{ is_synthetic() }} as is_synthetic
    from united
    left join form_years
        on
            united.form = form_years.form
            and united.school_year = form_years.school_year
    left join institutions
        on
            united.municipality_code = institutions.municipality_code
            and united.school_number = institutions.institution_number
)

select * from final
