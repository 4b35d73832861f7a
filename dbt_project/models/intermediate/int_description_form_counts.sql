with

forms as (
    select * from {{ ref('stg_trivsel__description_forms') }}
    where form_date <= {{ as_of() }}
),

shareable_forms as (
    select * from {{ ref('int_shareable_description_forms') }}
),

houses as (
    select * from {{ ref('daycare_house') }}
),

-- Of a form without a consent nothing goes on but that it is there, where and when it was filled in, and that it was
-- sent all the same: what a school may not see cannot leave this model.
marked as (
    select
        forms.municipality_code,
        {{ school_year('forms.form_date') }} as school_year,
        forms.daycare_house_code,
        houses.district_code,
        forms.person_key,
        shareable_forms.form_number is not null as is_shareable,
        forms.is_sent_to_school and shareable_forms.form_number is null as is_sent_without_consent
    from forms
    left join shareable_forms
        on
            forms.municipality_code = shareable_forms.municipality_code
            and forms.form_number = shareable_forms.form_number
    left join houses
        on
            forms.municipality_code = houses.municipality_code
            and forms.daycare_house_code = houses.house_code
),

unit_forms as (
    select
        municipality_code,
        school_year,
        person_key,
        is_shareable,
        is_sent_without_consent,
        unnest(['municipality', 'district', 'house']) as unit_type,
        unnest([municipality_code, district_code, daycare_house_code]) as unit_id
    from marked
),

counted as (
    select
        municipality_code,
        school_year,
        unit_type,
        unit_id,
        cast(count(*) as integer) as forms,
        cast(count(distinct person_key) as integer) as children,
        cast(count(*) filter (where is_shareable) as integer) as shareable_forms,
        cast(count(*) filter (where is_sent_without_consent) as integer) as sent_without_consent_forms
    from unit_forms
    where unit_id is not null
    group by all
)

select * from counted
