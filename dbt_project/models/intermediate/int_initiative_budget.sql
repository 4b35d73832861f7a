with

appropriations as (
    select * from {{ ref('stg_budget__appropriations') }}
),

initiative_accounts as (
    select * from {{ ref('initiative_account') }}
    -- made-up accounts claim nothing in a real budget
    where basis != 'synthetic' or {{ is_synthetic() }}
),

follow_ups as (
    select * from {{ ref('dim_follow_up') }}
),

-- A budget entry has a year and no day: an account claims it if it belongs to the initiative on any day of that year.
claimed_entries as (
    select
        appropriations.municipality_code,
        initiative_accounts.agreement_year,
        initiative_accounts.initiative_id,
        appropriations.budget_year,
        appropriations.is_change,
        appropriations.decision_date,
        cast(round(appropriations.amount_dkk * initiative_accounts.share, 2) as decimal(15, 2)) as claimed_amount_dkk
    from appropriations
    inner join initiative_accounts
        on
            appropriations.municipality_code = initiative_accounts.municipality_code
            and initiative_accounts.valid_from <= make_date(appropriations.budget_year, 12, 31)
            and (
                initiative_accounts.valid_to is null
                or initiative_accounts.valid_to >= make_date(appropriations.budget_year, 1, 1)
            )
            and case initiative_accounts.account_field
                when 'account_alias' then appropriations.account_alias
                when 'account_string' then appropriations.account_string
                when 'cost_center' then appropriations.cost_center
                when 'account_number' then appropriations.account_number
                when 'activity_number' then appropriations.activity_number
                when 'art_number' then appropriations.art_number
                when 'project_number' then appropriations.project_number
            end like initiative_accounts.account_pattern
),

-- what is decided after the cut-off counts from the next follow-up on; until then the year has a budget of nought
budgets as (
    select
        claimed_entries.municipality_code,
        claimed_entries.agreement_year,
        claimed_entries.initiative_id,
        claimed_entries.budget_year,
        follow_ups.follow_up_code,
        coalesce(
            sum(claimed_entries.claimed_amount_dkk) filter (
                where not claimed_entries.is_change and claimed_entries.decision_date <= follow_ups.data_cut_off_date
            ), 0
        ) as adopted_budget_dkk,
        coalesce(
            sum(claimed_entries.claimed_amount_dkk) filter (
                where claimed_entries.is_change and claimed_entries.decision_date <= follow_ups.data_cut_off_date
            ), 0
        ) as budget_changes_dkk
    from claimed_entries
    inner join follow_ups
        on
            claimed_entries.municipality_code = follow_ups.municipality_code
            and claimed_entries.budget_year = follow_ups.follow_up_year
    group by all
),

final as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        budget_year,
        follow_up_code,
        cast(adopted_budget_dkk as decimal(18, 2)) as adopted_budget_dkk,
        cast(budget_changes_dkk as decimal(18, 2)) as budget_changes_dkk,
        cast(adopted_budget_dkk + budget_changes_dkk as decimal(18, 2)) as corrected_budget_dkk
    from budgets
)

select * from final
