{# Features and settings that only some engines have. #}

{# Marks a CTE to be computed once, where an engine would otherwise compute it again in every step of a recursion. #}
{% macro materialized() -%}
    {{ return(adapter.dispatch('materialized')()) }}
{%- endmacro %}

{% macro default__materialized() -%}
{%- endmacro %}

{% macro duckdb__materialized() -%}
    materialized
{%- endmacro %}

{# A quantile of a group, from 0 to 1, interpolated between two values. #}
{% macro quantile(column, share) -%}
    {{ return(adapter.dispatch('quantile')(column, share)) }}
{%- endmacro %}

{% macro default__quantile(column, share) -%}
    percentile_cont({{ share }}) within group (order by {{ column }})
{%- endmacro %}

{% macro duckdb__quantile(column, share) -%}
    quantile_cont({{ column }}, {{ share }})
{%- endmacro %}

{% macro spark__quantile(column, share) -%}
    percentile(cast({{ column }} as double), {{ share }})
{%- endmacro %}

{# The median of a group. Of two middle values it is the mean. #}
{% macro median(column) -%}
    {{ return(adapter.dispatch('median')(column)) }}
{%- endmacro %}

{% macro default__median(column) -%}
    percentile_cont(0.5) within group (order by {{ column }})
{%- endmacro %}

{% macro duckdb__median(column) -%}
    median({{ column }})
{%- endmacro %}

{% macro spark__median(column) -%}
    median(cast({{ column }} as double))
{%- endmacro %}

{# One row per whole number from `first` to `last`, both included, as column n. #}
{% macro whole_numbers(first, last) -%}
    {%- for n in range(first, last + 1) %}
    select {{ n }} as n {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# A list of texts for `in (…)`, which may be empty. #}
{% macro text_list(texts) -%}
    {%- for text in texts %}'{{ text }}', {% endfor %}null
{%- endmacro %}

{# The texts of a group, one after another in a stated order. #}
{% macro joined_texts(value, separator, order_by) -%}
    {{ return(adapter.dispatch('joined_texts')(value, separator, order_by)) }}
{%- endmacro %}

{% macro default__joined_texts(value, separator, order_by) -%}
    string_agg({{ value }}, {{ separator }} order by {{ order_by }})
{%- endmacro %}

{# dbt's own drops the order here. #}
{% macro spark__joined_texts(value, separator, order_by) -%}
    listagg({{ value }}, {{ separator }}) within group (order by {{ order_by }})
{%- endmacro %}
