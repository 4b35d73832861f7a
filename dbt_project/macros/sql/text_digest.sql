{# 16 hexadecimal digits of a text, whatever its blanks: what the form's reader calls the digest of a wording
   (include/sources/status_form.py). The blanks are those that Python splits a text at. #}
{% macro text_digest(column) -%}
    left(sha256(trim(regexp_replace({{ column }}, '[\s\p{Z}\x0B\x1C-\x1F\x{85}]+', ' ', 'g'))), 16)
{%- endmacro %}
