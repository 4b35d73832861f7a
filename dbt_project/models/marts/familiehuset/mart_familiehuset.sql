with

referrals as (
    select * from {{ ref('stg_referrals__referrals') }}
    where project_code = 'FH'
),

anxiety_groups as (
    select activities.*
    from {{ ref('stg_referrals__activities') }} as activities
    semi join {{ ref('activity_kind') }} as activity_kinds
        on
            activities.municipality_code = activity_kinds.municipality_code
            and activities.activity_kind = activity_kinds.activity_kind
            and activity_kinds.measure_id = 'K14'
    where not activities.is_cancelled and activities.first_date <= {{ as_of() }}
),

contacts as (
    select * from {{ ref('stg_referrals__anonymous_contacts') }}
    where place_name = 'Familiehuset' and contact_month <= {{ as_of() }}
),

contact_deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where dataset = 'anonymous_contacts' and is_accepted and is_current
),

covered_days as (
    select * from {{ ref('int_covered_days') }}
    where dataset = 'referrals'
),

activities_known as (
    select * from {{ ref('int_register_known_through') }}
    where dataset = 'activities'
),

-- a referral dated after its extract or after the night has not happened yet
happened_referrals as (
    select
        referrals.*,
        cast(date_trunc('month', referrals.referred_date) as date) as month_start,
        referrals.referred_date = min(referrals.referred_date) over (
            partition by referrals.municipality_code, referrals.person_key
        ) as is_first
    from referrals
    semi join covered_days
        on
            referrals.municipality_code = covered_days.municipality_code
            and referrals.referred_date = covered_days.covered_day
),

referral_months as (
    select
        municipality_code,
        month_start,
        count(*) as referrals,
        count(*) filter (where is_declined) as declined_referrals,
        count(distinct person_key) as children,
        count(distinct person_key) filter (where is_first) as new_children
    from happened_referrals
    group by all
),

contact_months as (
    select
        municipality_code,
        contact_month as month_start,
        sum(contact_count) as anonymous_contacts
    from contacts
    group by all
),

stated_months as (
    select
        municipality_code,
        period_from as month_start,
        max(least(as_of, {{ as_of() }})) as known_through_date
    from contact_deliveries
    group by all
),

first_months as (
    select
        municipality_code,
        month_start
    from referral_months
    union all
    select
        municipality_code,
        month_start
    from contact_months
    union all
    select
        municipality_code,
        date_trunc('month', first_date) as month_start
    from anxiety_groups
),

months as (
    select
        municipality_code,
        cast(unnest(generate_series(
            min(month_start), date_trunc('month', {{ as_of() }}), interval 1 month
        )) as date) as month_start
    from first_months
    group by municipality_code
),

covered_months as (
    select
        municipality_code,
        cast(date_trunc('month', covered_day) as date) as month_start,
        count(*) as covered_day_count
    from covered_days
    group by all
),

-- an anxiety group runs through its last day; a month that has not ended is counted on the night
group_months as (
    select
        months.municipality_code,
        months.month_start,
        count(*) filter (
            where
            coalesce(anxiety_groups.last_date >= least(last_day(months.month_start), {{ as_of() }}), true)
        ) as groups_running,
        count(*) filter (where anxiety_groups.first_date >= months.month_start) as groups_started,
        coalesce(sum(anxiety_groups.participants) filter (
            where anxiety_groups.first_date >= months.month_start
        ), 0) as group_participants,
        coalesce(sum(anxiety_groups.expected_participants) filter (
            where anxiety_groups.first_date >= months.month_start
        ), 0) as group_expected_participants
    from months
    inner join anxiety_groups
        on
            months.municipality_code = anxiety_groups.municipality_code
            and last_day(months.month_start) >= anxiety_groups.first_date
    group by all
),

-- a source that does not tell of the month leaves its figures empty; what it tells of and did not happen is 0
counted as (
    select
        months.municipality_code,
        months.month_start,
        case when covered_months.month_start is not null then coalesce(referral_months.referrals, 0) end as referrals,
        case when covered_months.month_start is not null then coalesce(referral_months.declined_referrals, 0) end
            as declined_referrals,
        case when covered_months.month_start is not null then coalesce(referral_months.children, 0) end as children,
        case when covered_months.month_start is not null then coalesce(referral_months.new_children, 0) end
            as new_children,
        case
            when activities_known.known_through_date >= months.month_start
                then coalesce(group_months.groups_running, 0)
        end as groups_running,
        case
            when activities_known.known_through_date >= months.month_start
                then coalesce(group_months.groups_started, 0)
        end as groups_started,
        case
            when activities_known.known_through_date >= months.month_start
                then coalesce(group_months.group_participants, 0)
        end as group_participants,
        case
            when activities_known.known_through_date >= months.month_start
                then coalesce(group_months.group_expected_participants, 0)
        end as group_expected_participants,
        contact_months.anonymous_contacts,
        coalesce(
            covered_months.covered_day_count = day(last_day(months.month_start))
            and last_day(months.month_start) < {{ as_of() }}
            and activities_known.known_through_date >= last_day(months.month_start)
            and stated_months.known_through_date >= last_day(months.month_start)
            and contact_months.anonymous_contacts is not null,
            false
        ) as is_complete
    from months
    left join covered_months
        on
            months.municipality_code = covered_months.municipality_code
            and months.month_start = covered_months.month_start
    left join referral_months
        on
            months.municipality_code = referral_months.municipality_code
            and months.month_start = referral_months.month_start
    left join activities_known on months.municipality_code = activities_known.municipality_code
    left join group_months
        on
            months.municipality_code = group_months.municipality_code
            and months.month_start = group_months.month_start
    left join contact_months
        on
            months.municipality_code = contact_months.municipality_code
            and months.month_start = contact_months.month_start
    left join stated_months
        on
            months.municipality_code = stated_months.municipality_code
            and months.month_start = stated_months.month_start
),

final as (
    select
        municipality_code,
        {{ month_label('month_start') }} as month_label,
        month_start,
        cast(referrals as integer) as referrals,
        cast(declined_referrals as integer) as declined_referrals,
        cast(children as integer) as children,
        cast(new_children as integer) as new_children,
        cast(groups_running as integer) as anxiety_groups_running,
        cast(groups_started as integer) as anxiety_groups_started,
        cast(group_participants as integer) as anxiety_group_participants,
        cast(group_expected_participants as integer) as anxiety_group_expected_participants,
        cast(anonymous_contacts as integer) as anonymous_contacts,
        not is_complete as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from counted
)

select * from final
