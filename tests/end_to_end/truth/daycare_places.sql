-- name: by_month_district
select
    month_end_date::varchar as month_end_date,
    district_code,
    count(distinct house_code) as houses,
    sum(enrolled_count)::integer as enrolled,
    sum(waiting_count)::integer as waiting
from staging.stg_referrals__daycare_places
inner join seeds.daycare_house using (municipality_code, house_code, house_name, district_code)
group by all;

-- name: by_month_kind
select
    month_end_date::varchar as month_end_date,
    group_kind,
    sum(place_count)::integer as places,
    sum(enrolled_count)::integer as enrolled
from staging.stg_referrals__daycare_places
group by all;

-- name: globen
select
    month_end_date::varchar as month_end_date,
    group_kind,
    group_count as "groups",
    place_count as places,
    enrolled_count as enrolled
from staging.stg_referrals__daycare_places
where house_name = 'Børnehuset Globen' and group_kind not in ('Vuggestue', 'Børnehave');
