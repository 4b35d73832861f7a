-- Every amount that is published when it is not dominated has what two persons hold of it; one person holds all of it,
-- and two hold at least its size.
with

school_absence as (
    select
        'mart_school_absence' as mart,
        absence.period,
        absence.pupils as persons,
        absence.sick_days as amount,
        two.sick_days as two_largest
    from {{ ref('mart_school_absence') }} as absence
    left join {{ ref('int_dominance_school_absence') }} as two
        on
            absence.municipality_code = two.municipality_code
            and absence.period = two.period
            and absence.institution_number = two.institution_number
            and absence.school_stage = two.school_stage
    where
        absence.period_type = 'month'
        and absence.institution_level = 'school'
        and absence.grade_group_type = 'stage'
),

granted_payments as (
    select
        'fct_granted_payment' as mart,
        payments.month_label as period,
        payments.children as persons,
        payments.paid_amount_dkk as amount,
        two.paid_amount_dkk as two_largest
    from {{ ref('fct_granted_payment') }} as payments
    left join {{ ref('int_dominance_granted_payment') }} as two
        on
            payments.municipality_code = two.municipality_code
            and payments.month_label = two.month_label
            and payments.section_code = two.section_code
            and payments.function_number is not distinct from two.function_number
),

team_payments as (
    select
        'mart_handicap_og_familieteam' as mart,
        teams.month_label as period,
        teams.paid_children as persons,
        teams.paid_amount_dkk as amount,
        two.paid_amount_dkk as two_largest
    from {{ ref('mart_handicap_og_familieteam') }} as teams
    left join {{ ref('int_dominance_handicap_og_familieteam') }} as two
        on
            teams.municipality_code = two.municipality_code
            and teams.month_label = two.month_label
            and teams.team_name = two.team_name
            and teams.target_group is not distinct from two.target_group
),

leisure_grants as (
    select
        'mart_icehearts_results' as mart,
        results.month_label as period,
        results.leisure_grant_children as persons,
        results.leisure_grant_dkk as amount,
        two.leisure_grant_dkk as two_largest
    from {{ ref('mart_icehearts_results') }} as results
    left join {{ ref('int_dominance_icehearts_results') }} as two
        on
            results.municipality_code = two.municipality_code
            and results.month_label = two.month_label
),

united as (
    select * from school_absence
    union all
    select * from granted_payments
    union all
    select * from team_payments
    union all
    select * from leisure_grants
)

select * from united
where
    (persons > 0 and two_largest is null)
    or (persons = 1 and two_largest <> abs(amount))
    or (persons = 2 and two_largest < abs(amount))
