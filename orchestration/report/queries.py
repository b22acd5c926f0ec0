"""The queries of a page: reports/<page>.sql, run on a release. No text for people and no HTML here.

A file has named queries. The comment lines below a name say where its figures come from:

    -- name: calls
    -- table: kpi.people_worklist        the table whose columns the query shows, unchanged
    -- key: rep_id, reason               columns that identify a row, of the table and of the result
    -- where: is_current                 which of its rows count, for figures that are sums
    -- figure: deals = count(*)          a column that is an expression over the table's rows with the same key
    -- by: branch_id                     for one file per branch: its rows are those with the branch's id
    -- words: kpi.rates, kpi.levels      without a table: tables whose labels and definitions the columns have

Each column that the table has, and each figure, can be read again from the table alone. The pages offer that SQL, and
a test compares. A query without a table is its own source.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import sql
from orchestration.warehouse import PUBLISHED_SCHEMAS

if TYPE_CHECKING:
    import duckdb

_NAME = re.compile(r"(?m)^-- name: (\w+)\n")
_TABLE = re.compile(rf"\b(?:{'|'.join(PUBLISHED_SCHEMAS)})\.\w+")
_NOTE = re.compile(r"^-- (table|key|where|figure|by|words): (.*)$")


@dataclass(frozen=True)
class Query:
    """One named query and where its figures come from."""

    name: str
    text: str
    table: str = ""
    key: tuple[str, ...] = ()
    where: str = ""
    by: str = ""
    words: tuple[str, ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict)


class Row(dict[str, Any]):
    """A row by column name, with the query that it belongs to."""

    def __init__(self, values: Mapping[str, Any], rows: "Rows") -> None:
        """Keep the rows that it belongs to."""
        super().__init__(values)
        self.rows = rows

    @property
    def key_text(self) -> str:
        """Return the values of the key, as in the attribute `data-k`."""
        return "|".join(plain(self[name]) for name in self.rows.query.key)


@dataclass
class Rows:
    """The rows of a query."""

    query: Query
    columns: list[str]
    items: list[Row] = field(default_factory=list)
    whole: "Rows | None" = None  # the rows that these are a part of

    def __iter__(self) -> Iterator[Row]:
        """Return the rows, one by one."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return their number."""
        return len(self.items)

    def only(self, column: str, value: Any) -> "Rows":
        """Return the rows with this value in a column."""
        return Rows(self.query, self.columns, [row for row in self.items if row[column] == value], self)

    @property
    def none(self) -> "Rows":
        """Return the query without rows."""
        return Rows(self.query, self.columns)

    @property
    def first(self) -> Row | None:
        """Return the first row, or None."""
        return self.items[0] if self.items else None


def plain(value: Any) -> str:
    """Return a value as text, the same in Python, JavaScript and the tests."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse(path: Path) -> list[Query]:
    """Return the queries of a file."""
    names_and_texts = _NAME.split(path.read_text(encoding="utf-8"))[1:]
    return [_query(name, text) for name, text in zip(names_and_texts[::2], names_and_texts[1::2], strict=True)]


def _query(name: str, text: str) -> Query:
    notes: dict[str, str] = {}
    figures: dict[str, str] = {}
    lines = text.strip().splitlines()
    while lines and (note := _NOTE.match(lines[0])):
        if note[1] == "figure":
            column, _, expression = note[2].partition(" = ")
            figures[column] = expression
        else:
            notes[note[1]] = note[2]
        lines.pop(0)
    key, words = (tuple(notes.pop(note, "").replace(",", " ").split()) for note in ("key", "words"))
    return Query(name, "\n".join(lines).rstrip(";\n"), key=key, words=words, figures=figures, **notes)


def run(connection: "duckdb.DuckDBPyConnection", query: Query) -> Rows:
    """Return the rows of a query."""
    relation = connection.sql(query.text)
    rows = Rows(query, relation.columns)
    rows.items = [Row(dict(zip(relation.columns, values, strict=True)), rows) for values in relation.fetchall()]
    return rows


def split(rows: Rows) -> dict[Any, Rows]:
    """Return the rows by the value of the query's column `by`."""
    parts: dict[Any, Rows] = {}
    for row in rows:
        part = parts.setdefault(row[rows.query.by], Rows(rows.query, rows.columns))
        part.items.append(Row(row, part))
    return parts


def tables(queries: list[Query]) -> set[str]:
    """Return the published tables that queries name."""
    return {name for query in queries for name in _TABLE.findall(f"{query.text} {query.table}")}


def source(rows: Rows) -> dict[str, Any]:
    """Return where the figures of a query come from, as pages keep it."""
    query = rows.query
    if not query.table:
        return {"key": list(query.key), "sql": query.text, "words": list(query.words)}
    return {"table": query.table, "key": list(query.key), "where": query.where, "figures": dict(query.figures)}


def figure_sql(origin: Mapping[str, Any], key: str, column: str) -> str:
    """Return the SQL that reads one figure again; `origin` is what `source` returns. reports/page.js does the same."""
    values = dict(zip(origin["key"], key.split("|"), strict=True)) if origin["key"] else {}
    # Compared as text, because an id, a date and a number are all text in a page.
    same = [
        f"cast({name} as varchar) = {sql.text(value)}" if value else f"{name} is null" for name, value in values.items()
    ]
    if "sql" in origin:
        return f"select {column} from (\n{origin['sql']}\n)" + (f"\nwhere {' and '.join(same)}" if same else "")
    conditions = ([f"({origin['where']})"] if origin["where"] else []) + same
    # A column of the key has the same value in all rows of a sum.
    expression = origin["figures"].get(column, f"distinct {column}" if origin["figures"] else column)
    return f"select {expression} from {origin['table']}" + (f" where {' and '.join(conditions)}" if conditions else "")
