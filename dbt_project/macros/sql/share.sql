{# Numerator over denominator as an exact share with six decimals; null where there is nothing to divide by. The
   division itself runs on two exact numbers, so that threads and row order cannot change the figure. #}
{% macro share(numerator, denominator) -%}
    cast(round({{ numerator }} / nullif({{ denominator }}, 0), 6) as decimal(9, 6))
{%- endmacro %}
