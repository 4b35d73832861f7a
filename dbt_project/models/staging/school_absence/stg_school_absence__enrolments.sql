with

source as (
    select * from {{ source('school_absence', 'enrolments') }}
),

-- an open enrolment ends with the school year of its row
renamed as (
    select
        municipality_code,
        person_key,
        school_year,
        institution_number,
        cast(grade_level as integer) as grade_level,
        class_name,
        enrolled_from,
        coalesce(enrolled_to, make_date(cast(right(school_year, 4) as bigint), 7, 31)) as enrolled_to,
        enrolled_to is null as is_open,
        district_name,
        delivery_id
    from source
)

select * from renamed
