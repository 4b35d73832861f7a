-- name: by_month_and_place
select contact_month, place_name, cast(sum(contact_count) as bigint) as contacts
from staging.stg_referrals__anonymous_contacts
group by contact_month, place_name;

-- name: by_kind_and_age_band
select contact_kind, age_band, cast(sum(contact_count) as bigint) as contacts
from staging.stg_referrals__anonymous_contacts
group by contact_kind, age_band;

-- name: of_12_to_25
select place_name, cast(sum(contact_count) as bigint) as contacts
from staging.stg_referrals__anonymous_contacts
where is_12_to_25
group by place_name;

-- name: rows
select count(distinct contact_month) as months, count(*) as rows
from staging.stg_referrals__anonymous_contacts;
