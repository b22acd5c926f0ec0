{# The last day whose extracts count: every day, unless a session sets an earlier day. Only stg_extracts, and models
   that read raw rows without it, may use the macro; everything else follows from those models. orchestration/scratch.py
   sets the day. #}
{% macro known_on() -%}
    {{ return(adapter.dispatch('known_on')()) }}
{%- endmacro %}

{% macro default__known_on() -%}
    cast('{{ var("known_on", "9999-12-31") }}' as date)
{%- endmacro %}

{# A session variable, so that the same compiled SQL works for every day. #}
{% macro duckdb__known_on() -%}
    coalesce(cast(getvariable('known_on') as date), {{ for_ever() }})
{%- endmacro %}

{# Whether a month was closed on a day: month_close_days after its last one. #}
{% macro is_closed(month, as_of) -%}
    {{ as_of }} >= {{ add_days(add_months(month, 1), var('month_close_days') - 1) }}
{%- endmacro %}

{# Why the credit of a deal moved to another branch, from its rows of int_known_credit before and now. If several things
   differ, the first one counts; if nothing else does, the roster. #}
{% macro moved_credit_cause(before, now) -%}
    case
        when ({{ before }}.override_branch_id is distinct from {{ now }}.override_branch_id) then 'OVERRIDE'
        when {{ before }}.claims_hash != {{ now }}.claims_hash then 'SOURCE_EDIT'
        when
            ({{ before }}.parent_branch_id is distinct from {{ now }}.parent_branch_id)
            and ({{ before }}.branch_id = {{ before }}.parent_branch_id or {{ now }}.branch_id = {{ now }}.parent_branch_id)
            then 'PARENT_DEAL'
        when ({{ before }}.names_hash is distinct from {{ now }}.names_hash) then 'ALIAS'
        else 'ROSTER'
    end
{%- endmacro %}

{# Short hash of some columns of a row, and of the rows of a group in any order. It only has to detect changes. #}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash')(columns)) }}
{%- endmacro %}

{% macro default__row_hash(columns) -%}
    substr(md5({{ row_text(columns) }}), 1, 16)
{%- endmacro %}

{# The engine's own hash, which is cheaper. Another version of the engine may give other hashes, so
   orchestration/knowledge.py includes the engine in its software versions. #}
{% macro duckdb__row_hash(columns) -%}
    cast(hash({{ columns | join(', ') }}) as string)
{%- endmacro %}

{% macro spark__row_hash(columns) -%}
    cast(xxhash64({{ columns | join(', ') }}) as string)
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

{# A sum does not depend on the order either, and needs no sorting. #}
{% macro duckdb__rows_hash(columns) -%}
    concat(sum(cast(hash({{ columns | join(', ') }}) as hugeint)), ':', count(*))
{%- endmacro %}

{% macro spark__rows_hash(columns) -%}
    concat(
        cast(sum(cast(xxhash64({{ columns | join(', ') }}) as decimal(20, 0))) as string), ':', cast(count(*) as string)
    )
{%- endmacro %}
