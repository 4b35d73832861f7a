with

source as (
    select * from {{ source('trivsel', 'health_visits') }}
),

visit_types as (
    select * from {{ ref('visit_type') }}
),

-- a visit that was planned anew can stand in two deliveries; it counts once, as the newest has it
current_visits as (
    {{ newest_row('source', 'health_visits', key=['visit_number'], date_column='planned_date') }}
),

-- the window of the day for which the visit is planned: a changed window is a new row of the seed
with_type as (
    select
        current_visits.*,
        visit_types.is_fixed,
        visit_types.age_from_days,
        visit_types.age_to_days
    from current_visits
    left join visit_types
        on
            current_visits.municipality_code = visit_types.municipality_code
            and current_visits.visit_type_code = visit_types.visit_type_code
            and current_visits.planned_date >= visit_types.valid_from
    qualify row_number() over (
        partition by current_visits.municipality_code, current_visits.visit_number
        order by visit_types.valid_from desc
    ) = 1
),

renamed as (
    select
        municipality_code,
        visit_number,
        person_key,
        birth_date,
        child_sex,
        visit_type_code,
        is_fixed as is_fixed_visit,
        planned_date,
        held_date,
        visit_status,
        visit_status = 'Afholdt' as is_held,
        cast(date_diff('day', birth_date, held_date) as integer) as held_age_days,
        cast(birth_date + age_from_days as date) as window_from,
        cast(birth_date + age_to_days as date) as window_to,
        case
            when is_fixed and birth_date is not null
                then
                    coalesce(
                        held_date between cast(birth_date + age_from_days as date)
                        and cast(birth_date + age_to_days as date),
                        false
                    )
        end as is_held_in_window,
        district_code,
        observed_attachment,
        coalesce(observed_attachment != 'Ikke observeret', false) as is_attachment_observed,
        coalesce(observed_attachment = 'Positiv udvikling', false) as is_attachment_positive,
        concern = 'Ja' as has_concern,
        delivery_id
    from with_type
)

select * from renamed
