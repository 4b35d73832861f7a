with

source as (
    select * from {{ source('budget', 'budget_agreement') }}
),

renamed as (
    select
        municipality_code,
        cast(agreement_year as integer) as agreement_year,
        initiative_id,
        title,
        section_title,
        initiative_type,
        description,
        elaboration,
        responsible_center,
        committee,
        contributors,
        finance_text,
        case_number,
        document_date,
        delivery_id
    from source
)

select * from renamed
