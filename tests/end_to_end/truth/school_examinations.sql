-- name: by_school_and_sex
select
    school_year,
    institution_number,
    child_sex,
    count(*) as row_count,
    count(distinct person_key) as persons
from staging.stg_trivsel__school_examinations
group by all;

-- name: by_motor_and_examiner
select school_year, motor_result, examined_by, count(*) as row_count
from staging.stg_trivsel__school_examinations
group by all;

-- name: by_weight_and_vision
select weight_result, vision_result, count(*) as row_count
from staging.stg_trivsel__school_examinations
group by all;

-- name: most_positive_answers
select
    school_year,
    institution_number,
    question_number,
    count(*) as row_count,
    count(*) filter (where is_most_positive) as most_positive
from staging.stg_trivsel__examination_answers
group by all;
