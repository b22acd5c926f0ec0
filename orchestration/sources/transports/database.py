"""Fetches tables of a database with dlt's sql_table, and queries with SQLAlchemy."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import Any

import sqlalchemy as sa
from dlt.sources.sql_database import sql_table

from orchestration.sources.transports.job import SAMPLE_ROWS, Fetched, Job
from orchestration.sources.transports.lines import write
from orchestration.spelling import nearest

CHUNK_ROWS = 20_000
Row = dict[str, Any]
_PLAIN: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    float: repr,
    Decimal: lambda value: f"{value:f}",
}


def text(value: Any) -> str | None:
    """Return a database's value as it would be written in a file."""
    if value is None or isinstance(value, str):
        return value
    if convert := _PLAIN.get(type(value)):
        return convert(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return json.dumps(value, ensure_ascii=False, default=text) if isinstance(value, dict | list | tuple) else str(value)


@dataclass
class Seen:
    """The columns of a result so far, and the greatest value of its cursor column."""

    cursor: str = ""
    columns: tuple[str, ...] = ()
    last: Any = None


def fetch_database(job: Job) -> dict[str, Fetched]:
    """Fetch every table and query into the job's folder."""
    # A database that supports it is opened read-only: a fetch writes nothing, even if its user may.
    engine = sa.create_engine(job.config["connection"]).execution_options(postgresql_readonly=True)
    try:
        return {alias: _fetch(job, engine, alias, keys) for alias, keys in job.config["tables"].items()}
    finally:
        engine.dispose()


def _fetch(job: Job, engine: sa.Engine, alias: str, keys: dict[str, str]) -> Fetched:
    job.begin(alias)
    seen = Seen(keys.get("cursor", ""))
    rows = _query(engine, keys["query"], seen) if "query" in keys else _table(job, engine, alias, keys, seen)
    records = _as_text(islice(rows, SAMPLE_ROWS if job.is_sample else None), seen)
    count, columns = write(job, alias, records, lambda: seen.columns)
    return Fetched(count, columns, seen.cursor, job.since.get(alias) if seen.last is None else text(seen.last))


def _as_text(rows: Iterable[Row], seen: Seen) -> Iterator[dict[str, str | None]]:
    """Convert values to text, because only the mapping converts a database's types to the contract's."""
    for row in rows:
        if seen.cursor:
            values = [value for value in (seen.last, row[seen.cursor]) if value is not None]
            seen.last = max(values, default=None)
        yield {name: text(value) for name, value in row.items()}


def _query(engine: sa.Engine, query: str, seen: Seen) -> Iterator[Row]:
    with engine.connect() as connection:
        statement = sa.text(query.replace(":", r"\:"))  # a colon does not mark a parameter
        result = connection.execution_options(yield_per=CHUNK_ROWS).execute(statement)
        seen.columns = names = tuple(result.keys())
        if twins := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the column {', '.join(sorted(twins))} appears twice. Rename one with AS")
        for row in result:
            yield dict(zip(names, row, strict=True))


def _table(job: Job, engine: sa.Engine, alias: str, keys: dict[str, str], seen: Seen) -> Iterator[Row]:
    schema, _, name = keys["table"].rpartition(".")

    def adapt(query: Any, table: sa.Table) -> Any:
        seen.columns = tuple(table.c.keys())
        if seen.cursor:
            if seen.cursor not in table.c:
                raise ValueError(f"the table has no column {seen.cursor}{nearest(seen.cursor, table.c.keys())}")
            column = table.c[seen.cursor]
            if (since := job.since.get(alias)) is not None:
                query = query.where(column >= _typed(column, since))
        return query.limit(SAMPLE_ROWS) if job.is_sample else query

    return iter(
        sql_table(
            engine,
            table=name,
            schema=schema or job.config["schema"] or None,
            chunk_size=CHUNK_ROWS,
            query_adapter_callback=adapt,
        )
    )


def _typed(column: Any, written: str) -> Any:
    kind = column.type.python_type
    return kind.fromisoformat(written) if kind in (date, datetime) else kind(written)
