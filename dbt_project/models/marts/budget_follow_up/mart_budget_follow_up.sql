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

covered_years as (
    select * from {{ ref('int_covered_ledger_year') }}
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

-- Money stands as of the last full month: before the business date, not after the cut-off, and delivered without gaps
-- from 1 January. Without a ledger of the year there is no figure, and none is not nought.
follow_up_periods as (
    select
        follow_ups.*,
        cast(date_trunc('month', follow_ups.data_cut_off_date + 1) as date) - 1 as cut_off_month_end,
        least(
            cast(date_trunc('month', {{ as_of() }}) as date),
            cast(date_trunc('month', covered_years.covered_to_date + 1) as date)
        ) - 1 as ledger_month_end,
        covered_years.covered_to_date is not null as has_ledger
    from follow_ups
    left join covered_years
        on
            follow_ups.municipality_code = covered_years.municipality_code
            and follow_ups.follow_up_year = covered_years.posting_year
),

known_periods as (
    select
        *,
        coalesce(has_ledger and ledger_month_end >= cut_off_month_end, false) as is_complete,
        has_ledger and ledger_month_end >= make_date(follow_up_year, 1, 1) as has_full_month
    from follow_up_periods
),

-- The figure to date belongs to the first follow-up that the ledger does not reach; at later ones it would be the same
-- figure over again.
spent_periods as (
    select
        *,
        case
            when
                has_full_month
                and (
                    is_complete
                    or row_number() over (
                        partition by municipality_code, follow_up_year, is_complete
                        order by data_cut_off_date, follow_up_code
                    ) = 1
                )
                then least(cut_off_month_end, ledger_month_end)
        end as spent_through_date
    from known_periods
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
        -- what the centres report in their forms is staged and not shown here yet, and nothing is guessed
        cast(null as varchar) as effort_status,
        cast(null as varchar) as economy_status,
        cast(adopted.adopted_expenditure_mdkk as decimal(15, 3)) as adopted_expenditure_mdkk,
        cast(adopted.adopted_saving_mdkk as decimal(15, 3)) as adopted_saving_mdkk,
        initiatives.has_account,
        person_years.initiative_id is not null as has_person_postings,
        spent_periods.is_reached,
        spent_periods.spent_through_date,
        -- money booked on single persons would tell of them, to the øre: its exact figures are restricted
        case
            when
                initiatives.has_account
                and person_years.initiative_id is null
                and spent_periods.spent_through_date is not null
                then cast(coalesce(spent.spent_to_date_dkk, 0) as decimal(18, 2))
        end as spent_to_date_dkk,
        not coalesce(spent_periods.is_complete, false) as is_preliminary,
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
    left join person_years
        on
            expected.municipality_code = person_years.municipality_code
            and expected.agreement_year = person_years.agreement_year
            and expected.initiative_id = person_years.initiative_id
            and spent_periods.follow_up_year = person_years.posting_year
),

final as (
    select
        *,
        -- postings are net of income and savings, so they are compared with expenditure where no saving is agreed
        case
            when adopted_saving_mdkk is null
                then {{ share('spent_to_date_dkk', 'adopted_expenditure_mdkk * 1000000', 'decimal(18, 6)') }}
        end as spent_share
    from joined
)

select * from final
