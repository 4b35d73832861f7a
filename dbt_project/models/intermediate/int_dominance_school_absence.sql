with

pupil_months as (
    select
        municipality_code,
        {{ month_label('month_start') }} as period,
        school_number as institution_number,
        school_stage,
        person_key,
        sum(sick_days) as sick_days,
        sum(unlawful_days) as unlawful_days,
        sum(permitted_days) as permitted_days
    from {{ ref('int_pupil_absence') }}
    group by all
    having sum(school_days) > 0
),

final as (
    select
        municipality_code,
        period,
        institution_number,
        school_stage,
        {{ two_largest('sick_days', 'bigint') }} as sick_days,
        {{ two_largest('unlawful_days', 'bigint') }} as unlawful_days,
        {{ two_largest('permitted_days', 'bigint') }} as permitted_days
    from pupil_months
    group by all
)

select * from final
