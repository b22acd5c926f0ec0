"""Writes the sample company's files: a dataset's rows of one extract, with the column names of the contract.

It handles formats and the order of columns; the other modules make the rows.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml

from orchestration.home import CONTRACT
from tools.sample import names
from tools.sample.calendar import iso

# Other formats than CSV, so that every demo uses each format.
FORMATS = {"reps": "csv.gz", "inquiries": "tsv", "leads_supplied": "jsonl"}
# A real system exports large event tables as Parquet.
LARGE = ("deal_stage_history", "deal_lines", "activities", "activity_attendees")
LARGE_FROM_DEALS = 200_000

COPY_OPTIONS = {
    "csv": "format csv, header",
    "csv.gz": "format csv, header, compression gzip",
    "tsv": "format csv, header, delimiter '\t'",
    "jsonl": "format json",
    "parquet": "format parquet, compression zstd, row_group_size 122880",
}
LAKE_TYPES = {
    "text": "varchar",
    "date": "date",
    "timestamp": "timestamp",
    "integer": "bigint",
    "decimal": "decimal(18, 4)",
    "decimal(8)": "decimal(18, 8)",
    "boolean": "boolean",
}


def sql_list(values: Iterable[str]) -> str:
    """Return texts as an SQL list literal for [1 + code]; code -1 gives null."""
    return "[" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + "]"


# DuckDB turns integer codes into readable ids and days into dates, so that Python processes no rows.
MACROS = f"""
create macro day_of(d) as case when d >= 0 then date '1970-01-01' + cast(d as integer) end;
create macro local_of(d, s) as case when d >= 0 then make_timestamp((d::bigint * 86400 + s) * 1000000) end;
create macro zulu_of(d, s) as
    case when d >= 0 then strftime(make_timestamp((d::bigint * 86400 + s - 32400) * 1000000), '%Y-%m-%dT%H:%M:%SZ') end;
create macro id_of(prefix, width, i) as case when i >= 0 then prefix || lpad(i::varchar, width, '0') end;
create macro deal_of(i) as case when i >= 0 then id_of('D', 8, i + 1) end;
create macro partner_of(i) as case when i >= 0 then id_of('P', 4, i + 1) end;
create macro branch_of(i) as case when i >= 0 then id_of('B', 5, i + 1) end;
create macro rep_of(i) as case when i >= 0 then id_of('R', 6, i + 1) end;
create macro customer_of(i) as case when i >= 0 then id_of('C', 7, i + 1) end;
create macro staff_of(i) as case when i >= 0 then id_of('S', 4, i + 1) end;
create macro product_of(i) as case when i >= 0 then id_of('PR', 2, i + 1) end;
create macro email_of(r, surname, p) as
    {sql_list(names.SURNAMES_LATIN)}[surname + 1] || '.' || lpad((r + 1)::varchar, 6, '0') || '@'
        || lower(partner_of(p)) || '.example';
create macro customer_name_of(c) as ['株式会社', '', '有限会社'][1 + c % 3]
    || {sql_list(names.CUSTOMER_WORDS)}[1 + c % {len(names.CUSTOMER_WORDS)}]
        || {sql_list(names.CUSTOMER_TRADES)}[1 + (c // {len(names.CUSTOMER_WORDS)}) % {len(names.CUSTOMER_TRADES)}]
        || case c % 3 when 1 then '株式会社' else '' end;
create macro slip_of(id, way) as case way when 0 then substr(id, 1, 1) || substr(id, 3)
    when 1 then substr(id, 1, 1) || 'O' || substr(id, 3) else id || right(id, 1) end;
create macro mailbox_of(b, p) as 'info-' || lower(branch_of(b)) || '@' || lower(partner_of(p)) || '.example';
"""

Columns = Mapping[str, Any]


def contract_columns() -> dict[str, dict[str, str]]:
    """Return dataset → column → type of the contract, without the mark of required values."""
    datasets = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["datasets"]
    return {name: {c: t.rstrip("!") for c, t in spec["columns"].items()} for name, spec in datasets.items()}


def key_columns() -> dict[str, list[str]]:
    """Return dataset → key columns of the contract."""
    datasets = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["datasets"]
    return {name: list(spec["key"]) for name, spec in datasets.items()}


def connect() -> duckdb.DuckDBPyConnection:
    """Return a database with the macros that make ids and names."""
    con = duckdb.connect()
    con.execute(MACROS)
    return con


def register(con: duckdb.DuckDBPyConnection, name: str, columns: Columns) -> None:
    """Register columns of equal length as a table in DuckDB: numpy numbers without a copy, texts as a copy."""
    if all(isinstance(values, np.ndarray) and values.dtype != object for values in columns.values()):
        con.register(name, dict(columns))
        return
    # Through JSON, because DuckDB's scan of Python objects checks every value for pandas' null values.
    plain = {c: values.tolist() if isinstance(values, np.ndarray) else list(values) for c, values in columns.items()}
    select = ", ".join(
        f"unnest(from_json(j -> '{c}', '[\"{json_type(values)}\"]')) as {c}" for c, values in plain.items()
    )
    con.execute(f"create or replace table {name} as select {select} from (select $1::json as j)", [json.dumps(plain)])


def json_type(values: list[Any]) -> str:
    """Return DuckDB's type for a column of Python values."""
    kinds = {type(value) for value in values} - {type(None)}
    return {frozenset({bool}): "BOOLEAN", frozenset({int}): "BIGINT", frozenset({float}): "DOUBLE"}.get(
        frozenset(kinds), "VARCHAR"
    )


@dataclass
class Writer:
    """Writes extracts below a folder and counts their rows."""

    con: duckdb.DuckDBPyConnection
    folder: Path
    size: int
    planted: Mapping[tuple[str, int], Sequence[Mapping[str, str]]]
    rows: dict[str, int] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=contract_columns)
    keys: dict[str, list[str]] = field(default_factory=key_columns)

    def extension(self, dataset: str) -> str:
        """Return the file format of a dataset."""
        if dataset in LARGE and self.size >= LARGE_FROM_DEALS:
            return "parquet"
        return FORMATS.get(dataset, "csv")

    def write(
        self, dataset: str, extract: int, query: str | None, part: int | None = None, ordered: bool = False
    ) -> None:
        """Write one extract: the query's rows and, in the first part, the planted rows.

        An `ordered` query already returns rows in the order of the key; the others are sorted here.
        """
        wanted = self.columns[dataset]
        extension = self.extension(dataset)
        as_type = {c: LAKE_TYPES.get(t, "varchar") if extension == "parquet" else "varchar" for c, t in wanted.items()}
        parts = []
        if query is not None:
            given = set(self.con.sql(query).columns)
            unknown = given - set(wanted)
            if unknown:
                raise ValueError(f"{dataset}: the contract has no column {sorted(unknown)}")
            select = ", ".join(f"cast({c if c in given else 'null'} as {t}) as {c}" for c, t in as_type.items())
            order = "" if ordered else " order by " + ", ".join(self.keys[dataset])
            parts.append(f"(select {select} from ({query}){order})")
        planted = self.planted.get((dataset, extract), []) if part in (None, 1) else []
        if planted:
            register(self.con, "planted", {c: [row.get(c) for row in planted] for c in wanted})
            select = ", ".join(f"cast({c} as {t}) as {c}" for c, t in as_type.items())
            parts.append(f"(select {select} from planted)")
        if not parts:
            return
        suffix = "" if part is None else f"_part{part:02d}"
        target = self.folder / dataset / f"{dataset}_{iso(extract)}{suffix}.{extension}"
        target.parent.mkdir(parents=True, exist_ok=True)
        name = str(target).replace("'", "''")
        self.con.execute(f"copy ({' union all '.join(parts)}) to '{name}' ({COPY_OPTIONS[extension]})")
        count = self.con.fetchone()
        self.rows[dataset] = self.rows.get(dataset, 0) + int(count[0] if count else 0)

    def write_rows(self, dataset: str, extract: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write one extract from rows made in Python, for datasets of a few hundred rows."""
        made = list(rows)
        if not made:
            return self.write(dataset, extract, None)
        register(
            self.con,
            "made",
            {c: [None if row.get(c) is None else text(row[c]) for row in made] for c in made[0]},
        )
        return self.write(dataset, extract, "select * from made")


def text(value: Any) -> str:
    """Return a value as text for a CSV."""
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)
