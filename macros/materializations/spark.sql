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
   the schema `steps` first. So do a recursive CTE and each CTE that it reads: a recursion is a loop of queries, one per level.
   Sail has no recursion of its own, and Spark's has limits of levels and rows. #}
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
    {%- if step.level is defined -%}{%- do make_step(step.table, levels_of(step)) -%}
    {%- else -%}{%- do make_step(step.table, step.query) -%}
    {%- endif -%}
    {%- endfor -%}
    {{ return(split.query) }}
{%- endmacro %}

{% macro make_step(table, query) -%}
    {%- call statement('step') -%} create table if not exists {{ table }} as {{ query }} {%- endcall -%}
{%- endmacro %}

{# Makes a table per level of a recursive CTE, until a level has no rows; returns the query for all rows. #}
{% macro levels_of(step) -%}
    {%- set most = 10000 -%}
    {%- set levels = [step.table ~ '__0'] -%}
    {%- do make_step(levels[0], step.query) -%}
    {%- set seen = namespace(last=levels[0]) -%}
    {%- for number in range(1, most + 1) if seen.last == levels[-1] -%}
    {%- set seen.last = step.table ~ '__' ~ number -%}
    {%- do make_step(seen.last, step.level | replace(step.before, levels[-1])) -%}
    {%- set rows = run_query('select 1 as n from ' ~ seen.last ~ ' limit 1') -%}
    {%- if rows | length > 0 -%}{%- do levels.append(seen.last) -%}{%- endif -%}
    {%- endfor -%}
    {%- if levels | length > most -%}
    {%- do exceptions.raise_compiler_error(step.table ~ ' has more than ' ~ most ~ ' levels. Does it end?') -%}
    {%- endif -%}
    {{ return('select * from ' ~ levels | join(' union all select * from ')) }}
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

{# Gives the query in which each CTE that is recursive, or is read twice or more, or by a recursive CTE, selects from a table,
   and these tables with their queries, in order. The table of a recursive CTE has the query of its first level, and `level`, the
   query of each further one, in which the name `before` is that of the table of the level before. A CTE that only names a table
   stays. Reads only the outermost `with`: dbt renders this macro, so it cannot use a parser in Python. A test compares what it
   finds in every model with sqlglot. #}
{% macro split_steps(query, prefix) -%}
    {%- set tokens = "--[^\n]*|/\\*[\\s\\S]*?\\*/|'(?:[^'\\\\]|\\\\.|'')*'|`[^`]*`|\"[^\"]*\"|\\w+|[(),]" -%}
    {%- set seen = namespace(depth=0, previous='', name='', body=none, union=none, own=none, reads=0, has_ctes=none) -%}
    {%- set ctes, reads = [], [] -%}
    {%- for token in modules.re.finditer(tokens, query) if token.group()[:2] not in ('--', '/*') -%}
    {%- set word = token.group() | lower -%}
    {%- if seen.has_ctes is none -%}{%- set seen.has_ctes = word == 'with' -%}{%- endif -%}
    {%- if word == '(' -%}
        {%- if seen.has_ctes and seen.depth == 0 and seen.previous in ('as', 'materialized') -%}
        {%- set seen.body = token.end() -%}{%- set seen.reads = reads | length -%}
        {%- set seen.own = none -%}
        {%- endif -%}
        {%- set seen.depth = seen.depth + 1 -%}
    {%- elif word == ')' -%}
        {%- set seen.depth = seen.depth - 1 -%}
        {%- if seen.depth == 0 and seen.body is not none -%}
        {%- if seen.own -%}{%- do reads.extend(reads[seen.reads:]) -%}{%- endif -%}
        {%- do ctes.append({'name': seen.name, 'start': seen.body, 'end': token.start(), 'own': seen.own}) -%}
        {%- set seen.body = none -%}
        {%- endif -%}
    {%- elif seen.has_ctes and seen.depth == 0 -%}
        {%- if word in ('select', 'from') -%}{%- set seen.has_ctes = false -%}
        {%- elif word not in ('with', 'recursive', 'as', 'materialized', ',') -%}{%- set seen.name = word -%}
        {%- endif -%}
    {%- elif seen.depth == 1 and word == 'union' -%}{%- set seen.union = token -%}
    {%- endif -%}
    {#- `is distinct from a.n` names a column, not a table. -#}
    {%- if seen.previous in ('from', 'join') and query[token.end():token.end() + 1] != '.' -%}
    {%- do reads.append(word) -%}
    {%- if seen.body is not none and word == seen.name and seen.union and seen.union.start() > seen.body -%}
    {%- set seen.own = {'union': seen.union.start(), 'start': token.start(), 'end': token.end()} -%}
    {%- endif -%}
    {%- endif -%}
    {%- set seen.previous = word -%}
    {%- endfor -%}
    {%- set done = namespace(text='', at=0) -%}
    {%- set steps = [] -%}
    {%- for cte in ctes -%}
    {%- set body = query[cte.start:cte.end] -%}
    {%- set done.text = done.text ~ query[done.at:cte.start] -%}
    {%- set is_name = modules.re.fullmatch('(?i)\\s*select \\* from [\\w.`\"]+\\s*', body) -%}
    {%- set table, rest = prefix ~ cte.name, ') select * from ' ~ cte.name -%}
    {%- if cte.own -%}
        {%- set before = table ~ '__before' -%}
        {%- set union = modules.re.match('(?i)union\\s+all\\b', query[cte.own.union:]).end() -%}
        {%- set alias = '' if modules.re.match('(?i)\\s+as\\b', query[cte.own.end:]) else ' as ' ~ cte.name -%}
        {%- set level = query[cte.own.union + union:cte.own.start] ~ before ~ alias ~ query[cte.own.end:cte.end] -%}
        {%- do steps.append({
            'table': table, 'query': done.text ~ query[cte.start:cte.own.union] ~ rest,
            'level': done.text ~ level ~ rest, 'before': before,
        }) -%}
    {%- elif reads.count(cte.name) > 1 and not is_name -%}
        {%- do steps.append({'table': table, 'query': done.text ~ body ~ rest}) -%}
    {%- endif -%}
    {%- set done.text = done.text ~ ('select * from ' ~ table if steps and steps[-1].table == table else body) -%}
    {%- set done.at = cte.end -%}
    {%- endfor -%}
    {{ return({'query': done.text ~ query[done.at:], 'steps': steps}) }}
{%- endmacro %}

{# dbt-spark's own splits by a regular expression, of which Sail understands another dialect. #}
{% macro spark__split_part(string_text, delimiter_text, part_number) -%}
    split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}
