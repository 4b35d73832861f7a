-- name: by_year_and_notifier
select year(notifications.received_date) as received_year, notifications.notifier_code, count(*) as notifications
from staging.stg_referrals__notifications as notifications
inner join seeds.notification_notifier as notifiers
    on
        notifications.notifier_code = notifiers.notifier_code
        and notifications.received_date >= notifiers.valid_from
        and (notifiers.valid_to is null or notifications.received_date <= notifiers.valid_to)
group by 1, 2;

-- name: by_district
select district_code, count(*) as notifications
from staging.stg_referrals__notifications
group by district_code;

-- name: by_outcome
select outcome, is_assessed_within_24_hours, count(*) as notifications
from staging.stg_referrals__notifications
group by outcome, is_assessed_within_24_hours;

-- name: by_age_and_sex
select age_years, sex, count(*) as notifications
from staging.stg_referrals__notifications
where not is_unborn
group by age_years, sex;

-- name: by_cause
select causes.cause_code, count(*) as notifications
from staging.stg_referrals__notification_causes as causes
inner join seeds.notification_cause as known
    on causes.cause_code = known.cause_code and causes.received_date >= known.valid_from
group by causes.cause_code;

-- name: persons
select
    count(*) as notifications,
    count(distinct person_key) as children,
    count(*) filter (where is_unborn) as unborn,
    count(distinct mother_person_key) as mothers,
    count(*) filter (where registered_date - received_date > 7) as registered_after_a_week
from staging.stg_referrals__notifications;

-- name: concerns_from_one_to_six_years
select notifications.district_code, year(notifications.received_date) as received_year, count(*) as notifications
from staging.stg_referrals__notifications as notifications
inner join seeds.district as districts using (district_code)
where notifications.age_years between 1 and 6
group by 1, 2;
