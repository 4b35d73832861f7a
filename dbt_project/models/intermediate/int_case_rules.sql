with

rules as (
    select * from {{ ref('case_rule') }}
),

-- a changed rule is a new row; the old one holds until the day before
with_end as (
    select
        municipality_code,
        rule_name,
        rule_value,
        valid_from,
        coalesce(
            lead(valid_from) over (partition by municipality_code, rule_name order by valid_from),
            date '9999-12-31'
        ) as valid_before
    from rules
)

select * from with_end
