with

-- of forms without a consent only these counts are read
form_counts as (
    select * from {{ ref('int_description_form_counts') }}
),

shareable_forms as (
    select
        *,
        {{ school_year('form_date') }} as school_year
    from {{ ref('int_shareable_description_forms') }}
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
),

-- from the declared link between health and school data: counts, no child
started_forms as (
    select * from {{ ref('stg_trivsel__forms_started_school') }}
),

houses as (
    select * from {{ ref('daycare_house') }}
),

districts as (
    select * from {{ ref('district') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

-- departments count at their school
placed_forms as (
    select
        shareable_forms.municipality_code,
        shareable_forms.school_year,
        shareable_forms.daycare_house_code,
        houses.district_code,
        coalesce(institutions.main_institution_number, shareable_forms.school_number) as school_number,
        shareable_forms.person_key,
        shareable_forms.is_sent_to_school,
        shareable_forms.is_school_ready
    from shareable_forms
    left join houses
        on
            shareable_forms.municipality_code = houses.municipality_code
            and shareable_forms.daycare_house_code = houses.house_code
    left join institutions
        on
            shareable_forms.municipality_code = institutions.municipality_code
            and shareable_forms.school_number = institutions.institution_number
),

unit_forms as (
    select
        municipality_code,
        school_year,
        person_key,
        is_sent_to_school,
        is_school_ready,
        unnest(['municipality', 'district', 'house', 'school']) as unit_type,
        unnest([municipality_code, district_code, daycare_house_code, school_number]) as unit_id
    from placed_forms
),

shareable_counts as (
    select
        municipality_code,
        school_year,
        unit_type,
        unit_id,
        count(*) as shareable_forms,
        count(distinct person_key) as shareable_children,
        count(*) filter (where is_sent_to_school) as sent_forms,
        count(*) filter (where is_school_ready) as school_ready_forms,
        count(*) filter (where not is_school_ready) as not_school_ready_forms,
        count(*) filter (where is_school_ready is null) as unsettled_forms
    from unit_forms
    where unit_id is not null
    group by all
),

unit_started_forms as (
    select
        started_forms.municipality_code,
        started_forms.school_year,
        started_forms.forms,
        unnest(['municipality', 'district', 'house']) as unit_type,
        unnest(
            [started_forms.municipality_code, houses.district_code, started_forms.daycare_house_code]
        ) as unit_id
    from started_forms
    left join houses
        on
            started_forms.municipality_code = houses.municipality_code
            and started_forms.daycare_house_code = houses.house_code
),

started_counts as (
    select
        municipality_code,
        school_year,
        unit_type,
        unit_id,
        sum(forms) as started_forms
    from unit_started_forms
    where unit_id is not null
    group by all
),

-- Who has started is known once the following school year has begun and its enrolments have come.
followed_years as (
    select distinct
        municipality_code,
        concat(cast(left(period_label, 4) as bigint) - 1, '/', left(period_label, 4)) as school_year
    from deliveries
    where
        dataset = 'enrolments'
        and is_current
        and make_date(cast(left(period_label, 4) as bigint), 8, 1) <= {{ as_of() }}
),

-- a school is told of no form that it may not see: its rows have neither all forms nor those sent without a consent
units as (
    select
        municipality_code,
        school_year,
        unit_type,
        unit_id
    from form_counts
    union all
    select
        municipality_code,
        school_year,
        unit_type,
        unit_id
    from shareable_counts
    where unit_type = 'school'
),

joined as (
    select
        units.municipality_code,
        units.school_year,
        units.unit_type,
        units.unit_id,
        coalesce(houses.house_name, districts.district_name, institutions.institution_name) as unit_name,
        coalesce(houses.district_code, districts.district_code, institutions.district_code) as district_code,
        form_counts.forms,
        form_counts.children,
        coalesce(shareable_counts.shareable_forms, 0) as shareable_forms,
        coalesce(shareable_counts.shareable_children, 0) as shareable_children,
        coalesce(shareable_counts.sent_forms, 0) as sent_forms,
        coalesce(shareable_counts.school_ready_forms, 0) as school_ready_forms,
        coalesce(shareable_counts.not_school_ready_forms, 0) as not_school_ready_forms,
        coalesce(shareable_counts.unsettled_forms, 0) as unsettled_forms,
        case
            when units.unit_type != 'school' and followed_years.school_year is not null
                then coalesce(started_counts.started_forms, 0)
        end as started_forms,
        form_counts.sent_without_consent_forms
    from units
    left join form_counts
        on
            units.municipality_code = form_counts.municipality_code
            and units.school_year = form_counts.school_year
            and units.unit_type = form_counts.unit_type
            and units.unit_id = form_counts.unit_id
    left join shareable_counts
        on
            units.municipality_code = shareable_counts.municipality_code
            and units.school_year = shareable_counts.school_year
            and units.unit_type = shareable_counts.unit_type
            and units.unit_id = shareable_counts.unit_id
    left join started_counts
        on
            units.municipality_code = started_counts.municipality_code
            and units.school_year = started_counts.school_year
            and units.unit_type = started_counts.unit_type
            and units.unit_id = started_counts.unit_id
    left join followed_years
        on
            units.municipality_code = followed_years.municipality_code
            and units.school_year = followed_years.school_year
    left join houses
        on
            units.municipality_code = houses.municipality_code
            and units.unit_type = 'house'
            and units.unit_id = houses.house_code
    left join districts
        on
            units.municipality_code = districts.municipality_code
            and units.unit_type = 'district'
            and units.unit_id = districts.district_code
    left join institutions
        on
            units.municipality_code = institutions.municipality_code
            and units.unit_type = 'school'
            and units.unit_id = institutions.institution_number
),

final as (
    select
        municipality_code,
        school_year,
        unit_type,
        unit_id,
        unit_name,
        district_code,
        forms,
        children,
        cast(shareable_forms as integer) as shareable_forms,
        cast(shareable_children as integer) as shareable_children,
        cast(forms - shareable_forms as integer) as unshareable_forms,
        {{ share('shareable_forms', 'forms') }} as shareable_share,
        cast(sent_forms as integer) as sent_forms,
        cast(started_forms as integer) as shareable_forms_started_school,
        cast(school_ready_forms as integer) as school_ready_forms,
        cast(not_school_ready_forms as integer) as not_school_ready_forms,
        cast(unsettled_forms as integer) as unsettled_forms,
        {{ share('school_ready_forms', 'shareable_forms') }} as school_ready_share,
        sent_without_consent_forms,
        make_date(cast(right(school_year, 4) as bigint), 7, 31) > {{ as_of() }} as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from joined
)

select * from final
