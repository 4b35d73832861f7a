with

activities as (
    select * from {{ ref('int_granted_activity') }}
    where section_kind is not null
),

first_starts as (
    select
        municipality_code,
        person_key,
        section_kind,
        min(birth_date) as birth_date,
        min(activity_start_date) as first_start_date,
        -- of the activities that began first; a child has one team, so the choice is between equals
        arg_min(team_name, row(activity_start_date, team_name)) as team_name
    from activities
    group by all
),

final as (
    select
        municipality_code,
        person_key,
        section_kind,
        team_name,
        birth_date,
        first_start_date,
        cast(first_start_date - birth_date as integer) as age_days
    from first_starts
)

select * from final
