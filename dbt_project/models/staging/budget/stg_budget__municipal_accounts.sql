with

source as (
    select * from {{ source('budget', 'municipal_accounts') }}
),

municipalities as (
    select * from {{ ref('municipality') }}
),

renamed as (
    select
        source.municipality_code,
        source.table_code,
        case source.table_code when 'BUDK32' then 'budget' when 'REGK31' then 'accounts' end as figure_kind,
        source.place_municipality_code,
        municipalities.municipality_name as place_name,
        source.accounting_year,
        source.function_code,
        source.account_kind,
        source.art_code,
        source.price_unit,
        source.amount_1000_dkk,
        source.value_status,
        source.table_updated_at,
        source.table_is_active,
        source.delivery_id
    from source
    left join municipalities on source.place_municipality_code = municipalities.municipality_code
)

select * from renamed
