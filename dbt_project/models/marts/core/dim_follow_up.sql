with

follow_up_calendar as (
    select * from {{ ref('follow_up_calendar') }}
),

-- a changed date is a new row; the newest that was known on the business date holds
known_dates as (
    select *
    from follow_up_calendar
    where valid_from <= {{ as_of() }}
    qualify row_number() over (partition by municipality_code, follow_up_code order by valid_from desc) = 1
),

described as (
    select
        municipality_code,
        follow_up_code,
        follow_up_name,
        follow_up_year,
        follow_up_sequence,
        data_cut_off_date,
        forms_sent_date,
        form_deadline_date,
        committee_meeting_date,
        council_meeting_date,
        is_assumed,
        valid_from,
        data_cut_off_date <= {{ as_of() }} as is_reached
    from known_dates
)

select * from described
