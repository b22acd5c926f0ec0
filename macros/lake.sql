{# Accepted rows of a dataset. Rows of an extract that a higher revision (_r2, _r3 …) has replaced are left out. The
   join cannot fan out: stg_extracts has one row per dataset, source and extract date. #}
{% macro extract_rows(dataset) -%}
    select
        landed.*,
        extracts.extract_number,
        extracts.next_extracted_on,
        extracts.is_first as is_first_extract
    from {{ source('raw', dataset) }} as landed
    inner join {{ ref('stg_extracts') }} as extracts
        on
            extracts.dataset = '{{ dataset }}'
            and landed.source_name = extracts.source_name
            and landed.extracted_on = extracts.extracted_on
            and landed.extract_revision = extracts.extract_revision
{%- endmacro %}

{# Rows of a delta dataset that no later extract replaced by their key. Within one extract a key is unique: the load
   rejects rows that repeat it. Only rows after the first extract can replace others, so an initial load of millions of
   rows is not compared with itself. #}
{% macro latest_rows(dataset, key) -%}
    select landed.*
    from ({{ extract_rows(dataset) }}) as landed
    left join (
        select {{ key | join(', ') }}, max(extract_number) as last_extract_number
        from ({{ extract_rows(dataset) }}) as extracted
        where extract_number > 1
        group by {{ key | join(', ') }}
    ) as later
        on
            {%- for column in key %}
            {{ 'and ' if not loop.first }}landed.{{ column }} = later.{{ column }}
            {%- endfor %}
    where later.last_extract_number is null or later.last_extract_number <= landed.extract_number
{%- endmacro %}
