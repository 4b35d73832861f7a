with

icehearts as (
    select * from {{ ref('mart_icehearts') }}
),

icehearts_children as (
    select * from {{ ref('int_icehearts_children') }}
),

memberships_known as (
    select * from {{ ref('int_register_known_through') }}
    where dataset = 'memberships'
),

leisure_grants as (
    select * from {{ ref('stg_referrals__leisure_grants') }}
    where is_granted and granted_year <= year({{ as_of() }})
),

contacts as (
    select * from {{ ref('stg_referrals__anonymous_contacts') }}
    where place_name = 'Headspace' and is_12_to_25 and contact_month <= {{ as_of() }}
),

institutions as (
    select * from {{ ref('institution') }}
),

-- what was cancelled was not, and what begins after the night is a plan
activities as (
    select
        activities.*,
        activity_kinds.measure_id,
        coalesce(institutions.main_institution_number, activities.institution_number) as school_number
    from {{ ref('stg_referrals__activities') }} as activities
    inner join {{ ref('activity_kind') }} as activity_kinds
        on
            activities.municipality_code = activity_kinds.municipality_code
            and activities.activity_kind = activity_kinds.activity_kind
    left join institutions
        on
            activities.municipality_code = institutions.municipality_code
            and activities.institution_number = institutions.institution_number
    where not activities.is_cancelled and activities.first_date <= {{ as_of() }}
),

-- K14: participants of the anxiety groups of a year, of those who were expected
anxiety_groups as (
    select
        municipality_code,
        'K14' as measure_id,
        'all' as measure_part,
        'year' as period_type,
        cast(year(first_date) as varchar) as period,
        make_date(year(first_date), 12, 31) as period_end_date,
        'municipality' as unit_type,
        municipality_code as unit_id,
        sum(coalesce(participants, 0)) as numerator,
        sum(expected_participants) as denominator,
        sum(coalesce(participants, 0)) as person_count,
        false as is_incomplete,
        cast(null as varchar) as open_reason
    from activities
    where measure_id = 'K14'
    group by all
),

-- K15: enquiries of the young at Headspace; a year that lacks a month's statement is not whole
contact_periods as (
    select
        municipality_code,
        contact_month,
        contact_count,
        unnest(['month', 'year']) as period_type,
        unnest([{{ month_label('contact_month') }}, cast(year(contact_month) as varchar)]) as period,
        unnest([last_day(contact_month), make_date(year(contact_month), 12, 31)]) as period_end_date
    from contacts
),

headspace as (
    select
        municipality_code,
        'K15' as measure_id,
        'all' as measure_part,
        period_type,
        period,
        period_end_date,
        'municipality' as unit_type,
        municipality_code as unit_id,
        sum(contact_count) as numerator,
        cast(null as bigint) as denominator,
        cast(null as bigint) as person_count,
        period_type = 'year' and count(distinct contact_month) < 12 as is_incomplete,
        'Succesmålet for henvendelser er ikke oplyst / The target for enquiries is not stated' as open_reason
    from contact_periods
    group by
        municipality_code,
        period_type,
        period,
        period_end_date
),

-- K16: the rows of mart_icehearts that have a figure
icehearts_units as (
    select
        *,
        case
            when grade_group_type = 'grade' and institution_level = 'school' then 'school_and_grade'
            when grade_group_type = 'grade' then 'grade'
            else institution_level
        end as unit_type,
        case
            when grade_group_type = 'grade' then concat_ws('/', institution_number, grade_level)
            else coalesce(institution_number, municipality_code)
        end as unit_id,
        unnest(['new', 'cumulative']) as measure_part,
        unnest([children, children_cumulative]) as counted_children
    from icehearts
),

icehearts_referred as (
    select
        municipality_code,
        'K16' as measure_id,
        measure_part,
        'month' as period_type,
        month_label as period,
        last_day(month_start) as period_end_date,
        unit_type,
        unit_id,
        counted_children as numerator,
        cast(null as bigint) as denominator,
        counted_children as person_count,
        is_preliminary as is_incomplete,
        cast(null as varchar) as open_reason
    from icehearts_units
    where counted_children is not null
),

-- K17: of the children referred so far those who have joined an association so far
icehearts_months as (
    select
        municipality_code,
        month_label,
        last_day(month_start) as month_end_date,
        least(last_day(month_start), {{ as_of() }}) as counted_on_date,
        is_preliminary
    from icehearts
    where
        institution_level = 'municipality'
        and grade_group_type = 'all'
        and month_start <= {{ as_of() }}
),

icehearts_members as (
    select
        icehearts_months.municipality_code,
        'K17' as measure_id,
        'all' as measure_part,
        'month' as period_type,
        icehearts_months.month_label as period,
        icehearts_months.month_end_date as period_end_date,
        'municipality' as unit_type,
        icehearts_months.municipality_code as unit_id,
        case
            when memberships_known.known_through_date is not null
                then count(*) filter (
                    where icehearts_children.first_member_from <= icehearts_months.counted_on_date
                )
        end as numerator,
        count(*) as denominator,
        count(*) as person_count,
        icehearts_months.is_preliminary as is_incomplete,
        cast(null as varchar) as open_reason
    from icehearts_months
    inner join icehearts_children
        on
            icehearts_months.municipality_code = icehearts_children.municipality_code
            and icehearts_months.counted_on_date >= icehearts_children.first_referred_date
    left join memberships_known on icehearts_months.municipality_code = memberships_known.municipality_code
    group by
        icehearts_months.municipality_code,
        icehearts_months.month_label,
        icehearts_months.month_end_date,
        icehearts_months.is_preliminary,
        memberships_known.known_through_date
),

-- K18 and K20 have every month from the first on: of the measure's activities, and of a kind at a unit
activity_units as (
    select
        *,
        'all' as measure_part,
        'municipality' as unit_type,
        municipality_code as unit_id
    from activities
    where measure_id = 'K18'
    union all
    select
        *,
        lower(activity_kind) as measure_part,
        unnest(['municipality', 'school']) as unit_type,
        unnest([municipality_code, school_number]) as unit_id
    from activities
    where measure_id = 'K20'
),

unit_months as (
    select
        municipality_code,
        measure_id,
        measure_part,
        unit_type,
        unit_id,
        unnest(generate_series(
            date_trunc('month', min(first_date)), date_trunc('month', {{ as_of() }}), interval 1 month
        )) as month_start
    from activity_units
    where unit_id is not null
    group by
        municipality_code,
        measure_id,
        measure_part,
        unit_type,
        unit_id
),

dated_unit_months as (
    select
        *,
        last_day(month_start) as month_end_date,
        least(last_day(month_start), {{ as_of() }}) as counted_on_date
    from unit_months
),

activity_months as (
    select
        dated_unit_months.municipality_code,
        dated_unit_months.measure_id,
        dated_unit_months.measure_part,
        'month' as period_type,
        {{ month_label('dated_unit_months.month_start') }} as period,
        dated_unit_months.month_end_date as period_end_date,
        dated_unit_months.unit_type,
        dated_unit_months.unit_id,
        -- parents add up, and a team runs through its last day
        case
            when dated_unit_months.measure_id = 'K18' then coalesce(sum(activity_units.new_participants), 0)
            else
                count(*) filter (
                    where coalesce(activity_units.last_date >= dated_unit_months.counted_on_date, true)
                )
        end as numerator,
        cast(null as bigint) as denominator,
        case
            when dated_unit_months.measure_id = 'K18' then coalesce(sum(activity_units.new_participants), 0)
        end as person_count,
        false as is_incomplete,
        cast(null as varchar) as open_reason
    from dated_unit_months
    inner join activity_units
        on
            dated_unit_months.municipality_code = activity_units.municipality_code
            and dated_unit_months.measure_id = activity_units.measure_id
            and dated_unit_months.measure_part = activity_units.measure_part
            and dated_unit_months.unit_type = activity_units.unit_type
            and dated_unit_months.unit_id = activity_units.unit_id
            and dated_unit_months.counted_on_date >= activity_units.first_date
    group by
        dated_unit_months.municipality_code,
        dated_unit_months.measure_id,
        dated_unit_months.measure_part,
        dated_unit_months.month_start,
        dated_unit_months.month_end_date,
        dated_unit_months.unit_type,
        dated_unit_months.unit_id
),

-- K19: grants of Fritidspas by the year of the decision
grant_years as (
    select
        municipality_code,
        granted_year,
        count(*) as grants,
        count(distinct person_key) as children,
        sum(granted_dkk) as granted_dkk
    from leisure_grants
    group by all
),

grants as (
    select
        municipality_code,
        'K19' as measure_id,
        unnest(['grants', 'children', 'dkk_per_child']) as measure_part,
        'year' as period_type,
        cast(granted_year as varchar) as period,
        make_date(granted_year, 12, 31) as period_end_date,
        'municipality' as unit_type,
        municipality_code as unit_id,
        unnest([grants, children, granted_dkk]) as numerator,
        unnest([null, null, children]) as denominator,
        children as person_count,
        false as is_incomplete,
        cast(null as varchar) as open_reason
    from grant_years
),

measures as (
    select * from anxiety_groups
    union all
    select * from headspace
    union all
    select * from icehearts_referred
    union all
    select * from icehearts_members
    union all
    select * from activity_months
    union all
    select * from grants
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
        open_reason
    from measures
)

select * from final
