-- name: residents
select
    district_code,
    cast(date_sub('year', birth_date, statement_date) as integer) as age,
    count(distinct person_key) as children
from staging.stg_school_absence__residents
where resident_to is null
group by all;

-- name: births
select
    strftime(birth_date, '%Y-%m') as month,
    count(distinct person_key) as children
from staging.stg_school_absence__residents
where
    moved_from_municipality_code is null
    and birth_date >= date_trunc('month', statement_date) - interval 11 months
group by all;

-- name: arrivals
select
    coalesce(moved_from_municipality_code, '') as moved_from_municipality_code,
    sex,
    count(*) as spells
from staging.stg_school_absence__residents
group by all;

-- name: departures
select
    moved_to_municipality_code,
    cast(year(resident_to) as integer) as year,
    count(*) as spells
from staging.stg_school_absence__residents
where resident_to is not null
group by all;

-- name: statement
select
    statement_date,
    count(*) as spells,
    count(distinct person_key) as children
from staging.stg_school_absence__residents
group by all;
