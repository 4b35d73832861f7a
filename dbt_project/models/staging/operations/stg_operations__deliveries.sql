with

source as (
    select * from {{ source('operations', 'deliveries') }}
),

renamed as (
    select
        {{ municipality_code() }} as municipality_code,
        -- rows carry the first sixteen digits of the ledger's id
        left(delivery_id, 16) as delivery_id,
        dataset,
        domain,
        as_of,
        period_label,
        period_from,
        period_to,
        received_at,
        delivery_status = 'accepted' as is_accepted,
        is_current
    from source
)

select * from renamed
