with

child_months as (
    select
        municipality_code,
        {{ month_label('decided_date') }} as month_label,
        person_key,
        sum(granted_dkk) as leisure_grant_dkk
    from {{ ref('stg_referrals__leisure_grants') }}
    where is_granted and decided_date <= {{ as_of() }}
    group by all
),

final as (
    select
        municipality_code,
        month_label,
        {{ two_largest('leisure_grant_dkk', 'decimal(18, 2)') }} as leisure_grant_dkk
    from child_months
    group by all
)

select * from final
