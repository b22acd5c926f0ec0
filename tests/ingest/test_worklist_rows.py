"""Rows that a person fills in and sends back: what is a decision, what is not yet one, and what a spreadsheet adds."""

import csv
import io
from pathlib import Path

import pytest

from orchestration.contract import load_contract
from orchestration.errors import KyotenError
from orchestration.home import CONTRACT
from orchestration.spreadsheet import safe_cell

HEADER = "deal_id,branch_id,rep_id,decided_by,decided_on,reason,evidence_hash,deal_name\n"
FILE = "attribution_overrides/filled in.csv"
DECIDED = "SELECT deal_id, branch_id FROM raw_attribution_overrides WHERE branch_id IS NOT NULL ORDER BY ALL"


def test_a_row_without_a_branch_is_counted_and_not_rejected(desk):
    desk.land(FILE, f"{HEADER}D1,,,,,,h1,案件\nD2,,,山田,,まだ不明,h2,\nD3,B1,,山田,2026/4/1,電話で確認,h3,\n")
    result = desk.only()
    assert (result.read, result.accepted, result.rejected, result.undecided) == (3, 3, 0, 2)
    assert desk.query("SELECT rows_undecided FROM loads") == [(2,)]
    assert desk.rejected() == []


def test_of_other_datasets_nothing_is_undecided(desk):
    desk.land("deals/2026-04-01.csv", "deal_id,stage\nD1,won\n")
    assert desk.only().undecided is None


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("D1,B1,,山田,,,h,", "reason"),
        ("D1,B1,,,,確認済み,h,", "decided_by"),
        ("D1,,,,,withdraw,h,", "decided_by"),
        ("D1,,R1,,,確認済み,h,", "decided_by"),
        ("D1,,R1,山田,,,h,", "reason"),
    ],
)
def test_a_decision_needs_a_name_and_a_reason(desk, row, column):
    desk.land(FILE, f"{HEADER}{row}\nD2,B1,,山田,,確認済み,h,\n")
    result = desk.only()
    assert (result.accepted, result.rejected, result.undecided) == (1, 1, 0)
    ((number, named, _, reason, remedy),) = desk.rejected()
    assert (number, named) == (1, column)
    assert reason == f"{column}: required of a decision, and empty"
    assert remedy == f"fill {column}; or leave branch_id and rep_id empty until it is decided"


def test_a_branch_without_any_column_for_the_reason_is_rejected(desk):
    desk.land(FILE, "deal_id,branch_id,decided_by\nD1,B1,山田\nD2,,\n")
    result = desk.only()
    assert (result.rejected, result.undecided) == (1, 1)
    assert desk.rejected()[0][1] == "reason"


@pytest.mark.parametrize("word", ["withdraw", " Withdraw "])
def test_a_withdrawal_is_a_decision(desk, word):
    desk.land(FILE, f"{HEADER}D1,,,山田,,{word},h,\n")
    assert desk.only().undecided == 0


def test_a_rep_alone_is_a_decision(desk):
    desk.land(FILE, f"{HEADER}D1,,R1,山田,,本人に確認,h,\n")
    result = desk.only()
    assert (result.accepted, result.rejected, result.undecided) == (1, 0, 0)


def test_undecided_rows_are_no_repeats_of_a_decision(desk):
    """Two people fill in copies of one worklist, each another row."""
    desk.land("attribution_overrides/a_2026-04-01.csv", f"{HEADER}D1,B1,,山田,,確認,h1,\nD2,,,,,,h2,\n")
    desk.land("attribution_overrides/b_2026-04-01.csv", f"{HEADER}D1,,,,,,h1,\nD2,B2,,佐藤,,確認,h2,\n")
    assert [(file.rejected, file.undecided) for file in desk.load().files] == [(0, 1), (0, 1)]
    assert desk.query(DECIDED) == [("D1", "B1"), ("D2", "B2")]


def test_two_decisions_of_one_day_that_differ_are_both_rejected(desk):
    desk.land(FILE, f"{HEADER}D1,B1,,山田,,確認,h1,\nD1,B2,,佐藤,,確認,h1,\nD1,,,,,,h1,\n")
    assert (desk.only().rejected, desk.query(DECIDED)) == (2, [])
    assert {row[3] for row in desk.rejected()} == {"2 rows have this key and differ"}


def test_the_same_decision_twice_counts_once(desk):
    desk.land(FILE, f"{HEADER}D1,B1,,山田,,確認,h1,\nD1,B1,,山田,,確認,h1,\n")
    assert (desk.only().rejected, desk.query(DECIDED)) == (1, [("D1", "B1")])


READ_AS_NUMBERS_OR_DATES = ["0012", "123456789012345", "4-1", "2026/4/1", "MAR-1", "1-Apr", "1e5", "true", "4月1日"]
PLAIN = ["D1", "12", "12345678901", "006A1b", "TRAP01-A", "9f8e7d6c", "案件1"]
IDS = [*READ_AS_NUMBERS_OR_DATES, *PLAIN, "=D1", "-D1", "＝D1", "'D1", "''=D"]


@pytest.mark.parametrize("as_excel_saves", [str, lambda text: text.replace("\n", "\r\n")])
def test_ids_come_back_from_a_spreadsheet_as_they_went_out(desk, as_excel_saves):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[safe_cell(key, is_id=True), "B1", "山田", "確認"] for key in IDS])
    content = as_excel_saves(f"deal_id,branch_id,decided_by,reason\n{text.getvalue()}")
    desk.land(FILE, "\ufeff" + content)
    assert desk.only().accepted == len(IDS)
    assert sorted(row[0] for row in desk.query("SELECT deal_id FROM raw_attribution_overrides")) == sorted(IDS)


@pytest.mark.parametrize("key", READ_AS_NUMBERS_OR_DATES)
def test_what_a_spreadsheet_would_read_as_a_number_or_date_is_marked_as_text(key):
    assert safe_cell(key, is_id=True) == f"'{key}"
    assert safe_cell(key) == key


@pytest.mark.parametrize("key", PLAIN)
def test_plain_ids_stay_as_they_are(key):
    assert safe_cell(key, is_id=True) == key


def test_other_datasets_keep_their_apostrophes(desk):
    desk.land("deals/2026-04-01.csv", "deal_id,stage,deal_name\nD1,won,'quoted\n")
    desk.load()
    assert desk.query("SELECT deal_name FROM raw_deals") == [("'quoted",)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("undecided_without: [branch_id", "undecided_without: [branch", "names branch, which is not"),
        (
            "undecided_without: [branch_id, rep_id]",
            "undecided_without: rep_id",
            "needs undecided_without (a list of columns)",
        ),
        ("decision_needs: [decided_by", "decision_needs: [decided_on", "names decided_on, which is not"),
        ("withdrawn_by: {reason: withdraw}", "withdrawn_by: reason", "`worklist:` needs undecided_without"),
    ],
)
def test_a_wrong_worklist_rule_is_named(tmp_path: Path, old, new, expected):
    path = tmp_path / "contract.yml"
    path.write_text(CONTRACT.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KyotenError, match="dataset attribution_overrides") as error:
        load_contract(path)
    assert expected in str(error.value)
