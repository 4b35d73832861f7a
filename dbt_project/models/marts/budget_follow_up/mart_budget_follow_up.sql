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

ledger_deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where dataset = 'ledger_postings' and is_accepted
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

-- the adopted amounts of the agreement's own year are those of the finance line
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

-- money stands as of the last full month: before the business date, and not after the cut-off
follow_up_periods as (
    select
        *,
        least(
            cast(date_trunc('month', data_cut_off_date + 1) as date) - 1,
            cast(date_trunc('month', {{ as_of() }}) as date) - 1
        ) as last_month_end
    from follow_ups
),

-- without a ledger of the year there is no figure, and none is not nought
ledger_follow_ups as (
    select distinct
        follow_up_periods.municipality_code,
        follow_up_periods.follow_up_code
    from follow_up_periods
    inner join ledger_deliveries
        on
            follow_up_periods.municipality_code = ledger_deliveries.municipality_code
            and follow_up_periods.last_month_end >= make_date(follow_up_periods.follow_up_year, 1, 1)
            and follow_up_periods.last_month_end >= ledger_deliveries.period_from
            and make_date(follow_up_periods.follow_up_year, 1, 1) <= ledger_deliveries.period_to
),

spent_periods as (
    select
        follow_up_periods.*,
        case when ledger_follow_ups.follow_up_code is not null then follow_up_periods.last_month_end end
            as spent_through_date
    from follow_up_periods
    left join ledger_follow_ups
        on
            follow_up_periods.municipality_code = ledger_follow_ups.municipality_code
            and follow_up_periods.follow_up_code = ledger_follow_ups.follow_up_code
),

spent as (
    select
        spent_periods.municipality_code,
        spent_periods.follow_up_code,
        spending.agreement_year,
        spending.initiative_id,
        sum(spending.amount_dkk) as spent_to_date_dkk
    from spent_periods
    inner join spending
        on
            spent_periods.municipality_code = spending.municipality_code
            and spent_periods.follow_up_year = spending.posting_year
            and make_date(spending.posting_year, spending.posting_month, 1) <= spent_periods.spent_through_date
    group by all
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
        spent_periods.follow_up_name,
        spent_periods.follow_up_sequence,
        spent_periods.data_cut_off_date,
        spent_periods.is_assumed as is_cut_off_assumed,
        milestone_texts.milestone_text,
        milestone_texts.milestone_text is not null as has_text,
        -- the centres report status in forms that are not a dataset yet: nothing is reported, and nothing is guessed
        cast(null as varchar) as effort_status,
        cast(null as varchar) as economy_status,
        cast(coalesce(adopted.adopted_expenditure_mdkk, 0) as decimal(15, 3)) as adopted_expenditure_mdkk,
        cast(coalesce(adopted.adopted_saving_mdkk, 0) as decimal(15, 3)) as adopted_saving_mdkk,
        initiatives.has_account,
        spent_periods.spent_through_date,
        case
            when initiatives.has_account and spent_periods.spent_through_date is not null
                then cast(coalesce(spent.spent_to_date_dkk, 0) as decimal(18, 2))
        end as spent_to_date_dkk,
        coalesce(spent_periods.spent_through_date < spent_periods.data_cut_off_date, true) as is_preliminary,
        {{ as_of() }} as as_of,
        {{ is_synthetic() }} as is_synthetic
    from expected
    inner join initiatives
        on
            expected.municipality_code = initiatives.municipality_code
            and expected.agreement_year = initiatives.agreement_year
            and expected.initiative_id = initiatives.initiative_id
    left join spent_periods
        on
            expected.municipality_code = spent_periods.municipality_code
            and expected.follow_up_code = spent_periods.follow_up_code
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
    left join spent
        on
            expected.municipality_code = spent.municipality_code
            and expected.agreement_year = spent.agreement_year
            and expected.initiative_id = spent.initiative_id
            and expected.follow_up_code = spent.follow_up_code
),

final as (
    select
        *,
        {{ share('spent_to_date_dkk', 'adopted_expenditure_mdkk * 1000000') }} as spent_share
    from joined
)

select * from final
