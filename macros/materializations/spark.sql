{# What only Spark needs: tables over the files of the lake, seeds, and CTEs that are written once. Sail speaks Spark's SQL
   and takes the same macros. #}

{# Makes empty schemas below a folder, and files readable as tables. orchestration/spark.py lists these with
   their columns. #}
{% macro prepare_schemas(folder, tables) -%}
    {%- set schemas = (graph.nodes.values() | list + graph.sources.values() | list) | map(attribute='schema') | list -%}
    {%- for schema in (schemas + [schema_named('steps')]) | unique if schema.startswith(target.schema ~ '_') %}
    {%- set location = folder ~ '/' ~ schema[(target.schema ~ '_') | length:] -%}
    {%- do run_query('drop schema if exists ' ~ schema ~ ' cascade') -%}
    {%- do run_query('create schema ' ~ schema ~ " location '" ~ spark_text(location) ~ "'") -%}
    {%- endfor %}
    {%- for table in tables %}
    {%- set columns = [] -%}
    {%- for column, type in table.columns.items() -%}{%- do columns.append(column ~ ' ' ~ type) -%}{%- endfor -%}
    {%- do run_query(
        'create table ' ~ schema_named(table.schema) ~ '.' ~ table.name ~ ' (' ~ columns | join(', ')
        ~ ") using parquet location '" ~ spark_text(table.location) ~ "'"
    ) -%}
    {%- endfor %}
{%- endmacro %}

{# A text inside the quotes of Spark's SQL, where a backslash is an escape. #}
{% macro spark_text(text) -%}
    {{ return((text | string) | replace('\\', '\\\\') | replace("'", "\\'")) }}
{%- endmacro %}

{# dbt-spark's own does not escape apostrophes and loads a null as the text None. #}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set rows = [] -%}
    {%- for row in agate_table.rows -%}
    {%- set values = [] -%}
    {%- for column in agate_table.column_names -%}
    {%- set value = row[column] -%}
    {%- set type = types.get(column, adapter.convert_type(agate_table, loop.index0)) -%}
    {%- do values.append('cast(' ~ ('null' if value is none else "'" ~ spark_text(value) ~ "'") ~ ' as ' ~ type ~ ')') -%}
    {%- endfor -%}
    {%- do rows.append('(' ~ values | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- set insert = 'insert into ' ~ this.render() ~ ' values ' ~ rows | join(', ') -%}
    {%- if rows -%}{%- do adapter.add_query(insert, abridge_sql_log=True) -%}{%- endif -%}
    {{ return(insert) }}
{%- endmacro %}

{# As dbt-spark's own, with steps: Spark writes a CTE into the query at each place that reads it, so CTEs that read each other
   multiply, and planning one of the larger models takes hours. A CTE that is read twice or more therefore becomes a table of
   the schema `steps` first. So does one that a recursive CTE reads, because each level would compute it again. #}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if temporary -%}
    {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
    {%- set query = with_steps(compiled_code, relation.identifier) -%}
    {%- if config.get('contract').enforced -%}
    {{ get_assert_columns_equivalent(query) }}
    {%- set query = get_select_subquery(query) -%}
    {%- endif -%}
    create {{ 'or replace ' if config.get('file_format') in ['delta', 'iceberg'] }}table {{ relation }}
    {{ file_format_clause() }} {{ location_clause() }}
    as {{ query }}
    {%- endif -%}
{%- endmacro %}

{% macro with_steps(query, model_name) -%}
    {%- set split = split_steps(query, schema_named('steps') ~ '.' ~ model_name ~ '__') -%}
    {%- for step in split.steps -%}
    {%- call statement('step') -%} create table if not exists {{ step.table }} as {{ step.query }} {%- endcall -%}
    {%- endfor -%}
    {{ return(split.query) }}
{%- endmacro %}

{# As dbt's own, with steps for unit tests: dbt writes the query of a unit test into subqueries, first to find its columns. #}
{% macro spark__get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
    {{ default__get_empty_subquery_sql(with_steps_of_unit_test(select_sql), select_sql_header) }}
{%- endmacro %}

{% macro spark__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
    {{ default__get_unit_test_sql(with_steps_of_unit_test(main_sql), expected_fixture_sql, expected_column_names) }}
{%- endmacro %}

{% macro with_steps_of_unit_test(query) -%}
    {{ return(with_steps(query, model.name) if model.resource_type == 'unit_test' else query) }}
{%- endmacro %}

{# Gives the query in which each CTE that is read twice or more, or by a recursive CTE, selects from a table, and these tables
   with their queries, in order. A CTE that only names a table stays. Reads only the outermost `with`: dbt renders this macro,
   so it cannot use a parser in Python. A test compares what it finds in every model with sqlglot. #}
{% macro split_steps(query, prefix) -%}
    {%- set tokens = "--[^\n]*|/\\*[\\s\\S]*?\\*/|'(?:[^'\\\\]|\\\\.|'')*'|`[^`]*`|\"[^\"]*\"|\\w+|[(),]" -%}
    {%- set seen = namespace(depth=0, previous='', name='', body=none, reads=0, has_ctes=none) -%}
    {%- set ctes, reads = [], [] -%}
    {%- for token in modules.re.finditer(tokens, query) if token.group()[:2] not in ('--', '/*') -%}
    {%- set word = token.group() | lower -%}
    {%- if seen.has_ctes is none -%}{%- set seen.has_ctes = word == 'with' -%}{%- endif -%}
    {%- if word == '(' -%}
        {%- if seen.has_ctes and seen.depth == 0 and seen.previous in ('as', 'materialized') -%}
        {%- set seen.body = token.end() -%}{%- set seen.reads = reads | length -%}{%- endif -%}
        {%- set seen.depth = seen.depth + 1 -%}
    {%- elif word == ')' -%}
        {%- set seen.depth = seen.depth - 1 -%}
        {%- if seen.depth == 0 and seen.body is not none -%}
        {%- set within = reads[seen.reads:] -%}
        {%- if seen.name in within -%}{%- do reads.extend(within) -%}{%- endif -%}
        {%- do ctes.append({'name': seen.name, 'start': seen.body, 'end': token.start()}) -%}
        {%- set seen.body = none -%}
        {%- endif -%}
    {%- elif seen.has_ctes and seen.depth == 0 -%}
        {%- if word in ('select', 'from') -%}{%- set seen.has_ctes = false -%}
        {%- elif word not in ('with', 'recursive', 'as', 'materialized', ',') -%}{%- set seen.name = word -%}
        {%- endif -%}
    {%- endif -%}
    {#- `is distinct from a.n` names a column, not a table. -#}
    {%- if seen.previous in ('from', 'join') and query[token.end():token.end() + 1] != '.' -%}
    {%- do reads.append(word) -%}
    {%- endif -%}
    {%- set seen.previous = word -%}
    {%- endfor -%}
    {%- set done = namespace(text='', at=0) -%}
    {%- set steps = [] -%}
    {%- for cte in ctes -%}
    {%- set body = query[cte.start:cte.end] -%}
    {%- set done.text = done.text ~ query[done.at:cte.start] -%}
    {%- set is_name = modules.re.fullmatch('(?i)\\s*select \\* from [\\w.`\"]+\\s*', body) -%}
    {%- if reads.count(cte.name) > 1 and not is_name -%}
        {%- set table = prefix ~ cte.name -%}
        {%- do steps.append({'table': table, 'query': done.text ~ body ~ ') select * from ' ~ cte.name}) -%}
        {%- set done.text = done.text ~ 'select * from ' ~ table -%}
    {%- else -%}
        {%- set done.text = done.text ~ body -%}
    {%- endif -%}
    {%- set done.at = cte.end -%}
    {%- endfor -%}
    {{ return({'query': done.text ~ query[done.at:], 'steps': steps}) }}
{%- endmacro %}

{# dbt-spark's own splits by a regular expression, of which Sail understands another dialect. #}
{% macro spark__split_part(string_text, delimiter_text, part_number) -%}
    split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}
