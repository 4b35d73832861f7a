with

absence_statistics as (
    select * from {{ ref('stg_school_absence__absence_statistics') }}
),

wellbeing_statistics as (
    select * from {{ ref('stg_trivsel__wellbeing_statistics') }}
),

municipal_accounts as (
    select * from {{ ref('stg_budget__municipal_accounts') }}
),

municipalities as (
    select * from {{ ref('municipality') }}
),

institutions as (
    select * from {{ ref('institution') }}
),

functions as (
    select * from {{ ref('statbank_function') }}
),

absence_rows as (
    select
        municipality_code,
        'absence_statistics' as source_code,
        place_level,
        place_name,
        place_municipality_code,
        null as institution_number,
        school_stage as grade_group,
        coalesce(measure_code, measure_name) as indicator,
        measure_name as indicator_name,
        'I alt' as answer_interval,
        'share' as measure,
        'percent' as unit,
        'school_year' as period_type,
        school_year as period,
        cast(right(school_year, 4) as integer) as year,
        measure_value as value,
        value_status,
        false as is_computed
    from absence_statistics
),

wellbeing_rows as (
    select
        municipality_code,
        'wellbeing_statistics' as source_code,
        place_level,
        place_name,
        place_municipality_code,
        institution_number,
        grade_group,
        coalesce(indicator, indicator_name) as indicator,
        indicator_name,
        answer_interval,
        measure_code as measure,
        case measure_code when 'mean' then 'points' when 'share' then 'percent' when 'pupils' then 'pupils' end as unit,
        'school_year' as period_type,
        school_year as period,
        cast(right(school_year, 4) as integer) as year,
        measure_value as value,
        value_status,
        false as is_computed
    from wellbeing_statistics
),

places as (
    select count(*) as municipality_count from municipalities
),

-- The tables' own row of the country is not asked for: it would stand among the municipalities as one more. A country
-- that lacks a municipality's amount is unknown, not smaller.
amounts as (
    select
        municipality_code,
        figure_kind,
        'municipality' as place_level,
        place_name,
        place_municipality_code,
        function_code,
        accounting_year,
        amount_1000_dkk,
        value_status,
        false as is_computed
    from municipal_accounts
    union all
    select
        municipal_accounts.municipality_code,
        municipal_accounts.figure_kind,
        'country' as place_level,
        'I alt' as place_name,
        null as place_municipality_code,
        municipal_accounts.function_code,
        municipal_accounts.accounting_year,
        case
            when count(municipal_accounts.amount_1000_dkk) = places.municipality_count
                then sum(municipal_accounts.amount_1000_dkk)
        end as amount_1000_dkk,
        case
            when count(municipal_accounts.amount_1000_dkk) < places.municipality_count then 'missing'
            when bool_and(municipal_accounts.value_status = 'published') then 'published'
            else 'suppressed_or_zero'
        end as value_status,
        true as is_computed
    from municipal_accounts
    cross join places
    group by
        municipal_accounts.municipality_code,
        municipal_accounts.figure_kind,
        municipal_accounts.function_code,
        municipal_accounts.accounting_year,
        places.municipality_count
),

-- a share of all functions is known where all of them are
function_totals as (
    select
        municipality_code,
        figure_kind,
        place_name,
        accounting_year,
        case
            when count(amount_1000_dkk) = (select count(*) from functions)
                then sum(amount_1000_dkk)
        end as total_1000_dkk,
        bool_and(value_status = 'published') as is_published
    from amounts
    group by all
),

-- a function's share is its part of what is spent on all five; of the preventive one it is what K07 follows
account_figures as (
    select
        amounts.municipality_code,
        amounts.figure_kind,
        amounts.place_level,
        amounts.place_name,
        amounts.place_municipality_code,
        amounts.function_code,
        amounts.accounting_year,
        unnest(['amount', 'share']) as measure_kind,
        unnest([
            cast(amounts.amount_1000_dkk as decimal(18, 6)),
            cast({{ share('amounts.amount_1000_dkk', 'function_totals.total_1000_dkk') }} * 100 as decimal(18, 6))
        ]) as value,
        unnest([
            amounts.value_status,
            case
                when coalesce(function_totals.total_1000_dkk, 0) = 0 then 'missing'
                when function_totals.is_published then 'published'
                else 'suppressed_or_zero'
            end
        ]) as value_status,
        unnest([amounts.is_computed, true]) as is_computed
    from amounts
    inner join function_totals
        on
            amounts.municipality_code = function_totals.municipality_code
            and amounts.figure_kind = function_totals.figure_kind
            and amounts.place_name = function_totals.place_name
            and amounts.accounting_year = function_totals.accounting_year
),

account_rows as (
    select
        account_figures.municipality_code,
        'municipal_accounts' as source_code,
        account_figures.place_level,
        account_figures.place_name,
        account_figures.place_municipality_code,
        null as institution_number,
        'I alt' as grade_group,
        account_figures.function_code as indicator,
        coalesce(functions.function_name_da, account_figures.function_code) as indicator_name,
        'I alt' as answer_interval,
        account_figures.figure_kind || '_' || account_figures.measure_kind as measure,
        case account_figures.measure_kind when 'amount' then '1000_dkk' else 'percent' end as unit,
        'year' as period_type,
        cast(account_figures.accounting_year as varchar) as period,
        cast(account_figures.accounting_year as integer) as year,
        account_figures.value,
        account_figures.value_status,
        account_figures.is_computed
    from account_figures
    left join functions on account_figures.function_code = functions.function_code
),

united as (
    select * from absence_rows
    union all
    select * from wellbeing_rows
    union all
    select * from account_rows
),

final as (
    select
        united.municipality_code,
        united.source_code,
        united.place_level,
        case
            when united.place_level = 'country' then 'DK'
            else coalesce(united.institution_number, united.place_municipality_code, united.place_name)
        end as place_code,
        case
            when united.place_level = 'country' then 'Hele landet'
            else coalesce(institutions.institution_name, united.institution_number, united.place_name)
        end as place_name,
        united.place_level <> 'country'
        and coalesce(united.place_municipality_code = united.municipality_code, false) as is_own,
        united.grade_group,
        united.indicator,
        united.indicator_name,
        united.answer_interval,
        united.measure,
        united.unit,
        united.period_type,
        united.period,
        united.year,
        cast(united.value as decimal(18, 6)) as value,
        united.value_status,
        united.is_computed,
        {{ is_synthetic() }} as is_synthetic
    from united
    left join institutions
        on
            united.municipality_code = institutions.municipality_code
            and united.institution_number = institutions.institution_number
)

select * from final
