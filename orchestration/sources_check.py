"""Tries a mapping on the delivered files in a temporary home, so that nothing is loaded.

Shows what each column becomes and which rows would be rejected.
"""

import tempfile
from pathlib import Path

import duckdb

from orchestration import engine, sql
from orchestration.contract import NUMBERS, TIMES, Column, load_contract
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.lake.ingest import ingest
from orchestration.sources.transports.fetch import fetch


def check_sources(sources: Path | None, timezone: str) -> int:
    """Print what each column becomes; return how many files, batches, rows and stages have a problem."""
    if sources is None:
        raise KyotenError("There is no mapping to check. Name one in KYOTEN_SOURCES; docs/mapping.md shows how.")
    with tempfile.TemporaryDirectory() as folder, engine.connect(home := Home(Path(folder))) as connection:
        home.landing.mkdir()
        fetch(home, sources, timezone=timezone, say=lambda _: None, is_sample=True)
        result = ingest(home, sources, timezone=timezone, progress=lambda _: None)
        for file in (file for file in result.files if file.status not in ("refused", "held")):
            what = file.dataset or f"file {file.file_name}"
            print(f"{file.source_name}: {what}: {file.accepted:,} rows accepted, {file.rejected:,} rejected")
            if file.dataset:
                _columns(connection, home, file.dataset, timezone)
        rejected = f"read_parquet({sql.text(f'{home.lake}/rejected/*.parquet')}, union_by_name=true)"
        for row in connection.execute(
            f"SELECT file_name, row_number, column_name, reason, remedy FROM {rejected} ORDER BY ALL LIMIT 20"
        ).fetchall():
            print(f"rejected: {row[0]}, row {row[1]}: {row[3]}; {row[4]}")
        unknown = _unknown_stages(connection, home)
    for note in (*result.notes, *result.warnings):
        print(f"note: {note}")
    for refused in result.refused:
        print(f"refused: {refused.message}")
    for held in result.held:
        print(f"would be held: {held.name}: {held.findings}")
    if unknown:
        print(
            f"would stop publishing: stages without a mapping: {', '.join(unknown)}; translate them in the "
            "mapping under `values: {stage: …}` to open, qualified, proposed, won or lost, or add them to "
            "seeds/stage_map.csv"
        )
    return len(unknown) + len(result.refused) + len(result.held) + sum(file.rejected for file in result.files)


def _columns(connection: duckdb.DuckDBPyConnection, home: Home, dataset: str, timezone: str) -> None:
    lake = f"read_parquet({sql.text(f'{home.lake}/raw/{dataset}/*.parquet')}, union_by_name=true)"
    for column in load_contract().datasets[dataset].columns.values():
        if column.type in (*NUMBERS, *TIMES):
            _range(connection, column, lake, timezone)
            continue
        value = connection.execute(f"SELECT min({sql.name(column.name)}) FROM {lake}").fetchone()
        if value and value[0] is not None:
            print(f"    {column.name} ({column.type}), for example {value[0]}")


def _range(connection: duckdb.DuckDBPyConnection, column: Column, lake: str, timezone: str) -> None:
    """Print the smallest and the largest value of an amount or date, and three others as they are delivered."""
    value, zone = sql.name(column.name), ""
    if column.type == "timestamp":
        value, zone = f"timezone({sql.text(timezone)}, timezone('UTC', {value}))", f", {timezone}"
    text = {
        "integer": "format('{{:,}}', {0})",
        "date": "CAST({0} AS VARCHAR)",
        "timestamp": "CAST({0} AS VARCHAR)",
    }.get(column.type, "regexp_replace(format('{{:,.8f}}', {0}), '[.]?0+$', '')")
    least, most, some = connection.execute(
        f"WITH given AS (SELECT {value} AS v, min(row_number) AS n FROM {lake} WHERE {value} IS NOT NULL GROUP BY 1) "
        f"SELECT {text.format('min(v)')}, {text.format('max(v)')}, "
        f"(SELECT string_agg({text.format('v')}, ', ' ORDER BY n) FROM (FROM given ORDER BY n, v LIMIT 3)) FROM given"
    ).fetchone() or (None, None, None)
    if some:
        print(f"    {column.name} ({column.type}{zone}): {least} to {most}, for example {some}")


def _unknown_stages(connection: duckdb.DuckDBPyConnection, home: Home) -> list[str]:
    """Return the stages that seeds/stage_map.csv does not contain, as sources write them."""
    lakes = (f"{home.lake}/raw/{dataset}/*.parquet" for dataset in ("deals", "deal_stage_history"))
    used = " UNION ".join(f"SELECT stage FROM read_parquet({sql.text(lake)}, union_by_name=true)" for lake in lakes)
    seed = f"read_csv({sql.text(str(PROJECT / 'seeds' / 'stage_map.csv'))}, all_varchar=true)"
    found = connection.execute(
        f"SELECT stage FROM ({used}) WHERE lower(trim(stage)) NOT IN (SELECT source_stage FROM {seed}) ORDER BY 1"
    ).fetchall()
    return [str(row[0]) for row in found]
