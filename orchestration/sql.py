"""Quoting, and helpers for DuckDB. Rules and file formats belong elsewhere."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration import engine

if TYPE_CHECKING:
    import duckdb

FAULT = "cannot be read because of a fault in Kyoten or its libraries"
MEMORY_LIMIT = 1500 * 2**20  # enough for ingest: it reads row by row


class RefusedError(Exception):
    """A whole file cannot be loaded; the text contains cause and remedy. Other files are loaded nevertheless."""


def fault(what: str) -> RefusedError:
    """Return the refusal of a file at which the code failed, which is not what the file can be corrected for."""
    return RefusedError(f"{FAULT} ({what}). Report it together with the file, and deliver it in another format.")


def name(identifier: str) -> str:
    """Quote an identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """Quote a string."""
    quoted = "'" + value.replace("'", "''") + "'"
    if "\0" in quoted:  # SQL would end there
        quoted = "(" + quoted.replace("\0", "' || chr(0) || '") + ")"
    return quoted


def value(given: str | int | date | None) -> str:
    """Return a value as SQL. A bound parameter would make DuckDB import pandas, a third of a second."""
    if given is None:
        return "NULL"
    if isinstance(given, date):  # a datetime, too
        return text(str(given))
    return text(given) if isinstance(given, str) else str(given)


def rows(given: Iterable[Iterable[str | int | date | None]]) -> str:
    """Return a VALUES list of one row or more."""
    return "VALUES " + ", ".join(f"({', '.join(map(value, row))})" for row in given)


def texts(values: Iterable[str]) -> str:
    """Quote strings, separated by commas."""
    return ", ".join(text(value) for value in values)


def schema(columns: Mapping[str, str]) -> str:
    """Return a SELECT with these columns (name to type) and no rows."""
    return "SELECT " + ", ".join(f"NULL::{t} AS {name(c)}" for c, t in columns.items()) + " LIMIT 0"


def parquet(paths: Iterable[Path], **options: str) -> str:
    """Return a FROM item over Parquet files, by column name."""
    more = "".join(f", {option}={value}" for option, value in options.items())
    return f"read_parquet([{texts(str(p) for p in paths)}], union_by_name=true{more})"


def connect(temporary: Path, timezone: str) -> "duckdb.DuckDBPyConnection":
    """Open DuckDB in memory; it spills to this folder and reads local times in this time zone."""
    import duckdb  # imported here, because modules that only quote must not wait for DuckDB

    connection = duckdb.connect(
        config={
            "memory_limit": f"{min(MEMORY_LIMIT, engine.memory()) // 2**20}MiB",
            "temp_directory": str(temporary),
            "preserve_insertion_order": False,
            # A scan with row numbers always runs on one thread; more threads only double its CPU time.
            "threads": 1,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET python_enable_replacements = false")  # SQL in a mapping must not read Python's variables
    set_timezone(connection, timezone)
    return connection


def set_timezone(connection: "duckdb.DuckDBPyConnection", timezone: str) -> None:
    """Set the session's time zone; a cursor is a session of its own."""
    connection.execute(f"SET TimeZone = {text(timezone)}")


def copy(connection: "duckdb.DuckDBPyConnection", query: str, path: Path) -> int:
    """Write a query's rows as Parquet and return how many there are."""
    written = connection.execute(f"COPY ({query}) TO {text(str(path))} (FORMAT parquet)").fetchone()
    assert written is not None
    return int(written[0])


def replace_parquet(connection: "duckdb.DuckDBPyConnection", query: str, path: Path) -> None:
    """Write Parquet under another name and rename it: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")  # not .parquet: readers take *.parquet
    copy(connection, query, unfinished)
    unfinished.replace(path)


def scalar(connection: "duckdb.DuckDBPyConnection", query: str) -> int:
    """Return the single integer that a query returns; null becomes 0."""
    row = connection.execute(query).fetchone()
    return int(row[0] or 0) if row else 0
