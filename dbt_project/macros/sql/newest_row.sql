{# Of each key the row that the newest delivery has. The deliveries of a dataset that are current stand beside each
   other, each with its days; so a row whose day was corrected can stand in two of them. `source` is the CTE with the
   dataset's rows, `key` the columns (or expressions) that tell its rows apart beside the municipality. Of two rows of
   one delivery the one with the later `date_column` stands, so that the choice is never left to chance. #}
{% macro newest_row(source, dataset, key, date_column) -%}
    select {{ source }}.*
    from {{ source }}
    left join {{ ref('stg_operations__deliveries') }} as deliveries
        on {{ source }}.delivery_id = deliveries.delivery_id and deliveries.dataset = '{{ dataset }}'
    qualify row_number() over (
        partition by {{ source }}.municipality_code, {{ key | join(', ') }}
        order by deliveries.as_of desc, deliveries.received_at desc, {{ source }}.{{ date_column }} desc
    ) = 1
{%- endmacro %}
