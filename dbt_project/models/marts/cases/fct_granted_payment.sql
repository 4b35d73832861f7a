with

payments as (
    select
        *,
        cast(date_trunc('month', accounted_date) as date) as month_start
    from {{ ref('stg_referrals__granted_payments') }}
    -- a fictive payment is booked and never paid out
    where not is_fictive
),

cells as (
    select
        municipality_code,
        month_start,
        section_key as section_code,
        function_number,
        count(*) as payments,
        count(distinct person_key) as children,
        sum(amount_dkk) as amount_dkk,
        -- where nothing is paid yet, zero kroner are
        coalesce(sum(paid_amount_dkk), 0) as paid_amount_dkk
    from payments
    group by all
),

final as (
    select
        municipality_code,
        {{ month_label('month_start') }} as month_label,
        month_start,
        section_code,
        function_number,
        -- as dim_account writes it: 52821 is 5.28.21
        case
            when function_number is not null
                then concat_ws('.', left(function_number, 1), function_number[2:3], function_number[4:5])
        end as function_code,
        cast(payments as integer) as payments,
        cast(children as integer) as children,
        cast(amount_dkk as decimal(18, 2)) as amount_dkk,
        cast(paid_amount_dkk as decimal(18, 2)) as paid_amount_dkk,
        {{ is_synthetic() }} as is_synthetic
    from cells
)

select * from final
