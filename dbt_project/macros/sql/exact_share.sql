{# Numerator over denominator, rounded half away from zero in whole numbers alone: money over a round budget often lies
   just between two figures, where a division in floating point falls on either side. Null where there is nothing to
   divide by. Both may have four decimals. #}
{% macro exact_share(numerator, denominator, data_type='decimal(18, 6)', decimals=6) -%}
    {%- set above -%} cast(abs({{ numerator }}) * 10000 as hugeint) {%- endset -%}
    {%- set below -%} nullif(cast(abs({{ denominator }}) * 10000 as hugeint), 0) {%- endset -%}
    cast(
        cast(
            sign({{ numerator }}) * sign({{ denominator }})
            * (({{ above }} * {{ 2 * 10 ** decimals }} + {{ below }}) // (2 * {{ below }}))
            as decimal(28, 0)
        ) * {{ "%.*f" | format(decimals, 10 ** (0 - decimals)) }}
        as {{ data_type }}
    )
{%- endmacro %}
