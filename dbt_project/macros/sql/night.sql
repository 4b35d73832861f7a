{# What a night is about comes in as variables: no model asks the clock, and none has a default to fall back on. #}

{% macro night_variable(name) -%}
    {%- set value = var(name, none) -%}
    {%- if execute and value is none -%}
        {{ exceptions.raise_compiler_error(
            "The variable " ~ name ~ " is not set. Give all of the night: "
            ~ "--vars '{as_of: 2026-06-19, municipality_code: \"151\", is_synthetic: false}'"
        ) }}
    {%- endif -%}
    {{ value }}
{%- endmacro %}

{# The business date of the night. #}
{% macro as_of() -%}
    date '{{ night_variable("as_of") }}'
{%- endmacro %}

{# The municipality that the warehouse belongs to. #}
{% macro municipality_code() -%}
    '{{ night_variable("municipality_code") }}'
{%- endmacro %}

{# Whether everything comes from the synthetic municipality. #}
{% macro is_synthetic() -%}
    {{ night_variable("is_synthetic") | string | lower }}
{%- endmacro %}
