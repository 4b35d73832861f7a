with

source as (
    select * from {{ source('budget', 'milestone_status') }}
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where dataset = 'milestone_status'
),

-- an answer is given again in a later form, or by the centre that took the initiative over: the later answer counts
newest_answers as (
    select
        source.*,
        deliveries.as_of as form_date,
        count(*) over (
            partition by source.municipality_code, source.follow_up_code, source.milestone_key
        ) as answer_count
    from source
    left join deliveries on source.delivery_id = deliveries.delivery_id
    qualify row_number() over (
        partition by source.municipality_code, source.follow_up_code, source.milestone_key
        order by
            source.answered_date desc,
            deliveries.as_of desc,
            deliveries.received_at desc,
            source.delivery_id asc
    ) = 1
),

renamed as (
    select
        municipality_code,
        follow_up_code,
        milestone_key,
        cast(agreement_year as integer) as agreement_year,
        initiative_id,
        status_kind,
        cast(milestone_number as integer) as milestone_number,
        milestone_digest,
        status,
        nullif(trim(comment), '') as comment,
        center_code,
        role,
        answered_date,
        form_date,
        cast(answer_count as integer) as answer_count,
        delivery_id
    from newest_answers
)

select * from renamed
