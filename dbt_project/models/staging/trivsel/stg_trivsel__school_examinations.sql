with

source as (
    select * from {{ source('trivsel', 'school_examinations') }}
),

renamed as (
    select
        municipality_code,
        examination_number,
        person_key,
        birth_date,
        child_sex,
        school_year,
        institution_number,
        examination_date,
        examined_by,
        height_result,
        weight_result,
        vision_result,
        hearing_result,
        motor_result,
        delivery_id
    from source
)

select * from renamed
