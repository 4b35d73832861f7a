with

absence as (
    select * from {{ ref('mart_school_absence') }}
),

units as (
    select
        *,
        case
            when grade_group_type = 'stage' and institution_number is not null then 'school_and_stage'
            when grade_group_type = 'stage' then 'stage'
            else institution_level
        end as unit_type,
        case
            when grade_group_type = 'stage' then concat_ws('/', institution_number, school_stage)
            else coalesce(institution_number, municipality_code)
        end as unit_id
    from absence
    where grade_group_type in ('all', 'stage')
),

-- K12: pupils with high absence of all pupils
high_absence as (
    select
        municipality_code,
        'K12' as measure_id,
        'all' as measure_part,
        period_type,
        period,
        make_date(cast(right(school_year, 4) as bigint), 7, 31) as period_end_date,
        unit_type,
        unit_id,
        high_absence_pupils as numerator,
        pupils as denominator,
        pupils as person_count,
        is_preliminary as is_incomplete
    from units
    where period_type = 'school_year'
),

-- K13: pupils whose unlawful absence is to be notified, and pupils whose parents are to be warned
unlawful_absence as (
    select
        municipality_code,
        'K13' as measure_id,
        unnest(['notify', 'warn']) as measure_part,
        period_type,
        period,
        last_day(make_date(
            cast(left(period, 4) as bigint), 3 * cast(right(period, 1) as bigint), 1
        )) as period_end_date,
        unit_type,
        unit_id,
        unnest([unlawful_notify_pupils, unlawful_warn_pupils]) as numerator,
        cast(null as integer) as denominator,
        pupils as person_count,
        is_preliminary as is_incomplete
    from units
    where period_type = 'quarter' and grade_group_type = 'all'
),

measures as (
    select * from high_absence
    union all
    select * from unlawful_absence
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
        case
            when denominator is null then cast(numerator as decimal(18, 6))
            else {{ share('numerator', 'denominator', 'decimal(18, 6)') }}
        end as measure_value,
        cast(person_count as integer) as person_count,
        is_incomplete,
        cast(null as varchar) as open_reason
    from measures
)

select * from final
