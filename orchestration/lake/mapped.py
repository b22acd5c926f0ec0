"""Derives datasets of the contract from mapped files, in a DuckDB that has access to nothing else.

The files become tables named by their aliases. The mapping's SQL can read only those tables.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

import duckdb

from orchestration import engine, sql
from orchestration.contract import NUMBERS, Dataset
from orchestration.errors import KyotenError
from orchestration.lake import no_data, rules, workbook
from orchestration.lake.batch import Counts
from orchestration.lake.no_data import NoData
from orchestration.lake.readers import Dialect, Scan, SourceColumn, first_line
from orchestration.lake.rules import Given
from orchestration.sources import forms
from orchestration.sources.mapping import Alias, MappedDataset, Source
from orchestration.spelling import folded, nearest
from orchestration.sql import RefusedError

# Ids whose entity type is in another column of the row.
_KIND_OF_ID = {
    "entity_id": "entity_type",
    "scope_id": "scope",
    "owner_id": "owner_type",
    "party_id": "party_type",
    "attendee_id": "attendee_type",
}
_MAY_MULTIPLY = "(?i)unnest|_to_table|generate_subscripts"
ORIGIN = {"_file_name": "VARCHAR", "_file_sha256": "VARCHAR", "_row_number": "BIGINT"}


def written(dataset: MappedDataset, tables: Map[str, str]) -> str:
    """Return the SQL of a dataset in lower case, including the SQL of the source's tables that it reads."""
    text = " ".join([dataset.alias, dataset.query, dataset.where, *dataset.expressions.values()]).lower()
    for table in reversed(list(tables)):  # a table reads those above it
        if table in _words(text):
            text += " " + tables[table].lower()
    return text


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def aliases_of(dataset: MappedDataset, source: Source) -> list[str]:
    """Return the aliases that a dataset reads; an alias that appears anywhere in its SQL counts as read."""
    words = _words(written(dataset, source.tables))
    return sorted(alias for alias in source.files if alias in words)


def create_tables(connection: duckdb.DuckDBPyConnection, source: Source, dataset: MappedDataset) -> None:
    """Create the source's tables that a dataset reads, as views."""
    words = _words(written(dataset, source.tables))
    for table, query in source.tables.items():
        if table not in words:
            continue
        _check_steady(query, source, f"tables.{table}")
        try:
            if len(connection.extract_statements(query)) != 1:
                raise source.error(f"tables.{table}", f"{table}: write one SQL query, without semicolons.")
            connection.execute(f"CREATE OR REPLACE VIEW {sql.name(table)} AS ({query})")
        except duckdb.Error as error:
            problem = f"the SQL for the table {table} does not work: {first_line(error)}."
            raise source.error(f"tables.{table}", problem) from error


def known_as(alias: Alias, scan: Scan) -> Scan:
    """Return the scan with the column names that SQL uses."""
    # A letter and its mark, which macOS writes as two characters, are one in SQL.
    columns = tuple(replace(c, name=unicodedata.normalize("NFC", c.name)) for c in scan.columns)
    scan = replace(scan, columns=columns)
    names = alias.renamed([column.name for column in scan.columns])
    named = tuple(replace(c, name=names.get(c.name, c.name), header=c.name) for c in scan.columns)
    if taken := next((c.name for c in named if c.name.lower() in ORIGIN), ""):
        raise RefusedError(
            f"has the column {taken}, Kyoten's own name of the origin of each record. State another name for it under "
            f"`columns:` of the file, such as `columns: {{of_source: {taken}}}`"
        )
    return replace(scan, columns=named)


# Settings, paths and tables of the engine and of other files, which must not get into the data.
_OF_ENGINE = re.compile(
    r"\b(?:(?:duckdb|pragma)_\w+|current_(?:database|schemas?|setting)|getenv|glob|parquet_\w+|query|"
    r"query_table|read_\w+|sniff_csv|version|which_secret)\s*\(|\b(?:information_schema|pg_catalog|sqlite_\w+)\b|"
    r"\b(?:from|join)\s+rejects\b",
    re.IGNORECASE,
)


@cache
def _unsteady() -> re.Pattern[str]:
    """Return a pattern of SQL whose result depends on chance or on the day of the run."""
    functions = sorted(engine.unsteady_functions() - {"error"})
    calls = rf"(?:{'|'.join(map(re.escape, functions))})\s*\("
    keywords = r"(?:current_(?:date|time|timestamp)|localtime(?:stamp)?|tablesample|using\s+sample)\b"
    return re.compile(rf"\b(?:{calls}|{keywords}|age\s*\([^(),]*(?:\([^()]*\))?\))", re.IGNORECASE)


def _check_steady(query: str, part: Source | MappedDataset, key: str) -> None:
    """Raise an error for SQL that would give other rows each time, or that looks at the engine."""
    code = re.sub(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/""", "''", query, flags=re.DOTALL)
    if found := _unsteady().search(code):
        called = " ".join(found[0].rstrip("( ").lower().split())
        problem = "gives other rows each time, so that no figure could be explained or repeated"
        raise part.error(key, f"{called} {problem}. Write the day itself, or take a column of the file.")
    if found := _OF_ENGINE.search(code):
        called = found[0].rstrip("( ").lower()
        raise part.error(key, f"{called} is of the engine, not of the source. Use the columns of its files.")


def records(alias: Alias, scan: Scan, file_name: str, sha256: str) -> str:
    """Return a file's records under the names that SQL uses, null tokens resolved, with their origin."""
    columns = [
        # SQL finds text in every format; Parquet would have its own types.
        f"{_declared(_cell(alias, c), c.name) if c.name in alias.columns else _cell(alias, c)} AS {sql.name(c.name)}"
        for c in scan.columns
    ]
    columns += [f"CAST(NULL AS VARCHAR) AS {sql.name(name)}" for name in absent(alias, scan)]
    lineage = (sql.text(file_name), sql.text(sha256), "CAST(number AS BIGINT)")
    origin = ", ".join(f"{value} AS {name}" for value, name in zip(lineage, ORIGIN, strict=True))
    return (
        f"SELECT {', '.join([*columns, origin])} FROM (SELECT *, {scan.row_number} AS number FROM {scan.sql}) "
        f"WHERE {scan.valid} AND {scan.present}"
    )


def _declared(cell: str, name: str) -> str:
    """Return SQL of a column that a mapping declares: text, and an id in its one spelling, so that files join on it."""
    text = f"CAST({cell} AS VARCHAR)"
    return f"normal_id({text})" if folded(name).endswith("id") else f"id_in_shape({text})"


def absent(alias: Alias, scan: Scan) -> list[str]:
    """Return the columns that SQL may use and that the file does not have."""
    there = {column.name.lower() for column in scan.columns}
    return [name for name in alias.columns if name.lower() not in there]


def no_records(alias: Alias) -> str:
    """Return the table of a file that is never delivered."""
    return sql.schema(dict.fromkeys(alias.columns, "VARCHAR") | ORIGIN)


def _cell(alias: Alias, column: SourceColumn) -> str:
    tokens = alias.null_tokens(column.name)
    if not tokens:  # SQL finds empty text as null, as in CSV, also where JSON or Parquet distinguish the two
        return f"nullif({column.sql}, '')" if column.type == "VARCHAR" else column.sql
    tokens += ("",)
    return f"CASE WHEN trim(CAST({column.sql} AS VARCHAR)) NOT IN ({sql.texts(tokens)}) THEN {column.sql} END"


def find_no_data(connection: duckdb.DuckDBPyConnection, alias: Alias, table: str, scan: Scan, decimal: str) -> NoData:
    """Find the lines of a file's table that are no record, unless the mapping says that every line is one."""
    if alias.holds_only_records:
        return NoData()
    return no_data.find(connection, table, headed(scan), alias.footer, decimal)


def headed(scan: Scan) -> dict[str, str]:
    """Return the columns of a file's table, each with its name in the file."""
    return {sql.name(column.name): column.header or column.name for column in scan.columns}


def broken_no_data(alias: Alias, counts: Counts, dialect: Dialect) -> dict[int, str]:
    """Find the lines that could not be split and are no record."""
    if alias.holds_only_records:
        return {}
    delimiter = dialect.delimiter or ","
    return no_data.none_of(counts.scan.broken, counts.read, alias.footer, delimiter, dialect.quote)


def drop_lines(connection: duckdb.DuckDBPyConnection, table: str, numbers: Iterable[int]) -> None:
    """Delete lines from a file's table."""
    if listed := ", ".join(map(str, numbers)):
        connection.execute(f"DELETE FROM {table} WHERE _row_number IN ({listed})")


def check_columns(alias: Alias, names: Sequence[str]) -> None:
    """Raise an error for columns that the mapping states and the file does not have."""
    for column, stated in alias.stated.items():
        if column not in names:
            written = " or ".join(stated)
            raise alias.error(
                f"columns.{column}", f"{alias.pattern} has no column {written}{nearest(stated[0], names)}."
            )
    for column in alias.nulls:
        if column != "*" and column not in names:
            raise alias.error("", f"`nulls:` names {column}, which {alias.pattern} has not{nearest(column, names)}.")


def scales(spec: MappedDataset, dataset: Dataset, sheets: Iterable[Scan], tables: Map[str, str]) -> dict[str, int]:
    """Return the amounts whose numbers a workbook shows divided, such as `#,##0,` under 千円, and by how much.

    With a stated unit the number counts as people see it. Raises RefusedError for numbers in merged cells, and where
    SQL or other cells of the column hide how a number is shown.
    """
    found: dict[str, int] = {}
    for scan in sheets:
        sheet, names = scan.sheet, [column.name for column in scan.columns]
        becomes = {folded(source): column for column, source in spec.columns.items()}
        numbers = {
            i: (name, column)
            for i, name in enumerate(names)
            if (column := becomes.get(folded(name))) and dataset.columns[column].type in NUMBERS
        }
        workbook.check_merged(sheet, numbers)
        large = [column for column, unit in spec.amounts.items() if forms.UNITS.get(unit, 1) > 1]
        for position, cells in sheet.scaled.items():
            if not large or position >= len(names) or names[position] not in reads(spec, names, tables):
                continue
            column = becomes.get(folded(names[position]))
            if column and column not in large:
                continue
            if (
                column is None
                or position in sheet.whole
                or len({*cells.values(), found.get(column, min(cells.values()))}) > 1
            ):
                raise RefusedError(
                    f"cannot be made: {names[position]} shows some numbers in thousands by their number format "
                    f"({workbook.shown(list(cells))}) and holds them in full. State "
                    f"`amounts: {{{column or large[0]}: 円}}` if all are full amounts, or give all cells one format."
                )
            found[column] = min(cells.values())
    return found


def doubtful_points(
    connection: duckdb.DuckDBPyConnection, source: Source, spec: MappedDataset, dataset: Dataset
) -> Iterator[str]:
    """Yield a message for each column of numbers in which every point may separate thousands."""
    if source.decimal == "," or spec.alias not in source.files:
        return
    types = dict(
        connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {sql.name(spec.alias)})").fetchall()
    )
    spelt = {folded(name): name for name, type_ in types.items() if type_ == "VARCHAR"}
    numbers = {
        column: sql.name(spelt[folded(name)])
        for column, name in spec.columns.items()
        if dataset.columns[column].type in NUMBERS and folded(name) in spelt
    }
    for column, text in numbers.items():
        ends = f"regexp_full_match({text}, '[^0-9]*[1-9][0-9]{{0,2}}[.][0-9]{{3}}[^0-9]*')"
        rows = f"{sql.name(spec.alias)} WHERE contains({text}, '.')"
        query = f"SELECT arg_min({text}, _row_number), bool_and({ends}) FROM {rows}"
        example, is_doubtful = connection.execute(query).fetchone() or (None, False)
        if is_doubtful:
            yield (
                f"{source.name}: {spec.name}: {column}: {example} is read as "
                f"{float(re.sub('[^0-9.]', '', example)):g}. If "
                'the point separates thousands, state `decimal: ","` for the source in the mapping'
            )


@dataclass(frozen=True)
class MappedScan:
    """A mapped dataset as a scan, its columns by contract name."""

    scan: Scan
    given: dict[str, Given]
    file_name: str
    file_sha256: str
    extras: Map[str, str] = field(default_factory=dict)


def reads(spec: MappedDataset, names: Collection[str], tables: Map[str, str]) -> set[str]:
    """Return the columns of a table that a dataset reads; a column that appears anywhere in its SQL counts as read."""
    text = written(spec, tables)
    words = _words(text)
    mapped = {folded(name) for name in spec.columns.values()}
    return {n for n in names if folded(n) in mapped or n.lower() in words or f'"{n.lower()}"' in text}


def mapped_scan(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    dataset: Dataset,
    spec: MappedDataset,
    title: str,
    sha256: str,
    timezone: str,
    gone: Collection[str] = (),
    absent: Collection[str] = (),
    scales: Map[str, int] = MappingProxyType({}),
) -> MappedScan:
    """Build the scan of a mapped dataset; its SQL is tried first, column by column, so that errors name a column.

    `gone` are columns that the extract before had. If they are missing, the file is at fault and not the mapping: a
    column that is not required becomes null, a required one refuses the dataset. `absent` are columns that no file
    has; SQL finds them as null. `scales` are the columns whose numbers people see divided.
    """
    try:
        rows, given_sql = (
            _from(connection, dataset, spec, gone, absent) if spec.alias else _query(connection, dataset, spec)
        )
    except KyotenError as error:
        if not gone:
            raise
        raise RefusedError(
            f"cannot be made: it lacks the column {', '.join(sorted(gone))}, which the extract before had ({error})"
        ) from error
    given_sql |= {column: sql.text(value) for column, value in spec.constants.items()}
    columns = []
    given: dict[str, Given] = {}
    cells: list[str] = []
    for i, (column, expression) in enumerate(given_sql.items()):
        text = f"CAST({expression} AS VARCHAR)"
        translated = _translated(text, spec.values.get(column, {}))
        cells.append(f"{_prefixed(source, dataset, column, translated, given_sql)} AS c{i}")
        columns.append(SourceColumn(column, f"c{i}"))
        value = _parsed(connection, spec, dataset, column, f"c{i}", timezone, source.decimal, scales)
        given[column] = Given(f"c{i}", value=value)
    if spec.alias and (spec.alias in source.files or has_origin(connection, spec)):
        names = [name for name in _columns(connection, spec.alias) if name not in absent]
        pairs = ", ".join(f"{sql.text(n)}, CAST({sql.name(n)} AS VARCHAR)" for n in names)
        declared = {column for file in source.files.values() for column in file.columns}
        known = reads(spec, names, source.tables) | declared
        unread = [name for name in names if name not in known]
        extras = {name: f"x{i}" for i, name in enumerate(unread)}
        kept = [f"{sql.name(name)} AS {column}" for name, column in extras.items()]
        origin = ", ".join([f"CAST(json_object({pairs}) AS VARCHAR) AS _raw", *ORIGIN, *kept])
        body = f"(SELECT {', '.join([*cells, origin])} FROM {rows})"
        scan = Scan(body, tuple(columns), "_row_number", raw="_raw")
        return MappedScan(scan, given, "_file_name", "_file_sha256", extras)
    if spec.query and has_origin(connection, spec):
        derived = f"SELECT {', '.join([*cells, *ORIGIN])} FROM {rows}"
        return MappedScan(Scan(f"({derived})", tuple(columns), "_row_number"), given, "_file_name", "_file_sha256")
    # A derived row without an origin is numbered by its values, so that its number is the same in every run.
    order = ", ".join(f"{c.sql} NULLS FIRST" for c in columns)
    derived = f"SELECT {', '.join(cells)} FROM {rows}"
    body = f"(SELECT *, row_number() OVER (ORDER BY {order}) AS _row_number FROM ({derived}))"
    return MappedScan(Scan(body, tuple(columns), "_row_number"), given, sql.text(title), sql.text(sha256))


def _columns(connection: duckdb.DuckDBPyConnection, alias: str) -> list[str]:
    described = connection.execute(f"DESCRIBE {sql.name(alias)}").fetchall()
    return [str(row[0]) for row in described if row[0] not in ORIGIN]


def _from(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    spec: MappedDataset,
    gone: Collection[str],
    absent: Collection[str],
) -> tuple[str, dict[str, str]]:
    table = sql.name(spec.alias)
    names = _columns(connection, spec.alias)
    known = [name for name in names if name not in absent]
    given: dict[str, str] = {}
    spelt = {folded(name): name for name in names}
    for column, written in spec.columns.items():
        name = written if written in known else spelt.get(folded(written), written)
        if (name in gone or name in absent) and not dataset.columns[column].required:
            given[column] = "NULL"
            continue
        if name not in known:
            hint = nearest(name, known) or f"; it has {', '.join(known)}"
            if not set(spec.columns.values()) & set(known):
                hint += f". {_about_header(known)}"
            raise spec.error(
                f"columns.{column}", f"{spec.alias} has no column {name}{hint}. For SQL write “= expression”."
            )
        given[column] = sql.name(name)
    for column, expression in spec.expressions.items():
        given[column] = f"({expression})"
        _try(connection, spec, f"columns.{column}", f"SELECT {given[column]} FROM {table}")
        if re.search(_MAY_MULTIPLY, expression):
            nulls = f"SELECT any_value(COLUMNS(*)) FROM (FROM {table} LIMIT 0)"
            if sql.scalar(connection, f"SELECT count(*) FROM (SELECT {given[column]} FROM ({nulls}))") != 1:
                raise spec.error(
                    f"columns.{column}", f"{spec.name}: the SQL makes several rows of one record. Use a `query:`."
                )
    if spec.where:
        _try(connection, spec, "where", f"SELECT 1 FROM {table} WHERE ({spec.where})")
    return f"{table} WHERE ({spec.where})" if spec.where else table, given


def _about_header(names: Sequence[str]) -> str:
    """Return what to do about a file that has none of the columns that a mapping names."""
    if len(names) == 1 and (found := re.search(r"[\t;|,]", names[0])):
        mark = r"\t" if found[0] == "\t" else found[0]
        return f'The values seem to be separated by another character: state `delimiter: "{mark}"` for the file'
    return (
        "Where the header is not the first line, state `skip_rows:`; where there is none, `header:` with a name for "
        "each column"
    )


def _query(connection: duckdb.DuckDBPyConnection, dataset: Dataset, spec: MappedDataset) -> tuple[str, dict[str, str]]:
    names = _try(connection, spec, "query", spec.query)
    for name in names:
        if name in ORIGIN and set(ORIGIN) <= set(names):
            continue
        if name not in dataset.columns:
            raise spec.error("query", f"{dataset.name} has no column {name}{nearest(name, dataset.columns)}.")
    return f"({spec.query})", {name: sql.name(name) for name in names if name not in ORIGIN}


def has_origin(connection: duckdb.DuckDBPyConnection, spec: MappedDataset) -> bool:
    """Return whether a query returns the file and record of each row, and no record becomes two rows."""
    query = spec.query or f"FROM {sql.name(spec.alias)}"
    if not set(ORIGIN) <= set(_try(connection, spec, "query", query)):
        return False
    try:
        return not sql.scalar(connection, f"SELECT count(*) - count(DISTINCT (_file_name, _row_number)) FROM ({query})")
    except duckdb.Error:  # a value that the SQL cannot convert: reported when the rows are made
        return False


def _try(connection: duckdb.DuckDBPyConnection, spec: MappedDataset, key: str, query: str) -> list[str]:
    """Bind a query without running it and return its columns."""
    _check_steady(query, spec, key)
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
    trimmed = f"trim(coalesce(nfc_normalize({text}), ''))"
    cases = " ".join(
        f"WHEN {trimmed} = {sql.text(source)} THEN {'NULL' if value is None else sql.text(value)}"
        for source, value in values.items()
    )
    return f"CASE {cases} ELSE {text} END"


def _prefixed(source: Source, dataset: Dataset, column: str, text: str, given: Map[str, str]) -> str:
    """Put the source's prefix before an id, unless all sources share that kind of id."""
    if not source.key_prefix or not column.endswith("_id") or column in source.shared_ids:
        return text
    text = f"normal_id(trim({text}))"  # before the prefix, which would hide the shape of the id
    plain = ["DIRECT"] if dataset.worklist else []
    keeps = f"trim({text}) IN ({sql.texts(plain)})" if plain else "false"
    kind = _KIND_OF_ID.get(column, "")
    if kind in given:  # another column contains the entity type of the id
        shared = [name.removesuffix("_id") for name in source.shared_ids]
        keeps = f"lower(trim(CAST({given[kind]} AS VARCHAR))) IN ({sql.texts(shared)})" if shared else keeps
    keeps += f" OR {rules.is_lost(text)}"  # a prefix would hide that it is no id
    return f"CASE WHEN trim({text}) = '' OR {keeps} THEN {text} ELSE {sql.text(source.key_prefix)} || trim({text}) END"


def _parsed(
    connection: duckdb.DuckDBPyConnection,
    spec: MappedDataset,
    dataset: Dataset,
    column: str,
    cell: str,
    timezone: str,
    decimal: str,
    scales: Map[str, int],
) -> str:
    """Return the typed value of a column whose unit or date forms are stated; the first form that fits counts."""
    known = dataset.columns[column]
    if unit := spec.amounts.get(column):
        return forms.amount(cell, unit, known.duckdb_type, decimal, scales.get(column, 1))
    if decimal == "," and known.type in NUMBERS:
        return forms.amount(cell, "1", known.duckdb_type, decimal)
    values = []
    for name in spec.dates.get(column, ()):
        if name == "iso":
            values.append(rules.cast_text(known, rules.near_zone(f"trim({cell})"), timezone))
            continue
        form = forms.DateForm(name)
        if form.is_instant:
            moment = f"{form.instant(cell)} AT TIME ZONE"
            is_day = known.type == "date"
            values.append(f"CAST({moment} {sql.text(timezone)} AS DATE)" if is_day else f"{moment} 'UTC'")
            continue
        local = form.local(cell)
        _try(connection, spec, f"dates.{column}", f"SELECT {local.replace(cell, sql.text(''))} AS tried")
        if form.has_zone:
            local = f"{local} AT TIME ZONE {sql.text(timezone)}" if known.type == "date" else local
        values.append(
            f"CAST({local} AS DATE)" if known.type == "date" else f"CAST({local} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
        )
    value = f"coalesce({', '.join(values)})" if values else ""
    if column not in spec.inclusive_ends:
        return value
    last_day = value or rules.cast_text(known, f"trim({cell})", timezone)
    return f"({last_day}) + CAST(({last_day}) < DATE '9999-12-31' AS INTEGER)"
