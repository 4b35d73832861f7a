with

source as (
    select * from {{ source('referrals', 'activities') }}
),

districts as (
    select * from {{ ref('district') }}
),

renamed as (
    select
        source.municipality_code,
        source.activity_number,
        source.activity_kind,
        source.project_code,
        source.institution_number,
        source.house_code,
        districts.district_code,
        source.association_name,
        source.first_date,
        source.last_date,
        source.activity_status,
        source.activity_status = 'Aflyst' as is_cancelled,
        source.expected_participants,
        source.participants,
        source.new_participants,
        source.participants_before,
        source.completed_participants,
        source.profession_group,
        source.task_type,
        source.observation_hours,
        source.dialogue_hours,
        source.report_date,
        source.quality_talk_date,
        source.delivery_id
    from source
    left join districts
        on
            source.municipality_code = districts.municipality_code
            and source.district_name = districts.district_name
)

select * from renamed
