"""Computes the figures of a batch in DuckDB over its Parquet files; only aggregates reach Python."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration import sql
from orchestration.contract import Dataset
from orchestration.lake.expectations import KINDS, Expectation
from orchestration.lake.ledger import Entry

EXAMPLES, LENGTH = 3, 160


@dataclass(frozen=True)
class Extract:
    """The rows of one dataset, source, extract date and revision, in the lake or staged."""

    entries: tuple[Entry, ...]
    paths: tuple[Path, ...]

    @property
    def is_full(self) -> bool:
        """Whether it contains the whole dataset of its day."""
        return all(entry.extract_mode == "full" for entry in self.entries)

    @property
    def rows(self) -> int:
        """The number of accepted rows."""
        return sum(entry.rows_accepted for entry in self.entries)

    @property
    def day(self) -> str:
        """Extract date."""
        return str(self.entries[0].extracted_on)

    def relation(self, schema: Path) -> str:
        """Return a FROM item with all of the contract's columns."""
        return sql.parquet([*self.paths, schema])


@dataclass(frozen=True)
class _Counted:
    rows: int
    values: Mapping[str, int]
    more: Mapping[str, Any]  # by the name of the figure


class Profiler:
    """Computes the figures of one dataset's batches."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        dataset: Dataset,
        expectations: Sequence[Expectation],
        minimum: int,
        schema: Path,
    ) -> None:
        """Store the arguments; nothing is read yet."""
        self.connection, self.dataset, self.expectations = connection, dataset, expectations
        self.minimum, self.schema = minimum, schema
        self._counted: dict[tuple[Path, ...], _Counted] = {}  # an extract is used twice: itself, and before the next

    def measure(self, extract: Extract, before: Extract | None) -> dict[str, float | None]:
        """Return each expectation's figure by name; None if there are too few rows."""
        now = self._count(extract)
        if before is None or before.rows < self.minimum:
            then, before = None, None
        else:
            then = self._count(before)
        found: dict[str, float | None] = {}
        for one in self.expectations:
            if KINDS[one.kind].compares:
                found[one.figure] = self._compare(one, extract, before, now, then) if before and then else None
            else:
                found[one.figure] = self._share(one, extract, now)
        return found

    def _count(self, extract: Extract) -> _Counted:
        """Compute all aggregates of an extract in one pass."""
        if extract.paths in self._counted:
            return self._counted[extract.paths]
        columns = list(self.dataset.columns)
        more = {one.figure: text for one in self.expectations if (text := self._aggregate(one, extract))}
        terms = ["count(*)", *(f"count({sql.name(column)})" for column in columns), *more.values()]
        row = self.connection.execute(f"SELECT {', '.join(terms)} FROM {extract.relation(self.schema)}").fetchone()
        assert row is not None
        counts, rest = row[1 : len(columns) + 1], row[len(columns) + 1 :]
        values, figures = dict(zip(columns, counts, strict=True)), dict(zip(more, rest, strict=True))
        self._counted[extract.paths] = _Counted(row[0], values, figures)
        return self._counted[extract.paths]

    def _aggregate(self, one: Expectation, extract: Extract) -> str:
        column = sql.name(one.columns[0]) if one.columns else ""
        match one.kind:
            case "distinct":
                complete, value = _together(one)
                return f"[count(DISTINCT {value}) FILTER ({complete}), count(*) FILTER ({complete})]"
            case "in_set" | "in_range":
                return f"count(*) FILTER ({self._inside(one, extract)})"
            case "mean":
                return f"sum({column})"
            case "newest":
                return f"max({column})"
        return ""

    def _inside(self, one: Expectation, extract: Extract) -> str:
        """Return the condition that a value is in its set or range."""
        column = sql.name(one.columns[0])
        if one.kind == "in_set":
            return f"lower(trim({column})) IN ({sql.texts(one.values)})"
        type_ = self.dataset.columns[one.columns[0]].duckdb_type
        conditions = [f"{column} IS NOT NULL"]
        if one.low is not None:
            conditions.append(f"{column} >= CAST('{one.low}' AS {type_})")
        if one.high is not None:
            conditions.append(f"CAST({column} AS {_whole_day(type_)}) <= CAST('{one.high}' AS {_whole_day(type_)})")
        if one.days_after_extract is not None:
            last = extract.entries[0].extracted_on + timedelta(days=one.days_after_extract)
            conditions.append(f"CAST({column} AS DATE) <= DATE '{last}'")
        return " AND ".join(conditions)

    def _share(self, one: Expectation, extract: Extract, now: _Counted) -> float | None:
        match one.kind:
            case "rejected":
                accepted, rejected = extract.rows, sum(entry.rows_rejected for entry in extract.entries)
                part, whole = rejected, accepted + rejected
            case "filled":
                part, whole = now.values[one.columns[0]], now.rows
            case "distinct":
                part, whole = now.more[one.figure]
            case _:
                part, whole = now.more[one.figure], now.values[one.columns[0]]
        return part / whole if whole >= self.minimum else None

    def _compare(
        self, one: Expectation, extract: Extract, before: Extract, now: _Counted, then: _Counted
    ) -> float | None:
        column = one.columns[0] if one.columns else ""
        match one.kind:
            case "columns_lost":
                return len(self._lost(one, now, then))
            case "rows":
                return now.rows / then.rows if extract.is_full and before.is_full else None
            case "keys_vanished":
                if not (extract.is_full and before.is_full):
                    return None
                keys, gone = self._keys(before), self._vanished(extract, before)
                return sql.scalar(self.connection, f"SELECT count(*) FROM ({gone})") / sql.scalar(
                    self.connection, f"SELECT count(*) FROM (SELECT DISTINCT * FROM ({keys}))"
                )
            case "mean":
                if min(now.values[column], then.values[column]) < self.minimum or not then.more[one.figure]:
                    return None
                means = [counted.more[one.figure] / counted.values[column] for counted in (now, then)]
                return float(means[0] / means[1])
        newest, previous = now.more[one.figure], then.more[one.figure]
        if newest is None or previous is None or now.values[column] < self.minimum:
            return None
        return float((newest - previous) / timedelta(days=1))

    def _lost(self, one: Expectation, now: _Counted, then: _Counted) -> list[str]:
        """Return the columns that are now empty, but had enough values in the previous extract."""
        return [
            column
            for column, count in now.values.items()
            if not count and column not in one.columns and then.values[column] * now.rows >= self.minimum * then.rows
        ]

    def _keys(self, extract: Extract) -> str:
        return f"SELECT {', '.join(map(sql.name, self.dataset.key))} FROM {extract.relation(self.schema)}"

    def _vanished(self, extract: Extract, before: Extract) -> str:
        return f"{self._keys(before)} EXCEPT {self._keys(extract)}"  # unlike a join it treats null as equal to null

    def examples(self, one: Expectation, extract: Extract, before: Extract | None) -> list[str]:
        """Return a few values that show where to look; empty if the figure is enough."""
        rows, column = extract.relation(self.schema), sql.name(one.columns[0]) if one.columns else ""
        match one.kind:
            case "rejected":
                units = sql.texts(str(path) for path in extract.paths)
                row = "concat(file_name, ' row ', row_number, ': ', reason, '; ', remedy)"
                first = f"arg_min({row}, (file_name, row_number))"
                group = f"concat(count(*), ' in ', coalesce(column_name, 'no column'), ', first ', {first})"
                query = f"SELECT {group} AS value FROM rejects WHERE unit IN ({units}) GROUP BY column_name "
                query += "ORDER BY count(*) DESC, column_name"
            case "columns_lost":
                assert before
                return self._lost(one, self._count(extract), self._count(before))
            case "keys_vanished":
                assert before
                key = ", ".join(f"CAST({sql.name(c)} AS VARCHAR)" for c in self.dataset.key)
                query = f"SELECT concat_ws(' ', {key}) AS value FROM ({self._vanished(extract, before)}) ORDER BY ALL"
            case "in_set" | "in_range":
                outside = f"{column} IS NOT NULL AND NOT ({self._inside(one, extract)})"
                query = f"SELECT {column} AS value FROM {rows} WHERE {outside} GROUP BY 1 ORDER BY count(*) DESC, 1"
            case "distinct":
                complete, value = _together(one)
                shown = ", ".join(f"CAST({sql.name(c)} AS VARCHAR)" for c in one.columns)
                query = (
                    f"SELECT concat_ws(' ', {shown}) AS value FROM {rows} WHERE {complete} GROUP BY {value}, 1 "
                    "HAVING count(*) > 1 ORDER BY count(*) DESC, 1"
                )
            case _:
                return []
        found = self.connection.execute(f"SELECT CAST(value AS VARCHAR) FROM ({query})").fetchmany(EXAMPLES)
        return [textwrap.shorten(row[0], LENGTH, placeholder=" …") for row in found]


def _together(one: Expectation) -> tuple[str, str]:
    """Return the condition that all columns have a value, and the values as one."""
    names = [sql.name(column) for column in one.columns]
    return " AND ".join(f"{name} IS NOT NULL" for name in names), f"({', '.join(names)})" if names[1:] else names[0]


def _whole_day(type_: str) -> str:
    return "DATE" if type_ == "TIMESTAMP" else type_
