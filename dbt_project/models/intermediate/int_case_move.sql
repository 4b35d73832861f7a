with

entries as (
    select
        *,
        lag(effort_step) over (
            partition by municipality_code, case_number
            order by changed_at, history_id
        ) as step_before
    from {{ ref('stg_referrals__cases') }}
),

-- an equal step is no move, and a step that is not set is neither above nor below another
final as (
    select
        municipality_code,
        history_id,
        case_number,
        person_key,
        team_name,
        cast(changed_at as date) as moved_date,
        cast(date_trunc('month', changed_at) as date) as month_start,
        step_before as from_step,
        effort_step as to_step,
        case when effort_step < step_before then 'down' else 'up' end as direction
    from entries
    where effort_step <> step_before and cast(changed_at as date) <= {{ as_of() }}
)

select * from final
