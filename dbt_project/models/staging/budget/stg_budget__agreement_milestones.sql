with

source as (
    select * from {{ source('budget', 'budget_agreement') }}
),

unnested as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        unnest(milestones) as milestone,
        generate_subscripts(milestones, 1) as milestone_number,
        delivery_id
    from source
),

-- a milestone without text stands in the document as a row of its own and is kept as one
renamed as (
    select
        municipality_code,
        cast(agreement_year as integer) as agreement_year,
        initiative_id,
        cast(milestone_number as integer) as milestone_number,
        milestone['follow_up_code'] as follow_up_code,
        milestone['follow_up_label'] as follow_up_label,
        nullif(trim(milestone['milestone_text']), '') as milestone_text,
        delivery_id
    from unnested
)

select * from renamed
