with

projects as (
    select * from {{ ref('project') }}
    where basis <> 'synthetic' or {{ is_synthetic() }}
),

facts as (
    select * from {{ ref('project_fact') }}
),

final as (
    select
        projects.municipality_code,
        projects.project_code,
        projects.project_name,
        projects.project_kind,
        facts.owner,
        facts.owner_center_code,
        facts.target_group,
        facts.target_group_en,
        facts.partners,
        projects.first_date,
        projects.last_date,
        facts.period_note,
        projects.document,
        projects.basis
    from projects
    left join facts
        on
            projects.municipality_code = facts.municipality_code
            and projects.project_code = facts.project_code
)

select * from final
