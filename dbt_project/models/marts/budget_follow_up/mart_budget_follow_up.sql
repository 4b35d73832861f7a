with

initiatives as (
    select * from {{ ref('dim_initiative') }}
),

follow_ups as (
    select * from {{ ref('dim_follow_up') }}
),

milestones as (
    select * from {{ ref('fct_milestone') }}
),

amounts as (
    select * from {{ ref('fct_initiative_amount') }}
),

spending as (
    select * from {{ ref('fct_initiative_spending') }}
    where not is_unclaimed
),

spending_periods as (
    select * from {{ ref('int_follow_up_spending_period') }}
),

budgets as (
    select * from {{ ref('int_initiative_budget') }}
),

economies as (
    select * from {{ ref('int_initiative_economy') }}
),

milestone_statuses as (
    select * from {{ ref('fct_milestone_status') }}
),

statuses as (
    select * from {{ ref('stg_budget__milestone_status') }}
),

-- every initiative is followed at every follow-up of its year, with or without a milestone
expected as (
    select
        initiatives.municipality_code,
        initiatives.agreement_year,
        initiatives.initiative_id,
        follow_ups.follow_up_code
    from initiatives
    inner join follow_ups
        on
            initiatives.municipality_code = follow_ups.municipality_code
            and initiatives.agreement_year = follow_ups.follow_up_year
    union distinct
    select
        municipality_code,
        agreement_year,
        initiative_id,
        follow_up_code
    from milestones
),

milestone_texts as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        follow_up_code,
        string_agg(milestone_text, chr(10) order by milestone_number) as milestone_text
    from milestones
    group by all
),

-- the adopted amounts of the agreement's own year are those of the finance line; what it does not state is not nought
adopted as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        sum(amount_mdkk) filter (where amount_kind = 'expenditure') as adopted_expenditure_mdkk,
        sum(amount_mdkk) filter (where amount_kind = 'saving') as adopted_saving_mdkk
    from amounts
    where stated_in = 'finance' and budget_year = agreement_year
    group by all
),

-- An initiative with several milestones at a follow-up is shown by the one that is worst. What a centre answers in a
-- later form for an earlier milestone counts at neither follow-up.
effort_statuses as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        milestone_follow_up_code as follow_up_code,
        case
            when bool_or(status = 'sur') then 'sur'
            when bool_or(status = 'neutral') then 'neutral'
            else 'glad'
        end as effort_status
    from milestone_statuses
    where answered_follow_up_code = milestone_follow_up_code
    group by all
),

economy_statuses as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        follow_up_code,
        status as economy_status,
        comment as economy_comment
    from statuses
    where status_kind = 'economy'
),

person_years as (
    select distinct
        municipality_code,
        agreement_year,
        initiative_id,
        posting_year
    from spending
    where has_person_postings
),

-- Money booked on single persons would tell of them, to the øre: it is restricted, and with it all that it could be
-- told from beside the budget.
shown_economies as (
    select economies.*
    from economies
    anti join person_years
        on
            economies.municipality_code = person_years.municipality_code
            and economies.agreement_year = person_years.agreement_year
            and economies.initiative_id = person_years.initiative_id
            and economies.agreement_year = person_years.posting_year
),

joined as (
    select
        expected.municipality_code,
        expected.agreement_year,
        expected.initiative_id,
        initiatives.title,
        initiatives.initiative_type,
        initiatives.responsible_center,
        initiatives.committee,
        expected.follow_up_code,
        follow_ups.follow_up_name,
        follow_ups.follow_up_sequence,
        follow_ups.data_cut_off_date,
        follow_ups.is_assumed as is_cut_off_assumed,
        milestone_texts.milestone_text,
        milestone_texts.milestone_text is not null as has_text,
        effort_statuses.effort_status,
        economy_statuses.economy_status,
        cast(adopted.adopted_expenditure_mdkk as decimal(15, 3)) as adopted_expenditure_mdkk,
        cast(adopted.adopted_saving_mdkk as decimal(15, 3)) as adopted_saving_mdkk,
        initiatives.has_account,
        person_years.initiative_id is not null as has_person_postings,
        follow_ups.is_reached,
        spending_periods.spent_through_date,
        shown_economies.spent_to_date_dkk,
        not coalesce(spending_periods.is_complete, false) as is_preliminary,
        economy_statuses.economy_status as reported_economy_status,
        economy_statuses.economy_comment,
        case shown_economies.is_budget_held when true then 'glad' when false then 'sur' end as computed_economy_status,
        budgets.adopted_budget_dkk,
        budgets.budget_changes_dkk,
        budgets.corrected_budget_dkk,
        shown_economies.forecast_dkk,
        shown_economies.deviation_dkk,
        {{ as_of() }} as as_of,
        {{ is_synthetic() }} as is_synthetic
    from expected
    inner join initiatives
        on
            expected.municipality_code = initiatives.municipality_code
            and expected.agreement_year = initiatives.agreement_year
            and expected.initiative_id = initiatives.initiative_id
    left join follow_ups
        on
            expected.municipality_code = follow_ups.municipality_code
            and expected.follow_up_code = follow_ups.follow_up_code
    left join spending_periods
        on
            expected.municipality_code = spending_periods.municipality_code
            and expected.follow_up_code = spending_periods.follow_up_code
    left join milestone_texts
        on
            expected.municipality_code = milestone_texts.municipality_code
            and expected.agreement_year = milestone_texts.agreement_year
            and expected.initiative_id = milestone_texts.initiative_id
            and expected.follow_up_code = milestone_texts.follow_up_code
    left join adopted
        on
            expected.municipality_code = adopted.municipality_code
            and expected.agreement_year = adopted.agreement_year
            and expected.initiative_id = adopted.initiative_id
    left join effort_statuses
        on
            expected.municipality_code = effort_statuses.municipality_code
            and expected.agreement_year = effort_statuses.agreement_year
            and expected.initiative_id = effort_statuses.initiative_id
            and expected.follow_up_code = effort_statuses.follow_up_code
    left join economy_statuses
        on
            expected.municipality_code = economy_statuses.municipality_code
            and expected.agreement_year = economy_statuses.agreement_year
            and expected.initiative_id = economy_statuses.initiative_id
            and expected.follow_up_code = economy_statuses.follow_up_code
    left join budgets
        on
            expected.municipality_code = budgets.municipality_code
            and expected.agreement_year = budgets.agreement_year
            and expected.initiative_id = budgets.initiative_id
            and expected.follow_up_code = budgets.follow_up_code
            and follow_ups.follow_up_year = budgets.budget_year
    left join shown_economies
        on
            expected.municipality_code = shown_economies.municipality_code
            and expected.agreement_year = shown_economies.agreement_year
            and expected.initiative_id = shown_economies.initiative_id
            and expected.follow_up_code = shown_economies.follow_up_code
    left join person_years
        on
            expected.municipality_code = person_years.municipality_code
            and expected.agreement_year = person_years.agreement_year
            and expected.initiative_id = person_years.initiative_id
            and follow_ups.follow_up_year = person_years.posting_year
),

-- what the figures show goes before what the centre answered
judged as (
    select
        *,
        coalesce(computed_economy_status, reported_economy_status) as shown_economy_status,
        case
            when computed_economy_status is not null then 'computed'
            when reported_economy_status is not null then 'reported'
        end as economy_status_basis
    from joined
),

-- the follow-up before is of the same year: the first has none
final as (
    select
        judged.*,
        earlier.effort_status as previous_effort_status,
        earlier.shown_economy_status as previous_economy_status,
        -- postings are net of income and savings, so they are compared with expenditure where no saving is agreed
        case
            when judged.adopted_saving_mdkk is null
                then {{ exact_share('judged.spent_to_date_dkk', 'judged.adopted_expenditure_mdkk * 1000000') }}
        end as spent_share
    from judged
    left join judged as earlier
        on
            judged.municipality_code = earlier.municipality_code
            and judged.agreement_year = earlier.agreement_year
            and judged.initiative_id = earlier.initiative_id
            and judged.follow_up_sequence = earlier.follow_up_sequence + 1
)

select * from final
