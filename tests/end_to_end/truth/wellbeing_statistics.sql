-- name: cells_by_status
select
    place_level,
    measure_code,
    value_status,
    count(*)::integer as cells
from staging.stg_trivsel__wellbeing_statistics
group by all;

-- name: means_of_ballerup
select
    grade_group,
    school_year,
    indicator,
    measure_value as mean
from staging.stg_trivsel__wellbeing_statistics
where place_municipality_code = '151' and place_level = 'municipality' and measure_code = 'mean';

-- name: intervals_of_ballerup
select
    grade_group,
    answer_interval,
    measure_value as share
from staging.stg_trivsel__wellbeing_statistics
where
    place_municipality_code = '151' and measure_code = 'share' and school_year = '2025/2026' and indicator = 'generel'
    and value_status = 'published';

-- name: country
select
    grade_group,
    school_year,
    indicator,
    max(measure_value) filter (where measure_code = 'mean') as mean,
    max(measure_value) filter (where measure_code = 'pupils') as pupils
from staging.stg_trivsel__wellbeing_statistics
where place_level = 'country'
group by all;

-- name: schools
select
    institution_number,
    school_year,
    indicator,
    max(measure_value) filter (where measure_code = 'mean') as mean,
    max(measure_value) filter (where measure_code = 'pupils') as pupils
from staging.stg_trivsel__wellbeing_statistics
where place_level = 'school' and value_status = 'published'
group by all;

-- name: pupils_by_year
select
    school_year,
    sum(measure_value)::decimal(12, 3) as pupils
from staging.stg_trivsel__wellbeing_statistics
where place_level = 'municipality' and measure_code = 'pupils' and indicator = 'generel'
group by all;
