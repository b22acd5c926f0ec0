"""Reads the figures out of a page and compares them with the published tables, without the code that wrote it."""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import duckdb

UNITS = {"億円": 10**8, "万円": 10**4, "円": 1, "bn": 10**9, "M": 10**6, "k": 10**3}


@dataclass
class Figure:
    """A value on a page: its query, the key of its row, its column, the value behind it and what people see."""

    query: str
    key: str
    column: str
    value: str
    text: str = ""


@dataclass
class Reader(HTMLParser):
    """Collects figures, chart rows and the sources of a page."""

    figures: list[Figure] = field(default_factory=list)
    scripts: dict[str, str] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.query, self.heads, self.key, self.at = "", [], "", 0
        self.open: Figure | None = None
        self.hidden = 0
        self.script = ""
        self.is_body = False
        self.is_text = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.references += [value for name in ("src", "href") if (value := given.get(name))]
        if tag == "table":
            self.query, self.heads, self.is_body = given["data-q"] or "", [], False
        elif tag == "tbody":
            self.is_body = True
        elif tag == "th":
            self.heads.append(given.get("data-c") or "")
        elif tag == "tr" and self.is_body:
            self.key, self.at = given.get("data-k") or "", 0
        elif tag == "td":
            if self.heads[self.at]:
                # A cell without a value of its own has its text as the value.
                is_number = "num" in (given.get("class") or "").split()
                self.is_text = "data-v" not in given
                text = "" if is_number or self.is_text else "-"
                self.open = Figure(self.query, self.key, self.heads[self.at], given.get("data-v") or "", text)
                self.figures.append(self.open)
            self.at += 1
        elif tag == "button" and "data-k" in given:
            self.open = Figure(*(given[name] or "" for name in ("data-q", "data-k", "data-c", "data-v")))
            self.figures.append(self.open)
        elif tag == "script":
            self.script = given.get("data-q") or given.get("id") or ""
        if (given.get("lang") == "en" and tag == "span") or (self.hidden and tag == "span"):
            self.hidden += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "span" and self.hidden:
            self.hidden -= 1
        if tag == "td" and self.open and self.is_text:
            self.open.value, self.open.text = self.open.text, "-"
        if tag in ("td", "button", "small"):
            self.open = None if tag != "small" else self.open
        if tag == "script":
            self.script = ""

    def handle_data(self, data: str) -> None:
        if self.script:
            self.scripts[self.script] = self.scripts.get(self.script, "") + data
        elif self.open and not self.hidden and self.open.text != "-" and " n=" not in f" {data}":
            self.open.text += data.strip()


@functools.cache
def read(text: str) -> Reader:
    """Return what a page holds."""
    reader = Reader()
    reader.feed(text)
    return reader


@dataclass
class Tables:
    """The published tables, read once per source."""

    connection: duckdb.DuckDBPyConnection
    known: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def rows(self, origin: Mapping[str, Any], columns: frozenset[str]) -> dict[str, dict[str, Any]]:
        """Return the rows of a source by the text of their key."""
        name = json.dumps([origin, sorted(columns)])
        if name not in self.known:
            keys = ", ".join(origin["key"]) or "1"
            if "sql" in origin:
                query = f"select {keys}, {', '.join(sorted(columns)) or '1'} from ({origin['sql']})"
            else:
                figures = origin["figures"]
                chosen = ", ".join(f"{figures.get(one, one)} as {one}" for one in sorted(columns)) or "1"
                where = f" where {origin['where']}" if origin["where"] else ""
                group = f" group by {keys}" if figures else ""
                query = f"select {keys}, {chosen} from {origin['table']}{where}{group}"
            width = max(1, len(origin["key"]))
            self.known[name] = {}
            for row in self.connection.execute(query).fetchall():
                key = "|".join(text_of(value) for value in row[:width]) if origin["key"] else ""
                assert key not in self.known[name], f"{key} is twice in {query}"
                self.known[name][key] = dict(zip(sorted(columns), row[width:], strict=False))
        return self.known[name]


def text_of(value: Any) -> str:
    """Return a value as pages keep it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def differences(page: str, sources: Mapping[str, Mapping[str, Any]], tables: Tables) -> Iterator[str]:
    """Yield one message per figure, chart value or shown text that differs from the published tables."""
    reader = read(page)
    columns: dict[str, set[str]] = {}
    for figure in reader.figures:
        columns.setdefault(figure.query, set()).add(figure.column)
    for figure in reader.figures:
        rows = tables.rows(sources[figure.query], frozenset(columns[figure.query]))
        place = f"{figure.query} {figure.key} {figure.column}"
        if figure.key not in rows:
            yield f"{place}: no such row"
        elif not same(figure.value, rows[figure.key][figure.column]):
            yield f"{place}: {figure.value} instead of {rows[figure.key][figure.column]}"
        elif figure.text not in ("-", "–", "") and figure.value and not shown(figure.value, figure.text):
            yield f"{place}: shows {figure.text} for {figure.value}"
    for name, text in reader.scripts.items():
        if name in sources and "rows" in (content := json.loads(text)):
            yield from _chart_differences(name, content, sources[name], tables)


def _chart_differences(
    name: str, content: Mapping[str, Any], origin: Mapping[str, Any], tables: Tables
) -> Iterator[str]:
    if "sql" in origin:
        wanted = content["columns"]
    else:
        of_table = {row[0] for row in tables.connection.execute(f"describe {origin['table']}").fetchall()}
        wanted = [
            one for one in content["columns"] if one in origin["figures"] or (not origin["figures"] and one in of_table)
        ]
    rows = tables.rows(origin, frozenset(wanted))
    for row in content["rows"]:
        values = dict(zip(content["columns"], row, strict=True))
        key = "|".join(text_of(values[one]) for one in origin["key"])
        for column in wanted:
            if key not in rows or not same(text_of(values[column]), rows[key][column]):
                yield f"chart {name} {key} {column}: {values[column]}"


def same(found: str, published: Any) -> bool:
    """Return whether a value of a page is the published one; a float may differ by its last digits."""
    expected = text_of(published)
    if found == expected:
        return True
    try:
        return abs(float(found) - float(expected)) <= 1e-9 * max(1.0, abs(float(expected)))
    except ValueError:
        return False


def shown(value: str, text: str) -> bool:
    """Return whether a number that people see is the value, up to the digits that it shows."""
    if re.fullmatch(r"\d{4}-\d{2}", text):  # a month
        return value.startswith(text)
    found = re.fullmatch(r"([+-]?[\d,]+(?:\.(\d+))?)\s*(%|\D*)", text.replace("JPY ", ""))
    if not found:
        return False
    number, digits, unit = Decimal(found[1].replace(",", "")), len(found[2] or ""), found[3].strip()
    factor = Decimal(1) / 100 if unit == "%" else Decimal(UNITS.get(unit, 1))
    return abs(number * factor - Decimal(value)) <= factor * Decimal(10) ** -digits * Decimal("0.51")
