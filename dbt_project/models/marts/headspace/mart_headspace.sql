with

contacts as (
    select * from {{ ref('stg_referrals__anonymous_contacts') }}
    where place_name = 'Headspace' and contact_month <= {{ as_of() }}
),

deliveries as (
    select * from {{ ref('stg_operations__deliveries') }}
    where dataset = 'anonymous_contacts' and is_accepted and is_current
),

-- each count stands in its age band, in all, and perhaps in those of 12 to 25
group_contacts as (
    select
        municipality_code,
        place_name,
        contact_month,
        contact_kind,
        contact_count,
        unnest(['band', 'all', 'target_group']) as age_group_type,
        unnest([age_band, 'all', case when is_12_to_25 then '12-25' end]) as age_group
    from contacts
),

cells as (
    select
        municipality_code,
        place_name,
        contact_month,
        age_group_type,
        age_group,
        sum(contact_count) as contacts,
        sum(contact_count) filter (where contact_kind = 'Fremmøde') as in_person_contacts,
        sum(contact_count) filter (where contact_kind = 'Telefon') as phone_contacts,
        sum(contact_count) filter (where contact_kind = 'Chat') as chat_contacts,
        sum(contact_count) filter (where contact_kind = 'Video') as video_contacts
    from group_contacts
    where age_group is not null
    group by all
),

groups as (
    select distinct
        municipality_code,
        place_name,
        age_group_type,
        age_group
    from cells
),

months as (
    select
        municipality_code,
        cast(unnest(generate_series(
            min(contact_month), date_trunc('month', {{ as_of() }}), interval 1 month
        )) as date) as month_start
    from contacts
    group by municipality_code
),

-- the statement of a month may have been made before the month ended
stated_months as (
    select
        municipality_code,
        period_from as month_start,
        max(least(as_of, {{ as_of() }})) as known_through_date
    from deliveries
    group by all
),

final as (
    select
        months.municipality_code,
        {{ month_label('months.month_start') }} as month_label,
        months.month_start,
        groups.place_name,
        groups.age_group_type,
        groups.age_group,
        cast(cells.contacts as integer) as contacts,
        cast(cells.in_person_contacts as integer) as in_person_contacts,
        cast(cells.phone_contacts as integer) as phone_contacts,
        cast(cells.chat_contacts as integer) as chat_contacts,
        cast(cells.video_contacts as integer) as video_contacts,
        {{ share('cells.contacts', 'all_cells.contacts') }} as share_of_contacts,
        cells.contacts is null
        or coalesce(stated_months.known_through_date < last_day(months.month_start), true) as is_preliminary,
        {{ is_synthetic() }} as is_synthetic
    from months
    inner join groups on months.municipality_code = groups.municipality_code
    left join cells
        on
            months.municipality_code = cells.municipality_code
            and months.month_start = cells.contact_month
            and groups.place_name = cells.place_name
            and groups.age_group = cells.age_group
    left join cells as all_cells
        on
            months.municipality_code = all_cells.municipality_code
            and months.month_start = all_cells.contact_month
            and groups.place_name = all_cells.place_name
            and all_cells.age_group_type = 'all'
    left join stated_months
        on
            months.municipality_code = stated_months.municipality_code
            and months.month_start = stated_months.month_start
)

select * from final
