with

staffing as (
    select * from {{ ref('stg_referrals__staffing') }}
    where month_end_date <= last_day({{ as_of() }})
),

teams as (
    select * from {{ ref('team') }}
    where project_code = 'FSR'
),

districts as (
    select * from {{ ref('district') }}
),

rules as (
    select * from {{ ref('int_case_rules') }}
    where rule_name = 'workers_per_district'
),

-- the statement has all teams of a month, so a team that is not in it has nobody
months as (
    select distinct
        municipality_code,
        month_end_date
    from staffing
),

district_counts as (
    select
        municipality_code,
        count(*) as districts
    from districts
    group by municipality_code
),

team_months as (
    select
        staffing.municipality_code,
        staffing.month_end_date,
        sum(staffing.hired_persons) as hired_persons,
        sum(staffing.full_time_equivalents) as full_time_equivalents
    from staffing
    semi join teams
        on
            staffing.municipality_code = teams.municipality_code
            and staffing.team_name = teams.team_name
    where staffing.position_name = 'Socialrådgiver'
    group by all
),

counted as (
    select
        months.municipality_code,
        months.month_end_date,
        cast(coalesce(team_months.hired_persons, 0) as integer) as hired_persons,
        cast(coalesce(team_months.full_time_equivalents, 0) as decimal(9, 2)) as full_time_equivalents,
        cast(coalesce(district_counts.districts, 0) as integer) as districts,
        rules.rule_value as workers_per_district_wanted
    from months
    left join team_months
        on
            months.municipality_code = team_months.municipality_code
            and months.month_end_date = team_months.month_end_date
    left join district_counts on months.municipality_code = district_counts.municipality_code
    left join rules
        on
            months.municipality_code = rules.municipality_code
            and months.month_end_date >= rules.valid_from
            and months.month_end_date < rules.valid_before
),

final as (
    select
        municipality_code,
        {{ month_label('month_end_date') }} as month_label,
        cast(date_trunc('month', month_end_date) as date) as month_start,
        hired_persons,
        full_time_equivalents,
        districts,
        {{ share('hired_persons', 'districts') }} as workers_per_district,
        {{ share('full_time_equivalents', 'districts') }} as equivalents_per_district,
        -- the deliveries do not say who is attached where: enough hands for all is as near as they come
        case when districts > 0 then hired_persons >= workers_per_district_wanted * districts end as is_covered,
        month_end_date > {{ as_of() }} as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from counted
)

select * from final
