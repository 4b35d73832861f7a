with

milestones as (
    select * from {{ ref('stg_budget__agreement_milestones') }}
),

described as (
    select
        municipality_code,
        agreement_year,
        initiative_id,
        follow_up_code,
        follow_up_label,
        milestone_number,
        milestone_text,
        milestone_text is not null as has_text,
        delivery_id,
        {{ is_synthetic() }} as is_synthetic
    from milestones
)

select * from described
