with

follow_ups as (
    select * from {{ ref('dim_follow_up') }}
),

covered_years as (
    select * from {{ ref('int_covered_ledger_year') }}
),

-- Money stands as of the last full month: before the business date, not after the cut-off, and delivered without gaps
-- from 1 January. Without a ledger of the year there is no figure, and none is not nought.
follow_up_periods as (
    select
        follow_ups.municipality_code,
        follow_ups.follow_up_code,
        follow_ups.follow_up_year,
        follow_ups.data_cut_off_date,
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

-- a cut-off in January has no full month before it
final as (
    select
        municipality_code,
        follow_up_code,
        follow_up_year,
        data_cut_off_date,
        spent_through_date,
        cast(
            date_diff('month', make_date(follow_up_year, 1, 1), spent_through_date + 1) as integer
        ) as spending_months,
        is_complete
    from spent_periods
)

select * from final
