with

source as (
    select * from {{ source('referrals', 'case_reviews') }}
),

renamed as (
    select
        municipality_code,
        review_id,
        case_number,
        person_key,
        team_name,
        review_kind,
        review_status,
        planned_date,
        held_date,
        -- days since the review before it, where both were held
        case
            when held_date is not null
                then cast(
                    held_date - lag(held_date) over (
                        partition by municipality_code, case_number, held_date is not null
                        order by held_date, review_id
                    ) as integer
                )
        end as days_since_last_review,
        cast(effort_step as integer) as effort_step,
        cast(scaling_step as integer) as scaling_step,
        is_child_heard = 'Ja' as is_child_heard,
        delivery_id
    from source
)

select * from renamed
