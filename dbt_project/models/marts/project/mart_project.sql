with

projects as (
    select * from {{ ref('project') }}
),

coverage as (
    select * from {{ ref('mart_coverage') }}
    where subject_kind = 'project'
),

freshness as (
    select * from {{ ref('data_freshness') }}
),

listed as (
    select
        projects.municipality_code,
        projects.project_code,
        projects.project_name,
        projects.project_kind,
        projects.first_date,
        projects.last_date,
        projects.basis,
        projects.document,
        coverage.owner,
        coalesce(string_split(coverage.marts, ', '), []) as marts,
        coalesce(string_split(coverage.measures, ', '), []) as measures,
        coalesce(string_split(coverage.datasets, ', '), []) as datasets,
        coverage.missing_da,
        coverage.missing_en
    from projects
    left join coverage
        on
            projects.municipality_code = coverage.municipality_code
            and projects.project_code = coverage.subject_code
),

needed as (
    select
        municipality_code,
        project_code,
        unnest(datasets) as dataset
    from listed
),

delivered as (
    select
        needed.municipality_code,
        needed.project_code,
        bool_and(coalesce(freshness.is_delivered, false)) as is_data_delivered,
        max(freshness.data_as_of) as data_as_of,
        coalesce(
            list(needed.dataset order by needed.dataset) filter (where not coalesce(freshness.is_delivered, false)), []
        ) as missing_datasets
    from needed
    left join freshness on needed.dataset = freshness.dataset
    group by all
),

-- a project for which no dataset exists has nothing that could be delivered: unknown, not undelivered
final as (
    select
        listed.municipality_code,
        listed.project_code,
        listed.project_name,
        listed.project_kind,
        listed.first_date,
        listed.last_date,
        listed.basis,
        listed.document,
        listed.owner,
        listed.marts,
        listed.measures,
        listed.datasets,
        delivered.is_data_delivered,
        delivered.data_as_of,
        coalesce(delivered.missing_datasets, []) as missing_datasets,
        listed.missing_da,
        listed.missing_en,
        {{ is_synthetic() }} as is_synthetic
    from listed
    left join delivered
        on
            listed.municipality_code = delivered.municipality_code
            and listed.project_code = delivered.project_code
)

select * from final
