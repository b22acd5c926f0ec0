"""What templates of pages may call: texts in two languages, figures that say where they come from, tables of rows."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from orchestration.language import japanese
from orchestration.report import workbook
from orchestration.report.queries import Row, Rows, plain, source

NO_VALUE = Markup('<span class="none" title="–">–</span>')
HIDDEN = ' class="rest"'
NUMBERS = ("int", "number", "decimal", "two_digits", "money", "rate", "signed", "points")
JAPANESE_UNITS = ((10**8, "億円"), (10**4, "万円"))
ENGLISH_UNITS = ((10**9, "bn"), (10**6, "M"), (10**3, "k"))


@functools.cache  # pages repeat the same few hundred texts
def two(ja: object, en: object) -> Markup:
    """Return a text in both languages; the switch of the page shows one of them."""
    return Markup(f'<span lang="ja">{escape(ja)}</span><span lang="en">{escape(en)}</span>')


@dataclass(frozen=True)
class Column:
    """A column of a table on a page; without a label, that of the catalogue."""

    name: str
    form: str = "text"
    ja: str = ""
    en: str = ""
    n: str = ""  # the column with the number behind a rate
    link: str = ""  # the page with a file for each id in the column <link>_id
    under: str = ""  # the column whose text is in small letters below it


@dataclass(frozen=True)
class Head:
    """The head of a column: its labels and its HTML."""

    ja: str
    en: str
    html: str


@dataclass
class Context:
    """What one page has used so far, for what follows at its end."""

    catalog: Mapping[str, Mapping[str, Any]]
    words: Mapping[str, Sequence[str]]
    labels: Mapping[tuple[str, str, str], tuple[str, str]]  # of ops.labels, by table, column and code
    settings: Mapping[str, Any]
    heads: dict[tuple[str, Column], Head]  # of all files of the page
    up: str = ""  # the path from the page's folder to that of all pages
    shows_sql: bool = True
    linked: frozenset[str] = frozenset()  # ids that have a page of their own
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    used: set[tuple[str, ...]] = field(default_factory=set)
    deals: set[str] = field(default_factory=set)
    lists: dict[str, tuple[list[workbook.Head], Rows]] = field(default_factory=dict)

    # --- texts

    def word(self, code: Any, column: str = "", table: str = "") -> Markup | str:
        """Return the text of a code in both languages: that of words.yml, else the table's own; or the code."""
        code = plain(code)
        for name in (f"{column}.{code}", code):
            if name in self.words:
                return two(*self.words[name])
        label = self.labels.get((table, column, code))
        return two(*label) if label else code

    def shown(self, value: Any, form: str, column: str = "", table: str = "") -> Markup | str:
        """Return a value for people. Money of a table has its unit in the head of the column."""
        if value is None or value == "":
            return NO_VALUE
        if form in ("int", "money"):
            return f"{value:,.0f}"
        if form == "number":
            return f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:,.1f}"
        if form == "month":
            return f"{value:%Y-%m}"
        if form == "signed":
            return f"{value:+,.0f}"
        if form == "decimal":
            return f"{value:,.1f}"
        if form == "two_digits":
            return f"{value:,.2f}"
        if form == "rate":
            return f"{value:.1%}"
        if form == "points":
            return f"{100 * value:+.1f}"
        if form == "word":
            return self.word(value, column, table)
        return plain(value)

    def amount(self, value: Any) -> Markup | str:
        """Return money in short form, in the units of each language."""
        if value is None:
            return NO_VALUE
        currency = self.settings["base_currency"]
        en = f"{currency} {_short(value, ENGLISH_UNITS)}"
        return two(_short(value, JAPANESE_UNITS, "円"), en) if currency == "JPY" else Markup(escape(en))

    def branch(self, branch_id: Any, name: Any) -> Markup | str:
        """Return a branch's name, with the link to its page if it has one."""
        if branch_id not in self.linked:
            return plain(name)
        return Markup(f'<a href="{self.up}branch/{file_name(branch_id)}.html">{escape(name)}</a>')

    # --- figures

    def figure(self, row: Row, column: str, form: str = "int", n: Any = None) -> Markup:
        """Return one figure. A reader can open its definition and SQL; a test reads it again from the table."""
        rows = row.rows
        self._uses(rows, [column])
        value = row[column]
        shown = self.amount(value) if form == "yen" else self.shown(value, form, column, rows.query.table)
        thin = " thin" if self._is_thin(n) else ""
        metric = f' data-m="{escape(row["metric"])}"' if row.get("metric") else ""
        return Markup(
            f'<button type="button" class="figure{thin}" data-q="{rows.query.name}" data-k="{escape(row.key_text)}" '
            f'data-c="{column}"{metric} data-v="{escape(plain(value))}">'
            f"{escape(shown)}</button>"
        )

    def numbers(self, rows: Rows) -> Markup:
        """Return the rows of a chart as JSON, with their source."""
        self._uses(rows, rows.columns)
        content = {"columns": rows.columns, "rows": [[_json(row[name]) for name in rows.columns] for row in rows]}
        return Markup('<script type="application/json" class="rows" data-q="{}">{}</script>').format(
            rows.query.name, in_script(content)
        )

    def table(self, rows: Rows, columns: Sequence[Column], *, first: int = 10) -> Markup:
        """Return rows as a table with its downloads; more rows than `first` are hidden at first."""
        name = rows.query.name
        if not rows:
            return Markup('<p class="none">{}</p>').format(two("該当なし", "None"))
        self._uses(rows, [column.name for column in columns])
        heads = [self._head(rows, column) for column in columns]
        body = "".join(self._line(row, columns, hidden=number >= first) for number, row in enumerate(rows))
        return Markup(
            f'<div class="list">{self._tools(rows, columns, heads, first)}<div class="scroll" tabindex="0" '
            f'role="region" aria-label="{name}"><table data-q="{name}">'
            f"<thead><tr>{''.join(head.html for head in heads)}</tr></thead><tbody>{body}</tbody></table></div></div>"
        )

    def _tools(self, rows: Rows, columns: Sequence[Column], heads: Sequence[Head], first: int) -> str:
        name = rows.query.name
        if name not in self.lists:
            labels = []
            for column, head in zip(columns, heads, strict=True):
                labels.append((column.name, head.ja, head.en))
                if column.under:
                    ja, en = self.words[column.under]
                    labels.append((column.under, ja, en))
            self.lists[name] = (labels, rows.whole or rows)
        search = '<input type="search" class="filter">' if len(rows) > 5 else ""
        label = two(f"すべて表示({len(rows):,}件)", f"Show all {len(rows):,}")
        more = f'<button type="button" class="more">{label}</button>'
        return (
            f'<p class="tools">{search}{more if len(rows) > first else ""}<button type="button" class="csv" '
            f'data-name="{name}">CSV</button><button type="button" class="excel">Excel</button></p>'
        )

    def _labels(self, rows: Rows, column: Column) -> tuple[str, str]:
        known = self.catalog.get(self._described(rows, column.name), {})
        ja = column.ja or known.get("label_ja") or column.name
        en = column.en or known.get("label_en") or column.name
        if column.form == "money":
            unit = self.settings["base_currency"]
            ja, en = f"{ja}({'円' if unit == 'JPY' else unit})", f"{en} ({unit})"
        return ja, en

    def _head(self, rows: Rows, column: Column) -> Head:
        key = rows.query.name, column
        if key not in self.heads:
            ja, en = self._labels(rows, column)
            is_read = self._is_read(rows, column.name)
            kind = ' class="num"' if column.form in NUMBERS else ""
            label = f'<button type="button" class="def">{two(ja, en)}</button>' if is_read else two(ja, en)
            html = f'<th scope="col"{kind} data-{"c" if is_read else "n"}="{column.name}">{label}</th>'
            self.heads[key] = Head(ja, en, html)
        return self.heads[key]

    # Most of a page's time goes into cells, so they are plain strings: everything from the data passes through escape.

    def _line(self, row: Row, columns: Sequence[Column], *, hidden: bool) -> str:
        cells = "".join(self._cell(row, column) for column in columns)
        return f'<tr data-k="{escape(row.key_text)}"{HIDDEN if hidden else ""}>{cells}</tr>'

    def _cell(self, row: Row, column: Column) -> str:
        value = row[column.name]
        if column.form in NUMBERS:
            is_thin = bool(column.n) and self._is_thin(row[column.n])
            note = f" <small>n={escape(row[column.n])}</small>" if is_thin else ""
            kind = "num thin" if is_thin else "num"
            text, given = self.shown(value, column.form), plain(value)  # of digits: nothing to escape
            return f'<td class="{kind}"{_value(given, text)}>{text}{note}</td>'
        shown = escape(self.shown(value, column.form, column.name, row.rows.query.table))
        if column.form == "both" and value:
            shown = two(row[f"{column.name}_ja"], value)
        elif column.form == "message" and value:
            shown = two(japanese(value), value)
        elif column.form == "deal" and value:
            self.deals.add(value)
            shown = Markup(f'<button type="button" class="deal">{shown}</button>')
        elif value and column.link and row.get(f"{column.link}_id") in self.linked:
            place = f"{self.up}{column.link}/{file_name(row[f'{column.link}_id'])}.html"
            shown = Markup(f'<a href="{escape(place)}">{shown}</a>')
        if column.under and row[column.under]:
            shown = Markup(f"{shown} <small>{escape(row[column.under])}</small>")
        kind = ' class="day"' if isinstance(value, date) else ""
        return f"<td{kind}{_value(escape(plain(value)), shown)}>{shown}</td>"

    # --- what follows at the end of a page

    def definitions(self) -> Markup:
        """Return the sources of all figures and the definitions of their columns, as JSON."""
        texts = {name: [self.catalog[name].get(part) for part in CATALOG_TEXTS] for name in sorted(self.defined)}
        # The edition for a partner has no SQL.
        tables = {
            name: {"table": one.get("table", ""), "words": one.get("words", [])} for name, one in self.sources.items()
        }
        content = {"sources": self.sources if self.shows_sql else tables, "columns": texts}
        return in_script(content)

    def excel(self) -> str:
        """Return the lists of the page as an Excel file in a data URI, a sheet each."""
        return workbook.uri(self.lists) if self.lists else ""

    def _uses(self, rows: Rows, columns: Sequence[str]) -> None:
        if (mark := (rows.query.name, *columns)) in self.used:
            return
        self.used.add(mark)
        self.sources[rows.query.name] = source(rows)
        names = [*(self._described(rows, column) for column in columns), *(f"kpi.metrics.{one}" for one in columns)]
        self.defined |= {name for name in names if name in self.catalog}

    def _described(self, rows: Rows, column: str) -> str:
        """Return the name by which the catalogue describes a column; empty if it does not."""
        places = (f"{table}.{column}" for table in (rows.query.table, *rows.query.words))
        return next((name for name in places if name in self.catalog), "")

    def _is_read(self, rows: Rows, column: str) -> bool:
        query = rows.query
        return not query.table or column in query.figures or f"{query.table}.{column}" in self.catalog

    def _is_thin(self, n: Any) -> bool:
        return n is not None and n < self.settings["n_min"]


CATALOG_TEXTS = ("label_ja", "label_en", "description_ja", "description_en", "formula")


def file_name(entity_id: str) -> str:
    """Return an id as the name of a file: other characters than letters and digits become their number."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else f"~{ord(c):x}" for c in entity_id)


def in_script(content: Any) -> Markup:
    """Return JSON that no text in it can end the script that holds it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _value(given: str, shown: str) -> str:
    """Return the attribute with the value of a cell; a cell whose text is its value needs none."""
    return "" if given == shown else f' data-v="{given}"'


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def _short(value: Any, units: Sequence[tuple[int, str]], small: str = "") -> str:
    for size, unit in units:
        if abs(value) >= size:
            number = Decimal(str(value)) / size
            digits = 0 if abs(number) >= 1000 else 1 if abs(number) >= 100 else 2
            return f"{number:,.{digits}f}{unit if unit[0] > 'z' else ' ' + unit}"
    return f"{value:,.0f}{small}"
