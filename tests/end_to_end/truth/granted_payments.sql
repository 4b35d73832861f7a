-- name: by_year_and_function
select
    cast(year(accounted_date) as integer) as year,
    function_number,
    count(*) as payments,
    sum(amount_dkk) as amount_dkk
from staging.stg_referrals__granted_payments
group by all;

-- name: by_section
select
    section_key,
    count(*) as payments,
    count(distinct person_key) as children,
    count(distinct appropriation_number) as appropriations,
    min(activity_start_date) as first_start
from staging.stg_referrals__granted_payments
group by all;

-- name: paid
select
    is_paid,
    count(*) as payments,
    sum(expected_amount_dkk) as expected_amount_dkk,
    sum(amount_dkk) as amount_dkk
from staging.stg_referrals__granted_payments
group by all;

-- name: paid_otherwise
select
    count(*) as payments,
    sum(paid_amount_dkk - expected_amount_dkk) as difference_dkk
from staging.stg_referrals__granted_payments
where paid_amount_dkk <> expected_amount_dkk;

-- name: by_step
select
    effort_step,
    count(*) as payments
from staging.stg_referrals__granted_payments
group by all;

-- name: by_account_form
select
    account_form,
    count(*) as payments
from staging.stg_referrals__granted_payments
group by all;

-- name: by_price
select
    payment_cost_type,
    count(*) as payments,
    count(*) filter (where is_fictive) as fictive,
    coalesce(sum(units), 0.00) as units
from staging.stg_referrals__granted_payments
group by all;

-- name: first_preventive
with
first_measure as (
    select
        payment.person_key,
        payment.birth_date,
        min(payment.activity_start_date) as first_start
    from staging.stg_referrals__granted_payments as payment
    inner join seeds.law_section as section
        on
            payment.section_key = section.section_key
            and payment.activity_start_date >= section.valid_from
            and (section.valid_to is null or payment.activity_start_date <= section.valid_to)
    where section.section_kind = 'preventive'
    group by payment.person_key, payment.birth_date
)

select
    cast(year(first_start) as integer) as year,
    count(*) as children,
    cast(sum(first_start - birth_date) as bigint) as days
from first_measure
group by all;
