with

enrolments as (
    select * from {{ ref('stg_school_absence__enrolments') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

districts as (
    select * from {{ ref('district') }}
),

district_spellings as (
    select * from {{ ref('district_spelling') }}
),

school_days as (
    select * from {{ ref('int_school_days') }}
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where dataset = 'enrolments' and is_accepted and is_current
),

-- each delivery has one school year; it tells of its days up to its extract
covered_years as (
    select
        municipality_code,
        {{ school_year('period_from') }} as school_year,
        max(least(period_to, as_of, {{ as_of() }})) as covered_to_date,
        max(period_to) as last_date
    from deliveries
    where period_from <= {{ as_of() }}
    group by all
),

-- pupils are counted on the last school day that is covered: in the summer holiday many have already been taken off
years as (
    select
        covered_years.municipality_code,
        covered_years.school_year,
        covered_years.covered_to_date,
        covered_years.covered_to_date < covered_years.last_date as is_preliminary,
        concat(
            cast(left(covered_years.school_year, 4) as integer) - 1, '/', left(covered_years.school_year, 4)
        ) as previous_school_year,
        coalesce(max(school_days.school_day), covered_years.covered_to_date) as counted_on_date
    from covered_years
    left join school_days
        on
            covered_years.municipality_code = school_days.municipality_code
            and covered_years.school_year = school_days.school_year
            and covered_years.covered_to_date >= school_days.school_day
    group by
        covered_years.municipality_code,
        covered_years.school_year,
        covered_years.covered_to_date,
        covered_years.last_date
),

-- the enrolments that have begun, each with the one before it; departments are of their school's kind
spells as (
    select
        enrolments.municipality_code,
        enrolments.person_key,
        enrolments.school_year,
        enrolments.enrolled_from,
        enrolments.enrolled_to,
        district_spellings.district_code,
        coalesce(institutions.main_institution_number, enrolments.institution_number) as school_number,
        institutions.institution_type,
        lag(institutions.institution_type) over pupil_spells as previous_institution_type,
        lag(enrolments.school_year) over pupil_spells as previous_spell_school_year
    from enrolments
    inner join years
        on
            enrolments.municipality_code = years.municipality_code
            and enrolments.school_year = years.school_year
            and enrolments.enrolled_from <= years.covered_to_date
    left join institutions
        on
            enrolments.municipality_code = institutions.municipality_code
            and enrolments.institution_number = institutions.institution_number
    left join district_spellings
        on
            enrolments.municipality_code = district_spellings.municipality_code
            and enrolments.district_name = district_spellings.district_spelling
    window pupil_spells as (
        partition by enrolments.municipality_code, enrolments.person_key
        order by enrolments.enrolled_from
    )
),

-- a move is told of where the pupil came to, in the school year that it came in
marked_spells as (
    select
        spells.*,
        years.counted_on_date between spells.enrolled_from and spells.enrolled_to as is_counted,
        spells.institution_type = 'specialskole' as is_special,
        coalesce(
            spells.previous_institution_type = 'specialskole' and spells.institution_type = 'folkeskole', false
        ) as is_to_folkeskole,
        coalesce(
            spells.previous_institution_type = 'folkeskole' and spells.institution_type = 'specialskole', false
        ) as is_to_special,
        coalesce(spells.previous_spell_school_year = spells.school_year, false) as is_within_year,
        coalesce(spells.previous_spell_school_year = years.previous_school_year, false) as is_between_years
    from spells
    inner join years
        on
            spells.municipality_code = years.municipality_code
            and spells.school_year = years.school_year
),

unit_spells as (
    select
        *,
        unnest(['school', 'district', 'municipality']) as unit_type,
        unnest([school_number, district_code, municipality_code]) as unit_id
    from marked_spells
),

cells as (
    select
        municipality_code,
        school_year,
        unit_type,
        unit_id,
        count(distinct person_key) as pupils_in_year,
        count(distinct person_key) filter (where is_counted) as pupils,
        count(distinct person_key) filter (where is_counted and is_special) as special_school_pupils,
        count(distinct person_key) filter (where is_to_folkeskole and is_within_year) as to_folkeskole_within_year,
        count(distinct person_key) filter (where is_to_folkeskole and is_between_years) as to_folkeskole_between_years,
        count(distinct person_key) filter (where is_to_special and is_within_year) as to_special_within_year,
        count(distinct person_key) filter (where is_to_special and is_between_years) as to_special_between_years
    from unit_spells
    where unit_id is not null
    group by all
),

-- what happened between two school years is unknown where the year before was not delivered
final as (
    select
        cells.municipality_code,
        cells.school_year,
        cells.unit_type,
        cells.unit_id,
        coalesce(institutions.institution_name, districts.district_name) as unit_name,
        institutions.institution_type,
        cast(cells.pupils_in_year as integer) as pupils_in_year,
        cast(cells.pupils as integer) as pupils,
        cast(cells.special_school_pupils as integer) as special_school_pupils,
        {{ share('cells.special_school_pupils', 'cells.pupils') }} as special_school_share,
        cast(cells.to_folkeskole_within_year as integer) as to_folkeskole_within_year,
        case when previous_years.school_year is not null then cast(cells.to_folkeskole_between_years as integer) end
            as to_folkeskole_between_years,
        cast(cells.to_special_within_year as integer) as to_special_within_year,
        case when previous_years.school_year is not null then cast(cells.to_special_between_years as integer) end
            as to_special_between_years,
        years.counted_on_date,
        years.is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from cells
    inner join years
        on
            cells.municipality_code = years.municipality_code
            and cells.school_year = years.school_year
    left join years as previous_years
        on
            years.municipality_code = previous_years.municipality_code
            and years.previous_school_year = previous_years.school_year
    left join institutions
        on
            cells.municipality_code = institutions.municipality_code
            and cells.unit_type = 'school'
            and cells.unit_id = institutions.institution_number
    left join districts
        on
            cells.municipality_code = districts.municipality_code
            and cells.unit_type = 'district'
            and cells.unit_id = districts.district_code
)

select * from final
