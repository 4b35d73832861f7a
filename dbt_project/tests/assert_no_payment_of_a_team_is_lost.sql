-- What the casework teams' payments of the covered months add up to in staging the mart adds up to as well, to the øre.
with

mart as (
    select
        coalesce(sum(payments), 0) as payments,
        coalesce(sum(paid_amount_dkk), 0) as paid_amount_dkk
    from {{ ref('mart_handicap_og_familieteam') }}
),

covered_months as (
    select distinct
        municipality_code,
        month_label
    from {{ ref('mart_handicap_og_familieteam') }}
    where payments is not null
),

staged as (
    select
        count(*) as payments,
        coalesce(sum(payments.paid_amount_dkk), 0) as paid_amount_dkk
    from {{ ref('stg_referrals__granted_payments') }} as payments
    semi join covered_months
        on
            payments.municipality_code = covered_months.municipality_code
            and strftime(payments.paid_date, '%Y-%m') = covered_months.month_label
    semi join {{ ref('team') }} as teams
        on
            payments.municipality_code = teams.municipality_code
            and payments.team_name = teams.team_name
            and teams.project_code = 'HT'
    where not payments.is_fictive and payments.paid_date <= {{ as_of() }}
)

select
    mart.payments,
    staged.payments as expected_payments,
    mart.paid_amount_dkk,
    staged.paid_amount_dkk as expected_paid_amount_dkk
from mart
cross join staged
where mart.payments <> staged.payments or mart.paid_amount_dkk <> staged.paid_amount_dkk
