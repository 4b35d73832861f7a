with

child_months as (
    select
        municipality_code,
        {{ month_label('accounted_date') }} as month_label,
        section_key as section_code,
        function_number,
        person_key,
        coalesce(sum(paid_amount_dkk), 0) as paid_amount_dkk
    from {{ ref('stg_referrals__granted_payments') }}
    -- a fictive payment is booked and never paid out
    where not is_fictive
    group by all
),

final as (
    select
        municipality_code,
        month_label,
        section_code,
        function_number,
        {{ two_largest('paid_amount_dkk', 'decimal(18, 2)') }} as paid_amount_dkk
    from child_months
    group by all
)

select * from final
