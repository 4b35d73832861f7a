{# Warns of each partition whose rows are fewer than `minimum` times or more than `maximum` times those of the partition
   before it. `last_day` is an expression for the partition's last day: one that has not ended before the business date
   is still growing and is not compared. Where neither has `minimum_rows`, few rows change a ratio by chance. #}
{% test change_within_ratio(model, partition, last_day, minimum, maximum, minimum_rows=20, where='true') %}

{{ config(severity='warn') }}

with

finished as (
    select
        {{ partition }} as partition_value,
        count(*) as row_count
    from {{ model }}
    where {{ where }} and {{ last_day }} < {{ as_of() }}
    group by all
),

compared as (
    select
        partition_value,
        row_count,
        lag(row_count) over (order by partition_value) as earlier_row_count
    from finished
)

select *
from compared
where
    greatest(row_count, earlier_row_count) >= {{ minimum_rows }}
    and (row_count < {{ minimum }} * earlier_row_count or row_count > {{ maximum }} * earlier_row_count)

{% endtest %}
