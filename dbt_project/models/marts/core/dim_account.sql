with

postings as (
    select * from {{ ref('stg_budget__ledger_postings') }}
),

appropriations as (
    select * from {{ ref('stg_budget__appropriations') }}
),

functions as (
    select * from {{ ref('account_function') }}
),

dransts as (
    select * from {{ ref('account_dranst') }}
),

art_groups as (
    select * from {{ ref('account_art_group') }}
),

-- An account's alias has ten digits and may read as a CPR number, so it stays behind; the string tells the account.
used_accounts as (
    select distinct
        municipality_code,
        account_string,
        account_form,
        cost_center,
        account_number,
        activity_number,
        art_number,
        project_number,
        is_posted_by_person,
        true as is_in_ledger,
        false as is_in_budget
    from postings
    union all
    select distinct
        municipality_code,
        account_string,
        account_form,
        cost_center,
        account_number,
        activity_number,
        art_number,
        project_number,
        is_posted_by_person,
        false as is_in_ledger,
        true as is_in_budget
    from appropriations
),

-- the parts follow from the string; a delivery that was read otherwise must not make an account of its own
accounts as (
    select
        municipality_code,
        account_string,
        min(account_form) as account_form,
        max(cost_center) as cost_center,
        max(account_number) as account_number,
        max(activity_number) as activity_number,
        max(art_number) as art_number,
        max(project_number) as project_number,
        bool_or(is_posted_by_person) as is_posted_by_person,
        bool_or(is_in_ledger) as is_in_ledger,
        bool_or(is_in_budget) as is_in_budget
    from used_accounts
    group by all
),

-- the nine digits: main account 1, main function 2, function 2, dranst 1, grouping 3; of the art's three the last is
-- local
taken_apart as (
    select
        *,
        left(account_number, 1) as main_account,
        concat_ws('.', left(account_number, 1), account_number[2:3]) as main_function_code,
        concat_ws('.', left(account_number, 1), account_number[2:3], account_number[4:5]) as function_code,
        account_number[6] as dranst_code,
        account_number[7:9] as grouping_code,
        left(art_number, 1) as art_group_code,
        concat_ws('.', left(art_number, 1), art_number[2]) as art_code
    from accounts
),

final as (
    select
        taken_apart.municipality_code,
        taken_apart.account_string,
        taken_apart.account_form,
        taken_apart.cost_center,
        taken_apart.account_number,
        taken_apart.main_account,
        nullif(taken_apart.main_function_code, '') as main_function_code,
        main_functions.function_name_da as main_function_name,
        nullif(taken_apart.function_code, '') as function_code,
        functions.function_name_da as function_name,
        functions.basis as function_name_basis,
        taken_apart.dranst_code,
        dransts.dranst_name_da as dranst_name,
        taken_apart.grouping_code,
        taken_apart.activity_number,
        taken_apart.art_number,
        nullif(taken_apart.art_code, '') as art_code,
        taken_apart.art_group_code,
        art_groups.art_group_name_da as art_group_name,
        taken_apart.project_number,
        taken_apart.is_posted_by_person,
        taken_apart.is_in_ledger,
        taken_apart.is_in_budget
    from taken_apart
    left join functions as main_functions on taken_apart.main_function_code = main_functions.function_code
    left join functions on taken_apart.function_code = functions.function_code
    left join dransts on taken_apart.dranst_code = dransts.dranst_code
    left join art_groups on taken_apart.art_group_code = art_groups.art_group_code
)

select * from final
