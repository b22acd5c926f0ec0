{# Fiscal quarters and halves in one list. Potential and segments are known by half: `half_start` is the half of a quarter. #}
{% macro quarters_and_halves() -%}
    with halves as (
        {{ fiscal_periods('half') }}
    ),

    quarters as (
        {{ fiscal_periods('quarter') }}
    )

    select
        'half' as period_type, fiscal_year, fiscal_half as fiscal_period, first_month, last_month, next_month, is_complete,
        first_month as half_start
    from halves
    union all
    select
        'quarter' as period_type, quarters.fiscal_year, quarters.fiscal_quarter as fiscal_period, quarters.first_month,
        quarters.last_month, quarters.next_month, quarters.is_complete, halves.first_month as half_start
    from quarters
    inner join halves on quarters.first_month >= halves.first_month and quarters.first_month < halves.next_month
{%- endmacro %}

{# A list in one text, as people type it, with a semicolon around each of its words. #}
{% macro listed_text(text) -%}
    {%- set separated = "replace(replace(replace(replace(" ~ text ~ ", ',', ';'), '、', ';'), '/', ';'), ' ', ';')" -%}
    {{ dbt.concat(["';'", separated, "';'"]) }}
{%- endmacro %}

{# 1 if a value is known, otherwise 0. #}
{% macro is_known(column) -%} case when {{ column }} is null then 0 else 1 end {%- endmacro %}
