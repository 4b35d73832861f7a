-- name: by_house
select
    daycare_house_code,
    count(*) as row_count,
    count(*) filter (where is_school_ready) as ready,
    count(*) filter (where has_consent) as with_consent,
    count(distinct person_key) as persons
from staging.stg_trivsel__description_forms
group by all;

-- name: by_readiness_and_school
select school_readiness as school_ready, school_number, count(*) as row_count, count(*) filter (where has_consent) as with_consent
from staging.stg_trivsel__description_forms
group by all;

-- name: by_month
select strftime(form_date, '%Y-%m') as month, count(*) as row_count, count(*) filter (where has_consent) as with_consent
from staging.stg_trivsel__description_forms
group by all;

-- name: shareable
select school_number, school_readiness as school_ready, count(*) as row_count, count(distinct person_key) as persons
from intermediate.int_shareable_description_forms
group by all;

-- name: sent_and_not_shareable
select forms.school_number, count(*) as row_count
from staging.stg_trivsel__description_forms as forms
where
    forms.is_sent_to_school
    and not exists (
        select 1
        from intermediate.int_shareable_description_forms as shared
        where shared.form_number = forms.form_number
    )
group by all;
