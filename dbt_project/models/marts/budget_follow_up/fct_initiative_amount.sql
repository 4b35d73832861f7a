with

amounts as (
    select * from {{ ref('stg_budget__agreement_amounts') }}
),

-- landing gives an amount that both the finance line and the description state once, as finance; a second statement
-- of the same amount would be one and the same, so the rule holds here whatever the document's reader does
once as (
    select *
    from amounts
    qualify
        stated_in = 'finance'
        or not coalesce(bool_or(stated_in = 'finance') over (
            partition by municipality_code, agreement_year, initiative_id, budget_year, amount_kind, amount_mdkk
        ), false)
),

described as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        amount_number,
        budget_year,
        amount_kind,
        amount_mdkk,
        stated_in,
        delivery_id,
        {{ is_synthetic() }} as is_synthetic
    from once
)

select * from described
