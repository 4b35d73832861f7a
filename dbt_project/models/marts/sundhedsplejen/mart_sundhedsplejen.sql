with

visits as (
    select
        *,
        cast(year(birth_date) as integer) as birth_year
    from {{ ref('stg_trivsel__health_visits') }}
    where birth_date is not null
),

screenings as (
    select * from {{ ref('stg_trivsel__screenings') }}
    where birth_year is not null
),

visit_types as (
    select * from {{ ref('visit_type') }}
),

districts as (
    select * from {{ ref('district') }}
),

covered_days as (
    select * from {{ ref('int_covered_days') }}
    where dataset = 'health_visits'
),

source_birth_years as (
    select
        municipality_code,
        birth_year,
        true as is_of_visits
    from visits
    union all
    select
        municipality_code,
        birth_year,
        false as is_of_visits
    from screenings
),

birth_years as (
    select
        municipality_code,
        birth_year,
        bool_or(is_of_visits) as has_visits,
        bool_or(not is_of_visits) as has_screenings
    from source_birth_years
    group by all
),

-- the days on which the children of the year can have had their fixed visits, as far as the night has come
birth_years_with_end as (
    select
        *,
        make_date(birth_year, 1, 1) as first_day,
        make_date(birth_year + 1, 12, 31) as period_end_date
    from birth_years
),

covered_birth_years as (
    select
        birth_years_with_end.municipality_code,
        birth_years_with_end.birth_year,
        count(*) as covered_day_count
    from birth_years_with_end
    inner join covered_days
        on
            birth_years_with_end.municipality_code = covered_days.municipality_code
            and birth_years_with_end.first_day <= covered_days.covered_day
            and birth_years_with_end.period_end_date >= covered_days.covered_day
    group by all
),

known_birth_years as (
    select
        birth_years_with_end.*,
        coalesce(covered_birth_years.covered_day_count, 0) <= date_diff(
            'day', birth_years_with_end.first_day, least(birth_years_with_end.period_end_date, {{ as_of() }})
        ) as is_incomplete
    from birth_years_with_end
    left join covered_birth_years
        on
            birth_years_with_end.municipality_code = covered_birth_years.municipality_code
            and birth_years_with_end.birth_year = covered_birth_years.birth_year
),

municipalities as (
    select distinct municipality_code from birth_years
),

units as (
    select
        municipality_code,
        'municipality' as unit_type,
        municipality_code as unit_id,
        null as unit_name
    from municipalities
    union all
    select
        districts.municipality_code,
        'district' as unit_type,
        districts.district_code as unit_id,
        districts.district_name as unit_name
    from districts
    inner join municipalities on districts.municipality_code = municipalities.municipality_code
),

-- a child belongs to the district of its newest visit
children as (
    select
        municipality_code,
        person_key,
        birth_date,
        birth_year,
        district_code
    from visits
    qualify row_number() over (
        partition by municipality_code, person_key
        order by planned_date desc, visit_number desc
    ) = 1
),

fixed_types as (
    select
        *,
        count(*) over (partition by municipality_code, visit_type_code) = 1 as is_only_window
    from visit_types
    where is_fixed
),

-- the window of the day on which the child came into it: a changed window is a new row of the seed
child_windows as (
    select
        children.*,
        fixed_types.visit_type_code,
        children.birth_date + fixed_types.age_to_days < {{ as_of() }} as has_reached
    from children
    inner join fixed_types
        on
            children.municipality_code = fixed_types.municipality_code
            and (
                fixed_types.is_only_window
                or children.birth_date + fixed_types.age_from_days >= fixed_types.valid_from
            )
    qualify row_number() over (
        partition by children.municipality_code, children.person_key, fixed_types.visit_type_code
        order by fixed_types.valid_from desc
    ) = 1
),

held_visits as (
    select
        municipality_code,
        person_key,
        visit_type_code,
        bool_or(is_held_in_window) as is_in_window
    from visits
    where is_held
    group by all
),

child_visits as (
    select
        child_windows.*,
        held_visits.person_key is not null as is_held,
        coalesce(held_visits.is_in_window, false) as is_in_window
    from child_windows
    left join held_visits
        on
            child_windows.municipality_code = held_visits.municipality_code
            and child_windows.person_key = held_visits.person_key
            and child_windows.visit_type_code = held_visits.visit_type_code
    where child_windows.has_reached
),

type_figures as (
    select
        units.municipality_code,
        units.unit_type,
        units.unit_id,
        child_visits.birth_year,
        child_visits.visit_type_code,
        count(*) as children_reached,
        count(*) filter (where child_visits.is_in_window) as children_held_in_window,
        count(*) filter (
            where child_visits.is_held and not child_visits.is_in_window
        ) as children_held_outside_window
    from child_visits
    inner join units
        on
            child_visits.municipality_code = units.municipality_code
            and (units.unit_type = 'municipality' or child_visits.district_code = units.unit_id)
    group by all
),

child_figures as (
    select
        units.municipality_code,
        units.unit_type,
        units.unit_id,
        children.birth_year,
        count(*) as children
    from children
    inner join units
        on
            children.municipality_code = units.municipality_code
            and (units.unit_type = 'municipality' or children.district_code = units.unit_id)
    group by all
),

-- what the health visitor saw last stands for the child
attachments as (
    select
        municipality_code,
        person_key,
        birth_year,
        district_code,
        is_attachment_positive
    from visits
    where is_held and is_attachment_observed
    qualify row_number() over (
        partition by municipality_code, person_key
        order by held_date desc, visit_number desc
    ) = 1
),

attachment_figures as (
    select
        units.municipality_code,
        units.unit_type,
        units.unit_id,
        attachments.birth_year,
        count(*) as children_observed,
        count(*) filter (where attachments.is_attachment_positive) as children_positive_attachment
    from attachments
    inner join units
        on
            attachments.municipality_code = units.municipality_code
            and (units.unit_type = 'municipality' or attachments.district_code = units.unit_id)
    group by all
),

visit_figures as (
    select
        units.municipality_code,
        units.unit_type,
        units.unit_id,
        visits.birth_year,
        count(*) filter (where visits.has_concern) as concern_visits,
        count(distinct visits.person_key) filter (where visits.has_concern) as children_with_concern,
        count(*) filter (where not visits.is_fixed_visit) as need_based_visits
    from visits
    inner join units
        on
            visits.municipality_code = units.municipality_code
            and (units.unit_type = 'municipality' or visits.district_code = units.unit_id)
    where visits.is_held
    group by all
),

screening_figures as (
    select
        units.municipality_code,
        units.unit_type,
        units.unit_id,
        screenings.birth_year,
        count(*) as screenings,
        count(distinct screenings.person_key) as screened_children,
        count(*) filter (where screenings.is_positive) as positive_screenings,
        count(*) filter (where screenings.has_follow_up) as screenings_with_effort
    from screenings
    inner join units
        on
            screenings.municipality_code = units.municipality_code
            and (units.unit_type = 'municipality' or screenings.district_code = units.unit_id)
    where screenings.is_in_first_year
    group by all
),

-- a type keeps one name and one place in the order, the newest
type_names as (
    select
        municipality_code,
        visit_type_code,
        visit_type_name,
        visit_sequence
    from fixed_types
    qualify row_number() over (partition by municipality_code, visit_type_code order by valid_from desc) = 1
),

grid_types as (
    select * from type_names
    union all
    select
        municipality_code,
        'all' as visit_type_code,
        'Alle besøg' as visit_type_name,
        0 as visit_sequence
    from municipalities
),

grid as (
    select
        known_birth_years.*,
        units.unit_type,
        units.unit_id,
        units.unit_name,
        grid_types.visit_type_code,
        grid_types.visit_type_name,
        grid_types.visit_sequence,
        grid_types.visit_type_code = 'all' as is_all
    from known_birth_years
    inner join units on known_birth_years.municipality_code = units.municipality_code
    inner join grid_types on known_birth_years.municipality_code = grid_types.municipality_code
),

-- Noughts of a year that deliveries tell of, and nothing of one that they don't.
figures as (
    select
        grid.*,
        case when grid.is_all and grid.has_visits then coalesce(child_figures.children, 0) end as children,
        case when not grid.is_all and grid.has_visits then coalesce(type_figures.children_reached, 0) end
            as children_reached,
        case when not grid.is_all and grid.has_visits then coalesce(type_figures.children_held_in_window, 0) end
            as children_held_in_window,
        case when not grid.is_all and grid.has_visits then coalesce(type_figures.children_held_outside_window, 0) end
            as children_held_outside_window,
        case when grid.is_all and grid.has_visits then coalesce(attachment_figures.children_observed, 0) end
            as children_observed,
        case when grid.is_all and grid.has_visits then coalesce(attachment_figures.children_positive_attachment, 0) end
            as children_positive_attachment,
        case when grid.is_all and grid.has_screenings then coalesce(screening_figures.screenings, 0) end as screenings,
        case when grid.is_all and grid.has_screenings then coalesce(screening_figures.screened_children, 0) end
            as screened_children,
        case when grid.is_all and grid.has_screenings then coalesce(screening_figures.positive_screenings, 0) end
            as positive_screenings,
        case when grid.is_all and grid.has_screenings then coalesce(screening_figures.screenings_with_effort, 0) end
            as screenings_with_effort,
        case when grid.is_all and grid.has_visits then coalesce(visit_figures.concern_visits, 0) end as concern_visits,
        case when grid.is_all and grid.has_visits then coalesce(visit_figures.children_with_concern, 0) end
            as children_with_concern,
        case when grid.is_all and grid.has_visits then coalesce(visit_figures.need_based_visits, 0) end
            as need_based_visits
    from grid
    left join type_figures
        on
            grid.municipality_code = type_figures.municipality_code
            and grid.birth_year = type_figures.birth_year
            and grid.unit_type = type_figures.unit_type
            and grid.unit_id = type_figures.unit_id
            and grid.visit_type_code = type_figures.visit_type_code
    left join child_figures
        on
            grid.municipality_code = child_figures.municipality_code
            and grid.birth_year = child_figures.birth_year
            and grid.unit_type = child_figures.unit_type
            and grid.unit_id = child_figures.unit_id
    left join attachment_figures
        on
            grid.municipality_code = attachment_figures.municipality_code
            and grid.birth_year = attachment_figures.birth_year
            and grid.unit_type = attachment_figures.unit_type
            and grid.unit_id = attachment_figures.unit_id
    left join visit_figures
        on
            grid.municipality_code = visit_figures.municipality_code
            and grid.birth_year = visit_figures.birth_year
            and grid.unit_type = visit_figures.unit_type
            and grid.unit_id = visit_figures.unit_id
    left join screening_figures
        on
            grid.municipality_code = screening_figures.municipality_code
            and grid.birth_year = screening_figures.birth_year
            and grid.unit_type = screening_figures.unit_type
            and grid.unit_id = screening_figures.unit_id
),

final as (
    select
        municipality_code,
        birth_year,
        unit_type,
        unit_id,
        unit_name,
        visit_type_code,
        visit_type_name,
        visit_sequence,
        cast(children as integer) as children,
        cast(children_reached as integer) as children_reached,
        cast(children_held_in_window as integer) as children_held_in_window,
        cast(children_held_outside_window as integer) as children_held_outside_window,
        {{ share('children_held_in_window', 'children_reached') }} as coverage_share,
        cast(children_observed as integer) as children_observed,
        cast(children_positive_attachment as integer) as children_positive_attachment,
        cast(screenings as integer) as screenings,
        cast(screened_children as integer) as screened_children,
        cast(positive_screenings as integer) as positive_screenings,
        cast(screenings_with_effort as integer) as screenings_with_effort,
        cast(concern_visits as integer) as concern_visits,
        cast(children_with_concern as integer) as children_with_concern,
        cast(need_based_visits as integer) as need_based_visits,
        is_incomplete,
        period_end_date > {{ as_of() }} as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from figures
)

select * from final
