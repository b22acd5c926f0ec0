"""Reading a release as a whole: its folder is resolved once, and personal values are shown or hidden by one setting.

KYOTEN_PERSONAL    show or hide: the values of columns that ops.catalog marks as personal, such as names of people
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine, sql
from orchestration.errors import KyotenError
from orchestration.home import Home

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]


def shows_personal(*, default: bool) -> bool:
    """Return whether KYOTEN_PERSONAL shows personal values.

    Raises:
        KyotenError: if it is neither show nor hide.
    """
    stated = os.environ.get("KYOTEN_PERSONAL") or ("show" if default else "hide")
    if stated not in ("show", "hide"):
        raise KyotenError(f"KYOTEN_PERSONAL is {stated!r}. Write show or hide.")
    return stated == "show"


def release_folder(home: Home) -> Path:
    """Return the folder of the current release; it stays the same release when another one is published.

    Raises:
        KyotenError: if nothing is published.
    """
    folder = (home.published / "current").resolve()
    if not (folder / "kyoten.duckdb").exists():
        raise KyotenError(home.nothing_published)
    return folder


@contextlib.contextmanager
def release(home: Home) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open the current release read-only; no query can read or write files outside it."""
    with engine.connect(home, release_folder(home) / "kyoten.duckdb", read_only=True) as connection:
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        yield connection


def rows(connection: "duckdb.DuckDBPyConnection", query: str, parameters: dict[str, Any] | None = None) -> list[Row]:
    """Return a query's rows by column name."""
    result = connection.execute(query, parameters)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def columns(connection: "duckdb.DuckDBPyConnection", schema: str, table: str) -> list[Row]:
    """Return what ops.catalog states about the columns of a table, in their order; nothing if there is none."""
    query = (
        "from ops.catalog where table_schema = $schema and table_name = $name and column_name is not null "
        "order by ordinal"
    )
    return rows(connection, query, {"schema": schema, "name": table})


def select_list(described: list[Row], *, personal: bool) -> str:
    """Return the columns for a query; a hidden value is null, and the name of a salesperson is the id."""
    parts = []
    for column in described:
        name = sql.name(column["column_name"])
        if personal or not column["is_personal"]:
            parts.append(name)
        elif column["table_name"] == "dim_entity" and column["column_name"] == "entity_name":
            parts.append(f"case when scope = 'rep' then entity_id else {name} end as {name}")
        else:
            parts.append(f"cast(null as {column['data_type']}) as {name}")
    return ", ".join(parts)
