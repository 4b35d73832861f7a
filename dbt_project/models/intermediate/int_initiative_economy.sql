with

initiatives as (
    select * from {{ ref('dim_initiative') }}
    where has_account
),

periods as (
    select * from {{ ref('int_follow_up_spending_period') }}
    where spent_through_date is not null
),

spending as (
    select * from {{ ref('fct_initiative_spending') }}
    where not is_unclaimed
),

budgets as (
    select * from {{ ref('int_initiative_budget') }}
),

spent as (
    select
        periods.municipality_code,
        periods.follow_up_code,
        spending.agreement_year,
        spending.initiative_id,
        sum(spending.amount_dkk) as spent_to_date_dkk
    from periods
    inner join spending
        on
            periods.municipality_code = spending.municipality_code
            and periods.follow_up_year = spending.posting_year
            and make_date(spending.posting_year, spending.posting_month, 1) <= periods.spent_through_date
    group by all
),

-- the budget of the follow-up's year; what the ledger covers and nobody booked is nought
joined as (
    select
        initiatives.municipality_code,
        initiatives.agreement_year,
        initiatives.initiative_id,
        initiatives.initiative_type,
        periods.follow_up_code,
        periods.follow_up_year,
        periods.data_cut_off_date,
        periods.spending_months,
        periods.is_complete,
        cast(coalesce(spent.spent_to_date_dkk, 0) as decimal(18, 2)) as spent_to_date_dkk,
        budgets.corrected_budget_dkk
    from initiatives
    inner join periods
        on
            initiatives.municipality_code = periods.municipality_code
            and initiatives.agreement_year = periods.follow_up_year
    left join spent
        on
            initiatives.municipality_code = spent.municipality_code
            and initiatives.agreement_year = spent.agreement_year
            and initiatives.initiative_id = spent.initiative_id
            and periods.follow_up_code = spent.follow_up_code
    left join budgets
        on
            initiatives.municipality_code = budgets.municipality_code
            and initiatives.agreement_year = budgets.agreement_year
            and initiatives.initiative_id = budgets.initiative_id
            and periods.follow_up_year = budgets.budget_year
            and periods.follow_up_code = budgets.follow_up_code
),

-- A net saving has to come in its pace, so months of the year are compared; a budget may be spent on any day.
-- Running costs go on as they did, whereas a building is paid when it is built.
forecast as (
    select
        *,
        case
            when corrected_budget_dkk >= 0 then spent_to_date_dkk <= corrected_budget_dkk
            else spent_to_date_dkk * 12 <= corrected_budget_dkk * spending_months
        end as is_budget_held,
        case
            when spending_months = 12 then spent_to_date_dkk
            when initiative_type = 'drift'
                then {{ exact_share('spent_to_date_dkk * 12', 'spending_months', 'decimal(18, 2)', decimals=2) }}
        end as forecast_dkk
    from joined
),

final as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        follow_up_code,
        data_cut_off_date,
        spending_months,
        is_complete,
        spent_to_date_dkk,
        corrected_budget_dkk,
        is_budget_held,
        cast(forecast_dkk as decimal(18, 2)) as forecast_dkk,
        cast(corrected_budget_dkk - forecast_dkk as decimal(18, 2)) as deviation_dkk
    from forecast
)

select * from final
