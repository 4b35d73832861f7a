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

-- what a later form asked again says nothing of its own follow-up
statuses as (
    select * from {{ ref('fct_milestone_status') }}
    where answered_follow_up_code = milestone_follow_up_code
),

amounts as (
    select * from {{ ref('fct_initiative_amount') }}
    where stated_in = 'finance' and budget_year = agreement_year
),

economies as (
    select * from {{ ref('int_initiative_economy') }}
),

-- the Swedish model, in whichever year's agreement it stands
swedish_model as (
    select * from {{ ref('dim_initiative') }}
    where initiative_id = '3.04'
),

accounts as (
    select * from {{ ref('stg_budget__municipal_accounts') }}
    where
        table_code = 'REGK31'
        and place_municipality_code = municipality_code
        and account_kind = '1'
        and art_code = 'TOT'
        and price_unit = 'LOBM'
),

settings as (
    select *
    from {{ ref('measure_setting') }}
    where valid_from <= {{ as_of() }}
    qualify row_number() over (partition by municipality_code, setting_name order by valid_from desc) = 1
),

-- K01: milestones reached

reported_follow_ups as (
    select distinct
        municipality_code,
        milestone_follow_up_code as follow_up_code
    from statuses
),

milestone_answers as (
    select
        milestones.municipality_code,
        milestones.follow_up_code,
        initiatives.center_code,
        initiatives.initiative_type,
        milestones.has_text,
        coalesce(statuses.status = 'glad', false) as is_reached
    from milestones
    inner join initiatives
        on
            milestones.municipality_code = initiatives.municipality_code
            and milestones.agreement_year = initiatives.agreement_year
            and milestones.initiative_id = initiatives.initiative_id
    left join statuses
        on
            milestones.municipality_code = statuses.municipality_code
            and milestones.agreement_year = statuses.agreement_year
            and milestones.initiative_id = statuses.initiative_id
            and milestones.follow_up_code = statuses.milestone_follow_up_code
            and milestones.milestone_number = statuses.milestone_number
),

-- each milestone counts in the municipality, at its centre, and at its centre among initiatives of its type
unit_milestones as (
    select
        municipality_code,
        follow_up_code,
        has_text,
        is_reached,
        unnest(['municipality', 'center', 'center_and_type']) as unit_type,
        unnest([
            municipality_code, center_code, center_code || '/' || initiative_type
        ]) as unit_id
    from milestone_answers
),

milestone_counts as (
    select
        municipality_code,
        follow_up_code,
        unit_type,
        unit_id,
        count(*) filter (where has_text) as milestones,
        count(*) filter (where not has_text) as milestones_without_text,
        count(*) filter (where is_reached) as milestones_reached
    from unit_milestones
    where unit_id is not null
    group by all
),

milestones_reached as (
    select
        milestone_counts.municipality_code,
        'K01' as measure_id,
        'all' as measure_part,
        'follow_up' as period_type,
        milestone_counts.follow_up_code as period,
        follow_ups.data_cut_off_date as period_end_date,
        milestone_counts.unit_type,
        milestone_counts.unit_id,
        case
            when reported_follow_ups.follow_up_code is not null then milestone_counts.milestones_reached
        end as numerator,
        milestone_counts.milestones as denominator,
        case
            when reported_follow_ups.follow_up_code is not null
                then {{ exact_share('milestone_counts.milestones_reached', 'milestone_counts.milestones') }}
        end as measure_value,
        false as is_incomplete,
        case
            when reported_follow_ups.follow_up_code is null
                then 'Ingen status er indberettet / No status has been reported'
            when milestone_counts.milestones_without_text > 0
                then concat(
                    milestone_counts.milestones_without_text, ' milepælsrækker uden tekst tæller ikke med / ',
                    milestone_counts.milestones_without_text, ' milestone rows without a text do not count'
                )
        end as open_reason
    from milestone_counts
    inner join follow_ups
        on
            milestone_counts.municipality_code = follow_ups.municipality_code
            and milestone_counts.follow_up_code = follow_ups.follow_up_code
    left join reported_follow_ups
        on
            milestone_counts.municipality_code = reported_follow_ups.municipality_code
            and milestone_counts.follow_up_code = reported_follow_ups.follow_up_code
),

-- K02 and K03: budgets that hold, and how much of them is spent

followed_economies as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        'follow_up' as period_type,
        follow_up_code as period,
        data_cut_off_date as period_end_date,
        'initiative' as unit_type,
        concat(agreement_year, '/', initiative_id) as unit_id,
        spent_to_date_dkk,
        corrected_budget_dkk,
        is_budget_held,
        not is_complete as is_incomplete
    from economies
),

budgets_held as (
    select
        municipality_code,
        'K02' as measure_id,
        'all' as measure_part,
        period_type,
        period,
        period_end_date,
        unit_type,
        unit_id,
        spent_to_date_dkk as numerator,
        corrected_budget_dkk as denominator,
        cast(is_budget_held as integer) as measure_value,
        is_incomplete,
        case
            when corrected_budget_dkk is null
                then 'Indsatsen har ingen bevilling i året / The initiative has no appropriation in the year'
        end as open_reason
    from followed_economies
),

budgets_spent as (
    select
        municipality_code,
        'K03' as measure_id,
        'all' as measure_part,
        period_type,
        period,
        period_end_date,
        unit_type,
        unit_id,
        spent_to_date_dkk as numerator,
        corrected_budget_dkk as denominator,
        {{ exact_share('spent_to_date_dkk', 'corrected_budget_dkk') }} as measure_value,
        is_incomplete,
        case
            when corrected_budget_dkk is null
                then 'Indsatsen har ingen bevilling i året / The initiative has no appropriation in the year'
            when corrected_budget_dkk = 0
                then 'Det korrigerede budget er nul / The corrected budget is nought'
        end as open_reason
    from followed_economies
),

-- K07: from placement to prevention

-- a figure that is missing or may be suppressed is unknown, and so is the sum that it belongs to
account_years as (
    select
        municipality_code,
        accounting_year,
        case
            when count(distinct function_code) filter (where value_status = 'published') = 5
                then sum(amount_1000_dkk) filter (where function_code = '52821')
        end as preventive_1000_dkk,
        case
            when count(distinct function_code) filter (where value_status = 'published') = 5
                then sum(amount_1000_dkk)
        end as all_1000_dkk
    from accounts
    where function_code in ('52820', '52821', '52822', '52823', '52824')
    group by all
),

preventive_shares as (
    select
        *,
        {{ exact_share('preventive_1000_dkk', 'all_1000_dkk') }} as preventive_share
    from account_years
),

spending_shifts as (
    select
        preventive_shares.municipality_code,
        'K07' as measure_id,
        'all' as measure_part,
        'year' as period_type,
        cast(preventive_shares.accounting_year as varchar) as period,
        make_date(preventive_shares.accounting_year, 12, 31) as period_end_date,
        'municipality' as unit_type,
        preventive_shares.municipality_code as unit_id,
        preventive_shares.preventive_1000_dkk as numerator,
        preventive_shares.all_1000_dkk as denominator,
        preventive_shares.preventive_share - baseline_shares.preventive_share as measure_value,
        false as is_incomplete,
        case
            when preventive_shares.preventive_share is null or baseline_shares.preventive_share is null
                then 'Et regnskabstal mangler / An accounts figure is missing'
            else
                'Dokumentet siger ikke, om 2 pct. er procentpoint eller relativt'
                || ' / The document does not say whether 2 per cent are points or relative'
        end as open_reason
    from preventive_shares
    left join settings
        on
            preventive_shares.municipality_code = settings.municipality_code
            and settings.setting_name = 'K07_baseline_year'
    left join preventive_shares as baseline_shares
        on
            preventive_shares.municipality_code = baseline_shares.municipality_code
            and settings.setting_value = baseline_shares.accounting_year
),

-- K09: saving and investment of the Swedish model

adopted as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        sum(amount_mdkk * 1000000) filter (where amount_kind = 'expenditure') as expenditure_dkk,
        sum(amount_mdkk * 1000000) filter (where amount_kind = 'saving') as saving_dkk
    from amounts
    group by all
),

investments as (
    select
        followed_economies.municipality_code,
        'K09' as measure_id,
        'expenditure' as measure_part,
        followed_economies.period_type,
        followed_economies.period,
        followed_economies.period_end_date,
        followed_economies.unit_type,
        followed_economies.unit_id,
        followed_economies.spent_to_date_dkk as numerator,
        adopted.expenditure_dkk as denominator,
        {{ exact_share('followed_economies.spent_to_date_dkk', 'adopted.expenditure_dkk') }} as measure_value,
        followed_economies.is_incomplete,
        case
            when adopted.expenditure_dkk is null
                then 'Økonomilinjen angiver ingen udgift / The finance line states no expenditure'
        end as open_reason
    from followed_economies
    semi join swedish_model
        on
            followed_economies.municipality_code = swedish_model.municipality_code
            and followed_economies.agreement_year = swedish_model.agreement_year
            and followed_economies.initiative_id = swedish_model.initiative_id
    left join adopted
        on
            followed_economies.municipality_code = adopted.municipality_code
            and followed_economies.agreement_year = adopted.agreement_year
            and followed_economies.initiative_id = adopted.initiative_id
),

savings as (
    select
        swedish_model.municipality_code,
        'K09' as measure_id,
        'saving' as measure_part,
        'follow_up' as period_type,
        follow_ups.follow_up_code as period,
        follow_ups.data_cut_off_date as period_end_date,
        'initiative' as unit_type,
        concat(swedish_model.agreement_year, '/', swedish_model.initiative_id) as unit_id,
        null as numerator,
        adopted.saving_dkk as denominator,
        null as measure_value,
        false as is_incomplete,
        'Kassedata viser netto; den realiserede besparelse står ikke for sig'
        || ' / The ledger shows net; the realised saving does not stand by itself' as open_reason
    from swedish_model
    inner join adopted
        on
            swedish_model.municipality_code = adopted.municipality_code
            and swedish_model.agreement_year = adopted.agreement_year
            and swedish_model.initiative_id = adopted.initiative_id
            and adopted.saving_dkk is not null
    inner join follow_ups
        on
            swedish_model.municipality_code = follow_ups.municipality_code
            and swedish_model.agreement_year = follow_ups.follow_up_year
),

united as (
    select * from milestones_reached
    union all
    select * from budgets_held
    union all
    select * from budgets_spent
    union all
    select * from spending_shifts
    union all
    select * from investments
    union all
    select * from savings
),

final as (
    select
        municipality_code,
        measure_id,
        measure_part,
        period_type,
        period,
        period_end_date,
        unit_type,
        unit_id,
        cast(numerator as decimal(18, 4)) as numerator,
        cast(denominator as decimal(18, 4)) as denominator,
        cast(measure_value as decimal(18, 6)) as measure_value,
        -- none of these measures is about persons
        cast(null as integer) as person_count,
        is_incomplete,
        open_reason
    from united
)

select * from final
