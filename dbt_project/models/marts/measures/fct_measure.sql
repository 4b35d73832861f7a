{%- set measured_columns = [
    'municipality_code', 'measure_id', 'measure_part', 'period_type', 'period', 'period_end_date', 'unit_type',
    'unit_id', 'numerator', 'denominator', 'measure_value', 'person_count', 'is_incomplete', 'open_reason'
] -%}

with

budget_measures as (
    select * from {{ ref('int_measures_budget') }}
),

case_measures as (
    select * from {{ ref('int_measures_cases') }}
),

school_absence_measures as (
    select * from {{ ref('int_measures_school_absence') }}
),

referral_measures as (
    select * from {{ ref('int_measures_referrals') }}
),

early_years_measures as (
    select * from {{ ref('int_measures_early_years') }}
),

daycare_measures as (
    select * from {{ ref('int_measures_daycare') }}
),

spending as (
    select * from {{ ref('fct_initiative_spending') }}
    where has_person_postings and not is_unclaimed
),

measure_datasets as (
    select * from {{ ref('measure_dataset') }}
),

targets as (
    select * from {{ ref('measure_target') }}
),

-- what is current, not what ever came: a dataset whose delivery was withdrawn is missing
newest_deliveries as (
    select
        dataset,
        max(as_of) as as_of
    from {{ ref('stg_operations__deliveries') }}
    where is_current
    group by dataset
),

-- a figure is as old as the oldest of its datasets; a frame stands until a new one comes, so it has to be there but
-- ages nothing
measure_ages as (
    select
        measure_datasets.measure_id,
        case
            when bool_and(newest_deliveries.as_of is not null)
                then min(newest_deliveries.as_of) filter (where measure_datasets.role <> 'frame')
        end as data_as_of
    from measure_datasets
    left join newest_deliveries on measure_datasets.dataset = newest_deliveries.dataset
    group by measure_datasets.measure_id
),

-- money booked on single persons would tell of them, to the øre, and so would all that is measured of it
person_initiatives as (
    select distinct
        municipality_code,
        concat(agreement_year, '/', initiative_id) as unit_id
    from spending
    where posting_year = agreement_year
),

measured as (
    select {{ measured_columns | join(', ') }} from budget_measures
    union all
    select {{ measured_columns | join(', ') }} from case_measures
    union all
    select {{ measured_columns | join(', ') }} from school_absence_measures
    union all
    select {{ measured_columns | join(', ') }} from referral_measures
    union all
    select {{ measured_columns | join(', ') }} from early_years_measures
    union all
    select {{ measured_columns | join(', ') }} from daycare_measures
),

with_target as (
    select
        measured.*,
        measure_ages.data_as_of,
        targets.target_value as target,
        person_initiatives.unit_id is not null as has_person_postings,
        case when targets.is_judgeable then targets.comparison end as target_comparison
    from measured
    left join measure_ages on measured.measure_id = measure_ages.measure_id
    left join targets
        on
            measured.measure_id = targets.measure_id
            and measured.measure_part = targets.measure_part
            and list_contains(string_split(targets.unit_types, ', '), measured.unit_type)
            and measured.period_end_date >= targets.valid_from
            and (targets.valid_to is null or measured.period_end_date <= targets.valid_to)
    left join person_initiatives
        on
            measured.unit_type = 'initiative'
            and measured.municipality_code = person_initiatives.municipality_code
            and measured.unit_id = person_initiatives.unit_id
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
        numerator,
        denominator,
        measure_value as value,
        person_count,
        coalesce(is_incomplete, false) as is_incomplete,
        cast(target as decimal(18, 6)) as target,
        target_comparison,
        case target_comparison when '>=' then measure_value >= target when '<=' then measure_value <= target end
            as is_target_met,
        coalesce(is_incomplete, false)
        or coalesce(period_end_date > least(data_as_of, {{ as_of() }}), true)
        or data_as_of is null as is_preliminary,
        case
            when data_as_of is null
                then coalesce(open_reason, 'En leverance mangler / A delivery is missing')
            else open_reason
        end as open_reason,
        data_as_of,
        has_person_postings,
        {{ is_synthetic() }} as is_synthetic
    from with_target
)

select * from final
