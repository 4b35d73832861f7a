with

grants as (
    select * from {{ ref('stg_referrals__leisure_grants') }}
    where is_granted and granted_year <= year({{ as_of() }})
),

child_years as (
    select
        municipality_code,
        granted_year,
        person_key,
        sum(abs(granted_dkk)) as granted_dkk
    from grants
    group by all
),

two_largest as (
    select *
    from child_years
    qualify row_number() over (
        partition by municipality_code, granted_year
        order by granted_dkk desc, person_key asc
    ) <= 2
),

final as (
    select
        municipality_code,
        'K19' as measure_id,
        'dkk_per_child' as measure_part,
        'year' as period_type,
        cast(granted_year as varchar) as period,
        'municipality' as unit_type,
        municipality_code as unit_id,
        cast(sum(granted_dkk) as decimal(18, 4)) as numerator
    from two_largest
    group by all
)

select * from final
