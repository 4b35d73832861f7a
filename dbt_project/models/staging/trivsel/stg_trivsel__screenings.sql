with

source as (
    select * from {{ source('trivsel', 'screenings') }}
),

cut_offs as (
    select * from {{ ref('screening_cut_off') }}
),

-- the cut-off of the day of the screening: a changed cut-off is a new row of the seed
with_cut_off as (
    select
        source.*,
        cut_offs.cut_off_score
    from source
    left join cut_offs
        on
            source.instrument = cut_offs.instrument
            and source.screened_role = cut_offs.screened_role
            and source.screening_date >= cut_offs.valid_from
    qualify row_number() over (
        partition by source.municipality_code, source.screening_number
        order by cut_offs.valid_from desc
    ) = 1
),

renamed as (
    select
        municipality_code,
        screening_number,
        person_key,
        birth_date,
        cast(year(birth_date) as integer) as birth_year,
        screened_role,
        screening_date,
        cast(birth_date + interval 1 year as date) > screening_date as is_in_first_year,
        instrument,
        cast(total_score as integer) as total_score,
        cut_off_score,
        total_score >= cut_off_score as is_positive,
        follow_up = 'Ja' as has_follow_up,
        follow_up_kind,
        follow_up_date,
        district_code,
        delivery_id
    from with_cut_off
)

select * from renamed
