with

source as (
    select * from {{ source('operations', 'datasets') }}
),

renamed as (
    select
        dataset,
        domain,
        title_da,
        title_en,
        source,
        owner,
        rhythm,
        period_kind,
        stale_after_days,
        about_persons
    from source
)

select * from renamed
