"""Makes files by structure from valid ones, spoils them, loads many at once, and checks what must hold for each.

Text files, JSON, Parquet and workbooks of every dataset land under good and bad names; others, and their mappings, are
made for sources of a mapping. A round is one home and one process, so that a process that is lost names its round.

Run: python -m tests.fuzz --count 100000 --seed 1
"""

import argparse
import copy
import csv
import gzip
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import yaml

from orchestration import cli, sql
from orchestration.contract import Column, Dataset, load_contract
from orchestration.errors import KyotenError, is_control
from orchestration.home import Home
from orchestration.lake import batch, ledger
from orchestration.lake.ingest import ingest
from orchestration.sources.mapping import load_mapping
from tests.ingest import workbooks

SIZES = (400, 120)  # files of a round: landing files, and files and mappings of mapped sources
DAYS = [date(2026, 4, 1) + timedelta(days=30 * month) for month in range(2)]
SECONDS = 600  # of CPU, after which a round counts as lost; or ten times as long on the clock
LANDS = ("csv", "csv", "csv", "csv", "csv", "tsv", "csv.gz", "json", "json.gz", "jsonl", "jsonl", "parquet", "parquet")
MAPS = (*LANDS, "txt")
OTHER_BOOKS = ("xls", "xlsb", "ods")
BOOK = 0.03  # the share of workbooks: each takes as long as twenty text files

ODD_TEXTS = [
    "", " ", "\u3000", "NULL", "null", "-", "0", "-0", "1e999", "NaN", "inf", "9", "1,234", "１２３", "△1,000円",
    "¥5", "50%", "1.5", ".", "3千円", "true", "はい", "2026-02-30", "0000-00-00", "9999-12-31", "294247-01-10",
    "-1-01-01", "infinity", "2026-04-01T10:00:00+99:00", "2026-04-01 25:00", "R8.4.1", "46113", "1774969200000",
    "=cmd|'/C calc'!A0", "+1+1", "@SUM(A1)", "<script>alert(1)</script>", "[/x]", "[red]",
    "'; DROP TABLE rejects; --", '"', '""', "'", "\\", "\\N", "a\nb", "a\rb", "a\r\nb", "\t", "a,b", "a;b", "\0",
    "a\0b", "\x1a", "\x1b[31m", "\ufeff", "\u202eabc", "\u200b", "が", "か\u3099", "髙㈱①", "🙂", "\U0010fffd",
    "合計", "小計", "Total", "以上", "※注", "Copyright", "#N/A", "#REF!", "1.23E+11", '="0012"', "x", "{}", "[]",
    "{x}", "%s", "{0}", "$1", "${HOME}", "../../etc/passwd", "DIRECT", "withdrawn", "00Q000000000001",
    "{01234567-89AB-CDEF-0123-456789ABCDEF}",
]  # fmt: skip
ODD_NAMES = [
    "", " ", "deal_id", "DEAL_ID", "Deal ID", "stage", "_row_number", "_file_name", "_file_sha256", "row_number",
    "file_name", "loaded_at", "extracted_on", "source_name", "extra_columns", "c0", "c1", "x0", "number", "line",
    "filename", "rowid", "a.b", "a/b", "a~b", 'a"b', "a'b", "a\nb", "a\0b", "\ufeffdeal_id", "案件ID",
    "ｄｅａｌ＿ｉｄ", "select", "x", "1", "1.5", "<b>", "[/x]", "\x1b[31m", "column 1", "🙂", "=1+1", "_line",
    "か\u3099", "が", "$", "*", "%", "Σ", "ς", "İ", "ß", "SS",
]  # fmt: skip
ENCODINGS = ["utf-8-sig", "cp932", "utf-16", "utf-16-le", "utf-32", "latin-1", "euc-jp", "iso2022_jp", "utf-7"]
# What precedes the ending of a name.
STEMS = [
    "d_2026-04-01", "d_20260401", "d 2026年4月1日", "d_2026.04.01", "d", "d_2026-02-30", "d_1970-01-01",
    "d_2999-01-01", "d_2026-04-01_2026-05-01", "d_2026-04-01_r2", "d_2026-04-01_r0",
    "d_2026-04-01_r99999999999999999999", "[d]_2026-04-01", "d*?_2026-04-01", "d'_2026-04-01", 'd"_2026-04-01',
    "d;_2026-04-01", "d%s{}_2026-04-01", "d\\_2026-04-01", "-d_2026-04-01", "d\n_2026-04-01",
    "d\x1b[31m_2026-04-01", "\u202ed_2026-04-01", "🙂_2026-04-01", "か\u3099_2026-04-01", "$(x)_2026-04-01",
    "=d_2026-04-01", "<b>_2026-04-01", "[/x]_2026-04-01", ".d_2026-04-01", "~$d_2026-04-01", " d_2026-04-01 ", "d",
    "d__2026-04-01", "d.csv_2026-04-01", "null_2026-04-01", "d,e_2026-04-01",
]  # fmt: skip
ODD_ENDINGS = [
    "", "CSV", "Csv", "txt", "xls", "xlsb", "ods", "zip", "csv.zip", "csv.bak", "gz", "xlsx.gz", "parquet.gz",
    "ndjson", "xml", "csv.csv", "json.csv", "tsv.gz", "jsonl.gz", "PARQUET", "pdf",
]  # fmt: skip


@dataclass
class Table:
    """A file's names and rows, and whether each row is a record that a reader can count."""

    names: list[str]
    rows: list[list[Any]]
    is_countable: bool = True


@dataclass
class Made:
    """A file as it lands: its content, and the number of its records where that is certain."""

    content: bytes
    ending: str
    records: int | None = None


@dataclass
class Tally:
    """What came of the files of a round."""

    files: Counter[str] = field(default_factory=Counter)  # by outcome
    formats: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    mappings: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.files += other.files
        self.formats += other.formats
        self.rows += other.rows
        self.mappings += other.mappings


# Valid tables


def value(chance: random.Random, column: Column, number: int) -> str:
    """Return a valid value of a column."""
    day = f"20{chance.randint(20, 26)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    return {
        "date": day,
        "timestamp": f"{day} {chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00",
        "integer": str(chance.randint(0, 999)),
        "boolean": chance.choice(["true", "false"]),
        "enum": chance.choice(column.values or ("",)),
        "text": chance.choice(
            [f"{column.name[:1].upper()}{number}", "won", "株式会社みなと", "東京 支店", "a@example.com"]
        ),
    }.get(column.type, f"{chance.randint(0, 10**6)}.{chance.randint(0, 99):02}")


def table(chance: random.Random, dataset: Dataset, mark: str) -> Table:
    """Return valid rows of a dataset with keys of their own."""
    share = chance.choice([0, 0.1, 0.2, 0.3, 1]) if chance.random() < 0.5 else 0.15
    columns = [c for c in dataset.columns.values() if c.required or c.name in dataset.key or chance.random() < share]
    chance.shuffle(columns)
    rows = [
        [
            f"{mark}-{number}" if c.type == "text" and c.name in dataset.key else value(chance, c, number)
            for c in columns
        ]
        for number in range(chance.choice([0, 1, 1, 2, 3, 5, 9]))
    ]
    return Table([c.name for c in columns], rows)


def spoil_table(chance: random.Random, it: Table) -> None:
    """Change names, cells or rows."""
    kind = chance.randrange(16)
    at = chance.randrange(len(it.names)) if it.names else 0
    if kind < 6 and it.rows and it.names:
        for _ in range(chance.choice([1, 1, 2, 8])):
            row = chance.choice(it.rows)
            if row:
                row[chance.randrange(len(row))] = chance.choice(ODD_TEXTS)
        it.is_countable = False  # a cell may end a line or make it a total
    elif kind == 6 and it.names:
        it.names[at] = chance.choice(ODD_NAMES)
    elif kind == 7:
        it.names.append(chance.choice(ODD_NAMES))
        for row in it.rows:
            row.append(chance.choice(ODD_TEXTS))
        it.is_countable = False
    elif kind == 8 and it.names:
        del it.names[at]
        for row in it.rows:
            del row[at : at + 1]
        it.is_countable = bool(it.names) and it.is_countable
    elif kind == 9 and it.names:
        it.names[at] = chance.choice(it.names).swapcase()
    elif kind == 10 and it.rows:
        it.rows.append(list(chance.choice(it.rows)))
        it.is_countable = False
    elif kind == 11:
        width = chance.choice([0, 1, len(it.names), len(it.names) + 1])
        it.rows.insert(chance.randint(0, len(it.rows)), [""] * width)
        it.is_countable = False
    elif kind == 12:
        word = chance.choice(["合計", "小計", "Total", "以上", "※", "P1 計", "平均", "2件"])
        it.rows.append([word, *(chance.choice(["", "0", "10"]) for _ in it.names[1:])])
        it.is_countable = False
    elif kind == 13:
        it.rows.insert(chance.randint(0, len(it.rows)), list(it.names))
        it.is_countable = False
    elif kind == 14 and it.rows:
        row = chance.choice(it.rows)
        row[:] = row[: chance.randint(0, len(row))] if chance.random() < 0.5 else [*row, "x", ""]
        it.is_countable = False
    else:
        it.rows = []


# Files of a table


def as_csv(chance: random.Random, it: Table, delimiter: str, **dialect: Any) -> bytes:
    out = io.StringIO(newline="")
    ends = chance.choice(["\n", "\n", "\n", "\r\n", "\r\n", "\r"])
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ends, quoting=quoting, **dialect)
    writer.writerow(it.names)
    writer.writerows(it.rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def as_records(chance: random.Random, it: Table) -> list[Any]:
    def cell(text: Any) -> Any:
        if chance.random() < 0.9:
            return text
        it.is_countable = False
        return chance.choice([None, 1, 1.5, True, [], {}, [text], {"a": text, "": 1}, float("nan"), 10**30, "\ud800"])

    return [{name: cell(text) for name, text in zip(it.names, row, strict=False)} for row in it.rows]


def as_json(chance: random.Random, it: Table, *, lines: bool) -> bytes:
    records = as_records(chance, it)
    if lines:
        return "".join(json.dumps(one, ensure_ascii=chance.random() < 0.5) + "\n" for one in records).encode(
            "utf-8", "surrogatepass"
        )
    shape = chance.randrange(12)
    document: Any = records
    if shape in (1, 2):
        document = {("records", "results")[shape - 1]: records, "next": None}
    elif shape > 7:
        it.is_countable = False
        nested: Any = 1
        for _ in range(chance.choice([2, 50, 900])):
            nested = [nested]
        document = chance.choice(
            [{str(i): one for i, one in enumerate(records)}, records[0] if records else None, {"records": None},
             [records], [*records, None, 1, "x"], "x", nested, {"results": records, "records": records}]
        )  # fmt: skip
    return json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


TYPES = [
    "DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIME", "INTERVAL", "DECIMAL(38,10)", "DOUBLE", "FLOAT", "BIGINT",
    "HUGEINT", "UBIGINT", "TINYINT", "BOOLEAN", "BLOB", "UUID", "VARCHAR[]", "STRUCT(a VARCHAR, b INTEGER)",
    "MAP(VARCHAR, VARCHAR)", "BIT", "JSON",
]  # fmt: skip


def as_parquet(chance: random.Random, it: Table, connection: duckdb.DuckDBPyConnection, folder: Path) -> bytes:
    names: list[str] = []
    for i, name in enumerate(it.names):  # DuckDB writes no file with two columns of one name
        taken = {one.lower() for one in names}
        names.append(
            name if name and name.lower() not in taken and "\0" not in name else f"{name[:20]}_{i}".replace("\0", "")
        )
    if not names:
        names = ["x"]
    types = [chance.choice(TYPES) if chance.random() < 0.15 else "VARCHAR" for _ in names]
    rows = [[*row, *([None] * len(names))][: len(names)] for row in it.rows] or [[None] * len(names)]
    listed = ", ".join(
        f"TRY_CAST({sql.name(f'v{i}')} AS {type_}) AS {sql.name(name)}"
        for i, (name, type_) in enumerate(zip(names, types, strict=True))
    )
    clean = [[str(one).encode("utf-8", "replace").decode() if one is not None else None for one in row] for row in rows]
    given = f"({sql.rows(clean)}) AS t({', '.join(sql.name(f'v{i}') for i in range(len(names)))})"
    path = folder / "made.parquet"
    sql.copy(connection, f"SELECT {listed} FROM {given} WHERE {'true' if it.rows else 'false'}", path)
    return path.read_bytes()


def as_workbook(chance: random.Random, it: Table) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    clean = [
        [("".join(c for c in str(one) if c in "\n\t" or ord(c) > 31))[:3000] for one in row]
        for row in (it.names, *it.rows)
    ]
    for row in clean:
        sheet.append(
            [float(one) if one.isdecimal() and len(one) < 15 and chance.random() < 0.5 else one for one in row]
        )
    kind = chance.randrange(12)
    if kind == 0 and len(it.rows) > 1:
        sheet.merge_cells(start_row=2, end_row=3, start_column=1, end_column=chance.choice([1, 2]))
    elif kind == 1:
        sheet["B2"] = chance.choice(["=1+1", "=A1", date(2026, 4, 1), True, "#N/A", 1e300, 0.1])
    elif kind == 2:
        sheet["A2"].number_format = chance.choice(["0000", "#,##0,", '#,##0"千円"', "[>1]0;-0", "@", "yyyy", ";;;"])
    elif kind == 3:
        book.create_sheet("first", 0).append(["x"])
        book.worksheets[0].sheet_state = chance.choice(["hidden", "visible", "veryHidden"])
    elif kind == 4:
        sheet.delete_rows(1, 99)
    elif kind == 5:
        sheet.cell(chance.choice([5, 3000]), chance.choice([3, 200]), "far")
    elif kind == 6:
        sheet.title = chance.choice(["案件", "<b>", "a'b", "x" * 31])
    if kind < 7:
        it.is_countable = False
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_other_workbook(chance: random.Random, it: Table, ending: str) -> bytes:
    """Return a workbook of Excel 97, a binary one, or one of LibreOffice."""
    clean = [["".join(c for c in str(one) if ord(c) > 31)[:200] for one in row] for row in (it.names, *it.rows)]
    rows = [[int(one) if one.isdecimal() and len(one) < 9 else one for one in row] for row in clean]
    it.is_countable = False
    return getattr(workbooks, ending)(rows, [chance.choice(["0000", "#,##0,", "#,##0"])])


def spoil_bytes(chance: random.Random, content: bytes) -> bytes:
    """Change bytes of a file: its encoding, its end, a part of it, or what it is packed in."""
    kind = chance.randrange(14)
    at = chance.randint(0, len(content))
    piece = chance.choice(
        [
            b"\0",
            b"\xff",
            b"\x1a",
            b'"',
            b"\n",
            b"\r",
            b",",
            b"\xef\xbb\xbf",
            "㈱".encode("cp932"),
            b"PK\x03\x04",
            b"{",
            b"]",
        ]
    )
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[at:]
    if kind == 2:
        return b""
    if kind == 3 and content:
        return (
            content[:at]
            + bytes(b ^ (1 << chance.randrange(8)) for b in content[at : at + chance.choice([1, 4])])
            + content[at + 4 :]
        )
    if kind in (4, 5):
        return content[:at] + piece + content[at:]
    if kind == 6:
        return content + piece * chance.choice([1, 100])
    if kind == 7:
        return content + content
    if kind == 8:
        return piece + content
    if kind in (9, 10):
        return content.decode("utf-8", "replace").encode(chance.choice(ENCODINGS), "replace")
    if kind == 11:
        return chance.choice([b"sep=;\n", b"sep=\t\r\n", b"\n\n", b"# x\n", b"\r\n", b" \n"]) + content
    if kind == 12:
        return gzip.compress(content)
    return chance.randbytes(chance.randint(1, 300))


def make(chance: random.Random, it: Table, ending: str, connection: duckdb.DuckDBPyConnection, folder: Path) -> Made:
    """Write a table in a format; one in three files is spoilt as bytes, too."""
    bare = ending.removesuffix(".gz")
    if bare == "parquet":
        content = as_parquet(chance, it, connection, folder)
    elif bare in ("json", "jsonl"):
        content = as_json(chance, it, lines=bare == "jsonl")
    elif bare == "xlsx":
        content = as_workbook(chance, it)
    elif bare in OTHER_BOOKS:
        content = as_other_workbook(chance, it, bare)
    else:
        content = as_csv(chance, it, "\t" if bare == "tsv" else ",")
    is_whole = chance.random() < 0.65
    content = content if is_whole else spoil_bytes(chance, content)
    if ending.endswith(".gz"):
        content = gzip.compress(content, mtime=0)
        if chance.random() < 0.1:
            content, is_whole = spoil_bytes(chance, content), False
    is_countable = is_whole and it.is_countable and bool(it.names)
    return Made(content, ending, len(it.rows) if is_countable else None)


# Landing files


def land(path: bytes, content: bytes) -> bool:
    """Write a file; return whether the file system takes its name."""
    target = Path(os.fsdecode(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(content)
    except (OSError, ValueError):
        return False
    return True


def landed_round(
    chance: random.Random, home: Home, datasets: list[Dataset], number: int, tally: Tally
) -> dict[str, int]:
    """Land files of a round; return the records of those whose number is certain."""
    root, known = os.fsencode(home.landing), {}
    with duckdb.connect() as connection:
        for i in range(number):
            dataset = chance.choice(datasets)
            it = table(chance, dataset, f"K{i}")
            for _ in range(chance.choice([0, 1, 1, 2, 3])):
                spoil_table(chance, it)
            ending = "xlsx" if chance.random() < BOOK else chance.choice(LANDS)
            made = make(chance, it, ending, connection, home.root)
            stem, folder = f"f{i}_{chance.choice(DAYS)}", dataset.name
            if is_odd := chance.random() < 0.15:
                stem = f"{chance.choice(STEMS)}"
            if chance.random() < 0.05:
                ending, is_odd = chance.choice(ODD_ENDINGS), True
            if chance.random() < 0.03:
                folder, is_odd = (
                    chance.choice(["", "Deals", "deal", "x/y", f"{folder}/sub", "deals.csv", ".hidden", "[d]"]),
                    True,
                )
            name = os.fsencode(
                f"{stem}.{ending}".rstrip(".") if not stem.startswith("d" * 9) else f"{i}{stem}.{ending}"
            )
            if chance.random() < 0.02:
                name, is_odd = "受注".encode("cp932") + name, True
            if land(b"/".join(filter(None, [root, os.fsencode(folder), name])), made.content):
                tally.formats[ending if not is_odd else f"{made.ending}, odd name"] += 1
                if made.records is not None and not is_odd:
                    known[f"{folder}/{os.fsdecode(name)}"] = made.records
    return known


def good_files(home: Home, datasets: list[Dataset]) -> int:
    """Land a good file of each dataset and day; return their number."""
    for dataset in datasets:
        needed = [c for c in dataset.columns.values() if c.required or c.name in dataset.key]
        row = ["GOOD" if c.type == "text" else value(random.Random(1), c, 0) for c in needed]
        for day in DAYS:
            text = ",".join(c.name for c in needed) + "\n" + ",".join(row) + "\n"
            land(os.fsencode(home.landing / dataset.name / f"good_{day}.csv"), text.encode())
    return len(datasets) * len(DAYS)


# Mapped sources

WORDS = ["Id", "Stage", "案件ID", "金額", "Close Date", "a.b", 'a"b', "x y", "段階"]
SQL_TEXTS = [
    "1", "NULL", "upper(Id)", "Id || 'x'", "CAST(Id AS INTEGER)", "nothing", "(", "count(*)", "error('x')",
    "random()", "Id;", "(SELECT max(Id) FROM d)", "unnest([1, 2])", "getvariable('won')", "'a''b'",
    "read_text('/etc/passwd')", "is_true(Id)", "normal_id(Id)", "try_strptime(Id, '%Q')", "1/0", "'['", "x -- y",
    "/* */", "row_number() over ()",
]  # fmt: skip


def source(chance: random.Random, folder: Path, name: str, connection: duckdb.DuckDBPyConnection, tally: Tally) -> Any:
    """Return a valid source of a mapping, and land its files."""
    contract = load_contract()
    dataset = contract.datasets[chance.choice(["deals", "deals", "partners", "branches", "reps", *contract.datasets])]
    it = table(chance, dataset, name)
    renamed = {column: chance.choice([column, f"{column} {chance.choice(WORDS)}"]) for column in it.names}
    it.names = [renamed[column] for column in it.names]
    ending = chance.choice(["xlsx", *OTHER_BOOKS]) if chance.random() < 3 * BOOK else chance.choice(MAPS)
    file: dict[str, Any] = {"pattern": f"d*.{ending}"}
    if chance.random() < 0.5:
        file["columns"] = {column: None for column in chance.sample(it.names, min(2, len(it.names)))}
    if chance.random() < 0.3:
        file["nulls"] = chance.choice([["NULL", "-"], {"*": ["x"]}, {chance.choice(it.names): ["-"]}])
    options = {"sheet": "Sheet", "footer": chance.choice([[], ["合計"]]), "prefixes": ["p_"], "suffixes": [".value"],
               "keyed_by": "key", "short_rows": True, "timezone": "UTC", "quote": "'", "delimiter": ";", "escape": "\\",
               "skip_rows": 1, "header_rows": 2, "header": list(it.names),
               "encoding": chance.choice(ENCODINGS)}  # fmt: skip
    file |= {key: options[key] for key in chance.sample(list(options), chance.choice([0, 0, 1, 1, 2]))}
    columns: dict[str, Any] = {column: None if of == column else of for column, of in renamed.items()}
    made: dict[str, Any] = {"from": "d", "columns": columns}
    optional = [c for c in dataset.columns.values() if not c.required and c.name not in renamed]
    if optional and chance.random() < 0.3:
        columns[chance.choice(optional).name] = f"= {chance.choice(SQL_TEXTS)}"
    if chance.random() < 0.2:
        made["where"] = chance.choice(["true", "1 = 1", "false", *SQL_TEXTS])
    if chance.random() < 0.2:
        made = {
            "query": chance.choice(
                ["SELECT * FROM d", f"SELECT DISTINCT {sql.name(it.names[0])} AS {dataset.key[0]} FROM d", "FROM d"]
            )
        }
    elif dates := [c.name for c in dataset.columns.values() if c.type in ("date", "timestamp") and c.name in renamed]:
        forms = chance.choice(["iso", ["%m/%d/%Y", "%d-%m-%y"], "ymd", "era", "excel", "epoch_ms", ["iso", "ymd"]])
        made |= {"dates": {chance.choice(dates): forms}} if chance.random() < 0.3 else {}
    if chance.random() < 0.2:
        made["values"] = {chance.choice(list(renamed)): {"won": "受注", "x": None}}
    one = {"path": str(folder), "extracted_on": "2026-04-01", "files": {"d": file}, "datasets": {dataset.name: made}}
    more = {"timezone": "America/New_York", "decimal": ",", "key_prefix": "p-", "shared_ids": ["partner_id"],
            "footer": ["Copyright"], "encoding": "cp932", "settings": {"won": ["x"]},
            "tables": {"t": "SELECT * FROM d"}}  # fmt: skip
    one |= {key: more[key] for key in chance.sample(list(more), chance.choice([0, 0, 1, 2]))}
    for part in range(chance.choice([1, 1, 2])):
        spoilt = copy.deepcopy(it)
        for _ in range(chance.choice([0, 0, 1, 1, 2])):
            spoil_table(chance, spoilt)
        content = make(chance, spoilt, ending, connection, folder.parent).content
        if ending in ("csv", "txt") and chance.random() < 0.8:  # written as the mapping says
            text = content.decode("utf-8", "replace").replace(",", str(file.get("delimiter", ",")))
            content = ("x\n" * int(file.get("skip_rows", 0)) + text).encode(
                str(file.get("encoding", one.get("encoding", "utf-8"))), "replace"
            )
        land(os.fsencode(folder / f"d{part}.{ending}"), content)
        tally.formats[f"{ending}, mapped"] += 1
    return one


def spoil_tree(chance: random.Random, tree: Any) -> None:
    """Change one place of a mapping: a key, a value, its kind, or its depth."""
    spots = list(_spots(tree))
    if not spots:
        return
    parent, key = chance.choice(spots)
    kind = chance.randrange(8)
    if kind == 0:
        del parent[key]
    elif kind == 1:
        parent[key] = chance.choice(
            [None, "", 1, 1.5, True, [], {}, [None], {"": ""}, [[]], {"x": {}}, "合計", -1, 10**20]
        )
    elif kind == 2:
        parent[key] = chance.choice([*ODD_TEXTS, *SQL_TEXTS, *ODD_NAMES, *ENCODINGS])
    elif kind == 3 and isinstance(parent, dict):
        parent[
            chance.choice([*ODD_NAMES, "deals", "columns", "nulls", "from", "query", "preset", "sql", "rest", "d"])
        ] = parent.pop(key)
    elif kind == 4:
        parent[key] = [parent[key]]
    elif kind == 5:
        parent[key] = {"d": parent[key]}
    elif kind == 6:
        other, of = chance.choice(spots)
        parent[key] = copy.deepcopy(other[of])
    elif isinstance(parent, dict):
        added = ["x", ["x"], {"x": ["y"]}, "delta", "d", {"amount": "千円"}, {"t": "SELECT 1"}]
        keys = ["nulls", "footer", "mode", "needs", "keyed_by", "sheet", "amounts", "inclusive_ends", "tables"]
        parent[chance.choice(keys)] = chance.choice(added)


def _spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    keys: Any = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _spots(tree[key])


def spoil_text(chance: random.Random, text: str) -> str:
    at, cut = chance.randint(0, len(text)), chance.choice([0, 1, 5, 40])
    put = chance.choice(
        [
            "&a ",
            "*a",
            "<<: *a",
            "{",
            "}",
            "[",
            ":",
            "\t",
            "- ",
            "!!python/object:x ",
            "%",
            "'",
            '"',
            "\0",
            "|",
            "? ",
            "#",
            "---\n",
        ]
    )
    return text[:at] + put + text[at + cut :]


def mapped_round(chance: random.Random, home: Home, number: int, tally: Tally) -> Path:
    """Make sources with their files; return the mapping with each source that can be read."""
    kept: dict[str, Any] = {}
    with duckdb.connect() as connection:
        made = 0
        while made < number:
            made += 2  # its file and its mapping
            name = f"s{made}"
            folder = home.root / "exports" / name
            folder.mkdir(parents=True)
            one = source(chance, folder, name, connection, tally)
            for _ in range(chance.choice([0, 0, 1, 1, 2])):
                spoil_tree(chance, one)
            text = yaml.safe_dump(
                {"sources": {name: one}}, allow_unicode=True, default_flow_style=chance.random() < 0.3
            )
            is_text = chance.random() < 0.3
            path = home.root / "one.yml"
            path.write_bytes((spoil_text(chance, text) if is_text else text).encode("utf-8", "surrogatepass"))
            try:
                load_mapping(path, home=home)
            except KyotenError as error:
                assert "one.yml" in str(error) and len(str(error)) < 3000, str(error)[:500]
                tally.mappings["an error with its line"] += 1
                continue
            tally.mappings["read"] += 1
            if not is_text:
                kept[name] = one
    folder = home.root / "exports" / "good"
    land(os.fsencode(folder / "d.csv"), b"Id,Stage\nGOOD,won\n")
    columns = {"deal_id": "Id", "stage": "Stage"}
    kept["good"] = {"path": str(folder), "extracted_on": "2026-04-01", "files": {"d": "d.csv"},
                    "datasets": {"deals": {"from": "d", "columns": columns}}}  # fmt: skip
    path = home.root / "all.yml"
    path.write_text(yaml.safe_dump({"sources": kept}, allow_unicode=True), encoding="utf-8")
    return path


# What must hold


def check(home: Home, sources: Path | None, known: dict[str, int], good: int, tally: Tally) -> None:
    """Load a round's files and check what must hold for each of them."""
    result = ingest(home, sources, progress=lambda line: None, expectations=None)
    for file in result.files:
        assert file.status in ("loaded", "refused", "repeat", "held"), file
        assert file.read + file.derived == file.accepted + file.rejected, file
        assert file.message or file.status == "loaded", file
        assert not any(c < " " for c in file.file_name), repr(file.file_name)
        assert len(file.message) < 4000, file.message[:4000]
        assert sql.FAULT not in file.message, file.message
        tally.files[file.status if file.dataset or file.status == "refused" else f"{file.status} by a mapping"] += 1
        tally.rows["read"] += file.read
        tally.rows["derived"] += file.derived
        tally.rows["accepted"] += file.accepted
        tally.rows["rejected"] += file.rejected
    with duckdb.connect() as connection:
        entries = [e for e in batch.State.of(ledger.read(connection, home)).loaded.values()]
        of_lake: Counter[str] = Counter()
        for path in (home.lake / "raw").rglob("*.parquet"):
            of_lake[str(path)] += connection.execute(f"SELECT count(*) FROM {sql.parquet([path])}").fetchall()[0][0]
        for entry in entries:
            tally.rows["not data"] += entry.rows_not_data or 0
            if entry.dataset:
                assert of_lake[str(ledger.lake_file(home, entry))] == entry.rows_accepted, entry
            if entry.source_name == "landing" and entry.file_name in known:
                found = entry.rows_read + (entry.rows_not_data or 0)
                assert found == known[entry.file_name], (known[entry.file_name], entry)
        rejected = connection.execute(
            f"SELECT count(*) FROM {sql.parquet((home.lake / 'rejected').glob('*.parquet'))}"
        ).fetchall()
        assert rejected[0][0] == sum(e.rows_rejected for e in entries), (rejected, "rejected rows are kept")
    loaded = [e for e in entries if "GOOD" in (e.file_name, e.source_name.upper()) or "/good_" in e.file_name]
    found = sum(e.rows_accepted == 1 and e.rows_rejected == 0 for e in loaded if e.dataset)
    assert found == good, f"{found} of {good} good files are loaded"


def check_command(home: Home, sources: Path | None, tally: Tally) -> None:
    """Run the command: it refuses the same files without a traceback, and returns 1."""
    arguments = ["--home", str(home.root), *(["--sources", str(sources)] if sources else []), "refresh", "--no-fetch"]
    with redirect_stderr(io.StringIO()) as errors, redirect_stdout(io.StringIO()):
        status = cli.main(arguments)
    assert status == 1 and "Not published." in errors.getvalue(), (status, errors.getvalue()[-2000:])
    told = set(errors.getvalue()) - set("\n\t")
    assert not any(map(is_control, told)), "a control character reaches the terminal"
    tally.files["commands"] += 1


def one_round(seed: int, number: int, count: int, root: Path) -> Tally:
    """Make and load the files of one round."""
    chance, tally, home = random.Random(f"{seed}/{number}"), Tally(), Home(root)
    home.landing.mkdir(parents=True)
    sources, known, good = None, {}, 1
    if number % 3 == 2:
        sources = mapped_round(chance, home, count, tally)
    else:
        datasets = chance.sample(list(load_contract().datasets.values()), 6)
        known, good = landed_round(chance, home, datasets, count, tally), good_files(home, datasets)
    land(os.fsencode(home.landing / "deals" / "empty_2026-04-01.csv"), b"")
    check(home, sources, known, good, tally)
    if number % 20 in (0, 2):
        check_command(home, sources, tally)
    return tally


def in_a_process(run: Callable[[], Tally]) -> Tally | str:
    """Run in a child process; return its tally, or what went wrong."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(10 * SECONDS)
        try:
            tally = run()
            answer = json.dumps([tally.files, tally.formats, tally.rows, tally.mappings])
        except BaseException:
            answer = json.dumps(traceback.format_exc())
        with os.fdopen(writer, "w") as out:
            out.write(answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        answer = answers.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status or not answer:
        return f"the process was lost (exit status {status})"
    told = json.loads(answer)
    return told if isinstance(told, str) else Tally(*map(Counter, told))


def rounds(count: int, sizes: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the number of each round and of its files: two rounds of landing files, then one of mapped sources."""
    number = 0
    while count > 0:
        size = min(count, sizes[number % 3 == 2])
        yield number, size
        count, number = count - size, number + 1


def fuzz(
    count: int,
    seed: int,
    *,
    sizes: tuple[int, int] = SIZES,
    only: int | None = None,
    say: Callable[[str], None] = print,
) -> tuple[Tally, list[str]]:
    """Load this many files and mappings; return what came of them, and what went wrong."""
    total, wrong = Tally(), []
    for number, size in rounds(count, sizes):
        if only is not None and number != only:
            continue
        root = Path(tempfile.mkdtemp(prefix="kyoten-fuzz-"))
        told = in_a_process(partial(one_round, seed, number, size, root / "home"))
        if isinstance(told, str):
            wrong.append(f"seed {seed}, round {number}, {root}: {told}")
            say(wrong[-1])
            continue
        shutil.rmtree(root)
        total.add(told)
    return total, wrong


def main() -> int:
    """Fuzz and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="files and mappings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, help="only this round")
    given = parser.parse_args()
    total, wrong = fuzz(given.count, given.seed, only=given.round)
    for title, counts in (
        ("formats", total.formats), ("outcome", total.files), ("rows", total.rows), ("mappings", total.mappings)
    ):  # fmt: skip
        print(f"{title}: {', '.join(f'{name} {number:,}' for name, number in sorted(counts.items()))}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    made = total.formats.total() + total.mappings.total()
    print(f"seed {given.seed}: {made:,} files and mappings, {len(wrong)} rounds went wrong, "
          f"{used.ru_utime + used.ru_stime:,.0f} CPU seconds")  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
