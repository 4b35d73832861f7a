with

initiatives as (
    select * from {{ ref('stg_budget__agreement_initiatives') }}
),

centers as (
    select * from {{ ref('dim_center') }}
),

committees as (
    select * from {{ ref('committee') }}
),

initiative_accounts as (
    select distinct
        municipality_code,
        agreement_year,
        initiative_id
    from {{ ref('initiative_account') }}
    where basis != 'synthetic' or {{ is_synthetic() }}
),

coverage as (
    select
        municipality_code,
        agreement_year,
        subject_code as initiative_id,
        string_split(marts, ', ') as marts,
        string_split(measures, ', ') as measures
    from {{ ref('mart_coverage') }}
    where subject_kind = 'initiative'
),

initiative_measures as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        list(measure_id order by measure_id) as measures
    from {{ ref('initiative_measure') }}
    where basis != 'synthetic' or {{ is_synthetic() }}
    group by all
),

-- documents write a centre with and without "Center for", and a name belongs to one centre at a time
described as (
    select
        initiatives.municipality_code,
        initiatives.agreement_year,
        initiatives.initiative_id,
        initiatives.title,
        initiatives.section_title,
        initiatives.initiative_type,
        initiatives.description,
        initiatives.elaboration,
        initiatives.responsible_center,
        centers.center_code,
        initiatives.committee,
        committees.committee_code,
        initiatives.contributors,
        initiatives.finance_text,
        initiatives.case_number,
        initiatives.document_date,
        initiative_accounts.initiative_id is not null as has_account,
        initiatives.delivery_id,
        -- numbers recur each year: what the list does not know by year and number is where every initiative is
        coalesce(coverage.marts, ['mart_budget_follow_up', 'mart_follow_up_center']) as marts,
        coalesce(coverage.measures, initiative_measures.measures, []) as measures
    from initiatives
    left join centers
        on
            initiatives.municipality_code = centers.municipality_code
            and regexp_replace(initiatives.responsible_center, '^Center for ', '') = centers.center_name
            and initiatives.document_date >= centers.valid_from
            and (centers.valid_to is null or initiatives.document_date <= centers.valid_to)
    left join committees
        on
            initiatives.municipality_code = committees.municipality_code
            and initiatives.committee = committees.committee_name
            and initiatives.document_date >= committees.valid_from
            and (committees.valid_to is null or initiatives.document_date <= committees.valid_to)
    left join initiative_accounts
        on
            initiatives.municipality_code = initiative_accounts.municipality_code
            and initiatives.agreement_year = initiative_accounts.agreement_year
            and initiatives.initiative_id = initiative_accounts.initiative_id
    left join coverage
        on
            initiatives.municipality_code = coverage.municipality_code
            and initiatives.agreement_year = coverage.agreement_year
            and initiatives.initiative_id = coverage.initiative_id
    left join initiative_measures
        on
            initiatives.municipality_code = initiative_measures.municipality_code
            and initiatives.agreement_year = initiative_measures.agreement_year
            and initiatives.initiative_id = initiative_measures.initiative_id
)

select * from described
