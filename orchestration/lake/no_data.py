"""Finds the lines of a file that are no record: totals, headers in the middle, counts, remarks and empty lines.

A total is known by its numbers: one of them is the sum of the lines above. A word alone is no proof, so a line that
begins like a total and adds up to nothing is reported as doubtful. A cheap query picks the few lines that may be none;
only these are read as text.
"""

import csv
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import duckdb

from orchestration import sql
from orchestration.lake.records import Record

_WIDE = ("０１２３４５６７８９，．：（）＋－−％￥　", "0123456789,.:()+--%¥ ")
_NUMBER = r"[△▲(+-]{0,2}[¥\\$€£]?-?[0-9][0-9,]*(?:[.][0-9]+)?\)?(?:百万円|千円|万円|億円|円|%)?"
_MARKS = r"[\s()\[\]【】<>《》「」*＊■◆●:：=-]*"
_WORD = r"(?:総\s*合\s*計|[合総小中累]\s*計|計|(?:grand|sub|report)?[ -]?totals?|平\s*均|average|avg[.]?)"
_UNITS = r"(?:件|行|名|社|records?|rows?|items?)"
_STRICT = rf"(?i){_MARKS}{_WORD}{_MARKS}(?:[0-9,]+\s*{_UNITS}{_MARKS})?(?:税抜|税込|税別|円|千円)?{_MARKS}"
_ENDS = r"(?i)(?:^|[\s)\]】」0-9a-z合小総累月年期店部課所社分])計$|\btotals?$"  # 会計, 時計 and 設計 are no totals
_HOW_MANY = r"(?i)^件\s*数|^(?:row|record)?\s?count"
_LAX = rf"{_ENDS}|{_HOW_MANY[4:]}|^(?:合|小|総|累)\s*計|^(?:sub)?totals?\b|平\s*均|\baverage\b"
_SPACE = " \t\r\n"
_COUNT = (
    rf"(?i){_MARKS}(?:(?:全|合計|総件数|件数|行数|total|count|number of|records?|rows?)[\s:：]*)*"
    rf"(?P<n>[0-9,]+)\s*(?P<unit>{_UNITS}?)(?:\s*(?:selected|affected|returned|exported|in set.*|total))?{_MARKS}"
)
_REMARK = (
    r"(?i)(?:以\s*上[。.]?$|※|[(]?注[\d\s]*[):：]|[(]?単位[:： ]|備考[:：]"
    r"|(?:作成|出力|印刷|抽出)(?:日|者|条件|日時)[:： ]|-+\s*\d+\s*-+$|(?:page|ページ)[\s:]*\d+"
    r"|\d+\s*/\s*\d+\s*(?:page|ページ)|[*\s-]*end of (?:report|file|data)"
    r"|copyright\b|confidential information|generated (?:by|on)\b)"
)
_MOSTLY, _FEW = 0.95, 50  # a column is expected in a line if all lines have it, except so many
_LEAST_VALUES = 3  # of every other record, for a line with one value to be none
_SMALL = 1000  # lines, of which all are looked at
_BOUNDARIES = 50  # totals above a total whose lines it may sum up
_SHOWN = 3


@dataclass(frozen=True)
class NoData:
    """The lines of a file that are no record, with their text, and the lines that may be records."""

    lines: dict[int, str] = field(default_factory=dict)
    doubtful: dict[int, tuple[str, str]] = field(default_factory=dict)  # the value that is odd, and why
    footers: frozenset[int] = frozenset()  # the lines that the mapping declares to be no data
    blank: int = 0

    def said(self, name: str, way_out: str) -> Iterable[str]:
        """Yield a message about the lines that nobody declared to be no data."""
        told = [(number, text) for number, text in sorted(self.lines.items()) if number not in self.footers]
        if told:
            listed = "; ".join(f"row {number} ({text})" for number, text in told[:_SHOWN])
            more = f" and {len(told) - _SHOWN:,} more" if told[_SHOWN:] else ""
            what = "1 line is" if len(told) == 1 else f"{len(told):,} lines are"
            yield f"{name}: {what} no data: {listed}{more}. {way_out}"


def find(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    footer: Collection[str] = (),
    decimal: str = ".",
) -> NoData:
    """Find the lines of a table that are no record. `columns` are its columns, each with its name in the header."""
    if not columns:
        return NoData()
    lines = _Lines(connection, table, columns, tuple(footer), decimal)
    picked = lines.pick()
    return lines.judge(picked) if picked else NoData()


def rejected(found: NoData, table: str, columns: Mapping[str, str], *, is_mapped: bool) -> str:
    """Build the query of the doubtful lines, for the rejected rows."""
    pairs = ", ".join(f"{sql.text(name)}, CAST({column} AS VARCHAR)" for column, name in columns.items())
    listed = ", ".join(
        f"({number}, {sql.text(value)}, {sql.text(f'{value!r} {why}')}, {sql.text(_remedy(value, is_mapped))})"
        for number, (value, why) in found.doubtful.items()
    )
    return (
        "SELECT _row_number AS row_number, _file_name AS file_name, _file_sha256 AS file_sha256, NULL AS column_name, "
        f"value, reason, remedy, CAST(json_object({pairs}) AS VARCHAR) AS raw_row FROM {table} JOIN "
        f"(VALUES {listed}) AS doubtful(_row_number, value, reason, remedy) USING (_row_number)"
    )


def _remedy(value: str, is_mapped: bool) -> str:
    if not is_mapped:
        return "correct the line, or remove it; where it is a record, map the file and state `footer: []` for it"
    word = json.dumps(value, ensure_ascii=False)
    return (
        f"correct the line; or state `footer: [{word}]` for the file in the mapping where it is no record, "
        "`footer: []` where every line is one"
    )


def none_of(broken: Sequence[Record], last: int, footer: Sequence[str], delimiter: str, quote: str) -> dict[int, str]:
    """Return the broken lines that are no record: declared ones, totals, remarks, and a trailer around one of these."""
    cells = {record.number: _split(record.line, delimiter, quote) for record in broken}
    found, known = {}, set()
    for number, all_of in cells.items():
        filled = [cell for cell in all_of if cell]
        if not filled:
            continue
        rest = filled[1:]
        total = re.fullmatch(_STRICT, filled[0]) and all(re.fullmatch(_NUMBER, cell) for cell in rest)
        remark = not rest and (re.match(_REMARK, filled[0]) or _counted(filled[0]))
        if (declared := filled[0].startswith(tuple(footer))) or total or remark:
            found[number] = ", ".join(filled)
        if declared or (remark and not _counted(filled[0])):
            known.add(number)
    single = {number: all_of[0] for number, all_of in cells.items() if len(all_of) == 1}
    return found | _trailer(single, found, known, last)


def _trailer(single: dict[int, str], others: Collection[int], known: Collection[int], last: int) -> dict[int, str]:
    """Return the lines with one value at the end of a file, if one of them is known to belong to a trailer."""
    run, number = [], last
    while number in single or number in others:
        run.append(number)
        number -= 1
    if not any(one in known for one in run):
        return {}
    return {one: text for one in run if (text := single.get(one)) and not re.fullmatch(_NUMBER, text)}


def _split(line: str, delimiter: str, quote: str) -> list[str]:
    try:
        return [_plain(cell) for cell in next(csv.reader([line], delimiter=delimiter, quotechar=quote), [])]
    except csv.Error:
        return [_plain(line)]


def _plain(text: str | None) -> str:
    return (text or "").translate(str.maketrans(*_WIDE)).strip()


def _counted(text: str) -> int | None:
    match = re.fullmatch(_COUNT, text)
    is_count = match and (match["unit"] or re.search(r"(?i)[^\W\d_]", text[: match.start("n")]))
    return int(match["n"].replace(",", "") or 0) if match and is_count else None


@dataclass
class _Line:
    number: int
    cells: list[str]
    is_whole: bool  # it has a value in every column in which nearly all lines have one

    @property
    def filled(self) -> list[str]:
        return [cell for cell in self.cells if cell]

    @property
    def text(self) -> str:
        return ", ".join(self.filled)

    @property
    def numbers(self) -> dict[int, Decimal]:
        return {i: _number(cell) for i, cell in enumerate(self.cells) if re.fullmatch(_NUMBER, cell)}

    @property
    def words(self) -> list[str]:
        return [cell for cell in self.filled if not re.fullmatch(_NUMBER, cell)]

    @property
    def is_total(self) -> bool:
        """Whether it begins with a word for totals and nothing else."""
        return re.fullmatch(_STRICT, self.filled[0]) is not None

    @property
    def may_be_total(self) -> bool:
        only_label = len(self.words) == 1 and re.search(_LAX, self.words[0]) is not None
        return self.is_total or only_label or (not self.words and not self.cells[0])


def _number(text: str) -> Decimal:
    digits = re.sub(r"[^0-9.]", "", text)
    return Decimal(digits or 0) * (-1 if re.match(r"[△▲(-]|[¥\\$€£]-", text) else 1)


class _Lines:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str,
        columns: Mapping[str, str],
        footer: tuple[str, ...],
        decimal: str,
    ) -> None:
        self.connection, self.table, self.footer = connection, table, footer
        self.columns = list(columns)
        self.texts = [self._text(column, decimal) for column in self.columns]
        self.names = [_plain(name) for name in columns.values()]

    def _text(self, column: str, decimal: str) -> str:
        text = f"CAST({column} AS VARCHAR)"
        # With a decimal comma 1.234,5 is the number that others write as 1,234.5.
        return f"translate({text}, '.,', ',.')" if decimal == "," else text

    def pick(self) -> list[_Line]:
        """Return the lines that may be none: a column that nearly all have is empty, or a word is typical of them."""
        counted = ", ".join(["count(*)", *(f"count({column})" for column in self.columns)])
        total, *filled = self.connection.execute(f"SELECT {counted} FROM {self.table}").fetchone() or (0,)
        least = max(total - max(total * (1 - _MOSTLY), min(_FEW, total / 2)), 1)
        expected = [column for column, values in zip(self.columns, filled, strict=True) if values >= least]
        lacks = " OR ".join(f"{column} IS NULL" for column in expected) or "false"
        plain = [f"trim(translate({text}, {sql.texts(_WIDE)}), {sql.text(_SPACE)})" for text in self.texts]
        first = "coalesce(" + ", ".join(f"nullif({text}, '')" for text in plain) + ", '')"
        told = " OR ".join(
            f"contains({text}, {sql.text(word)})" for text in self.texts[:3] for word in ("計", "otal", "OTAL", "平均")
        )
        heads = " OR ".join(
            f"{text} = {sql.text(name)}" for text, name in zip(self.texts[:2], self.names[:2], strict=True) if name
        )
        declared = " OR ".join(f"starts_with({first}, {sql.text(word)})" for word in self.footer) or "false"
        free = f"list_filter(filled, lambda c: NOT regexp_full_match(c, {sql.text(_NUMBER)}))"
        names = sql.texts(self.names)
        query = f"""
            WITH lines AS (
                SELECT _row_number AS number, [{", ".join(f"coalesce({text}, '')" for text in plain)}] AS cells,
                    NOT ({lacks}) AS is_whole, {declared} AS is_footer
                FROM {self.table} WHERE {total <= _SMALL} OR {lacks} OR {told} OR {heads or "false"} OR {declared}
            ),
            filled AS (SELECT *, list_filter(cells, lambda c: c <> '') AS filled FROM lines),
            free AS (SELECT *, {free} AS free FROM filled)
            SELECT number, cells, is_whole FROM free
            WHERE is_footer OR len(filled) <= 1 OR regexp_full_match(filled[1], {sql.text(_STRICT)})
                OR (cells[1] = '' AND len(free) = 0) OR (len(free) = 1 AND regexp_matches(free[1], {sql.text(_LAX)}))
                OR len(list_filter(filled, lambda c: NOT list_contains([{names}], c))) = 0
            ORDER BY number
        """
        return [_Line(*row) for row in self.connection.execute(query).fetchall()]

    def judge(self, picked: list[_Line]) -> NoData:
        """Decide about each picked line, from the first to the last."""
        blank = {line.number for line in picked if not line.filled}
        picked = [line for line in picked if line.filled]
        declared = {line.number: line.text for line in picked if line.filled[0].startswith(self.footer or ("\0",))}
        found = declared | {line.number: line.text for line in picked if self._is_header(line)}
        left = [line for line in picked if line.number not in found]
        single = {line.number: line.text for line in left if len(line.filled) == 1 and len(self.names) >= _LEAST_VALUES}
        remarks = {number: text for number, text in single.items() if re.match(_REMARK, text)}
        found |= remarks
        marks = [line for line in left if line.may_be_total or _counted(line.text) is not None]
        summed, doubtful = self._totals(marks, {*blank, *found})
        found |= summed
        last = sql.scalar(self.connection, f"SELECT max(_row_number) FROM {self.table}")
        found |= _trailer(single, {*found, *blank}, {*declared, *remarks}, last)
        if (alone := single.keys() - found.keys()) and self._least_values({*blank, *found, *single}) >= _LEAST_VALUES:
            doubtful |= {number: (single[number], "is the only value of its line, as in a remark") for number in alone}
        left_over = {number: why for number, why in doubtful.items() if number not in found}
        return NoData(found | dict.fromkeys(blank, ""), left_over, frozenset({*declared, *blank}), len(blank))

    def _is_header(self, line: _Line) -> bool:
        same = all(cell == name for cell, name in zip(line.cells, self.names, strict=True) if cell)
        return same and (len(line.filled) > 1 or len(self.names) == 1)

    def _least_values(self, but: Collection[int]) -> int:
        values = " + ".join(f"CAST({column} IS NOT NULL AS INTEGER)" for column in self.columns)
        others = f"FROM {self.table} WHERE _row_number NOT IN ({', '.join(map(str, but))})"
        return sql.scalar(self.connection, f"SELECT coalesce(min({values}), 0) {others}")

    def _totals(self, marks: list[_Line], but: set[int]) -> tuple[dict[int, str], dict[int, tuple[str, str]]]:
        """Compare each line with the sums and counts of the lines above it, down to an earlier total."""
        found: dict[int, str] = {}
        doubtful: dict[int, tuple[str, str]] = {}
        if not marks:
            return found, doubtful
        columns = sorted({i for line in marks for i in line.numbers})
        parts = self._between(marks, columns, but)
        nothing = (0, dict.fromkeys(columns, Decimal(0)))
        ends, above = [nothing], nothing
        whole = nothing
        for part in parts.values():
            whole = _added(whole, part)
        for line in marks:
            above = _added(above, parts.get(line.number, nothing))
            runs = [_less(above, end) for end in ends[:1] + ends[1:][-_BOUNDARIES:]]
            if any(_is_sum(line, run) for run in [*runs, whole]):
                found[line.number] = line.text
                ends.append(above)
            elif line.is_total and not line.numbers and len(line.filled) == 1:
                found[line.number] = line.text
            elif line.is_total and (not line.is_whole or len(line.words) == 1):
                why = "begins its line as a total does, and no number of the line is the sum of those above"
                doubtful[line.number] = (line.filled[0], why)
            elif _counted(line.text) is None:
                above = _added(above, (1, line.numbers))
        return found, doubtful

    def _between(self, marks: list[_Line], columns: list[int], but: set[int]) -> dict[int, "_Sum"]:
        """Return the number of records and the sums of columns above each mark, down to the mark before."""
        numbers = ", ".join(f"({line.number})" for line in marks)
        kept = [line.number for line in marks] + sorted(but)
        sums = "".join(f", coalesce(sum({_value(self.texts[i])}), 0)" for i in columns)
        rows = self.connection.execute(
            f"SELECT coalesce(mark, 0), count(*){sums} FROM (FROM {self.table} WHERE _row_number NOT IN "
            f"({', '.join(map(str, kept))})) ASOF LEFT JOIN (VALUES {numbers}) AS marks(mark) ON _row_number < mark "
            "GROUP BY 1"
        ).fetchall()
        return {row[0]: (row[1], dict(zip(columns, row[2:], strict=True))) for row in rows}


_Sum = tuple[int, dict[int, Decimal]]


def _added(one: _Sum, other: _Sum) -> _Sum:
    return one[0] + other[0], {i: value + other[1].get(i, Decimal(0)) for i, value in one[1].items()}


def _less(one: _Sum, other: _Sum) -> _Sum:
    return one[0] - other[0], {i: value - other[1][i] for i, value in one[1].items()}


def _is_sum(line: _Line, run: _Sum) -> bool:
    """Whether the line sums up a run of records: a number is their sum or mean, or it states how many they are."""
    records, sums = run
    if not records:
        return False
    if (count := _counted(line.text)) is not None:
        return count == records
    if line.words and re.search(_HOW_MANY, line.words[0]):
        return records in line.numbers.values()
    is_mean = re.search(r"(?i)平\s*均|av(?:era)?g", line.text) is not None
    expected = {i: value / records if is_mean else value for i, value in sums.items()}
    fits = [_near(value, expected[i], records if line.is_total or is_mean else 0) for i, value in line.numbers.items()]
    if line.words:
        return any(fits) and (records > 1 or line.is_total or re.search(_ENDS, line.words[0]) is not None)
    return bool(fits) and all(fits) and records > 1 and any(line.numbers.values())


def _near(value: Decimal, expected: Decimal, rounded: int) -> bool:
    """Whether two numbers are equal, or differ by no more than the rounding of so many numbers explains."""
    step = Decimal(1).scaleb(min(int(value.as_tuple().exponent), 0))
    allowed = min(step * rounded / 2, abs(expected) / 1000) if rounded else 0
    return abs(value - expected) <= max(allowed, abs(expected) * Decimal("1e-12"))


def _value(text: str) -> str:
    plain = f"trim(translate({text}, {sql.texts(_WIDE)}))"
    digits = f"regexp_replace({plain}, '[^0-9.]', '', 'g')"
    sign = f"CASE WHEN regexp_matches({plain}, '^([△▲(-]|[¥\\\\$€£]-)') THEN -1 ELSE 1 END"
    is_number = f"regexp_full_match({plain}, {sql.text(_NUMBER)})"
    return f"CASE WHEN {is_number} THEN TRY_CAST({digits} AS DECIMAL(30,6)) * {sign} END"
