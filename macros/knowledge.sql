{#
    The last day whose extracts count: every day, unless a session asks what was known earlier. Only stg_extracts, and what reads
    raw rows past it, may ask; everything else follows from those. orchestration/scratch.py sets the day.
#}
{% macro known_on() -%}
    {{ return(adapter.dispatch('known_on')()) }}
{%- endmacro %}

{% macro default__known_on() -%}
    cast('{{ var("known_on", "9999-12-31") }}' as date)
{%- endmacro %}

{# A variable of the session, so that the same compiled SQL serves every day. #}
{% macro duckdb__known_on() -%}
    coalesce(cast(getvariable('known_on') as date), {{ for_ever() }})
{%- endmacro %}

{# Whether a month was closed on a day: month_close_days after its last one. #}
{% macro is_closed(month, as_of) -%}
    {{ as_of }} >= {{ add_days(add_months(month, 1), var('month_close_days') - 1) }}
{%- endmacro %}

{# Short hash of some columns of a row, and of a group's rows in whatever order they came: enough to see that something changed. #}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash')(columns)) }}
{%- endmacro %}

{% macro default__row_hash(columns) -%}
    substr(md5({{ row_text(columns) }}), 1, 16)
{%- endmacro %}

{# The engine's own hash, which is cheaper. Another version may hash otherwise, so orchestration/knowledge.py counts the
   engine as software. #}
{% macro duckdb__row_hash(columns) -%}
    cast(hash({{ columns | join(', ') }}) as string)
{%- endmacro %}

{% macro row_text(columns) -%}
    concat_ws('|'{% for column in columns %}, coalesce(cast({{ column }} as string), ''){% endfor %})
{%- endmacro %}

{% macro rows_hash(columns) -%}
    {{ return(adapter.dispatch('rows_hash')(columns)) }}
{%- endmacro %}

{% macro default__rows_hash(columns) -%}
    substr(md5(string_agg({{ row_text(columns) }}, ';' order by {{ row_text(columns) }})), 1, 16)
{%- endmacro %}

{# A sum does not care for the order either, and spares the sort. #}
{% macro duckdb__rows_hash(columns) -%}
    concat(sum(cast(hash({{ columns | join(', ') }}) as hugeint)), ':', count(*))
{%- endmacro %}
