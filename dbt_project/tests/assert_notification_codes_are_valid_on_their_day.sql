-- A notifier and a cause are given while their codes are valid: categories were renewed in 2017, causes added in 2022,
-- and the notifier "family or the child" was parted in two in 2024. A warning: a register may lag behind.
{{ config(severity='warn') }}

with

given as (
    select
        'notifier' as kind,
        notifications.notifier_code as code,
        notifications.received_date,
        codes.valid_from,
        codes.valid_to
    from {{ ref('stg_referrals__notifications') }} as notifications
    inner join {{ ref('notification_notifier') }} as codes on notifications.notifier_code = codes.notifier_code
    union all
    select
        'cause' as kind,
        causes.cause_code as code,
        causes.received_date,
        codes.valid_from,
        codes.valid_to
    from {{ ref('stg_referrals__notification_causes') }} as causes
    inner join {{ ref('notification_cause') }} as codes on causes.cause_code = codes.cause_code
)

select
    kind,
    code,
    count(*) as row_count
from given
where received_date < valid_from or received_date > valid_to
group by all
