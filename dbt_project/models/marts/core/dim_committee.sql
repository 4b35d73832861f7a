with

committees as (
    select * from {{ ref('committee') }}
),

described as (
    select
        municipality_code,
        committee_code,
        committee_name,
        valid_from,
        valid_to,
        basis
    from committees
)

select * from described
