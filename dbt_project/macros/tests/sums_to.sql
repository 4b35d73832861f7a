{# Fails if the sum of `expression` over the model is not, to the last decimal, the sum of `to_expression` over
   `to_model`. Both are sums of decimals or integers, so there is no tolerance. #}
{% test sums_to(model, expression, to_model, to_expression, where='true', to_where='true') %}

with

ours as (
    select coalesce(sum({{ expression }}), 0) as total from {{ model }} where {{ where }}
),

theirs as (
    select coalesce(sum({{ to_expression }}), 0) as total from {{ to_model }} where {{ to_where }}
)

select
    ours.total as total,
    theirs.total as expected_total
from ours
cross join theirs
where ours.total != theirs.total

{% endtest %}
