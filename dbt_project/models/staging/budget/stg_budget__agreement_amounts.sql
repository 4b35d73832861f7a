with

source as (
    select * from {{ source('budget', 'budget_agreement') }}
),

unnested as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        unnest(amounts) as amount,
        generate_subscripts(amounts, 1) as amount_number,
        delivery_id
    from source
),

renamed as (
    select
        municipality_code,
        cast(agreement_year as integer) as agreement_year,
        initiative_id,
        cast(amount_number as integer) as amount_number,
        cast(amount['budget_year'] as integer) as budget_year,
        amount['amount_kind'] as amount_kind,
        amount['amount_mdkk'] as amount_mdkk,
        amount['stated_in'] as stated_in,
        delivery_id
    from unnested
)

select * from renamed
