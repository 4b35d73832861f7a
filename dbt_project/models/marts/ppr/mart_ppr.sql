with

referrals as (
    select * from {{ ref('stg_referrals__referrals') }}
    where project_code = 'PPR'
),

institutions as (
    select * from {{ ref('institution') }}
),

covered_days as (
    select * from {{ ref('int_covered_days') }}
    where dataset = 'referrals'
),

activities_known as (
    select * from {{ ref('int_register_known_through') }}
    where dataset = 'activities'
),

-- what is dated after its extract has not been held yet
conferences as (
    select activities.*
    from {{ ref('stg_referrals__activities') }} as activities
    inner join activities_known
        on
            activities.municipality_code = activities_known.municipality_code
            and activities.first_date <= activities_known.known_through_date
    where activities.project_code = 'PPR' and activities.activity_status = 'Gennemført'
),

-- departments count at their school; a referral dated after its extract or after the night has not happened yet
school_referrals as (
    select
        referrals.municipality_code,
        referrals.person_key,
        referrals.is_declined,
        cast(date_trunc('month', referrals.referred_date) as date) as month_start,
        unnest([coalesce(institutions.main_institution_number, referrals.institution_number), null]) as school_number,
        unnest(['school', 'municipality']) as institution_level
    from referrals
    semi join covered_days
        on
            referrals.municipality_code = covered_days.municipality_code
            and referrals.referred_date = covered_days.covered_day
    left join institutions
        on
            referrals.municipality_code = institutions.municipality_code
            and referrals.institution_number = institutions.institution_number
),

-- a child is new in a cell in the month of its first referral there
marked_referrals as (
    select
        *,
        month_start = min(month_start) over (
            partition by municipality_code, institution_level, school_number, person_key
        ) as is_first_month
    from school_referrals
    where institution_level = 'municipality' or school_number is not null
),

referral_months as (
    select
        municipality_code,
        institution_level,
        school_number,
        month_start,
        count(*) as referrals,
        count(*) filter (where is_declined) as declined_referrals,
        count(distinct person_key) as children,
        count(distinct person_key) filter (where is_first_month) as new_children
    from marked_referrals
    group by all
),

-- a conference in a children's house counts in the municipality alone
school_conferences as (
    select
        conferences.municipality_code,
        cast(date_trunc('month', conferences.first_date) as date) as month_start,
        unnest([coalesce(institutions.main_institution_number, conferences.institution_number), null])
            as school_number,
        unnest(['school', 'municipality']) as institution_level
    from conferences
    left join institutions
        on
            conferences.municipality_code = institutions.municipality_code
            and conferences.institution_number = institutions.institution_number
),

conference_months as (
    select
        municipality_code,
        institution_level,
        school_number,
        month_start,
        count(*) as conferences
    from school_conferences
    where institution_level = 'municipality' or school_number is not null
    group by all
),

cells as (
    select
        municipality_code,
        institution_level,
        school_number,
        month_start
    from referral_months
    union distinct
    select
        municipality_code,
        institution_level,
        school_number,
        month_start
    from conference_months
),

units as (
    select distinct
        municipality_code,
        institution_level,
        school_number
    from cells
),

months as (
    select
        municipality_code,
        cast(unnest(generate_series(
            min(month_start), date_trunc('month', {{ as_of() }}), interval 1 month
        )) as date) as month_start
    from cells
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

first_covered_months as (
    select
        municipality_code,
        min(month_start) as first_covered_month
    from covered_months
    group by all
),

-- what is cumulated after a month that lacks days may lack them too; months before the first delivery lack none
known_months as (
    select
        months.municipality_code,
        months.month_start,
        covered_months.month_start is not null as has_referrals,
        coalesce(activities_known.known_through_date >= months.month_start, false) as has_conferences,
        bool_and(
            coalesce(covered_months.covered_day_count = day(last_day(months.month_start)), false)
            or coalesce(months.month_start < first_covered_months.first_covered_month, false)
        ) over so_far
        and covered_months.month_start is not null
        and last_day(months.month_start) < {{ as_of() }}
        and coalesce(activities_known.known_through_date >= last_day(months.month_start), false) as is_complete
    from months
    left join covered_months
        on
            months.municipality_code = covered_months.municipality_code
            and months.month_start = covered_months.month_start
    left join first_covered_months on months.municipality_code = first_covered_months.municipality_code
    left join activities_known on months.municipality_code = activities_known.municipality_code
    window so_far as (
        partition by months.municipality_code
        order by months.month_start
        rows between unbounded preceding and current row
    )
),

grid as (
    select
        known_months.*,
        units.institution_level,
        units.school_number,
        coalesce(referral_months.referrals, 0) as referrals,
        coalesce(referral_months.declined_referrals, 0) as declined_referrals,
        coalesce(referral_months.children, 0) as children,
        coalesce(referral_months.new_children, 0) as new_children,
        coalesce(conference_months.conferences, 0) as conferences
    from known_months
    inner join units on known_months.municipality_code = units.municipality_code
    left join referral_months
        on
            units.municipality_code = referral_months.municipality_code
            and units.institution_level = referral_months.institution_level
            and units.school_number is not distinct from referral_months.school_number
            and known_months.month_start = referral_months.month_start
    left join conference_months
        on
            units.municipality_code = conference_months.municipality_code
            and units.institution_level = conference_months.institution_level
            and units.school_number is not distinct from conference_months.school_number
            and known_months.month_start = conference_months.month_start
),

cumulated as (
    select
        *,
        sum(new_children) over (
            partition by municipality_code, institution_level, school_number
            order by month_start
            rows between unbounded preceding and current row
        ) as children_cumulative
    from grid
),

final as (
    select
        cumulated.municipality_code,
        {{ month_label('cumulated.month_start') }} as month_label,
        cumulated.month_start,
        cumulated.institution_level,
        cumulated.school_number as institution_number,
        institutions.institution_name,
        case when cumulated.has_referrals then cast(cumulated.referrals as integer) end as referrals,
        case when cumulated.has_referrals then cast(cumulated.declined_referrals as integer) end as declined_referrals,
        case when cumulated.has_referrals then cast(cumulated.children as integer) end as children,
        case when cumulated.has_referrals then cast(cumulated.new_children as integer) end as new_children,
        case when cumulated.has_referrals then cast(cumulated.children_cumulative as integer) end
            as children_cumulative,
        case when cumulated.has_conferences then cast(cumulated.conferences as integer) end as conferences,
        not cumulated.is_complete as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from cumulated
    left join institutions
        on
            cumulated.municipality_code = institutions.municipality_code
            and cumulated.school_number = institutions.institution_number
)

select * from final
