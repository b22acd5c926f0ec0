"""Compares the tables that another engine wrote as Parquet with DuckDB's: every row, both ways."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

# Hashes that only detect changes; each engine uses its own function.
HASHES = {"claims_hash", "money_hash", "names_hash"}
OWN_HASHES = {name: HASHES for name in ("intermediate.int_known_credit", "staging.stg_known_credit")}


def differences(built: duckdb.DuckDBPyConnection, tables: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield name and difference of each of DuckDB's tables and views that has other rows in the engine's folder."""
    for schema, name in built.execute(
        "select table_schema, table_name from information_schema.tables order by all"
    ).fetchall():
        table = f"{schema}.{name}"
        if table not in tables:
            yield table, "not built"
        elif difference := _difference(built, table, tables[table]):
            yield table, difference


def _difference(built: duckdb.DuckDBPyConnection, table: str, folder: Path) -> str | None:
    if not any(folder.glob("*.parquet")):  # an engine may write no file for no rows
        (count,) = built.execute(f"select count(*) from {table}").fetchone() or (0,)
        return f"{count} rows only on DuckDB" if count else None
    rows = f"read_parquet('{folder}/*.parquet')"
    columns = {column: kind for column, kind, *_ in built.execute(f"describe from {table}").fetchall()}
    theirs = [column for column, *_ in built.execute(f"describe from {rows}").fetchall()]
    if theirs != list(columns):
        return f"columns {theirs}"
    kept = [column for column in columns if column not in OWN_HASHES.get(table, set())]
    plain = ", ".join(_plain(column, columns[column]) for column in kept)
    for here, there, only in ((table, rows, "DuckDB"), (rows, table, "the engine")):
        missing = f"(select {plain} from {here} except all select {plain} from {there})"
        (count,) = built.execute(f"select count(*) from {missing}").fetchone() or (0,)
        if count:
            return f"{count} rows only on {only}, such as {built.execute(f'from {missing} limit 1').fetchone()}"
    return None


def _plain(column: str, kind: str) -> str:
    """Return an expression that is equal on both engines: numbers in DuckDB's type, doubles to 10 digits.

    The macro `exact` rounds doubles to ten decimal places, of which the last two depend on the engine's functions.
    """
    typed = f'cast("{column}" as {kind})'
    if re.fullmatch(r"DECIMAL\(\d+,10\)", kind):
        return f"round({typed}, 8)"
    return f"format('{{:.9e}}', {typed} + 0.0)" if kind in ("DOUBLE", "FLOAT") else typed
