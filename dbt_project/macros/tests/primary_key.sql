{# Fails with each combination of `columns` that occurs more than once or lacks a part: uniqueness and presence in one
   pass over the table. #}
{% test primary_key(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by all
having
    count(*) > 1
    {% for column in columns %} or {{ column }} is null{% endfor %}

{% endtest %}
