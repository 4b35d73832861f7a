with

source as (
    select * from {{ source('referrals', 'cases') }}
),

dated as (
    select
        municipality_code,
        cast(case_id as integer) as case_id,
        case_number,
        cast(history_id as integer) as history_id,
        person_key,
        birth_date,
        sex,
        target_group,
        team_name,
        efforts,
        changed_at,
        -- an entry holds until the next one of its case
        lead(changed_at) over (
            partition by municipality_code, case_number
            order by changed_at, history_id
        ) as changed_again_at,
        effort_step,
        scaling_step,
        paying_municipality,
        acting_municipality,
        residence_municipality,
        delivery_id
    from source
),

renamed as (
    select
        municipality_code,
        case_id,
        case_number,
        history_id,
        person_key,
        birth_date,
        sex,
        target_group,
        team_name,
        efforts,
        changed_at,
        changed_again_at,
        changed_again_at is null as is_latest,
        cast(effort_step as integer) as effort_step,
        cast(scaling_step as integer) as scaling_step,
        paying_municipality,
        acting_municipality,
        residence_municipality,
        delivery_id
    from dated
)

select * from renamed
