with

pupil_absence as (
    select * from {{ ref('int_pupil_absence') }}
),

school_days as (
    select * from {{ ref('int_school_days') }}
),

covered_school_days as (
    select * from {{ ref('int_covered_school_days') }}
),

thresholds as (
    select * from {{ ref('int_thresholds') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

ministry_values as (
    select * from {{ ref('stg_school_absence__absence_statistics') }}
    where place_municipality_code = municipality_code
),

-- school year, calendar quarter (of the law on unlawful absence) and month; July has no school days, so a quarter
-- never mixes two school years (assert_a_quarter_has_one_school_year)
pupil_periods as (
    select
        'school_year' as period_type,
        school_year as period,
        *
    from pupil_absence
    union all
    select
        'quarter' as period_type,
        {{ quarter_label('month_start') }} as period,
        *
    from pupil_absence
    union all
    select
        'month' as period_type,
        {{ month_label('month_start') }} as period,
        *
    from pupil_absence
),

-- A pupil counts once in each cell, with the days in that cell: one who moved counts at both schools, and once in the
-- municipality. An empty school means all schools, an empty stage or grade all of them.
pupil_cells as (
    select
        municipality_code,
        period_type,
        period,
        school_number,
        school_stage,
        grade_level,
        person_key,
        max(school_year) as school_year,
        count(distinct month_start) filter (where school_days > 0) as months_registered,
        sum(planned_school_days) as planned_school_days,
        sum(school_days) as school_days,
        sum(sick_days) as sick_days,
        sum(permitted_days) as permitted_days,
        sum(unlawful_days) as unlawful_days,
        sum(sick_days + permitted_days + unlawful_days) as absence_days
    from pupil_periods
    group by grouping sets (
        (municipality_code, period_type, period, person_key),
        (municipality_code, period_type, period, person_key, school_stage),
        (municipality_code, period_type, period, person_key, school_stage, grade_level),
        (municipality_code, period_type, period, person_key, school_number),
        (municipality_code, period_type, period, person_key, school_number, school_stage),
        (municipality_code, period_type, period, person_key, school_number, school_stage, grade_level)
    )
),

calendar_periods as (
    select
        school_days.municipality_code,
        school_days.school_day,
        covered_school_days.school_day is not null as is_covered,
        unnest(['school_year', 'quarter', 'month']) as period_type,
        unnest([
            school_days.school_year,
            {{ quarter_label('school_days.school_day') }},
            {{ month_label('school_days.school_day') }}
        ]) as period
    from school_days
    left join covered_school_days
        on
            school_days.municipality_code = covered_school_days.municipality_code
            and school_days.school_day = covered_school_days.school_day
),

periods as (
    select
        municipality_code,
        period_type,
        period,
        min(school_day) as first_school_day,
        max(school_day) filter (where is_covered) as covered_to_date,
        not bool_and(is_covered) as is_preliminary,
        count(*) filter (where is_covered and school_day < date_trunc('month', {{ as_of() }})) as full_month_days,
        count(distinct month(school_day)) filter (
            where is_covered and school_day < date_trunc('month', {{ as_of() }})
        ) as full_months
    from calendar_periods
    group by all
),

period_thresholds as (
    select
        periods.municipality_code,
        periods.period_type,
        periods.period,
        periods.covered_to_date,
        periods.is_preliminary,
        periods.full_month_days,
        periods.full_months,
        max(thresholds.threshold_value) filter (
            where thresholds.threshold_name = 'high_absence_share'
        ) as high_absence_share,
        max(thresholds.threshold_value) filter (
            where thresholds.threshold_name = 'unlawful_warn_share'
        ) as unlawful_warn_share,
        max(thresholds.threshold_value) filter (
            where thresholds.threshold_name = 'unlawful_notify_share'
        ) as unlawful_notify_share
    from periods
    left join thresholds
        on
            periods.first_school_day >= thresholds.valid_from
            and periods.first_school_day < thresholds.valid_before
    group by all
),

judged_pupils as (
    select
        pupil_cells.*,
        period_thresholds.covered_to_date,
        period_thresholds.is_preliminary,
        period_thresholds.full_month_days,
        period_thresholds.full_months,
        cast(round(pupil_cells.absence_days / pupil_cells.school_days, 12) as decimal(14, 12)) as absence_share,
        -- The rules are shares of the whole period's school days. In an unfinished period the days to come count too,
        -- as the calendar plans them, or one day away would be much of the few days so far.
        -- above ten per cent of the pupil's own school days, in a school year
        case
            when pupil_cells.period_type = 'school_year'
                then pupil_cells.absence_days > period_thresholds.high_absence_share * pupil_cells.planned_school_days
        end as has_high_absence,
        -- at least so much unlawful absence, in a quarter
        case
            when pupil_cells.period_type = 'quarter'
                then
                    pupil_cells.unlawful_days
                    >= period_thresholds.unlawful_warn_share * pupil_cells.planned_school_days
        end as is_to_be_warned,
        case
            when pupil_cells.period_type = 'quarter'
                then
                    pupil_cells.unlawful_days
                    >= period_thresholds.unlawful_notify_share * pupil_cells.planned_school_days
        end as is_to_be_notified
    from pupil_cells
    inner join period_thresholds
        on
            pupil_cells.municipality_code = period_thresholds.municipality_code
            and pupil_cells.period_type = period_thresholds.period_type
            and pupil_cells.period = period_thresholds.period
    -- periods to come have planned days and nobody in them yet
    where pupil_cells.school_days > 0
),

cells as (
    select
        municipality_code,
        period_type,
        period,
        school_number,
        school_stage,
        grade_level,
        max(school_year) as school_year,
        max(covered_to_date) as covered_to_date,
        bool_or(is_preliminary) as is_preliminary,
        max(full_month_days) as full_month_days,
        max(full_months) as full_months,
        count(*) as pupils,
        sum(school_days) as school_days,
        sum(sick_days) as sick_days,
        sum(permitted_days) as permitted_days,
        sum(unlawful_days) as unlawful_days,
        sum(absence_days) as absence_days,
        sum(months_registered) as months_registered,
        sum(months_registered * absence_share) as weighted_absence_share,
        count(has_high_absence) as judged_high_absence,
        count(*) filter (where has_high_absence) as high_absence_pupils,
        count(is_to_be_warned) as judged_unlawful,
        count(*) filter (where is_to_be_warned) as unlawful_warn_pupils,
        count(*) filter (where is_to_be_notified) as unlawful_notify_pupils
    from judged_pupils
    group by
        municipality_code,
        period_type,
        period,
        school_number,
        school_stage,
        grade_level
),

ministry as (
    select
        municipality_code,
        school_stage,
        school_year,
        max(measure_value) filter (where measure_code = 'absence') as absence_percent,
        max(measure_value) filter (where measure_code = 'sick') as sick_percent,
        max(measure_value) filter (where measure_code = 'unlawful') as unlawful_percent,
        max(measure_value) filter (where measure_code = 'high_absence') as high_absence_percent
    from ministry_values
    group by all
),

final as (
    select
        cells.municipality_code,
        cells.period_type,
        cells.period,
        cells.school_year,
        case when cells.school_number is null then 'municipality' else 'school' end as institution_level,
        cells.school_number as institution_number,
        institutions.institution_name,
        case
            when cells.grade_level is not null then 'grade'
            when cells.school_stage is not null then 'stage'
            else 'all'
        end as grade_group_type,
        cells.school_stage,
        cells.grade_level,
        cast(cells.pupils as integer) as pupils,
        cast(cells.months_registered as integer) as pupil_months,
        {{ share('cells.full_month_days', 'cells.full_months') }} as mean_month_school_days,
        cast(cells.school_days as bigint) as school_days,
        cast(cells.sick_days as bigint) as sick_days,
        cast(cells.permitted_days as bigint) as permitted_days,
        cast(cells.unlawful_days as bigint) as unlawful_days,
        cast(cells.absence_days as bigint) as absence_days,
        {{ share('cells.absence_days', 'cells.school_days') }} as absence_share,
        {{ share('cells.sick_days', 'cells.school_days') }} as sick_share,
        {{ share('cells.permitted_days', 'cells.school_days') }} as permitted_share,
        {{ share('cells.unlawful_days', 'cells.school_days') }} as unlawful_share,
        {{ share('cells.weighted_absence_share', 'cells.months_registered') }} as mean_pupil_absence_share,
        case when cells.judged_high_absence > 0 then cast(cells.high_absence_pupils as integer) end
            as high_absence_pupils,
        case when cells.judged_high_absence > 0 then {{ share('cells.high_absence_pupils', 'cells.pupils') }} end
            as high_absence_share,
        case when cells.judged_unlawful > 0 then cast(cells.unlawful_warn_pupils as integer) end
            as unlawful_warn_pupils,
        case when cells.judged_unlawful > 0 then cast(cells.unlawful_notify_pupils as integer) end
            as unlawful_notify_pupils,
        cast(ministry.absence_percent / 100 as decimal(9, 6)) as ministry_absence_share,
        cast(ministry.sick_percent / 100 as decimal(9, 6)) as ministry_sick_share,
        cast(ministry.unlawful_percent / 100 as decimal(9, 6)) as ministry_unlawful_share,
        cast(ministry.high_absence_percent / 100 as decimal(9, 6)) as ministry_high_absence_share,
        cells.covered_to_date,
        cells.is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from cells
    left join institutions
        on
            cells.municipality_code = institutions.municipality_code
            and cells.school_number = institutions.institution_number
    left join ministry
        on
            cells.municipality_code = ministry.municipality_code
            and cells.period_type = 'school_year'
            and cells.period = ministry.school_year
            and cells.school_stage = ministry.school_stage
            and cells.school_number is null
            and cells.grade_level is null
)

select * from final
