"""Fetches tables and queries of a database with dlt's sql_table."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from itertools import chain, islice
from typing import Any

import sqlalchemy as sa
from dlt.sources.sql_database import sql_table
from dlt.sources.sql_database.helpers import TableLoader

from orchestration.ingest.contract import nearest
from orchestration.transports import SAMPLE_ROWS, Fetched, Job
from orchestration.transports.lines import write

CHUNK_ROWS = 20_000
_PLAIN: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    float: repr,
    Decimal: lambda value: f"{value:f}",
}


def text(value: Any) -> str | None:
    """Return a database's value as the text that a file would hold."""
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
    """What a result told: its columns, and the greatest value so far of the one that tells what changed."""

    cursor: str = ""
    columns: tuple[str, ...] = ()
    last: Any = None


class Texts(TableLoader):
    """dlt's loader, handing on text: a database's types and those of the contract meet in the mapping only."""

    def __init__(self, *arguments: Any, seen: Seen, **options: Any) -> None:
        """Take up what the result tells."""
        super().__init__(*arguments, **options)
        self.seen = seen

    def _convert_result(self, result: Any, backend_kwargs: dict[str, Any]) -> Iterator[list[dict[str, str | None]]]:
        seen, names = self.seen, tuple(result.keys())
        if twins := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the column {', '.join(sorted(twins))} is there twice. Rename one with AS")
        seen.columns = names
        for rows in result.partitions(size=self.chunk_size):
            if seen.cursor:
                values = [seen.last, *(row[names.index(seen.cursor)] for row in rows)]
                seen.last = max((value for value in values if value is not None), default=None)
            yield [dict(zip(names, map(text, row), strict=True)) for row in rows]


def fetch_database(job: Job) -> dict[str, Fetched]:
    """Fetch every table and query into the job's folder."""
    # Where a database can be told so, a fetch writes nothing, whatever its query says and its user may do.
    engine = sa.create_engine(job.config["connection"]).execution_options(postgresql_readonly=True)
    try:
        return {alias: _fetch(job, engine, alias, keys) for alias, keys in job.config["tables"].items()}
    finally:
        engine.dispose()


def _fetch(job: Job, engine: sa.Engine, alias: str, keys: dict[str, str]) -> Fetched:
    job.begin(alias)
    seen = Seen(keys.get("cursor", ""))
    records = _query(engine, keys["query"], seen) if "query" in keys else _table(job, engine, alias, keys, seen)
    rows, columns = write(job, alias, islice(records, SAMPLE_ROWS if job.is_sample else None), lambda: seen.columns)
    return Fetched(rows, columns, seen.cursor, job.since.get(alias) if seen.last is None else text(seen.last))


def _query(engine: sa.Engine, query: str, seen: Seen) -> Iterator[dict[str, str | None]]:
    loader = Texts(engine, "sqlalchemy", None, {}, CHUNK_ROWS, seen=seen)
    return chain.from_iterable(loader._load_rows(sa.text(query.replace(":", r"\:")), {}))  # no colon is a parameter


def _table(job: Job, engine: sa.Engine, alias: str, keys: dict[str, str], seen: Seen) -> Iterator[Any]:
    schema, _, name = keys["table"].rpartition(".")

    def adapt(query: Any, table: sa.Table) -> Any:
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
            table_loader_class=partial(Texts, seen=seen),  # type: ignore[arg-type]
        )
    )


def _typed(column: Any, written: str) -> Any:
    kind = column.type.python_type
    return kind.fromisoformat(written) if kind in (date, datetime) else kind(written)
