{# Numerator over denominator as an exact share with six decimals; null where there is nothing to divide by. The
   division itself runs on two exact numbers, so that threads and row order cannot change the figure. `data_type` is
   wider where the denominator can be tiny and the share is no part of a whole. #}
{% macro share(numerator, denominator, data_type='decimal(9, 6)') -%}
    cast(round({{ numerator }} / nullif({{ denominator }}, 0), 6) as {{ data_type }})
{%- endmacro %}
