-- name: by_question
select
    survey_code,
    wave_number,
    question_code,
    sum(invited_count)::integer as invited,
    coalesce(sum(answered_count) filter (where not is_withheld), 0)::integer as answered,
    coalesce(sum(agreeing_count), 0)::integer as agreeing,
    count(*) filter (where is_withheld) as withheld
from staging.stg_referrals__surveys
inner join seeds.survey_question using (municipality_code, survey_code, question_code)
group by all;

-- name: by_house
select
    house_code,
    sum(answered_count)::integer as answered,
    sum(agreeing_count)::integer as agreeing
from staging.stg_referrals__surveys
where house_code is not null
group by all;

-- name: staff_by_group
select
    wave_number,
    respondent_group,
    sum(invited_count)::integer as invited,
    sum(answered_count)::integer as answered
from staging.stg_referrals__surveys
where survey_code = 'SOB-M2' and question_code = 'P1'
group by all;
