-- A build in which every suite of expectations is content: two schools, one agreement, two months.
create schema marts;

create table marts.dim_date as
select
    '151' as municipality_code,
    day::date as date_day,
    month(day)::smallint as month_number,
    year(day)::integer as fiscal_year,
    quarter(day)::integer as quarter_number,
    make_date(year(day) - if(month(day) >= 8, 0, 1), 8, 1) as school_year_first_date,
    make_date(year(day) + if(month(day) >= 8, 1, 0), 7, 31) as school_year_last_date,
    ['januar', 'februar', 'marts', 'april', 'maj', 'juni', 'juli', 'august', 'september', 'oktober', 'november',
        'december'][month(day)] as month_name,
    week(day)::smallint as iso_week,
    isodow(day)::smallint as iso_weekday,
    ['mandag', 'tirsdag', 'onsdag', 'torsdag', 'fredag', 'lørdag', 'søndag'][isodow(day)] as weekday_name,
    case when month(day) >= 8 then year(day) || '/' || year(day) + 1 else year(day) - 1 || '/' || year(day) end
        as school_year,
    case
        when day < date '2026-08-01'
            then isodow(day) < 6 and month(day) <> 7 and not (month(day) = 8 and day(day) < 11)
                and week(day) not in (1, 7, 14, 42, 52)
    end as is_school_day
from generate_series(date '2024-08-01', date '2026-12-31', interval 1 day) as days (day);

create table marts.dim_municipality as
select
    (101 + i)::varchar as municipality_code,
    'Kommune ' || i as municipality_name,
    '08' || (i % 5) as region_code,
    i = 50 as is_own
from range(98) as numbers (i);

create table marts.dim_institution as
select
    '151' as municipality_code,
    unnest(['151003', '281843', '280562']) as institution_number,
    unnest(['Hedegårdsskolen', 'Baltorpskolen', 'Baltorpskolen - Grantoften']) as institution_name,
    unnest(['151003', '281843', '281843']) as main_institution_number,
    unnest([true, true, false]) as is_main,
    unnest(['HED', 'BAL', null]) as district_code;

create table marts.dim_account as
select
    '151' as municipality_code,
    unnest(['01005-528211002-015027-529CPR---', '99004-322013001-924017--A301017--']) as account_string,
    unnest(['01005', '99004']) as cost_center,
    unnest(['528211002', '322013001']) as account_number,
    unnest(['5', '3']) as main_account,
    unnest(['5.28', '3.22']) as main_function_code,
    unnest(['5.28.21', '3.22.01']) as function_code,
    unnest(['Forebyggende foranstaltninger', null]) as function_name,
    unnest(['1', '3']) as dranst_code,
    unnest(['Drift', 'Anlæg']) as dranst_name,
    unnest(['002', '001']) as grouping_code,
    unnest(['015027', '924017']) as activity_number,
    unnest(['529', null]) as art_number,
    unnest(['5.2', null]) as art_code,
    unnest(['5', null]) as art_group_code,
    unnest(['Tilskud og overførsler', null]) as art_group_name,
    unnest([null, 'A301017']) as project_number,
    unnest([true, false]) as is_in_ledger,
    unnest([false, true]) as is_in_budget;

create table marts.dim_law_section as
select
    '151' as municipality_code,
    unnest(['SEL-50', 'BL-20', 'SEL-10']) as section_code,
    unnest(['examination', 'examination', 'other']) as section_kind,
    unnest([date '2007-01-01', date '2024-01-01', date '2007-01-01']) as valid_from,
    unnest([date '2023-12-31', null, null]) as valid_to,
    unnest([false, true, true]) as is_current,
    unnest([null, 'SEL-50', null]) as earlier_section_code,
    unnest([[2, 3], [2, 3], []]) as effort_steps,
    unnest([2, 2, null]) as lowest_effort_step,
    unnest([3, 3, null]) as highest_effort_step;

create table marts.dim_center as
select
    '151' as municipality_code,
    unnest(['SIK-2017', 'DSK-2022']) as center_code,
    unnest(['Skoler, Institutioner og Kultur', 'Dagtilbud, Skoler og Klubber']) as center_name,
    unnest([date '2016-01-01', date '2022-01-01']) as valid_from,
    unnest([date '2021-12-31', null]) as valid_to,
    unnest([null, 'SIK-2017']) as predecessor_center_code,
    'document' as basis;

create table marts.dim_committee as
select
    '151' as municipality_code,
    unnest(['BSU', 'OKU']) as committee_code,
    unnest(['Børne- og Skoleudvalget', 'Økonomiudvalget']) as committee_name,
    date '2016-01-01' as valid_from,
    null::date as valid_to,
    'document' as basis;

create table marts.dim_follow_up as
select
    '151' as municipality_code,
    unnest(['BO1', 'BO2', 'BO3', 'YE']) || '-2026' as follow_up_code,
    unnest(['1. budgetopfølgning', '2. budgetopfølgning', '3. budgetopfølgning', '31.12']) as follow_up_name,
    2026::smallint as follow_up_year,
    unnest([1, 2, 3, 4])::smallint as follow_up_sequence,
    unnest([date '2026-03-31', date '2026-06-30', date '2026-09-30', date '2026-12-31']) as data_cut_off_date,
    null::date as meeting_date;

create table marts.dim_initiative as
select
    '151' as municipality_code,
    2026::smallint as agreement_year,
    '3.0' || i as initiative_id,
    'Indsats ' || i as title,
    'Der afsættes midler til indsatsen.' as description,
    null::varchar as elaboration,
    'drift' as initiative_type,
    'Dagtilbud, Skoler og Klubber' as responsible_center,
    'DSK-2022' as center_code,
    'Børne- og Skoleudvalget' as committee,
    'BSU' as committee_code,
    ['PPR'] as contributors,
    'Der afsættes 1,5 mio. kr.' as finance_text,
    date '2026-02-09' as document_date
from range(1, 7) as numbers (i);

create table marts.fct_milestone as
select
    initiatives.municipality_code,
    initiatives.agreement_year,
    initiatives.initiative_id,
    follow_ups.follow_up_code,
    follow_ups.follow_up_name as follow_up_label,
    1 as milestone_number,
    'Planen følges i alle enheder.' as milestone_text,
    true as has_text
from marts.dim_initiative as initiatives, marts.dim_follow_up as follow_ups;

create table marts.fct_initiative_amount as
select
    municipality_code,
    agreement_year,
    initiative_id,
    1 as amount_number,
    agreement_year as budget_year,
    case when initiative_id = '3.06' then 'saving' else 'expenditure' end as amount_kind,
    1.5::decimal(12, 3) as amount_mdkk,
    'finance' as stated_in
from marts.dim_initiative;

create table marts.fct_initiative_spending as
select
    municipality_code, agreement_year, initiative_id, false as is_unclaimed,
    2026::smallint as posting_year, month::smallint as posting_month,
    100000::decimal(18, 2) as amount_dkk, 10 as posting_count
from marts.dim_initiative, range(1, 6) as months (month)
union all
select '151', null, null, true, 2026, month, 5000000, 900
from range(1, 6) as months (month);

create table marts.mart_budget_follow_up as
select
    initiatives.municipality_code,
    initiatives.agreement_year,
    initiatives.initiative_id,
    initiatives.title,
    follow_ups.follow_up_code,
    follow_ups.follow_up_sequence,
    follow_ups.data_cut_off_date,
    'Planen følges i alle enheder.' as milestone_text,
    true as has_text,
    case when initiative_id <> '3.06' then 1.5 end::decimal(15, 3) as adopted_expenditure_mdkk,
    case when initiative_id = '3.06' then 1.5 end::decimal(15, 3) as adopted_saving_mdkk,
    true as has_account,
    false as has_person_postings,
    if(follow_up_sequence <= 2, least(follow_ups.data_cut_off_date, date '2026-05-31'), null) as spent_through_date,
    if(follow_up_sequence <= 2, 500000, null)::decimal(18, 2) as spent_to_date_dkk,
    if(follow_up_sequence <= 2 and initiative_id <> '3.06', 1 / 3, null)::decimal(18, 6) as spent_share,
    follow_ups.data_cut_off_date > date '2026-05-31' as is_preliminary,
    if(follow_up_sequence = 1, 'neutral', null) as effort_status,
    if(follow_up_sequence = 1, 'glad', null) as economy_status,
    economy_status as reported_economy_status,
    1000000::decimal(18, 2) as adopted_budget_dkk,
    500000::decimal(18, 2) as budget_changes_dkk,
    1500000::decimal(18, 2) as corrected_budget_dkk,
    if(follow_up_sequence <= 2, 'glad', null) as computed_economy_status,
    if(follow_up_sequence <= 2, 1200000, null)::decimal(18, 2) as forecast_dkk,
    if(follow_up_sequence <= 2, 300000, null)::decimal(18, 2) as deviation_dkk,
    date '2026-06-19' as as_of
from marts.dim_initiative as initiatives, marts.dim_follow_up as follow_ups;

create table marts.mart_school_absence as
with

cells as (
    select
        school, stage, grade, month, '2026-Q' || quarter(month) as quarter_label, 60 as pupils, 1200 as school_days,
        40 as sick_days, 20 as permitted_days, 10 as unlawful_days
    from
        (select unnest(['151003', '281843']) as school),
        (select unnest(['Indskoling', 'Mellemtrin']) as stage, unnest([2, 5]) as grade),
        (select unnest([date '2026-02-01', date '2026-03-01', date '2026-05-01']) as month)
),

periods as (
    select 'school_year' as period_type, '2025/2026' as period, * from cells
    union all
    select 'quarter', quarter_label, * from cells
    union all
    select 'month', strftime(month, '%Y-%m'), * from cells
),

sums as (
    select
        period_type, period, school, stage, grade, max(pupils) * count(distinct (school, grade)) as pupils,
        sum(school_days)::bigint as school_days, sum(sick_days)::bigint as sick_days,
        sum(permitted_days)::bigint as permitted_days, sum(unlawful_days)::bigint as unlawful_days
    from periods
    group by grouping sets (
        (period_type, period), (period_type, period, stage), (period_type, period, stage, grade),
        (period_type, period, school), (period_type, period, school, stage),
        (period_type, period, school, stage, grade)
    )
)

select
    '151' as municipality_code, period_type, period, '2025/2026' as school_year,
    if(school is null, 'municipality', 'school') as institution_level,
    school as institution_number, if(school is null, null, 'Skolen ' || school) as institution_name,
    case when grade is not null then 'grade' when stage is not null then 'stage' else 'all' end as grade_group_type,
    stage as school_stage, grade::utinyint as grade_level, pupils::integer as pupils, school_days, sick_days,
    permitted_days, unlawful_days, sick_days + permitted_days + unlawful_days as absence_days,
    (absence_days / school_days)::decimal(9, 6) as absence_share,
    (sick_days / school_days)::decimal(9, 6) as sick_share,
    (permitted_days / school_days)::decimal(9, 6) as permitted_share,
    (unlawful_days / school_days)::decimal(9, 6) as unlawful_share,
    absence_share as mean_pupil_absence_share,
    if(period_type = 'school_year', 8, null) as high_absence_pupils,
    if(period_type = 'school_year', 0.1, null)::decimal(9, 6) as high_absence_share,
    if(period_type = 'quarter', 2, null) as unlawful_warn_pupils,
    if(period_type = 'quarter', 1, null) as unlawful_notify_pupils,
    if(stage is not null and grade is null and school is null and period_type = 'school_year', 0.06, null)::decimal(9, 6)
        as ministry_absence_share,
    null::decimal(9, 6) as ministry_sick_share,
    null::decimal(9, 6) as ministry_unlawful_share,
    null::decimal(9, 6) as ministry_high_absence_share,
    false as is_preliminary
from sums;

create table marts.mart_icehearts as
with

cells as (
    select school, grade, month, (3 + grade)::integer as referrals
    from
        (select unnest(['151003', '281843']) as school),
        range(4) as grades (grade),
        (select unnest([date '2026-04-01', date '2026-05-01', date '2026-06-01']) as month)
),

sums as (
    select school, grade, month, sum(referrals)::integer as referrals
    from cells
    group by grouping sets ((month), (month, grade), (month, school), (month, school, grade))
)

select
    '151' as municipality_code, strftime(month, '%Y-%m') as month_label, month as month_start,
    if(school is null, 'municipality', 'school') as institution_level,
    school as institution_number, if(school is null, null, 'Skolen ' || school) as institution_name,
    if(grade is null, 'all', 'grade') as grade_group_type, grade::utinyint as grade_level,
    if(grade is null, null, true) as is_target_group,
    referrals, 0 as declined_referrals, referrals as children, referrals as new_children,
    sum(referrals) over so_far::integer as referrals_cumulative,
    sum(referrals) over so_far::integer as children_cumulative,
    month = date '2026-06-01' as is_preliminary
from sums
window so_far as (partition by school, grade order by month);

create table marts.mart_trivsel as
with

cells as (
    select school, stage, grade, measure, answer, year
    from
        (select unnest(['151003', '281843']) as school),
        (
            select 'Mellemtrin' as stage, 5 as grade, null as answer,
                unnest(['generel', 'social', 'faglig', 'stoette', 'ro']) as measure
            union all
            select 'Indskoling', 2, unnest([1, 2, 3]), 'question_01'
        ),
        (select unnest(['2024/2025', '2025/2026']) as year)
),

sums as (
    select year, school, stage, grade, measure, answer, count(*)::integer as schools
    from cells
    group by grouping sets (
        (year, measure, answer), (year, measure, answer, stage), (year, measure, answer, stage, grade),
        (year, measure, answer, school), (year, measure, answer, school, stage),
        (year, measure, answer, school, stage, grade)
    )
)

select
    '151' as municipality_code, year as school_year,
    if(school is null, 'municipality', 'school') as institution_level,
    school as institution_number, if(school is null, null, 'Skolen ' || school) as institution_name,
    case when grade is not null then 'grade' when stage is not null then 'stage' else 'all' end as grade_group_type,
    stage as school_stage, grade::utinyint as grade_level,
    if(answer is null, '4-9', '0-3') as form,
    if(answer is null, 'indicator', 'answer') as measure_type,
    measure, answer::smallint as answer_value,
    schools * 100 as respondents, schools * 90 as n,
    if(answer is null, 3.7, null)::decimal(6, 4) as mean_score,
    if(answer is null, 3.6, null)::decimal(6, 4) as interval_low,
    if(answer is null, 3.8, null)::decimal(6, 4) as interval_high,
    if(answer is null, 0, null) as pupils_1_to_2,
    if(answer is null, schools * 10, null) as pupils_2_to_3,
    if(answer is null, schools * 60, null) as pupils_3_to_4,
    if(answer is null, schools * 20, null) as pupils_4_to_5,
    if(answer is null, null, schools * 30) as answer_count,
    if(answer is null, null, 0.333333)::decimal(9, 6) as answer_share,
    '2014/2015' as questionnaire_version
from sums;

create table marts.data_freshness as
select
    '151' as municipality_code,
    unnest(['budget', 'budget', 'school_absence', 'school_absence', 'school_absence', 'referrals', 'trivsel']) as domain,
    unnest(['budget_agreement', 'ledger_postings', 'enrolments', 'absence_days', 'absence_statistics', 'referrals',
        'wellbeing_answers']) as dataset,
    'Titel' as title_da,
    'Center for Økonomi' as owner,
    3 as stale_after_days,
    true as is_delivered,
    date '2026-06-18' as data_as_of,
    1 as days_since,
    false as has_rejected_since,
    false as is_stale,
    'fresh' as freshness,
    date '2026-06-19' as as_of;
