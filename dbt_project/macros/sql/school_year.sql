{# The school year of a date: 1 August to 31 July, written 2025/2026. #}
{% macro school_year(date_column) -%}
    case
        when month({{ date_column }}) >= 8
            then concat(year({{ date_column }}), '/', year({{ date_column }}) + 1)
        else concat(year({{ date_column }}) - 1, '/', year({{ date_column }}))
    end
{%- endmacro %}

{# A calendar month, written 2026-06. #}
{% macro month_label(date_column) -%}
    strftime({{ date_column }}, '%Y-%m')
{%- endmacro %}

{# A calendar quarter, written 2026-Q2. #}
{% macro quarter_label(date_column) -%}
    concat(year({{ date_column }}), '-Q', quarter({{ date_column }}))
{%- endmacro %}
