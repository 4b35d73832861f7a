{# Fails with each partition that has not as many rows here as in `to_model`, the upstream relation that it is made of.
   `partition` is an expression over the model and `to_partition` (else the same) one over `to_model`; `rows` and
   `to_rows` say what is counted where a row here is not a row there. #}
{% test rows_per_partition(
    model, partition, to_model, to_partition=none, where='true', to_where='true', rows='count(*)', to_rows='count(*)'
) %}

with

ours as (
    select
        {{ partition }} as partition_value,
        {{ rows }} as row_count
    from {{ model }}
    where {{ where }}
    group by all
),

theirs as (
    select
        {{ to_partition or partition }} as partition_value,
        {{ to_rows }} as row_count
    from {{ to_model }}
    where {{ to_where }}
    group by all
)

select
    coalesce(ours.partition_value, theirs.partition_value) as partition_value,
    coalesce(ours.row_count, 0) as row_count,
    coalesce(theirs.row_count, 0) as expected_row_count
from ours
full outer join theirs on ours.partition_value is not distinct from theirs.partition_value
where coalesce(ours.row_count, 0) != coalesce(theirs.row_count, 0)

{% endtest %}
