with

payments as (
    select * from {{ ref('stg_referrals__granted_payments') }}
    where activity_status = 'GRANTED'
),

law_sections as (
    select * from {{ ref('law_section') }}
),

-- the export has a row a payment and no number of the activity, so what all its payments share tells it apart
activities as (
    select
        municipality_code,
        person_key,
        appropriation_number,
        activity_number,
        is_main_activity,
        section_key,
        activity_start_date,
        activity_end_date,
        min(birth_date) as birth_date,
        min(team_name) as team_name,
        cast(count(*) as integer) as payments
    from payments
    group by all
),

-- the law of the day on which the activity began decides for as long as it runs
final as (
    select
        activities.municipality_code,
        activities.person_key,
        activities.appropriation_number,
        activities.activity_number,
        activities.is_main_activity,
        activities.section_key,
        law_sections.section_kind,
        activities.activity_start_date,
        activities.activity_end_date,
        activities.birth_date,
        activities.team_name,
        activities.payments
    from activities
    left join law_sections
        on
            activities.section_key = law_sections.section_key
            and activities.activity_start_date >= law_sections.valid_from
            and (law_sections.valid_to is null or activities.activity_start_date <= law_sections.valid_to)
)

select * from final
