"""Tries a mapping on the files that are there, in a home that is thrown away: nothing is loaded.

Shows what each column becomes and which rows would be refused.
"""

import tempfile
from pathlib import Path

import duckdb

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.ingest import ingest, sql
from orchestration.ingest.contract import load_contract
from orchestration.transports import fetch


def check_sources(sources: Path | None, timezone: str) -> int:
    """Print what the mapping makes of its files; return how many files, batches and rows would be refused."""
    if sources is None:
        raise KyotenError("There is no mapping to check. Name one in KYOTEN_SOURCES; docs/mapping.md shows how.")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.landing.mkdir()
        fetch(home, sources, timezone=timezone, say=lambda _: None, is_sample=True)
        result = ingest(home, sources, timezone=timezone, progress=lambda _: None)
        connection = duckdb.connect()
        for file in (file for file in result.files if file.status not in ("refused", "held")):
            what = file.dataset or f"file {file.file_name}"
            print(f"{file.source_name}: {what}: {file.accepted:,} rows accepted, {file.rejected:,} rejected")
            if file.dataset:
                _columns(connection, home, file.dataset)
        rejected = f"read_parquet('{home.lake}/rejected/*.parquet', union_by_name=true)"
        for row in connection.execute(
            f"SELECT file_name, row_number, column_name, reason, remedy FROM {rejected} ORDER BY ALL LIMIT 20"
        ).fetchall():
            print(f"rejected: {row[0]}, row {row[1]}: {row[3]}; {row[4]}")
    for note in result.notes:
        print(f"note: {note}")
    for refused in result.refused:
        print(f"refused: {refused.message}")
    for held in result.held:
        print(f"would be held: {held.name}: {held.findings}")
    return len(result.refused) + len(result.held) + sum(file.rejected for file in result.files)


def _columns(connection: duckdb.DuckDBPyConnection, home: Home, dataset: str) -> None:
    lake = f"read_parquet('{home.lake}/raw/{dataset}/*.parquet', union_by_name=true)"
    for column in load_contract().datasets[dataset].columns.values():
        value = connection.execute(f"SELECT min(CAST({sql.name(column.name)} AS VARCHAR)) FROM {lake}").fetchone()
        if value and value[0] is not None:
            print(f"    {column.name} ({column.type}), for example {value[0]}")
