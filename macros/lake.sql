{# Accepted rows of a dataset, without those of an extract that a higher revision (_r2, _r3 …) has replaced. The join cannot
   fan out: stg_extracts has one row per dataset, source and extract date. #}
{% macro extract_rows(dataset) -%}
    select
        landed.*,
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

{# Latest row per key of a delta dataset, with `latest_rank` = 1. Rows of one date that differ are refused where they come in,
   or decided by updated_at; the file and row number only make the order total. #}
{% macro latest_rows(dataset, key, updated_at=none) -%}
    select
        extract_rows.*,
        row_number() over (
            partition by {{ key | join(', ') }}
            order by
                extracted_on desc,
                {%- if updated_at %}
                {{ updated_at }} desc nulls last,
                {%- endif %}
                source_name, file_name, row_number
        ) as latest_rank
    from ({{ extract_rows(dataset) }}) as extract_rows
{%- endmacro %}
