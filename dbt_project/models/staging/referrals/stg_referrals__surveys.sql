with

source as (
    select * from {{ source('referrals', 'surveys') }}
),

renamed as (
    select
        municipality_code,
        survey_code,
        wave_number,
        survey_from,
        survey_to,
        question_code,
        -- groups of the whole municipality belong to no house
        nullif(unit_code, 'HELE') as house_code,
        respondent_group,
        invited_count,
        answered_count,
        agreeing_count,
        agreeing_count is null as is_withheld,
        delivery_id
    from source
)

select * from renamed
