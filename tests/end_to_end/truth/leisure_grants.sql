-- name: by_status
select grant_status, count(*) as applications
from staging.stg_referrals__leisure_grants
group by grant_status;

-- name: by_age
select age_years, count(*) as applications
from staging.stg_referrals__leisure_grants
group by age_years;

-- name: by_nominator
select nominated_by, count(*) as applications
from staging.stg_referrals__leisure_grants
group by nominated_by;

-- name: by_year
select
    granted_year,
    count(*) as grants,
    count(distinct person_key) as children,
    sum(fee_dkk) as fee_dkk,
    sum(event_dkk) as event_dkk,
    sum(equipment_dkk) as equipment_dkk,
    sum(granted_dkk) as granted_dkk
from staging.stg_referrals__leisure_grants
where is_granted
group by granted_year;

-- name: by_association
select
    association_code,
    count(*) as grants,
    count(distinct person_key) as children,
    sum(fee_dkk) as fee_dkk,
    sum(event_dkk) as event_dkk,
    sum(equipment_dkk) as equipment_dkk,
    sum(granted_dkk) as granted_dkk
from staging.stg_referrals__leisure_grants
where is_granted
group by association_code;

-- name: most_for_a_child
select granted_year, max(granted_dkk) as granted_dkk
from (
    select granted_year, person_key, sum(granted_dkk) as granted_dkk
    from staging.stg_referrals__leisure_grants
    where is_granted
    group by granted_year, person_key
)
group by granted_year;
