{# dbt-duckdb builds each table under another name, renames it and drops the one before. A refresh builds into an empty
   database that nobody reads, so these macros create each table under its own name. In the inner loop a table exists:
   it is replaced after the new one was built. An existing view is dropped first. #}

{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set before = load_cached_relation(this) -%}
    {%- set built = target if before is none else make_intermediate_relation(target) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if before is not none -%}{%- do adapter.drop_relation(built) -%}{%- endif -%}
    {% call statement('main') -%}
        {{ create_table_as(false, built, sql) }}
    {%- endcall %}
    {%- if before is not none -%}
        {%- do adapter.drop_relation(before) -%}
        {%- do adapter.rename_relation(built, target) -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- set target = this.incorporate(type='view') -%}
    {%- set before = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if before is not none -%}{%- do adapter.drop_relation(before) -%}{%- endif -%}
    {% call statement('main') -%}
        {{ create_view_as(target, sql) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
