with

source as (
    select * from {{ source('referrals', 'granted_payments') }}
),

renamed as (
    select
        municipality_code,
        cast(payment_id as integer) as payment_id,
        person_key,
        birth_date,
        payment_date,
        paid_date,
        paid_date is not null as is_paid,
        coalesce(paid_date, payment_date) as accounted_date,
        expected_amount_dkk,
        paid_amount_dkk,
        coalesce(paid_amount_dkk, expected_amount_dkk) as amount_dkk,
        is_fictive,
        account_string,
        account_alias,
        account_form,
        account_number,
        -- hovedkonto, hovedfunktion and funktion: 52821 is 5.28.21
        left(account_number, 5) as function_number,
        account_activity_number,
        cast(payment_plan_id as integer) as payment_plan_id,
        plan_amount_dkk,
        payment_frequency,
        recipient_type,
        payment_method,
        payment_cost_type,
        price_per_unit_dkk,
        units,
        appropriation_number,
        appropriation_date,
        approval_level,
        section_key,
        section_text,
        activity_number,
        activity_name,
        activity_type = 'MAIN_ACTIVITY' as is_main_activity,
        activity_status,
        -- what is paid once may have no start in OS2bos: it begins on the day of payment, if it has not ended before
        coalesce(activity_start_date, least(payment_date, activity_end_date)) as activity_start_date,
        activity_end_date,
        main_activity_number,
        main_activity_name,
        activity_category_number,
        activity_category_name,
        target_group,
        team_name,
        efforts,
        cast(effort_step as integer) as effort_step,
        cast(scaling_step as integer) as scaling_step,
        paying_municipality,
        acting_municipality,
        residence_municipality,
        delivery_id
    from source
)

select * from renamed
