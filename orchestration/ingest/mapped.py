"""Makes datasets of the contract out of foreign files, as the mapping says, in an engine that can reach nothing else.

The files become tables named by their aliases; from then on the mapping's SQL sees those tables only.
"""

import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from orchestration.ingest import sql
from orchestration.ingest.contract import Dataset, nearest
from orchestration.ingest.mapping import Alias, MappedDataset
from orchestration.ingest.readers import Scan, SourceColumn, first_line
from orchestration.ingest.rules import Given

ORIGIN = {"_file_name": "VARCHAR", "_file_sha256": "VARCHAR", "_row_number": "BIGINT"}


def aliases_of(dataset: MappedDataset, files: Map[str, Alias]) -> list[str]:
    """Return the aliases that a dataset reads; one that its SQL only mentions in passing counts as read."""
    written = " ".join([dataset.alias, dataset.query, dataset.where, *dataset.expressions.values()])
    words = set(re.findall(r"\w+", written.lower()))
    return sorted(alias for alias in files if alias in words)


def records(alias: Alias, scan: Scan, file_name: str, sha256: str) -> str:
    """Return a file's records under their own column names, null tokens resolved, with where they came from."""
    columns = [f"{_cell(alias, column)} AS {sql.name(column.name)}" for column in scan.columns]
    lineage = (sql.text(file_name), sql.text(sha256), "CAST(number AS BIGINT)")
    origin = ", ".join(f"{value} AS {name}" for value, name in zip(lineage, ORIGIN, strict=True))
    return (
        f"SELECT {', '.join([*columns, origin])} FROM (SELECT *, {scan.row_number} AS number FROM {scan.sql}) "
        f"WHERE {scan.valid}"
    )


def _cell(alias: Alias, column: SourceColumn) -> str:
    tokens = alias.null_tokens(column.name)
    if not tokens:
        return column.sql
    return f"CASE WHEN trim(CAST({column.sql} AS VARCHAR)) NOT IN ({sql.texts(tokens)}) THEN {column.sql} END"


def check_columns(alias: Alias, names: Sequence[str]) -> None:
    """Complain of null tokens stated for a column that the file does not have."""
    for column in alias.nulls:
        if column != "*" and column not in names and alias.node:
            raise alias.node.error(f"`nulls:` names {column}, which {alias.pattern} has not{nearest(column, names)}.")


@dataclass(frozen=True)
class MappedScan:
    """A mapped dataset as a scan, its columns by contract name."""

    scan: Scan
    given: dict[str, Given]
    file_name: str
    file_sha256: str


def mapped_scan(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, spec: MappedDataset, title: str, sha256: str
) -> MappedScan:
    """Build the scan of a mapped dataset; its SQL is tried first, column by column, so that errors have a place."""
    if spec.alias:
        source, given_sql = _from(connection, spec)
        raw = "_raw"
    else:
        source, given_sql = _query(connection, dataset, spec)
        raw = ""
    given_sql |= {column: sql.text(value) for column, value in spec.constants.items()}
    columns = []
    given: dict[str, Given] = {}
    cells: list[str] = []
    for i, (column, expression) in enumerate(given_sql.items()):
        text = f"CAST({expression} AS VARCHAR)"
        cells.append(f"{_translated(text, spec.values.get(column, {}))} AS c{i}")
        columns.append(SourceColumn(column, f"c{i}"))
        given[column] = Given(f"c{i}", value=_parsed(connection, spec, dataset, column, f"c{i}"))
    if spec.alias:
        names = [str(row[0]) for row in connection.execute(f"DESCRIBE {sql.name(spec.alias)}").fetchall()]
        pairs = ", ".join(f"{sql.text(n)}, CAST({sql.name(n)} AS VARCHAR)" for n in names if n not in ORIGIN)
        origin = f"CAST(json_object({pairs}) AS VARCHAR) AS _raw, {', '.join(ORIGIN)}"
        body = f"(SELECT {', '.join([*cells, origin])} FROM {source})"
        scan = Scan(body, tuple(columns), "_row_number", raw=raw)
        return MappedScan(scan, given, "_file_name", "_file_sha256")
    # A derived row has no place in a file: it is numbered by its values, so that the number does not depend on the run.
    order = ", ".join(f"{c.sql} NULLS FIRST" for c in columns)
    derived = f"SELECT {', '.join(cells)} FROM {source}"
    body = f"(SELECT *, row_number() OVER (ORDER BY {order}) AS _row_number FROM ({derived}))"
    return MappedScan(Scan(body, tuple(columns), "_row_number"), given, sql.text(title), sql.text(sha256))


def _from(connection: duckdb.DuckDBPyConnection, spec: MappedDataset) -> tuple[str, dict[str, str]]:
    table = sql.name(spec.alias)
    names = [str(row[0]) for row in connection.execute(f"DESCRIBE {table}").fetchall()]
    known = [name for name in names if name not in ORIGIN]
    given: dict[str, str] = {}
    for column, name in spec.columns.items():
        if name not in known:
            hint = nearest(name, known) or f"; it has {', '.join(known)}"
            raise spec.error(
                f"columns.{column}", f"{spec.alias} has no column {name}{hint}. For SQL write “= expression”."
            )
        given[column] = sql.name(name)
    for column, expression in spec.expressions.items():
        given[column] = f"({expression})"
        _try(connection, spec, f"columns.{column}", f"SELECT {given[column]} FROM {table}")
    if spec.where:
        _try(connection, spec, "where", f"SELECT 1 FROM {table} WHERE ({spec.where})")
    return f"{table} WHERE ({spec.where})" if spec.where else table, given


def _query(connection: duckdb.DuckDBPyConnection, dataset: Dataset, spec: MappedDataset) -> tuple[str, dict[str, str]]:
    names = _try(connection, spec, "query", spec.query)
    for name in names:
        if name not in dataset.columns:
            raise spec.error("query", f"{dataset.name} has no column {name}{nearest(name, dataset.columns)}.")
    return f"({spec.query})", {name: sql.name(name) for name in names}


def _try(connection: duckdb.DuckDBPyConnection, spec: MappedDataset, key: str, query: str) -> list[str]:
    """Bind a query without running it and return its columns."""
    try:
        if len(connection.extract_statements(query)) != 1:
            raise spec.error(key, f"{spec.name}: write one SQL expression or query, without semicolons.")
        described = connection.execute(f"DESCRIBE SELECT * FROM ({query})").fetchall()
    except duckdb.Error as error:
        raise spec.error(key, f"the SQL for {spec.name} does not work: {first_line(error)}.") from error
    return [str(row[0]) for row in described]


def _translated(text: str, values: Map[str, str | None]) -> str:
    if not values:
        return text
    trimmed = f"trim(coalesce({text}, ''))"
    cases = " ".join(
        f"WHEN {trimmed} = {sql.text(source)} THEN {'NULL' if value is None else sql.text(value)}"
        for source, value in values.items()
    )
    return f"CASE {cases} ELSE {text} END"


def _parsed(
    connection: duckdb.DuckDBPyConnection, spec: MappedDataset, dataset: Dataset, column: str, cell: str
) -> str:
    """Return the typed value of a column whose date forms are stated, in their order."""
    formats = spec.dates.get(column)
    if not formats:
        return ""
    _try(connection, spec, f"dates.{column}", f"SELECT try_strptime('', [{sql.texts(formats)}])")
    parsed = f"try_strptime(trim({cell}), [{sql.texts(formats)}])"
    if dataset.columns[column].type == "date":
        return f"CAST({parsed} AS DATE)"
    return f"CAST({parsed} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
