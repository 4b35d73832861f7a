{# Fails with the rows whose value lies outside `minimum` and `maximum`, both included; null passes. #}
{% test accepted_range(model, column_name, minimum=none, maximum=none) %}

select {{ column_name }}
from {{ model }}
where
    false
    {% if minimum is not none %} or {{ column_name }} < {{ minimum }}{% endif %}
    {% if maximum is not none %} or {{ column_name }} > {{ maximum }}{% endif %}

{% endtest %}
