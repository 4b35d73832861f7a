with

child_months as (
    select
        municipality_code,
        {{ month_label('paid_date') }} as month_label,
        team_name,
        target_group,
        person_key,
        sum(paid_amount_dkk) as paid_amount_dkk
    from {{ ref('stg_referrals__granted_payments') }}
    -- a fictive payment is booked and never paid out
    where is_paid and not is_fictive and paid_date <= {{ as_of() }}
    group by all
),

final as (
    select
        municipality_code,
        month_label,
        team_name,
        target_group,
        {{ two_largest('paid_amount_dkk', 'decimal(18, 2)') }} as paid_amount_dkk
    from child_months
    group by all
)

select * from final
