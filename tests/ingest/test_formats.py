"""The same content gives the same lake in every file format."""

import csv
import gzip
import io
import json
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

HEADER = ["deal_id", "stage", "amount", "created_at", "won_on", "is_deleted", "deal_name", "memo"]
ROWS = [
    ["D1", "won", "1234.5", "2026-04-01 00:10:00", "2026-04-01", "true", "株式会社ア「イ」", "x"],
    ["D2", "open", "", "2026-03-31T14:50:00Z", "", "false", 'a,b "c"', ""],
    ["D3", "lost", "-7", "2026-04-01", "2026/4/9", "", "two\nlines", "y,z"],
]


def delimited(delimiter: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([HEADER, *ROWS])
    return buffer.getvalue()


def jsonl() -> str:
    rows = [{k: v or None for k, v in zip(HEADER, row, strict=True)} for row in ROWS]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def parquet(tmp_path: Path) -> bytes:
    path = tmp_path / "x.parquet"
    text = tmp_path / "x.csv"
    text.write_text(delimited())
    duckdb.sql(f"COPY (FROM read_csv('{text}', all_varchar=true)) TO '{path}'")
    return path.read_bytes()


@pytest.mark.parametrize(
    "variant",
    [
        "bom",
        "crlf",
        "quoted",
        "no end",
        "blank lines",
        "gz",
        "tsv",
        "jsonl",
        "jsonl.gz",
        "list",
        "answer",
        "answers",
        "parquet",
        "bad mix",
    ],
)
def test_every_format_gives_the_same_rows(new_desk, tmp_path, variant):
    plain = delimited()
    listed = json.dumps([json.loads(row) for row in jsonl().splitlines()], ensure_ascii=False, indent=2)
    name, content = {
        "bom": ("csv", b"\xef\xbb\xbf" + plain.encode()),
        "crlf": ("csv", delimited(end="\r\n")),
        "quoted": ("csv", delimited(quoting=csv.QUOTE_ALL)),
        "no end": ("csv", plain.rstrip("\n")),
        "blank lines": ("csv", plain + "\n\n"),
        "gz": ("csv.gz", gzip.compress(plain.encode())),
        "tsv": ("tsv", delimited("\t")),
        "jsonl": ("jsonl", jsonl()),
        "jsonl.gz": ("jsonl.gz", gzip.compress(jsonl().encode())),
        "list": ("json", "\ufeff" + listed),
        "answer": ("json.gz", gzip.compress(f'{{"records": {listed}, "totalCount": "3"}}'.encode())),
        "answers": ("json", "".join(f'{{"results": [{row}]}}\n' for row in jsonl().splitlines())),
        "parquet": ("parquet", parquet(tmp_path)),
        "bad mix": ("csv", plain.replace("\n", "\r\n", 1)),
    }[variant]
    expected, found = new_desk(), new_desk()
    expected.land("deals/a_2026-04-01.csv", plain)
    found.land(f"deals/a_2026-04-01.{name}", content)
    for desk in (expected, found):
        result = desk.only()
        assert (result.read, result.accepted, result.rejected) == (3, 3, 0)
    apart = "loaded_at, file_sha256, file_name"
    assert found.lake(apart=apart) == expected.lake(apart=apart)


def test_values_are_typed(desk):
    desk.land("deals/a_2026-04-01.csv", delimited())
    desk.load()
    rows = desk.query(
        "SELECT created_at, won_on, amount, is_deleted, deal_name, extra_columns FROM raw_deals ORDER BY deal_id"
    )
    assert rows[0][:2] == (datetime(2026, 3, 31, 15, 10), date(2026, 4, 1))
    assert rows[1][:4] == (datetime(2026, 3, 31, 14, 50), None, None, False)
    assert rows[2][:2] == (datetime(2026, 3, 31, 15), date(2026, 4, 9))
    assert rows[2][4] == "two\nlines"
    assert [json.loads(r[5]) if r[5] else None for r in rows] == [{"memo": "x"}, None, {"memo": "y,z"}]


def test_the_business_time_zone_decides_local_times_and_dates(desk):
    desk.land(
        "deals/a_2026-04-01.csv", "deal_id,stage,created_at,won_on\nD1,won,2026-04-01 00:00,2026-03-31T22:00:00Z\n"
    )
    desk.load(timezone="Europe/Berlin")
    assert desk.query("SELECT created_at, won_on FROM raw_deals") == [(datetime(2026, 3, 31, 22), date(2026, 4, 1))]


def test_native_parquet_types(desk, tmp_path):
    duckdb.sql(
        f"""COPY (SELECT 7 AS deal_id, 'won' AS stage, 12.5::DOUBLE AS amount, DATE '2026-04-01' AS won_on,
        TIMESTAMP '2026-04-01 00:10:00' AS created_at, TIMESTAMPTZ '2026-04-01 00:00:00+00' AS updated_at,
        true AS is_deleted, DATE '2026-04-02' AS closed_on) TO '{tmp_path}/x.parquet'"""
    )
    desk.land("deals/a_2026-04-01.parquet", (tmp_path / "x.parquet").read_bytes())
    assert desk.only().accepted == 1
    row = desk.query("SELECT deal_id, amount, won_on, created_at, updated_at, is_deleted, row_number FROM raw_deals")[0]
    assert (row[0], float(row[1]), row[2], row[5], row[6]) == ("7", 12.5, date(2026, 4, 1), True, 1)
    assert row[3:5] == (datetime(2026, 3, 31, 15, 10), datetime(2026, 4, 1))


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_header_alone_is_an_extract_without_rows(desk, end):
    desk.land("deals/a_2026-04-01.csv", "deal_id,stage" + end)
    result = desk.only()
    assert (result.status, result.read, result.accepted) == ("loaded", 0, 0)
    assert desk.query("SELECT extracted_on, rows_accepted FROM loads") == [(date(2026, 4, 1), 0)]


def test_blank_is_null_and_text_is_trimmed(desk):
    desk.land(
        "deals/a_2026-04-01.csv", 'deal_id,stage,deal_name,amount\n D1\u3000,won,"\t\n x \t"," 5 "\nD2,won,\u3000, \n'
    )
    desk.load()
    rows = desk.query("SELECT deal_id, deal_name, amount FROM raw_deals ORDER BY 1")
    assert [(r[0], r[1]) for r in rows] == [("D1", "x"), ("D2", None)]
    assert [r[2] for r in rows] == [5, None]


def test_json_keys_that_are_no_sql_names(desk):
    desk.land("deals/a_2026-04-01.jsonl", '{"deal_id": "1", "stage": "won", "": "x"}\n')
    assert desk.only().accepted == 1
    assert desk.query("SELECT extra_columns FROM raw_deals")[0][0].endswith('":"x"}')
    desk.land("deals/b_2026-04-02.jsonl", '{"deal_id": "1", "stage": "won", "a\\u0000b": "x"}\n')
    assert "NUL character" in desk.only().message
