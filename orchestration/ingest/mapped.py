"""Makes datasets of the contract out of foreign files, as the mapping says, in an engine that can reach nothing else.

The files become tables named by their aliases; from then on the mapping's SQL sees those tables only.
"""

import re
from collections.abc import Collection, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field

import duckdb

from orchestration.errors import KyotenError
from orchestration.ingest import forms, rules, sql
from orchestration.ingest.contract import Dataset, nearest
from orchestration.ingest.drift import folded
from orchestration.ingest.mapping import Alias, MappedDataset, Source
from orchestration.ingest.readers import Dialect, Scan, SourceColumn, first_line
from orchestration.ingest.records import Record
from orchestration.ingest.rules import Given
from orchestration.ingest.sql import RefusedError

# Ids of which another column of the row says whose they are.
_KIND_OF_ID = {
    "entity_id": "entity_type",
    "scope_id": "scope",
    "owner_id": "owner_type",
    "party_id": "party_type",
    "attendee_id": "attendee_type",
}
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


def take_footers(connection: duckdb.DuckDBPyConnection, alias: Alias, table: str, scan: Scan) -> int:
    """Delete the records that the mapping declares to be no data, and return how many there were."""
    if not alias.footer or not scan.columns:
        return 0
    first = f"trim(coalesce({', '.join(_filled(column) for column in scan.columns)}, ''))"
    is_footer = " OR ".join(f"starts_with({first}, {sql.text(word)})" for word in alias.footer)
    return sql.scalar(connection, f"DELETE FROM {table} WHERE {is_footer}")


def _filled(column: SourceColumn) -> str:
    return f"nullif(trim(CAST({sql.name(column.name)} AS VARCHAR)), '')"


def is_footer(alias: Alias, record: Record, dialect: Dialect) -> bool:
    """Say whether a line that is no record of the file's width is one that the mapping declares to be no data."""
    filled = record.line.strip(f"{dialect.delimiter or ','}{dialect.quote}\t \u3000")
    return filled.startswith(alias.footer) if alias.footer else False


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
    extras: Map[str, str] = field(default_factory=dict)


def reads(spec: MappedDataset, names: Collection[str]) -> set[str]:
    """Return those of a table's columns that a dataset reads; one that its SQL only mentions counts as read."""
    written = " ".join([spec.query, spec.where, *spec.expressions.values()]).lower()
    words = set(re.findall(r"\w+", written))
    mapped = {folded(name) for name in spec.columns.values()}
    return {n for n in names if folded(n) in mapped or n.lower() in words or f'"{n.lower()}"' in written}


def mapped_scan(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    dataset: Dataset,
    spec: MappedDataset,
    title: str,
    sha256: str,
    timezone: str,
    gone: Collection[str] = (),
) -> MappedScan:
    """Build the scan of a mapped dataset; its SQL is tried first, column by column, so that errors have a place.

    `gone` are columns that the extract before had. Without them the fault is the file's, not the mapping's: what is not
    required is then null, and what is refuses the dataset.
    """
    try:
        rows, given_sql = _from(connection, dataset, spec, gone) if spec.alias else _query(connection, dataset, spec)
    except KyotenError as error:
        if not gone:
            raise
        raise RefusedError(
            f"cannot be made: the column {', '.join(sorted(gone))} is gone, which the extract before had ({error})"
        ) from error
    raw = "_raw" if spec.alias else ""
    given_sql |= {column: sql.text(value) for column, value in spec.constants.items()}
    columns = []
    given: dict[str, Given] = {}
    cells: list[str] = []
    for i, (column, expression) in enumerate(given_sql.items()):
        text = f"CAST({expression} AS VARCHAR)"
        translated = _translated(text, spec.values.get(column, {}))
        cells.append(f"{_prefixed(source, dataset, column, translated, given_sql)} AS c{i}")
        columns.append(SourceColumn(column, f"c{i}"))
        given[column] = Given(f"c{i}", value=_parsed(connection, spec, dataset, column, f"c{i}", timezone))
    if spec.alias:
        names = [str(row[0]) for row in connection.execute(f"DESCRIBE {sql.name(spec.alias)}").fetchall()]
        pairs = ", ".join(f"{sql.text(n)}, CAST({sql.name(n)} AS VARCHAR)" for n in names if n not in ORIGIN)
        unread = [name for name in names if name not in ORIGIN and name not in reads(spec, names)]
        extras = {name: f"x{i}" for i, name in enumerate(unread)}
        kept = [f"{sql.name(name)} AS {column}" for name, column in extras.items()]
        origin = ", ".join([f"CAST(json_object({pairs}) AS VARCHAR) AS _raw", *ORIGIN, *kept])
        body = f"(SELECT {', '.join([*cells, origin])} FROM {rows})"
        scan = Scan(body, tuple(columns), "_row_number", raw=raw)
        return MappedScan(scan, given, "_file_name", "_file_sha256", extras)
    if spec.query and has_origin(connection, spec):
        derived = f"SELECT {', '.join([*cells, *ORIGIN])} FROM {rows}"
        return MappedScan(Scan(f"({derived})", tuple(columns), "_row_number"), given, "_file_name", "_file_sha256")
    # Without its origin a derived row is numbered by its values, so that the number does not depend on the run.
    order = ", ".join(f"{c.sql} NULLS FIRST" for c in columns)
    derived = f"SELECT {', '.join(cells)} FROM {rows}"
    body = f"(SELECT *, row_number() OVER (ORDER BY {order}) AS _row_number FROM ({derived}))"
    return MappedScan(Scan(body, tuple(columns), "_row_number"), given, sql.text(title), sql.text(sha256))


def _from(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, spec: MappedDataset, gone: Collection[str]
) -> tuple[str, dict[str, str]]:
    table = sql.name(spec.alias)
    names = [str(row[0]) for row in connection.execute(f"DESCRIBE {table}").fetchall()]
    known = [name for name in names if name not in ORIGIN]
    given: dict[str, str] = {}
    spelt = {folded(name): name for name in known}
    for column, written in spec.columns.items():
        name = written if written in known else spelt.get(folded(written), written)
        if name in gone and not dataset.columns[column].required:
            given[column] = "NULL"
            continue
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
        if name in ORIGIN and set(ORIGIN) <= set(names):
            continue
        if name not in dataset.columns:
            raise spec.error("query", f"{dataset.name} has no column {name}{nearest(name, dataset.columns)}.")
    return f"({spec.query})", {name: sql.name(name) for name in names if name not in ORIGIN}


def has_origin(connection: duckdb.DuckDBPyConnection, spec: MappedDataset) -> bool:
    """Say whether a query carries the file and record of each of its rows along, and no record makes two rows."""
    if not set(ORIGIN) <= set(_try(connection, spec, "query", spec.query)):
        return False
    try:
        return not sql.scalar(
            connection, f"SELECT count(*) - count(DISTINCT (_file_name, _row_number)) FROM ({spec.query})"
        )
    except duckdb.Error:  # a value that the SQL cannot take: said where the rows are made
        return False


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


def _prefixed(source: Source, dataset: Dataset, column: str, text: str, given: Map[str, str]) -> str:
    """Put the source's prefix before an id, unless all sources share that kind of id."""
    if not source.key_prefix or not column.endswith("_id") or column in source.shared_ids:
        return text
    plain = ["DIRECT"] if dataset.worklist else []
    keeps = f"trim({text}) IN ({sql.texts(plain)})" if plain else "false"
    kind = _KIND_OF_ID.get(column, "")
    if kind in given:  # whose id it is, another column says
        shared = [name.removesuffix("_id") for name in source.shared_ids]
        keeps = f"lower(trim(CAST({given[kind]} AS VARCHAR))) IN ({sql.texts(shared)})" if shared else keeps
    return f"CASE WHEN trim({text}) = '' OR {keeps} THEN {text} ELSE {sql.text(source.key_prefix)} || trim({text}) END"


def _parsed(
    connection: duckdb.DuckDBPyConnection,
    spec: MappedDataset,
    dataset: Dataset,
    column: str,
    cell: str,
    timezone: str,
) -> str:
    """Return the typed value of a column whose unit or date forms are stated, these in their order."""
    known = dataset.columns[column]
    if unit := spec.amounts.get(column):
        return forms.amount(cell, unit, known.duckdb_type)
    values = []
    for name in spec.dates.get(column, ()):
        if name == "iso":
            values.append(rules.cast_text(known, f"trim({cell})", timezone))
            continue
        local = forms.DateForm(name).local(cell)
        _try(connection, spec, f"dates.{column}", f"SELECT {local.replace(cell, sql.text(''))} AS tried")
        values.append(
            f"CAST({local} AS DATE)" if known.type == "date" else f"CAST({local} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
        )
    return f"coalesce({', '.join(values)})" if values else ""
