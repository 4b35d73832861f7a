with

children as (
    select * from {{ ref('int_icehearts_children') }}
),

activity_kinds as (
    select * from {{ ref('activity_kind') }}
    where project_code = 'ICE'
),

-- what was cancelled was not, and what begins after the night is a plan
activities as (
    select * from {{ ref('stg_referrals__activities') }}
    where project_code = 'ICE' and not is_cancelled and first_date <= {{ as_of() }}
),

leisure_grants as (
    select * from {{ ref('stg_referrals__leisure_grants') }}
    where is_granted and decided_date <= {{ as_of() }}
),

staffing as (
    select * from {{ ref('stg_referrals__staffing') }}
),

covered_days as (
    select * from {{ ref('int_covered_days') }}
    where dataset = 'referrals'
),

registers as (
    select * from {{ ref('int_register_known_through') }}
),

first_days as (
    select
        municipality_code,
        first_referred_date as first_day
    from children
    union all
    select
        municipality_code,
        first_date as first_day
    from activities
),

months as (
    select
        municipality_code,
        cast(unnest(generate_series(
            date_trunc('month', min(first_day)), date_trunc('month', {{ as_of() }}), interval 1 month
        )) as date) as month_start
    from first_days
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

known_through as (
    select
        municipality_code,
        max(known_through_date) filter (where dataset = 'memberships') as memberships_through,
        max(known_through_date) filter (where dataset = 'leisure_grants') as leisure_grants_through,
        max(known_through_date) filter (where dataset = 'activities') as activities_through
    from registers
    group by all
),

-- a month with staffing and nobody of the project has no mentor; a month without staffing is unknown
staffed_months as (
    select
        municipality_code,
        cast(date_trunc('month', month_end_date) as date) as month_start,
        coalesce(sum(hired_persons) filter (where project_code = 'ICE'), 0) as mentors,
        coalesce(sum(full_time_equivalents) filter (where project_code = 'ICE'), 0) as mentor_full_time_equivalents
    from staffing
    where month_end_date <= {{ as_of() }}
    group by all
),

-- which of the sources tell of the month; a month that has not ended is counted on the night
known_months as (
    select
        months.municipality_code,
        months.month_start,
        least(last_day(months.month_start), {{ as_of() }}) as counted_on_date,
        covered_months.month_start is not null as has_referrals,
        coalesce(known_through.memberships_through >= months.month_start, false) as has_memberships,
        coalesce(known_through.leisure_grants_through >= months.month_start, false) as has_leisure_grants,
        coalesce(known_through.activities_through >= months.month_start, false) as has_activities,
        staffed_months.mentors,
        staffed_months.mentor_full_time_equivalents,
        bool_and(
            coalesce(covered_months.covered_day_count = day(last_day(months.month_start)), false)
        ) over so_far
        and last_day(months.month_start) < {{ as_of() }}
        and coalesce(known_through.memberships_through >= last_day(months.month_start), false)
        and coalesce(known_through.leisure_grants_through >= last_day(months.month_start), false)
        and coalesce(known_through.activities_through >= last_day(months.month_start), false)
        and staffed_months.month_start is not null as is_complete
    from months
    left join covered_months
        on
            months.municipality_code = covered_months.municipality_code
            and months.month_start = covered_months.month_start
    left join known_through on months.municipality_code = known_through.municipality_code
    left join staffed_months
        on
            months.municipality_code = staffed_months.municipality_code
            and months.month_start = staffed_months.month_start
    window so_far as (
        partition by months.municipality_code
        order by months.month_start
        rows between unbounded preceding and current row
    )
),

child_months as (
    select
        known_months.municipality_code,
        known_months.month_start,
        count(*) as children_referred,
        count(*) filter (where children.first_member_from <= known_months.counted_on_date) as children_in_association,
        count(*) filter (where children.first_granted_date <= known_months.counted_on_date) as children_with_grant
    from known_months
    inner join children
        on
            known_months.municipality_code = children.municipality_code
            and known_months.counted_on_date >= children.first_referred_date
    group by all
),

-- a team runs through its last day
activity_months as (
    select
        known_months.municipality_code,
        known_months.month_start,
        count(*) filter (
            where
            activities.activity_kind = 'Satellithold'
            and coalesce(activities.last_date >= known_months.counted_on_date, true)
        ) as satellite_teams,
        count(*) filter (
            where
            activities.activity_kind = 'Dansehold'
            and coalesce(activities.last_date >= known_months.counted_on_date, true)
        ) as dance_teams,
        sum(activities.new_participants) filter (where activity_kinds.measure_id = 'K18') as parents_helped
    from known_months
    inner join activities
        on
            known_months.municipality_code = activities.municipality_code
            and known_months.counted_on_date >= activities.first_date
    left join activity_kinds
        on
            activities.municipality_code = activity_kinds.municipality_code
            and activities.activity_kind = activity_kinds.activity_kind
    group by all
),

-- a grant counts in the month and year in which it was decided
grant_months as (
    select
        known_months.municipality_code,
        known_months.month_start,
        count(*) filter (where leisure_grants.decided_date >= known_months.month_start) as grants,
        count(distinct leisure_grants.person_key) filter (
            where leisure_grants.decided_date >= known_months.month_start
        ) as grant_children,
        sum(leisure_grants.granted_dkk) filter (
            where leisure_grants.decided_date >= known_months.month_start
        ) as granted_dkk,
        count(*) as grants_year_to_date,
        count(distinct leisure_grants.person_key) as grant_children_year_to_date,
        sum(leisure_grants.granted_dkk) as granted_dkk_year_to_date
    from known_months
    inner join leisure_grants
        on
            known_months.municipality_code = leisure_grants.municipality_code
            and leisure_grants.decided_date
            between date_trunc('year', known_months.month_start) and known_months.counted_on_date
    group by all
),

counted as (
    select
        known_months.*,
        case when known_months.has_referrals then coalesce(child_months.children_referred, 0) end as children_referred,
        case
            when known_months.has_referrals and known_months.has_memberships
                then coalesce(child_months.children_in_association, 0)
        end as children_in_association,
        case
            when known_months.has_referrals and known_months.has_leisure_grants
                then coalesce(child_months.children_with_grant, 0)
        end as children_with_grant,
        case when known_months.has_activities then coalesce(activity_months.satellite_teams, 0) end as satellite_teams,
        case when known_months.has_activities then coalesce(activity_months.dance_teams, 0) end as dance_teams,
        case when known_months.has_activities then coalesce(activity_months.parents_helped, 0) end as parents_helped,
        case when known_months.has_leisure_grants then coalesce(grant_months.grants, 0) end as grants,
        case when known_months.has_leisure_grants then coalesce(grant_months.grant_children, 0) end as grant_children,
        case when known_months.has_leisure_grants then coalesce(grant_months.granted_dkk, 0) end as granted_dkk,
        case when known_months.has_leisure_grants then coalesce(grant_months.grants_year_to_date, 0) end
            as grants_year_to_date,
        case when known_months.has_leisure_grants then coalesce(grant_months.grant_children_year_to_date, 0) end
            as grant_children_year_to_date,
        case when known_months.has_leisure_grants then coalesce(grant_months.granted_dkk_year_to_date, 0) end
            as granted_dkk_year_to_date
    from known_months
    left join child_months
        on
            known_months.municipality_code = child_months.municipality_code
            and known_months.month_start = child_months.month_start
    left join activity_months
        on
            known_months.municipality_code = activity_months.municipality_code
            and known_months.month_start = activity_months.month_start
    left join grant_months
        on
            known_months.municipality_code = grant_months.municipality_code
            and known_months.month_start = grant_months.month_start
),

-- who is new since the last month that is known; the figures through a month never fall
marked as (
    select
        *,
        children_referred - coalesce(max(children_referred) over before, 0) as new_children_referred,
        children_in_association - coalesce(max(children_in_association) over before, 0) as new_children_in_association,
        children_with_grant - coalesce(max(children_with_grant) over before, 0) as new_children_with_grant,
        parents_helped - coalesce(max(parents_helped) over before, 0) as new_parents_helped
    from counted
    window before as (
        partition by municipality_code
        order by month_start
        rows between unbounded preceding and 1 preceding
    )
),

final as (
    select
        municipality_code,
        {{ month_label('month_start') }} as month_label,
        month_start,
        cast(new_children_referred as integer) as new_children_referred,
        cast(new_children_in_association as integer) as new_children_in_association,
        cast(new_children_with_grant as integer) as new_children_with_grant,
        cast(children_referred as integer) as children_referred_cumulative,
        cast(children_in_association as integer) as children_in_association_cumulative,
        {{ share('children_in_association', 'children_referred') }} as association_share,
        cast(children_with_grant as integer) as children_with_grant_cumulative,
        {{ share('children_with_grant', 'children_referred') }} as grant_share,
        cast(grants as integer) as leisure_grants,
        cast(grant_children as integer) as leisure_grant_children,
        cast(granted_dkk as decimal(18, 2)) as leisure_grant_dkk,
        cast(grants_year_to_date as integer) as leisure_grants_year_to_date,
        cast(grant_children_year_to_date as integer) as leisure_grant_children_year_to_date,
        cast(granted_dkk_year_to_date as decimal(18, 2)) as leisure_grant_dkk_year_to_date,
        cast(satellite_teams as integer) as satellite_teams,
        cast(dance_teams as integer) as dance_teams,
        cast(new_parents_helped as integer) as new_parents_helped,
        cast(parents_helped as integer) as parents_helped_cumulative,
        cast(mentors as integer) as mentors,
        cast(mentor_full_time_equivalents as decimal(9, 2)) as mentor_full_time_equivalents,
        not is_complete as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from marked
)

select * from final
