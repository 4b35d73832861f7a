{# Fails with one row for each combination of `columns` that occurs more than once. #}
{% test unique_combination(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by all
having count(*) > 1

{% endtest %}
