-- name: by_status
select membership_status, count(*) as memberships
from staging.stg_referrals__memberships
group by membership_status;

-- name: by_association
select
    memberships.association_code,
    memberships.activity_name,
    count(*) as memberships,
    count(distinct memberships.person_key) as children
from staging.stg_referrals__memberships as memberships
inner join seeds.association as associations using (association_code)
group by memberships.association_code, memberships.activity_name;

-- name: joined_by_month
select strftime(member_from, '%Y-%m') as month, count(*) as memberships
from staging.stg_referrals__memberships
where has_joined
group by 1;

-- name: entered_after_first_attendance
select count(*) as memberships
from staging.stg_referrals__memberships
where registered_date > first_attended_date;

-- name: referred_children_who_joined
select
    count(distinct referrals.person_key) as referred,
    count(distinct memberships.person_key) as joined
from staging.stg_referrals__referrals as referrals
left join staging.stg_referrals__memberships as memberships
    on referrals.person_key = memberships.person_key and memberships.has_joined
where referrals.project_code = 'ICE';
