{# What the two persons with most of a figure have of it together, without sign; over rows of one person each. #}
{% macro two_largest(figure, data_type) -%}
    cast(list_sum(max(abs({{ figure }}), 2)) as {{ data_type }})
{%- endmacro %}
