with

notifications as (
    select * from {{ ref('stg_referrals__notifications') }}
),

-- the register may name a cause twice; it is one
named as (
    select
        municipality_code,
        notification_id,
        received_date,
        unnest(list_distinct(string_split(cause_codes, ','))) as cause_code,
        delivery_id
    from notifications
)

select * from named
