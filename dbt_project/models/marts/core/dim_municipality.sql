with

municipalities as (
    select * from {{ ref('municipality') }}
),

marked as (
    select
        municipality_code,
        municipality_name,
        region_code,
        region_name,
        municipality_code = {{ municipality_code() }} as is_own
    from municipalities
)

select * from marked
