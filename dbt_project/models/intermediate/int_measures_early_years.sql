with

health as (
    select * from {{ ref('mart_sundhedsplejen') }}
),

starts as (
    select * from {{ ref('mart_skolestart') }}
),

transitions as (
    select * from {{ ref('mart_overgang_dagtilbud_skole') }}
    where unit_type in ('municipality', 'house')
),

notifications as (
    select * from {{ ref('stg_referrals__notifications') }}
    where received_date <= {{ as_of() }} and age_years between 1 and 6
),

residents as (
    select * from {{ ref('stg_school_absence__residents') }}
),

examination_answers as (
    select * from {{ ref('stg_trivsel__examination_answers') }}
),

wellbeing_answers as (
    select * from {{ ref('stg_trivsel__wellbeing_answers') }}
    where form = '0-3' and grade_level = 0 and answer_value is not null
),

wellbeing_questions as (
    select * from {{ ref('int_wellbeing_questions') }}
),

wellbeing_scales as (
    select * from {{ ref('wellbeing_scale') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

districts as (
    select * from {{ ref('district') }}
),

covered_days as (
    select * from {{ ref('int_covered_days') }}
    where dataset = 'notifications'
),

k21 as (
    select
        municipality_code,
        'K21' as measure_id,
        'all' as measure_part,
        'birth_year' as period_type,
        cast(birth_year as varchar) as period,
        make_date(birth_year + 1, 12, 31) as period_end_date,
        unit_type,
        unit_id,
        screenings_with_effort as numerator,
        screenings as denominator,
        1 as factor,
        screened_children as person_count,
        false as is_incomplete,
        cast(null as varchar) as open_reason
    from health
    where visit_type_code = 'all' and screenings > 0
),

-- the children of a year are counted on its last day, or on the last that the register tells of
years as (
    select
        municipality_code,
        min(resident_from) as first_resident_from,
        max(statement_date) as statement_date,
        cast(unnest(generate_series(year(min(resident_from)), year({{ as_of() }}))) as integer) as calendar_year
    from residents
    group by municipality_code
),

reference_days as (
    select
        municipality_code,
        calendar_year,
        least(make_date(calendar_year, 12, 31), statement_date) as reference_day
    from years
    where least(make_date(calendar_year, 12, 31), statement_date) >= first_resident_from
),

residents_of_age as (
    select distinct
        reference_days.municipality_code,
        reference_days.calendar_year,
        residents.person_key,
        residents.district_code
    from reference_days
    inner join residents
        on
            reference_days.municipality_code = residents.municipality_code
            and reference_days.reference_day >= residents.resident_from
            and (residents.resident_to is null or reference_days.reference_day <= residents.resident_to)
    where datesub('year', residents.birth_date, reference_days.reference_day) between 1 and 6
),

resident_units as (
    select
        municipality_code,
        calendar_year,
        person_key,
        unnest(['municipality', 'district']) as unit_type,
        unnest([municipality_code, district_code]) as unit_id
    from residents_of_age
),

resident_counts as (
    select
        municipality_code,
        calendar_year,
        unit_type,
        unit_id,
        count(distinct person_key) as residents
    from resident_units
    where unit_id is not null
    group by all
),

notification_units as (
    select
        municipality_code,
        cast(year(received_date) as integer) as calendar_year,
        unnest(['municipality', 'district']) as unit_type,
        unnest([municipality_code, district_code]) as unit_id
    from notifications
),

notification_counts as (
    select
        municipality_code,
        calendar_year,
        unit_type,
        unit_id,
        count(*) as notifications
    from notification_units
    group by all
),

covered_years as (
    select
        municipality_code,
        cast(year(covered_day) as integer) as calendar_year,
        count(*) as covered_day_count
    from covered_days
    group by all
),

-- the residents' register reaches further back than the notifications do
first_covered_years as (
    select
        municipality_code,
        min(calendar_year) as calendar_year
    from covered_years
    group by municipality_code
),

-- a year of which no delivery tells has no concerns known, which is not none
k22 as (
    select
        resident_counts.municipality_code,
        'K22' as measure_id,
        'all' as measure_part,
        'year' as period_type,
        cast(resident_counts.calendar_year as varchar) as period,
        make_date(resident_counts.calendar_year, 12, 31) as period_end_date,
        resident_counts.unit_type,
        resident_counts.unit_id,
        case
            when covered_years.covered_day_count is not null then coalesce(notification_counts.notifications, 0)
        end as numerator,
        resident_counts.residents as denominator,
        1000 as factor,
        resident_counts.residents as person_count,
        coalesce(covered_years.covered_day_count, 0)
        <= date_diff(
            'day',
            make_date(resident_counts.calendar_year, 1, 1),
            least(make_date(resident_counts.calendar_year, 12, 31), {{ as_of() }})
        ) as is_incomplete,
        case
            when covered_years.covered_day_count is null
                then 'Ingen leverance af underretninger dækker året / No delivery of notifications covers the year'
        end as open_reason
    from resident_counts
    inner join first_covered_years
        on
            resident_counts.municipality_code = first_covered_years.municipality_code
            and resident_counts.calendar_year >= first_covered_years.calendar_year
    left join districts
        on
            resident_counts.municipality_code = districts.municipality_code
            and resident_counts.unit_id = districts.district_code
    left join covered_years
        on
            resident_counts.municipality_code = covered_years.municipality_code
            and resident_counts.calendar_year = covered_years.calendar_year
    left join notification_counts
        on
            resident_counts.municipality_code = notification_counts.municipality_code
            and resident_counts.calendar_year = notification_counts.calendar_year
            and resident_counts.unit_type = notification_counts.unit_type
            and resident_counts.unit_id = notification_counts.unit_id
    where resident_counts.unit_type = 'municipality' or districts.district_code is not null
),

k23 as (
    select
        municipality_code,
        'K23' as measure_id,
        'all' as measure_part,
        'birth_year' as period_type,
        cast(birth_year as varchar) as period,
        make_date(birth_year, 12, 31) as period_end_date,
        unit_type,
        unit_id,
        children_positive_attachment as numerator,
        children_observed as denominator,
        1 as factor,
        children_observed as person_count,
        is_incomplete,
        cast(null as varchar) as open_reason
    from health
    where visit_type_code = 'all' and children_observed > 0
),

k24 as (
    select
        municipality_code,
        'K24' as measure_id,
        'all' as measure_part,
        'birth_year' as period_type,
        cast(birth_year as varchar) as period,
        make_date(birth_year + 6, 12, 31) as period_end_date,
        unit_type,
        unit_id,
        late_children as numerator,
        children as denominator,
        1 as factor,
        children as person_count,
        false as is_incomplete,
        cast(null as varchar) as open_reason
    from starts
),

wellbeing_most_positive as (
    select
        wellbeing_answers.municipality_code,
        wellbeing_answers.school_year,
        wellbeing_answers.institution_number,
        concat('wellbeing-', lpad(cast(wellbeing_answers.question_number as varchar), 2, '0')) as measure_part,
        wellbeing_answers.respondent_key as answered_by,
        wellbeing_answers.answer_value = case
            when wellbeing_questions.is_reversed then wellbeing_scales.lowest_answer
            else wellbeing_scales.highest_answer
        end as is_most_positive,
        'Ministeriet har ingen indikator for 0.-3. klasse / The ministry has no indicator for grades 0-3'
            as open_reason
    from wellbeing_answers
    inner join wellbeing_questions
        on
            wellbeing_answers.school_year = wellbeing_questions.school_year
            and wellbeing_answers.form = wellbeing_questions.form
            and wellbeing_answers.question_number = wellbeing_questions.question_number
    inner join wellbeing_scales on wellbeing_answers.form = wellbeing_scales.form
),

-- the two sources share no key of persons; each answers for itself
most_positive_answers as (
    select
        municipality_code,
        school_year,
        institution_number,
        concat('examination-', question_number) as measure_part,
        person_key as answered_by,
        is_most_positive,
        cast(null as varchar) as open_reason
    from examination_answers
    union all
    select * from wellbeing_most_positive
),

answer_units as (
    select
        most_positive_answers.*,
        unnest(['municipality', 'school']) as unit_type,
        unnest([
            most_positive_answers.municipality_code,
            coalesce(institutions.main_institution_number, most_positive_answers.institution_number)
        ]) as unit_id
    from most_positive_answers
    left join institutions
        on
            most_positive_answers.municipality_code = institutions.municipality_code
            and most_positive_answers.institution_number = institutions.institution_number
),

k25 as (
    select
        municipality_code,
        'K25' as measure_id,
        measure_part,
        'school_year' as period_type,
        school_year as period,
        make_date(cast(right(school_year, 4) as bigint), 7, 31) as period_end_date,
        unit_type,
        unit_id,
        count(*) filter (where is_most_positive) as numerator,
        count(*) as denominator,
        1 as factor,
        count(distinct answered_by) as person_count,
        false as is_incomplete,
        open_reason
    from answer_units
    where unit_id is not null
    group by all
),

k31 as (
    select
        municipality_code,
        'K31' as measure_id,
        visit_type_code as measure_part,
        'birth_year' as period_type,
        cast(birth_year as varchar) as period,
        make_date(birth_year + 1, 12, 31) as period_end_date,
        unit_type,
        unit_id,
        children_held_in_window as numerator,
        children_reached as denominator,
        1 as factor,
        children_reached as person_count,
        is_incomplete,
        cast(null as varchar) as open_reason
    from health
    where visit_type_code != 'all' and children_reached > 0
),

k32 as (
    select
        municipality_code,
        'K32' as measure_id,
        'all' as measure_part,
        'school_year' as period_type,
        school_year as period,
        make_date(cast(right(school_year, 4) as bigint), 7, 31) as period_end_date,
        unit_type,
        unit_id,
        shareable_forms as numerator,
        forms as denominator,
        1 as factor,
        children as person_count,
        false as is_incomplete,
        cast(null as varchar) as open_reason
    from transitions
),

united as (
    select * from k21
    union all
    select * from k22
    union all
    select * from k23
    union all
    select * from k24
    union all
    select * from k25
    union all
    select * from k31
    union all
    select * from k32
),

final as (
    select
        municipality_code,
        measure_id,
        measure_part,
        period_type,
        period,
        period_end_date,
        unit_type,
        unit_id,
        cast(numerator as decimal(18, 4)) as numerator,
        cast(denominator as decimal(18, 4)) as denominator,
        {{ share('numerator * factor', 'denominator', 'decimal(18, 6)') }} as measure_value,
        cast(person_count as integer) as person_count,
        is_incomplete,
        open_reason,
        {{ is_synthetic() }} as is_synthetic
    from united
)

select * from final
