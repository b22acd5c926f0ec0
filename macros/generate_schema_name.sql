{# Schemas have the published names (core, kpi, …), without the target's name as a prefix. A catalogue of Spark's may hold
   schemas of others, so there they are kyoten_core, kyoten_kpi … #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ schema_named(custom_schema_name | trim) if custom_schema_name else target.schema }}
{%- endmacro %}

{% macro schema_named(name) -%}
    {{ target.schema ~ '_' if target.type == 'spark' }}{{ name }}
{%- endmacro %}
