"""Each bad input gets a message with file, place and remedy, and does not affect other input."""

import gzip
import json
import re

import pytest

GOOD = "deal_id,stage\nD1,won\n"
ROWS = "deal_id,stage,amount,won_on,channel,is_deleted\n"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("deals/a_2026-04-01.csv", "deal_id,stagee\nD1,won\n", ["lacks the required column stage", "stagee"]),
        ("deals/a_2026-04-01.csv", "deal_id,stage\nD1,受注\n".encode("cp932"), ["line 2", "cp932", "CSV UTF-8"]),
        ("deals/a_2026-04-01.csv", "", ["is empty", "Deliver it again"]),
        ("deals/a_2026-04-01.csv.gz", gzip.compress(b"", mtime=0), ["is empty"]),
        ("deals/a_2026-04-01.csv", "D1,won\nD2,lost\n", ["no column of deals", "“D1, won”", "first line"]),
        ("deals/a_2026-04-01.csv", "deal_id,stage,x,X\nD1,won,1,2\n", ["column X twice", "3 and 4"]),
        ("deals/a_2026-04-01.csv.gz", b"no gzip", ["gzip"]),
        ("deals/a_2026-04-01.csv.gz", gzip.compress(GOOD.encode() * 99, mtime=0)[:-9], ["gzip"]),
        ("deals/a_2026-04-01.parquet", b"PAR1 no parquet", ["cannot be read as Parquet"]),
        ("deals/a_2026-04-01.xlsx", b"PK", ["CSV UTF-8"]),
        ("deals/a_2026-04-01.pdf", b"%PDF", ["not a data file", ".csv"]),
        ("deal/a_2026-04-01.csv", GOOD, ["deal is no dataset", "did you mean deals?"]),
        ("deals.csv", GOOD, ["lies in no dataset's folder", "did you mean deals?"]),
        ("deals/a_2026-02-30.csv", GOOD, ["2026-02-30", "no day of the calendar"]),
        ("deals/a_2026-04-01_2026-04-02.csv", GOOD, ["two dates"]),
    ],
)
def test_file_is_refused_and_others_go_on(desk, name, content, expected):
    desk.land(name, content)
    desk.land("deals/good_2026-04-02.csv", GOOD)
    result = desk.load()
    (refused,) = result.refused
    assert refused.file_name == name
    assert all(words in refused.message for words in [name, *expected]), refused.message
    assert [row[0] for row in desk.query("SELECT deal_id FROM raw_deals")] == ["D1"]
    assert desk.query("SELECT count(*) FROM loads WHERE status = 'refused' AND message <> ''") == [(1,)]
    # It is tried again, but recorded once in the ledger.
    assert len(desk.load().refused) == 1
    assert desk.query("SELECT count(*) FROM loads WHERE status = 'refused'") == [(1,)]


def test_folder_named_like_a_file(desk):
    (desk.home.landing / "deals" / "a_2026-04-01.csv").mkdir(parents=True)
    desk.land("deals/good_2026-04-01.csv", GOOD)
    assert "is a folder, but is named like a data file" in desk.load().refused[0].message
    assert len(desk.lake()) == 1


def test_refused_file_is_loaded_after_it_is_corrected(desk):
    desk.land("deals/a_2026-04-01.csv", "deal_id\nD1\n")
    assert desk.load().refused
    desk.land("deals/a_2026-04-01.csv", GOOD)
    assert not desk.load().refused
    assert len(desk.lake()) == 1


def test_hidden_files_are_ignored(desk):
    for name in ("deals/.DS_Store", "deals/~$a.xlsx", ".hidden/a.csv", "deals/Thumbs.db"):
        desk.land(name, "x")
    assert desk.load().files == ()


@pytest.mark.parametrize(
    ("row", "column", "value", "reason", "remedy"),
    [
        ('D1,won,"1,234,000円",,,', "amount", "1,234,000円", "not a number", "write 1234000, or state the unit"),
        ("D1,won, - ,,,", "amount", " - ", "not a number", "where it means zero"),
        ("D1,won,.,,,", "amount", ".", "not a number", "plain number"),
        ("D1,won,abc,,,", "amount", "abc", "not a number", "plain number"),
        ("D1,won,,2025-02-30,,", "won_on", "2025-02-30", "no day of the calendar", "YYYY-MM-DD"),
        ("D1,won,,4/1/25,,", "won_on", "4/1/25", "not a date", "dates:"),
        ("D1,won,,epoch,,", "won_on", "epoch", "not a date", "YYYY-MM-DD"),
        ("D1,won,,2025-04-01abc,,", "won_on", "2025-04-01abc", "not a date", "YYYY-MM-DD"),
        ("D1, ,,,,", "stage", " ", "required, and empty", "fill stage"),
        ("D1,won,,,Resell,", "channel", "Resell", "not one of direct, resale", "resale is the closest"),
        ("D1,won,,,,maybe", "is_deleted", "maybe", "neither true nor false", "true or false"),
    ],
)
def test_bad_cell_rejects_its_row_whole(desk, row, column, value, reason, remedy):
    desk.land("deals/a_2026-04-01.csv", f"{ROWS}D0,won,1,,,\n{row}\nD2,won,2,,,\n")
    result = desk.only()
    assert (result.read, result.accepted, result.rejected) == (3, 2, 1)
    ((number, *found),) = desk.rejected()
    assert (number, found[0], found[1]) == (2, column, value)
    assert reason in found[2]
    assert remedy in found[3]
    (raw,) = desk.query("SELECT raw_row FROM rejected")[0]
    assert json.loads(raw)[column] == value
    assert [r[0] for r in desk.query("SELECT row_number FROM raw_deals ORDER BY 1")] == [1, 3]


def test_every_reason_of_a_row_is_reported(desk):
    desk.land("deals/a_2026-04-01.csv", f"{ROWS},won,x,2025-13-01,,\n")
    desk.load()
    ((_, column, _, reason, _),) = desk.rejected()
    assert column == "deal_id"
    assert all(name in reason for name in ("deal_id:", "amount:", "won_on:"))


def test_integer_is_not_rounded(desk):
    desk.land("customers/a_2026-04-01.csv", "customer_id,customer_name,employee_count\n1,a,12.5\n2,b,12.0\n3,c,0x1F\n")
    desk.load()
    assert desk.query("SELECT customer_id, employee_count FROM raw_customers") == [("2", 12)]
    assert {(r[0], r[1]) for r in desk.rejected()} == {(1, "employee_count"), (3, "employee_count")}


def test_unclosed_quote_rejects_only_its_own_line(desk):
    content = 'deal_id,stage,deal_name\nD1,won,a\nD2,won,"b\nD3,won,c\nD4,won,"d\ne"\nD5,won\nD6,won,"x"y\nD7,won,g\n'
    desk.land("deals/a_2026-04-01.csv", content)
    result = desk.only()
    assert (result.read, result.accepted, result.rejected) == (7, 4, 3)
    rows = desk.query("SELECT row_number, deal_id, deal_name FROM raw_deals ORDER BY 1")
    assert rows == [(1, "D1", "a"), (3, "D3", "c"), (4, "D4", "d\ne"), (7, "D7", "g")]
    found = desk.query("SELECT row_number, reason, raw_row FROM rejected ORDER BY 1")
    assert [row[0] for row in found] == [2, 5, 6]
    assert "not closed" in found[0][1]
    assert json.loads(found[0][2]) == {"_line": 'D2,won,"b'}
    assert "2 values where the header has 3" in found[1][1]
    assert "follows a closing quote" in found[2][1]


def test_two_unclosed_quotes_do_not_swallow_the_lines_between(desk):
    """DuckDB reads this as one valid record of three lines."""
    desk.land("deals/a_2026-04-01.csv", 'deal_id,stage,deal_name\nD1,won,"a\nD2,won,b\nD3,won,"\nD4,won,d\n')
    result = desk.only()
    assert (result.read, result.accepted, result.rejected) == (4, 2, 2)
    assert [row[0] for row in desk.query("SELECT deal_id FROM raw_deals ORDER BY 1")] == ["D2", "D4"]


def test_malformed_json_line_is_a_rejected_row(desk):
    desk.land(
        "deals/a_2026-04-01.jsonl", '{"deal_id":"D1","stage":"won"}\n{"deal_id":\n[1]\n\n{"deal_id":"D2","stage":"x"}\n'
    )
    result = desk.only()
    assert (result.read, result.accepted, result.rejected) == (4, 2, 2)
    assert [row[0] for row in desk.query("SELECT row_number FROM raw_deals ORDER BY 1")] == [1, 4]
    assert all("JSON object" in row[3] for row in desk.rejected())


def test_a_truncated_json_document_is_refused_and_an_odd_record_is_rejected(desk):
    desk.land("deals/a_2026-04-01.json", '{"records": [{"deal_id": "D1", "stage": "won"}, {"deal_id"')
    assert re.search("cannot be read as JSON: .*end of data.*Deliver the file again", desk.only().message)
    desk.land("deals/a_2026-04-01.json", '{"records": [{"deal_id": "D1", "stage": "won"}, 7]}')
    result = desk.only()
    assert (result.read, result.accepted, result.rejected) == (2, 1, 1)


def test_nothing_in_a_file_is_executed_as_sql(desk):
    name = "x'); DROP TABLE rejects; --"
    desk.land("deals/a'b [1]_2026-04-01.csv", f'deal_id,stage,amount,"{name}"\nD1,won,1,"\'; SELECT 1"\nD2,won,x,y\n')
    result = desk.only()
    assert (result.accepted, result.rejected) == (1, 1)
    ((extra,),) = desk.query("SELECT extra_columns FROM raw_deals")
    assert json.loads(extra) == {name: "'; SELECT 1"}


def test_a_broken_line_in_a_file_of_mostly_empty_columns(desk):
    """DuckDB reads the valid rows again; its guesses at types failed on two thousand empty values."""
    lines = [f"D{i},won,,,,\n" for i in range(3000)]
    lines[1500] = "D1500,won\n"
    desk.land("deals/a_2026-04-01.csv", ROWS + "".join(lines))
    result = desk.only()
    assert (result.status, result.accepted, result.rejected) == ("loaded", 2999, 1)
    ((number, *_, reason, _),) = desk.rejected()
    assert (number, reason) == (1501, "2 values where the header has 6 columns")


def test_a_record_longer_than_the_default_limit_of_duckdb(desk):
    desk.land("deals/a_2026-04-01.csv", f"deal_id,stage,deal_name\nD1,won,{'x' * 3_000_000}\nD2,won\nD3,won,y\n")
    result = desk.only()
    assert (result.accepted, result.rejected) == (2, 1)
    assert desk.query("SELECT deal_id, length(deal_name) FROM raw_deals ORDER BY 1") == [("D1", 3_000_000), ("D3", 1)]


def test_every_row_bad(desk):
    desk.land("deals/a_2026-04-01.csv", "deal_id,stage,amount\nD1,won,x\nD2,won,y\n")
    result = desk.only()
    assert (result.accepted, result.rejected) == (0, 2)


def test_a_total_line_and_a_japanese_amount_get_a_remedy_with_the_setting(desk):
    desk.land("deals/a_2026-04-01.csv", "deal_id,stage,amount\n, 合計 ,5\nD1,won,△200\nD2,won,3千円\nD3,,5\n")
    remedies = desk.load() and [row[0] for row in desk.query("SELECT remedy FROM rejected ORDER BY row_number")]
    assert remedies == [
        "fill deal_id; a total is no record: state `footer: 合計` in a mapping",
        "write -200, or state the unit under `amounts:` in a mapping",
        "write a plain number such as 1234.5, or state the unit under `amounts:` in a mapping",
        "fill stage",
    ]
