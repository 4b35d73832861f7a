with

centers as (
    select * from {{ ref('center') }}
    where basis <> 'synthetic' or {{ is_synthetic() }}
),

-- one centre may be split into several, so the seed names the predecessor and the successors follow from it
successors as (
    select
        municipality_code,
        predecessor_center_code as center_code,
        list(center_code order by center_code) as successor_center_codes
    from centers
    where predecessor_center_code is not null
    group by all
),

with_successors as (
    select
        centers.municipality_code,
        centers.center_code,
        centers.center_name,
        centers.valid_from,
        centers.valid_to,
        centers.valid_from <= {{ as_of() }} and coalesce(centers.valid_to >= {{ as_of() }}, true) as is_current,
        centers.predecessor_center_code,
        coalesce(successors.successor_center_codes, []) as successor_center_codes,
        centers.basis,
        centers.is_validity_assumed
    from centers
    left join successors
        on
            centers.municipality_code = successors.municipality_code
            and centers.center_code = successors.center_code
)

select * from with_successors
