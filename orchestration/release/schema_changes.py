"""ops.schema_changes: what a release changed for analysts, compared with the release before.

A table or column was added or removed, or has another type, definition, key or reference. Other modules compare
figures.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from orchestration import sql

if TYPE_CHECKING:
    import duckdb

COMPARED = ("data_type", "description_en", "key_position", "references_table")


def write_schema_changes(connection: "duckdb.DuckDBPyConnection", previous: Path | None) -> None:
    """Compare the catalogue in the attached database `release` with that of the release before, if there is one.

    That one stays attached, because a transaction that read it cannot detach it.
    """
    if previous is None or not previous.exists():
        return
    connection.execute(f"attach {sql.text(str(previous))} as previous (read_only)")
    described = connection.execute("select column_name from (describe previous.ops.catalog)").fetchall()
    known = {name for (name,) in described}
    compared = [name for name in COMPARED if name in known]
    properties = " union all ".join(
        f"select *, '{name}' as property, cast(before.{name} as varchar) as was, "
        f"cast(after.{name} as varchar) as now"
        f" from pairs where before.{name} is distinct from after.{name}"
        for name in compared
    )
    connection.execute(
        f"""
        insert into release.ops.schema_changes
        with pairs as (
            select before, after, after.table_name is null as is_gone,
                -- A table or column that was there without a description is not new.
                before.table_name is null and not exists (
                    select 1 from duckdb_columns() as there
                    where there.database_name = 'previous' and there.schema_name = after.table_schema
                        and there.table_name = after.table_name
                        and there.column_name = coalesce(after.column_name, there.column_name)
                ) as is_new,
                coalesce(before.table_schema, after.table_schema) as table_schema,
                coalesce(before.table_name, after.table_name) as table_name,
                coalesce(before.column_name, after.column_name) as column_name
            from previous.ops.catalog as before
            full outer join release.ops.catalog as after
                on before.table_schema = after.table_schema and before.table_name = after.table_name
                and before.column_name is not distinct from after.column_name
        ),

        -- A table that came or went is one row, without its columns.
        changes as (
            select table_schema, table_name, column_name, 'changed' as change, property, was, now
            from ({properties}) as compared
            where before.table_name is not null and not is_gone
            union all
            select pairs.table_schema, pairs.table_name, pairs.column_name,
                case when pairs.is_new then 'added' else 'removed' end, null, null, null
            from pairs
            where
                (pairs.is_new or pairs.is_gone)
                and (
                    pairs.column_name is null
                    or not exists (
                        select 1 from pairs as tables
                        where tables.table_schema = pairs.table_schema and tables.table_name = pairs.table_name
                            and tables.column_name is null and (tables.is_new or tables.is_gone)
                    )
                )
        )

        select (select max(release_id) from previous.ops.release), changes.* from changes order by all
        """
    )
