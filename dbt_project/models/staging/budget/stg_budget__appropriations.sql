with

source as (
    select * from {{ source('budget', 'appropriations') }}
),

-- The corrected budget on a day is the sum of the entries that were decided by then. What is decided at a follow-up is
-- decided after its cut-off, so that it counts from the next follow-up on.
renamed as (
    select
        municipality_code,
        entry_number,
        cast(budget_year as integer) as budget_year,
        appropriation_kind,
        appropriation_kind != 'Oprindeligt budget' as is_change,
        appropriation_frame,
        account_alias,
        account_string,
        cost_center,
        account_number,
        activity_number,
        art_number,
        project_number,
        account_form,
        person_mark is not null as is_posted_by_person,
        decision_date,
        case_number,
        follow_up_code,
        amount_dkk,
        delivery_id
    from source
)

select * from renamed
