with

initiatives as (
    select * from {{ ref('dim_initiative') }}
),

followed as (
    select * from {{ ref('mart_budget_follow_up') }}
),

milestones as (
    select * from {{ ref('fct_milestone') }}
),

-- as at each initiative: a milestone counts at its own follow-up, by what was answered there
answers as (
    select * from {{ ref('fct_milestone_status') }}
    where answered_follow_up_code = milestone_follow_up_code
),

milestone_counts as (
    select
        milestones.municipality_code,
        milestones.agreement_year,
        milestones.initiative_id,
        milestones.follow_up_code,
        count(*) filter (where milestones.has_text) as milestones,
        count(*) filter (where not milestones.has_text) as milestones_without_text,
        count(*) filter (where answers.status = 'glad') as milestones_glad,
        count(*) filter (where answers.status = 'neutral') as milestones_neutral,
        count(*) filter (where answers.status = 'sur') as milestones_sur,
        count(*) filter (where milestones.has_text and answers.status is null) as milestones_unreported
    from milestones
    left join answers
        on
            milestones.municipality_code = answers.municipality_code
            and milestones.agreement_year = answers.agreement_year
            and milestones.initiative_id = answers.initiative_id
            and milestones.milestone_number = answers.milestone_number
            and milestones.follow_up_code = answers.milestone_follow_up_code
    group by all
),

-- The money of an initiative counts where its spending is shown, so that budget and spending are of the same
-- initiatives; what is booked on persons is in no sum.
joined as (
    select
        followed.municipality_code,
        followed.agreement_year,
        followed.follow_up_code,
        followed.responsible_center,
        initiatives.center_code,
        milestone_counts.milestones,
        milestone_counts.milestones_without_text,
        milestone_counts.milestones_glad,
        milestone_counts.milestones_neutral,
        milestone_counts.milestones_sur,
        milestone_counts.milestones_unreported,
        followed.shown_economy_status,
        followed.spent_to_date_dkk,
        case when followed.spent_to_date_dkk is not null then followed.corrected_budget_dkk end as corrected_budget_dkk,
        followed.forecast_dkk,
        followed.deviation_dkk
    from followed
    inner join initiatives
        on
            followed.municipality_code = initiatives.municipality_code
            and followed.agreement_year = initiatives.agreement_year
            and followed.initiative_id = initiatives.initiative_id
    left join milestone_counts
        on
            followed.municipality_code = milestone_counts.municipality_code
            and followed.agreement_year = milestone_counts.agreement_year
            and followed.initiative_id = milestone_counts.initiative_id
            and followed.follow_up_code = milestone_counts.follow_up_code
),

-- a sum of some of them would look like one of all, so it is not told
summed as (
    select
        municipality_code,
        agreement_year,
        follow_up_code,
        responsible_center,
        case when grouping(responsible_center) = 1 then 'municipality' else 'center' end as row_level,
        case when grouping(responsible_center) = 0 then max(center_code) end as center_code,
        count(*) as initiatives,
        coalesce(sum(milestones), 0) as milestones,
        coalesce(sum(milestones_without_text), 0) as milestones_without_text,
        coalesce(sum(milestones_glad), 0) as milestones_glad,
        coalesce(sum(milestones_neutral), 0) as milestones_neutral,
        coalesce(sum(milestones_sur), 0) as milestones_sur,
        coalesce(sum(milestones_unreported), 0) as milestones_unreported,
        count(*) filter (where shown_economy_status = 'glad') as economies_glad,
        count(*) filter (where shown_economy_status = 'sur') as economies_sur,
        count(*) filter (where shown_economy_status is null) as economies_unknown,
        count(spent_to_date_dkk) as economies_summed,
        case when count(corrected_budget_dkk) = count(spent_to_date_dkk) then sum(corrected_budget_dkk) end
            as corrected_budget_dkk,
        sum(spent_to_date_dkk) as spent_to_date_dkk,
        case when count(forecast_dkk) = count(spent_to_date_dkk) then sum(forecast_dkk) end as forecast_dkk,
        case when count(deviation_dkk) = count(spent_to_date_dkk) then sum(deviation_dkk) end as deviation_dkk
    from joined
    group by grouping sets (
        (municipality_code, agreement_year, follow_up_code, responsible_center),
        (municipality_code, agreement_year, follow_up_code)
    )
),

final as (
    select
        municipality_code,
        agreement_year,
        follow_up_code,
        row_level,
        responsible_center,
        center_code,
        cast(initiatives as integer) as initiatives,
        cast(milestones as integer) as milestones,
        cast(milestones_without_text as integer) as milestones_without_text,
        cast(milestones_glad as integer) as milestones_glad,
        cast(milestones_neutral as integer) as milestones_neutral,
        cast(milestones_sur as integer) as milestones_sur,
        cast(milestones_unreported as integer) as milestones_unreported,
        cast(economies_glad as integer) as economies_glad,
        cast(economies_sur as integer) as economies_sur,
        cast(economies_unknown as integer) as economies_unknown,
        cast(economies_summed as integer) as economies_summed,
        cast(corrected_budget_dkk as decimal(18, 2)) as corrected_budget_dkk,
        cast(spent_to_date_dkk as decimal(18, 2)) as spent_to_date_dkk,
        cast(forecast_dkk as decimal(18, 2)) as forecast_dkk,
        cast(deviation_dkk as decimal(18, 2)) as deviation_dkk,
        {{ as_of() }} as as_of,
        {{ is_synthetic() }} as is_synthetic
    from summed
)

select * from final
