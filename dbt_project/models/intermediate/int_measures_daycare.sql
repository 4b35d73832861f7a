with

activities as (
    select * from {{ ref('stg_referrals__activities') }}
),

surveys as (
    select * from {{ ref('stg_referrals__surveys') }}
    where survey_code = 'SOB-M2' and agreeing_count is not null
),

inspected as (
    select * from {{ ref('mart_tilsyn') }}
    where unit_type in ('municipality', 'district')
),

targets as (
    select * from {{ ref('course_target') }}
),

settings as (
    select * from {{ ref('measure_setting') }}
    where setting_name = 'K29_institutions' and (valid_from is null or valid_from <= {{ as_of() }})
    qualify row_number() over (partition by municipality_code order by valid_from desc nulls last) = 1
),

courses as (
    select
        *,
        cast(year(coalesce(last_date, first_date)) as integer) as course_year
    from activities
    where activity_kind = 'Kompetenceforløb' and activity_status = 'Gennemført'
),

-- what was promised for the whole project is counted year upon year
course_years as (
    select
        municipality_code,
        cast(unnest(generate_series(min(course_year), year({{ as_of() }}))) as integer) as calendar_year
    from courses
    group by municipality_code
),

course_counts as (
    select
        course_years.municipality_code,
        course_years.calendar_year,
        targets.measure_part,
        targets.target_count,
        targets.profession_group is not null as is_profession,
        case targets.measure_part
            when 'institutioner' then count(distinct courses.house_code)
            when 'distrikter' then count(distinct courses.district_code) filter (where courses.house_code is not null)
            else
                coalesce(
                    sum(courses.completed_participants) filter (
                        where courses.profession_group = targets.profession_group
                    ),
                    0
                )
        end as completed_count
    from course_years
    inner join targets on course_years.municipality_code = targets.municipality_code
    inner join courses
        on
            course_years.municipality_code = courses.municipality_code
            and course_years.calendar_year >= courses.course_year
    group by
        course_years.municipality_code,
        course_years.calendar_year,
        targets.measure_part,
        targets.profession_group,
        targets.target_count
),

k26 as (
    select
        municipality_code,
        'K26' as measure_id,
        measure_part,
        'year' as period_type,
        cast(calendar_year as varchar) as period,
        make_date(calendar_year, 12, 31) as period_end_date,
        'municipality' as unit_type,
        municipality_code as unit_id,
        completed_count as numerator,
        target_count as denominator,
        case when is_profession then completed_count end as person_count,
        case
            when target_count is null then 'Der er ikke sat et tal for PPR / No number is set for PPR'
        end as open_reason
    from course_counts
),

survey_units as (
    select
        *,
        unnest(['municipality', 'house']) as unit_type,
        unnest([municipality_code, house_code]) as unit_id
    from surveys
),

k27 as (
    select
        municipality_code,
        'K27' as measure_id,
        question_code as measure_part,
        'wave' as period_type,
        cast(wave_number as varchar) as period,
        -- a wave ends for all units on its last day
        max(max(survey_to)) over (partition by municipality_code, wave_number) as period_end_date,
        unit_type,
        unit_id,
        sum(agreeing_count) as numerator,
        sum(answered_count) as denominator,
        sum(answered_count) as person_count,
        cast(null as varchar) as open_reason
    from survey_units
    where unit_id is not null
    group by municipality_code, question_code, wave_number, unit_type, unit_id
),

begun_activities as (
    select
        *,
        cast(year(first_date) as integer) as calendar_year,
        unnest(['municipality', 'house']) as unit_type,
        unnest([municipality_code, house_code]) as unit_id
    from activities
    where activity_status in ('I gang', 'Gennemført') and first_date <= {{ as_of() }}
),

k28 as (
    select
        municipality_code,
        'K28' as measure_id,
        'all' as measure_part,
        'year' as period_type,
        cast(calendar_year as varchar) as period,
        make_date(calendar_year, 12, 31) as period_end_date,
        unit_type,
        unit_id,
        sum(participants) - sum(participants_before) as numerator,
        sum(participants_before) as denominator,
        sum(participants) as person_count,
        cast(null as varchar) as open_reason
    from begun_activities
    where activity_kind = 'Fælles aktivitet' and unit_id is not null
    group by all
),

communities as (
    select * from begun_activities
    where activity_kind = 'Fællesskab' and unit_id is not null
),

-- a unit has its years from its first community on
community_years as (
    select
        municipality_code,
        unit_type,
        unit_id,
        cast(unnest(generate_series(min(calendar_year), year({{ as_of() }}))) as integer) as calendar_year
    from communities
    group by municipality_code, unit_type, unit_id
),

community_counts as (
    select
        community_years.municipality_code,
        community_years.unit_type,
        community_years.unit_id,
        community_years.calendar_year,
        count(*) as communities
    from community_years
    inner join communities
        on
            community_years.municipality_code = communities.municipality_code
            and community_years.unit_type = communities.unit_type
            and community_years.unit_id = communities.unit_id
            and community_years.calendar_year >= communities.calendar_year
    group by all
),

k29 as (
    select
        community_counts.municipality_code,
        'K29' as measure_id,
        'all' as measure_part,
        'year' as period_type,
        cast(community_counts.calendar_year as varchar) as period,
        make_date(community_counts.calendar_year, 12, 31) as period_end_date,
        community_counts.unit_type,
        community_counts.unit_id,
        community_counts.communities as numerator,
        case when community_counts.unit_type = 'house' then 1 else settings.setting_value end as denominator,
        cast(null as bigint) as person_count,
        cast(null as varchar) as open_reason
    from community_counts
    left join settings on community_counts.municipality_code = settings.municipality_code
),

k30 as (
    select
        municipality_code,
        'K30' as measure_id,
        'all' as measure_part,
        'month' as period_type,
        month_label as period,
        month_end_date as period_end_date,
        unit_type,
        unit_id,
        inspected_houses as numerator,
        houses as denominator,
        cast(null as bigint) as person_count,
        case
            when inspected_houses is null
                then 'Ingen oplysninger om tilsyn er leveret / Nothing about inspections has been delivered'
        end as open_reason
    from inspected
),

united as (
    select * from k26
    union all
    select * from k27
    union all
    select * from k28
    union all
    select * from k29
    union all
    select * from k30
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
        {{ share('numerator', 'denominator', 'decimal(18, 6)') }} as measure_value,
        cast(person_count as integer) as person_count,
        false as is_incomplete,
        open_reason,
        {{ is_synthetic() }} as is_synthetic
    from united
)

select * from final
