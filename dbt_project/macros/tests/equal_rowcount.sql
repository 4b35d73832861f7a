{# Fails if the model has not as many rows as `to_model`. #}
{% test equal_rowcount(model, to_model, to_where='true') %}

with

ours as (
    select count(*) as row_count from {{ model }}
),

theirs as (
    select count(*) as row_count from {{ to_model }} where {{ to_where }}
)

select
    ours.row_count as row_count,
    theirs.row_count as expected_row_count
from ours
cross join theirs
where ours.row_count != theirs.row_count

{% endtest %}
