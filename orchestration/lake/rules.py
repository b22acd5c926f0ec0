"""Row rules as SQL: types, required values, enums and keys, with the reason and remedy for each rejected row.

A row is accepted or rejected as a whole. Nothing here reads files or writes the lake.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from orchestration import sql
from orchestration.contract import Column, Dataset, Worklist
from orchestration.lake.readers import WHITESPACE, Scan
from orchestration.sources import forms

_DATE_SHAPE = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
# A zone is an offset, UTC, or the name of a place. CST and IST each mean several zones.
_CLOCK = r"[T ] ?[0-9:.,]+ *([Zz]|[+-][0-9:]+|UTC|GMT|JST|[A-Z][A-Za-z_]+/[A-Za-z_/]+)?"
_WHOLE_NUMBER = r"[+-]?[0-9]+([.]0*)?"
_ERROR = (
    r"#(N/A|VALUE!|REF!|DIV/0!|NAME[?]|NUM!|NULL!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|BUSY!|GETTING_DATA|FORMULA!.*)"
    r"|Err:[0-9]{3}"  # of LibreOffice
)
_ROUNDED = "-?[0-9]([.][0-9]+)?[eE][+][0-9]+"
_OTHER_IDS = ("corporate_number",)
_NO_VALUE = (
    "is no value: a formula has an error, or the file holds no result of it",
    "correct the formula, open the file in a spreadsheet, save it and deliver it again; or where it means that there "
    "is no {column}, list it under `nulls:` for the file in a mapping",
)
_ROUNDED_ID = (
    "is a long number that a spreadsheet has rounded: several ids become one",
    "format the column as text in the source and export it again; or map the dataset without {column}",
)
_ZEROS = (
    "has zeros from the 16th digit on, as every long id of this column: a spreadsheet has rounded it to 15 digits, and "
    "several ids become one",
    "format the column as text in the source and export it again; or map the dataset without {column}; or where the "
    "ids do end in zeros, put a letter before them in the mapping, such as `{column}: = 'N' || \"the column\"`",
)
_LOOKED_AT = 20_000  # rows
_ENOUGH = 3  # ids: that so many end in zeros by chance is rarer than one in a thousand
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
REJECTED = {
    "row_number": "BIGINT",
    "file_name": "VARCHAR",
    "file_sha256": "VARCHAR",
    "column_name": "VARCHAR",
    "value": "VARCHAR",
    "reason": "VARCHAR",
    "remedy": "VARCHAR",
    "raw_row": "VARCHAR",
}


@dataclass(frozen=True)
class Given:
    """A contract column in the file: SQL over the scan, its type, and the typed value if a mapping states its form."""

    sql: str
    type: str = "VARCHAR"
    value: str = ""
    rounded: str = ""  # a pattern of values that a spreadsheet has rounded to 15 digits


@dataclass(frozen=True)
class Lineage:
    """The origin of rows: SQL over the scan for each lineage column that differs between files."""

    source_name: str
    file_name: str
    file_sha256: str
    extracted_on: str
    extract_revision: str
    loaded_at: str

    def columns(self) -> dict[str, str]:
        """Return name and SQL of each."""
        return dict(vars(self))


@dataclass(frozen=True)
class Checked:
    """A scan's rows after the rules: the accepted rows, and the rejected ones with their reasons."""

    accepted: str
    raw: str  # every row: row_number, file_name, file_sha256, raw_row
    _rejected: str
    _at_most: int | None

    def rejected(self, connection: duckdb.DuckDBPyConnection, accepted: Path) -> str:
        """Return the query of all rows that were not accepted, so that no row can get lost."""
        if self._at_most:
            bits = f"bitstring_agg(row_number, 1, {self._at_most})"
            connection.execute(f"SET VARIABLE accepted = (SELECT {bits} FROM {sql.parquet([accepted])})")
        return self._rejected.replace(_ACCEPTED, sql.parquet([accepted]))


_ACCEPTED = "«accepted»"
# The first value of a row, as JSON, shows that the line is a total of others.
_TOTAL = r'''(?i)^\{(?:"[^"]*":(?:null|""),)*"[^"]*":"\s*(合計|小計|総計|総合計|計|total|subtotal|grand total)\s*"'''


def check(
    dataset: Dataset, scan: Scan, given: Mapping[str, Given], extras: Mapping[str, str], lineage: Lineage, timezone: str
) -> Checked:
    """Build the queries that accept and reject a scan's rows."""
    columns = list(dataset.columns.values())
    if dataset.worklist:  # every row is checked for its decision, also if the file lacks the columns
        given = dict.fromkeys(_asked(dataset.worklist), Given("NULL")) | dict(given)
    present = [c for c in columns if c.name in given]
    filled_in = dataset.worklist is not None
    values = "".join(f", {_value(c, given[c.name], scan, timezone, filled_in)} AS {_typed(c.name)}" for c in present)
    sound = {c.name: condition for c in present if (condition := _is_sound(dataset, c, given[c.name], scan.lost))}
    number = f"{scan.row_number} AS row_number_in_file"
    origin = f"row_number_in_file AS row_number, {lineage.file_name} AS file_name, {lineage.file_sha256} AS file_sha256"

    lake = {c.name: _typed(c.name) if c.name in given else "NULL" for c in columns}
    lake |= lineage.columns() | {"row_number": "row_number_in_file", "extra_columns": _extras(extras)}
    cells = ", ".join(f"CAST({lake[c]} AS {type_}) AS {sql.name(c)}" for c, type_ in dataset.lake_columns.items())
    # A window above the casts. Otherwise DuckDB would move the conditions below the casts and repeat their SQL there.
    barrier = "" if "OVER" in scan.row_number else ", row_number() OVER () AS barrier"
    typed = f"SELECT *, {number}{barrier} FROM (SELECT *{values} FROM {scan.sql})"

    failures = [(c, given[c.name], f"NOT {sound[c.name]}") for c in present if c.name in sound]
    report = {
        "column_name": _first(failures, lambda c, g: sql.text(c.name), scan.valid, "NULL"),
        "value": _first(failures, lambda c, g: _text(g), scan.valid, "NULL"),
        "reason": _reasons(dataset, failures, scan),
        "remedy": _first(failures, lambda c, g: _remedy(dataset, c, g), scan.valid, sql.text(scan.invalid[1]))
        + f" || {_if_total(scan.raw_row)}",
        "raw_row": scan.raw_row,
    }
    numbered = f"SELECT *, {number} FROM {scan.sql}"
    if scan.at_most:  # a bit per record; a join would carry every column through it and hold every number
        bit = "get_bit(getvariable('accepted'), CAST(row_number_in_file - 1 AS INTEGER))"
        others = f"SELECT * FROM ({numbered}) WHERE coalesce({bit}, 0) = 0"
    else:
        others = (
            f"SELECT * FROM (SELECT *, {lineage.file_name} AS of_file FROM ({numbered})) ANTI JOIN "
            f"(SELECT file_name AS of_file, row_number AS row_number_in_file FROM {_ACCEPTED}) "
            "USING (of_file, row_number_in_file)"
        )
    why = ", ".join(f"{value} AS {name}" for name, value in report.items())
    return Checked(
        accepted=f"SELECT {cells} FROM ({typed}) WHERE {' AND '.join([scan.valid, scan.present, *sound.values()])}",
        raw=f"SELECT {origin}, {scan.raw_row} AS raw_row FROM ({numbered})",
        _rejected=f"SELECT {origin}, {why} FROM (SELECT *{values} FROM ({others}) WHERE {scan.present})",
        _at_most=scan.at_most,
    )


def unreadable(scan: Scan, file_name: str, sha256: str) -> str:
    """Build the query of the records that could not be split, for files whose rows a mapping checks later."""
    values = {
        "row_number": scan.row_number,
        "file_name": sql.text(file_name),
        "file_sha256": sql.text(sha256),
        "column_name": "NULL",
        "value": "NULL",
        "reason": sql.text(scan.invalid[0]),
        "remedy": sql.text(scan.invalid[1]),
        "raw_row": scan.raw_row,
    }
    columns = ", ".join(f"{value} AS {name}" for name, value in values.items())
    numbered = f"SELECT {columns}, {scan.valid} AS is_valid FROM {scan.sql}"
    return f"SELECT * EXCLUDE (is_valid) FROM ({numbered}) WHERE NOT is_valid"


def _typed(column: str) -> str:
    return sql.name("typed_" + column)


def _asked(worklist: Worklist) -> tuple[str, ...]:
    return (*worklist.undecided_without, worklist.withdrawn_by[0], *worklist.decision_needs)


def _undecided(dataset: Dataset, name: Callable[[str], str] = sql.name) -> str:
    """Return the condition that a row has no decision yet; false for a dataset without a worklist."""
    if not dataset.worklist:
        return "false"
    column, word = dataset.worklist.withdrawn_by
    empty = " AND ".join(f"{name(filled)} IS NULL" for filled in dataset.worklist.undecided_without)
    return f"({empty} AND lower({name(column)}) IS DISTINCT FROM {sql.text(word)})"


def count_undecided(connection: duckdb.DuckDBPyConnection, dataset: Dataset, accepted: Path) -> int | None:
    """Count the accepted rows without a decision; None if the dataset has no worklist."""
    rows = f"{sql.parquet([accepted])} WHERE {_undecided(dataset)}"
    return sql.scalar(connection, f"SELECT count(*) FROM {rows}") if dataset.worklist else None


def _text(given: Given) -> str:
    return f"CAST({given.sql} AS VARCHAR)"


def _trimmed(text: str, odd_space: bool = True) -> str:
    """Trim; blank becomes null. DuckDB's trim removes Unicode's spaces but neither tabs nor line breaks."""
    if not odd_space:
        return f"nullif(trim({text}), '')"
    odd = " OR ".join(f"contains({text}, chr({code}))" for code in (9, 10, 13))
    return f"nullif(CASE WHEN {odd} THEN trim(trim({text}, {sql.text(WHITESPACE)})) ELSE trim({text}) END, '')"


def _value(column: Column, given: Given, scan: Scan, timezone: str, filled_in: bool) -> str:
    if given.value:
        return given.value
    native = _native(column.type, given, timezone)
    if native:
        return native
    text = _text(given) if given.type != "VARCHAR" else given.sql
    if column.duckdb_type == "VARCHAR":
        trimmed = _trimmed(text, scan.odd_space) if scan.padded else text
        if column.name.endswith("_id"):
            trimmed = f"normal_id({trimmed})"
        # The inverse of orchestration.spreadsheet.safe_cell.
        return f"nullif(trim(regexp_replace({trimmed}, '^' || chr(39), '')), '')" if filled_in else trimmed
    # Trimming first would cost a third of the whole load; only values that do not convert unchanged are trimmed.
    again = near_zone(_trimmed(text)) if column.type in ("date", "timestamp") else _trimmed(text)
    converted = f"coalesce({cast_text(column, text, timezone)}, {cast_text(column, again, timezone)})"
    return f"CASE WHEN {text} IS NOT NULL THEN {converted} END"


def near_zone(text: str) -> str:
    """Return SQL of a time as DuckDB reads it, without the space that Ruby writes before +0900."""
    return f"regexp_replace({text}, '([0-9]) +([+-][0-9])', '\\1\\2')"


def cast_text(column: Column, text: str, timezone: str) -> str:
    """Convert text strictly: DuckDB's own casts also accept 12.5 as 13, "epoch" and trailing characters."""
    instant = f"TRY_CAST({text} AS TIMESTAMPTZ)"
    if column.type == "date":
        return (
            f"CASE WHEN regexp_full_match({text}, '{_DATE_SHAPE}') THEN TRY_CAST({text} AS DATE) "
            f"WHEN regexp_full_match({text}, '{_DATE_SHAPE}{_CLOCK}') "
            f"THEN CAST({instant} AT TIME ZONE {sql.text(timezone)} AS DATE) END"
        )
    if column.type == "timestamp":
        utc = f"make_timestamp(epoch_us({instant}))"  # at time zone 'UTC' has the same result and costs twice as much
        return f"CASE WHEN regexp_full_match({text}, '{_DATE_SHAPE}({_CLOCK})?') THEN {utc} END"
    if column.type == "integer":
        return f"CASE WHEN regexp_full_match({text}, '{_WHOLE_NUMBER}') THEN TRY_CAST({text} AS BIGINT) END"
    if column.type == "boolean":
        return forms.boolean(text)
    number = f"TRY_CAST({text} AS {column.duckdb_type})"
    # DuckDB takes a lone sign as zero.
    return (
        f"CASE WHEN NOT contains({text}, '_') AND ({number} <> 0 OR regexp_matches({text}, '[0-9]')) THEN {number} END"
    )


def _native(type_: str, given: Given, timezone: str) -> str:
    """Use a Parquet file's own type if it is equivalent to the lake's type; convert everything else from text."""
    zone = sql.text(timezone)
    if type_ == "date" and given.type == "DATE":
        return given.sql
    if type_ == "date" and given.type == "TIMESTAMP WITH TIME ZONE":
        return f"CAST({given.sql} AT TIME ZONE {zone} AS DATE)"
    if type_ == "timestamp" and given.type == "TIMESTAMP WITH TIME ZONE":
        return f"{given.sql} AT TIME ZONE 'UTC'"
    if type_ == "timestamp" and given.type == "TIMESTAMP":
        return f"{given.sql} AT TIME ZONE {zone} AT TIME ZONE 'UTC'"
    if type_ == "boolean" and given.type == "BOOLEAN":
        return given.sql
    if type_ == "integer" and given.type in _INTEGERS:
        return f"CAST({given.sql} AS BIGINT)"
    return ""


def _is_id(column: Column) -> bool:
    return column.name.endswith("_id") or column.name in _OTHER_IDS


def is_lost(text: str, *, is_id: bool = True) -> str:
    """Return SQL of the condition that a text is what a spreadsheet left of a value."""
    error = f"(left({text}, 1) IN ('#', 'E') AND regexp_full_match({text}, '{_ERROR}'))"
    rounded = f"(contains({text}, '+') AND regexp_full_match({text}, '{_ROUNDED}'))"
    return f"({error} OR {rounded})" if is_id else error


def _lost(column: Column, given: Given, text: str) -> dict[str, tuple[str, str]]:
    """Return the conditions under which a text column's value is what a spreadsheet left of another, with words."""
    lost = {is_lost(text, is_id=False): _NO_VALUE}
    if _is_id(column):
        lost[is_lost(text)] = _ROUNDED_ID
    return {f"regexp_full_match({text}, {sql.text(given.rounded)})": _ZEROS} | lost if given.rounded else lost


def rounded_ids(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, accepted: Path, given: dict[str, Given], prefix: str = ""
) -> Iterator[str]:
    """Mark the columns in which every id of more than 15 digits ends in zeros from the 16th on; say where few do.

    `prefix` is what the mapping puts before each id. One or two ids may end in zeros by chance. If the first rows have
    no such id, the others are not looked at, because that costs time.
    """
    ids = [c.name for c in dataset.columns.values() if _is_id(c) and c.name in given]
    if not ids:
        return
    start = f"(?:{re.escape(prefix)})?"
    ends = ", ".join(f"count(CASE WHEN strlen({c}) > 15 AND right({c}, 1) = '0' THEN 1 END) > 0" for c in ids)
    first = f"(SELECT {', '.join(ids)} FROM {sql.parquet([accepted])} LIMIT {_LOOKED_AT})"
    found = connection.execute(f"SELECT {ends} FROM {first}").fetchone() or ()
    for column in (name for name, ends_in_zero in zip(ids, found, strict=True) if ends_in_zero):
        pattern = f"{start}[0-9]{{15}}0+"
        count, example, others = connection.execute(
            f"SELECT count(DISTINCT {column}) FILTER (is_round), min({column}) FILTER (is_round), count(*) FILTER "
            f"(NOT is_round) FROM (SELECT {column}, regexp_full_match({column}, {sql.text(pattern)}) AS is_round "
            f"FROM {sql.parquet([accepted])} WHERE regexp_full_match({column}, {sql.text(f'{start}[0-9]{{16,}}')}))"
        ).fetchone() or (0, "", 0)
        if others or not count:
            continue
        if count >= _ENOUGH:
            given[column] = replace(given[column], rounded=pattern)
        else:
            yield f"{column}: {example} has zeros from the 16th digit on: a spreadsheet may have rounded it"


def _is_sound(dataset: Dataset, column: Column, given: Given, lost: bool) -> str:
    value = _typed(column.name)
    if dataset.worklist and column.name in dataset.worklist.decision_needs:
        conditions = [f"({value} IS NOT NULL OR {_undecided(dataset, _typed)})"]
    elif column.required:
        conditions = [f"{value} IS NOT NULL"]
    elif column.duckdb_type == "VARCHAR":
        conditions = []
    else:
        conditions = [f"({value} IS NOT NULL OR {given.sql} IS NULL OR {_trimmed(_text(given))} IS NULL)"]
    if column.type == "text" and (lost or given.rounded):
        conditions += [f"NOT coalesce({condition}, false)" for condition in _lost(column, given, value)]
    if column.values:
        conditions.append(f"({value} IS NULL OR {value} IN ({sql.texts(column.values)}))")
    return f"({' AND '.join(conditions)})" if conditions else ""


def _extras(extras: Mapping[str, str]) -> str:
    if not extras:
        return "NULL"
    pairs = ", ".join(f"{sql.text(name)}, {_trimmed(f'CAST({extras[name]} AS VARCHAR)')}" for name in sorted(extras))
    return f"nullif(CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR), '{{}}')"


Failure = tuple[Column, Given, str]


def _first(failures: Sequence[Failure], what: Callable[[Column, Given], str], valid: str, otherwise: str) -> str:
    cases = " ".join(f"WHEN {failed} THEN {what(column, given)}" for column, given, failed in failures)
    return f"CASE WHEN NOT {valid} THEN {otherwise} {cases} END"


def _reasons(dataset: Dataset, failures: Sequence[Failure], scan: Scan) -> str:
    each = ", ".join(f"CASE WHEN {failed} THEN {_reason(dataset, c, g)} END" for c, g, failed in failures) or "NULL"
    return f"CASE WHEN {scan.valid} THEN concat_ws('; ', {each}) ELSE {sql.text(scan.invalid[0])} END"


def _reason(dataset: Dataset, column: Column, given: Given) -> str:
    text = _text(given)
    wrong = {
        "date": f"CASE WHEN regexp_full_match(trim({text}), '{_DATE_SHAPE}') AND {sql.text(given.value)} = '' "
        "THEN 'is no day of the calendar' ELSE 'is not a date in the stated form' END",
        "timestamp": "'is not a time in the stated form'",
        "integer": "'is not a whole number'",
        "boolean": "'is neither true nor false'",
        "enum": sql.text("is not one of " + ", ".join(column.values)),
        "text": "'is empty'",
    }.get(column.type, "'is not a number, or has too many digits'")
    named = sql.text(column.name + ": ")
    quoted = f"concat('''', {text}, ''' ')"
    of_decisions = dataset.worklist and column.name in dataset.worklist.decision_needs
    empty = "'required of a decision, and empty'" if of_decisions else "'required, and empty'"
    spoilt = _cases(column, given, 0)
    filled = f"{quoted} || CASE {spoilt} ELSE {wrong} END" if spoilt else f"{quoted} || {wrong}"
    return f"{named} || CASE WHEN {_trimmed(text)} IS NULL THEN {empty} ELSE {filled} END"


def _cases(column: Column, given: Given, which: int) -> str:
    """Return the cases of a reason (0) or remedy (1) for what a spreadsheet left of a value."""
    return " ".join(
        f"WHEN {condition} THEN {sql.text(words[which].format(column=column.name))}"
        for condition, words in _lost(column, given, f"trim({_text(given)})").items()
    )


def _if_total(raw_row: str) -> str:
    """Return SQL of the remedy for a total line below the records."""
    word = f"regexp_extract({raw_row}, {sql.text(_TOTAL)}, 1)"
    return (
        f"CASE {word} WHEN '' THEN '' ELSE '; a total is no record: state `footer: ' || {word} || '` in a mapping' END"
    )


def _remedy(dataset: Dataset, column: Column, given: Given) -> str:
    text = _text(given)
    plain = f"regexp_replace(regexp_replace({text}, '[,，¥￥円\\s]', '', 'g'), '^[△▲]', '-')"
    number = f"TRY_CAST({plain} AS DECIMAL(18,4))"
    shortest = f"regexp_replace(CAST({number} AS VARCHAR), '[.]?0+$', '')"
    alike = f"jaro_winkler_similarity(v, lower({text}))"
    nearest = f"(SELECT arg_max(v, {alike}) FROM unnest([{sql.texts(column.values)}]) u(v) WHERE {alike} > 0.7)"
    shown = f"trim({text})"
    quoted = f"'\"' || {shown} || '\"'"
    remedy = {
        "date": _dated(column, shown, "'write YYYY-MM-DD, or state the form under `dates:` in a mapping'", given),
        "timestamp": _dated(
            column,
            shown,
            "'write YYYY-MM-DD HH:MM:SS, with +09:00 or the like if not local time, or state the form under `dates:` "
            "in a mapping'",
            given,
        ),
        "integer": "'write a whole amount such as 1,234'" if given.value else "'write digits only'",
        "boolean": f"'write true or false, or translate it in a mapping: `values: {{{column.name}: {{' || {shown} || "
        "': true}}`, or false'",
        "enum": f"'write one of them' || coalesce(', of which ' || {nearest} || ' is the closest', '') || "
        "', or translate it under `values:` in a mapping'",
        "text": f"'fill {column.name}'",
    }.get(
        column.type,
        f"CASE WHEN regexp_full_match({shown}, '[-－‐–—―ー]+') THEN 'where it means zero, state `values: "
        f"{{{column.name}: {{' || {quoted} || ': 0}}}}` in a mapping; where it means nothing, list it under `nulls:`' "
        f"WHEN regexp_full_match({shown}, '[0-9.]+ ?[%％]') THEN 'write a fraction such as 0.5, or state "
        f'`amounts: {{{column.name}: "%"}}` in a mapping\' '
        f"WHEN regexp_full_match({shown}, '[^0-9]*[0-9]{{1,3}}([.][0-9]{{3}})*,[0-9]{{1,2}}[^0-9]*') "
        "THEN 'write an amount such as 1234.5, or state `decimal: \",\"` for the source in a mapping' ELSE "
        + (
            "'write an amount such as 1,234, ¥1,234 or △1,234 円'"
            if given.value
            else f"CASE WHEN {number} IS NOT NULL THEN 'write ' || CASE WHEN {number} = trunc({number}) "
            f"THEN CAST(CAST({number} AS BIGINT) AS VARCHAR) ELSE {shortest} END || "
            "', or state the unit under `amounts:` in a mapping' "
            "ELSE 'write a plain number such as 1234.5, or state the unit under `amounts:` in a mapping' END"
        )
        + " END",
    )
    fill = f"fill {column.name}"
    if dataset.worklist and column.name in dataset.worklist.decision_needs:
        fill += f"; or leave {' and '.join(dataset.worklist.undecided_without)} empty until it is decided"
    return f"CASE WHEN {_trimmed(text)} IS NULL THEN {sql.text(fill)} {_cases(column, given, 1)} ELSE {remedy} END"


def _dated(column: Column, text: str, otherwise: str, given: Given) -> str:
    """Return the remedy of a date or time, with the form that a number looks like."""
    if given.value:
        otherwise = "'correct the value, or add its form to `dates:` in the mapping'"
    form = f"'state `dates: {{{column.name}: '"
    return (
        f"CASE WHEN regexp_full_match({text}, '1[0-9]{{12}}') THEN {form} || 'epoch_ms}}` in a mapping' "
        f"WHEN regexp_full_match({text}, '1[0-9]{{9}}') THEN {form} || 'epoch}}` in a mapping' "
        f"WHEN regexp_full_match({text}, '[34][0-9]{{4}}([.][0-9]+)?') THEN {form} || 'excel}}` in a mapping' "
        f"WHEN regexp_full_match({text}, '[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} .* GMT[-+].*') "
        f"THEN {form} || 'javascript}}` in a mapping' "
        f"WHEN regexp_full_match({text}, '.*[0-9] ?[A-Z]{{2,4}}') AND right({text}, 2) NOT IN ('AM', 'PM') "
        "THEN 'write the offset, such as +09:00, instead of the letters, which mean several time zones; or remove them "
        "and state `timezone:` for the source in a mapping' "
        f"ELSE {otherwise} END"
    )


def find_repeats(connection: duckdb.DuckDBPyConnection, dataset: Dataset, paths: Sequence[Path]) -> bool:
    """Write the repeats of a key, except the row that counts, to the table `losers`; return whether there are any.

    Among identical rows the first by file name and row number counts. Among different rows the one with the latest
    updated_at counts, if only one content has it. Otherwise no row counts, because the right one is unknown. Rows
    without a decision are left out.
    """
    files = sql.parquet(paths)
    hashed = "hash(" + ", ".join(sql.name(c) for c in dataset.key) + ")"
    if not sql.scalar(connection, f"SELECT count(*) - count(DISTINCT {hashed}) FROM {files}"):
        return False
    key = "struct_pack(" + ", ".join(f"{sql.name(c)} := {sql.name(c)}" for c in dataset.key) + ")"
    row = "struct_pack(" + ", ".join(f"{sql.name(c)} := {sql.name(c)}" for c in dataset.columns) + ")"
    shown = (
        "concat_ws(', ', " + ", ".join(f"'{c}=' || coalesce(CAST({c} AS VARCHAR), 'null')" for c in dataset.key) + ")"
    )
    updated_at = "updated_at" if "updated_at" in dataset.columns else "NULL::TIMESTAMP"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE losers AS
        WITH repeated AS (SELECT {hashed} AS h FROM {files} GROUP BY 1 HAVING count(*) > 1),
        candidates AS (
            SELECT filename AS path, file_name, row_number, {key} AS k, {row} AS body, {shown} AS shown,
                {updated_at} AS updated_at
            FROM {sql.parquet(paths, filename="true")}
            WHERE {hashed} IN (SELECT h FROM repeated) AND NOT {_undecided(dataset)}
        ),
        latest AS (
            SELECT *, max(updated_at) OVER (PARTITION BY k) AS latest_at, count(*) OVER (PARTITION BY k) AS copies,
                count(DISTINCT body) OVER (PARTITION BY k) AS bodies
            FROM candidates
        ),
        judged AS (
            SELECT *,
                count(DISTINCT CASE WHEN updated_at = latest_at THEN body END) OVER (PARTITION BY k) AS latest_bodies,
                row_number() OVER (PARTITION BY k, body ORDER BY file_name, row_number, path) = 1 AS is_first_copy,
                updated_at IS NOT DISTINCT FROM latest_at AS is_latest
            FROM latest
        ),
        ruled AS (
            SELECT *, bodies = 1 OR (latest_bodies = 1 AND is_latest) AS is_right, is_right AND is_first_copy AS counts
            FROM judged
        ),
        reported AS (
            SELECT *, max(CASE WHEN counts THEN file_name || ' row ' || row_number END) OVER (PARTITION BY k) AS winner
            FROM ruled WHERE copies > 1
        )
        SELECT path, file_name, row_number, {sql.text(", ".join(dataset.key))} AS column_name, shown AS value,
            CASE WHEN winner IS NULL THEN copies || ' rows have this key and differ'
                WHEN is_right THEN 'the same row again: ' || winner || ' is the one that counts'
                ELSE 'an older row of this key: ' || winner || ' has the latest updated_at' END AS reason,
            CASE WHEN winner IS NULL THEN {sql.text(_settle(dataset))}
                ELSE 'nothing to do' END AS remedy
        FROM reported WHERE NOT counts
        """
    )
    return sql.scalar(connection, "SELECT count(*) FROM losers") > 0


def _settle(dataset: Dataset) -> str:
    once = "deliver one row per key; to correct an extract deliver it again with _r2 in its name"
    return once + ("; or fill updated_at" if "updated_at" in dataset.columns else "")
