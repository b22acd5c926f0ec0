"""The summary states which day is today and why, which files need a look, and which ids nothing has."""

from datetime import date
from typing import Any

import pytest

from orchestration.contract import load_contract
from orchestration.home import PROJECT
from orchestration.missing import WOULD_BRING, missing_lines
from orchestration.summary import change_lines, finding_lines, noted_lines, today_lines

LOADS = [
    {"dataset": "branches", "source_name": "landing", "file_name": "branches/b.csv", "extracted_on": "2026-04-30"},
    {"dataset": "deals", "source_name": "crm", "file_name": "d.csv", "extracted_on": "2026-04-30"},
    {"dataset": "partners", "source_name": "crm", "file_name": "p.csv", "extracted_on": "2026-04-01"},
]


def test_today_is_explained_by_the_latest_extract() -> None:
    assert today_lines("2026-04-30", LOADS) == [
        "Today is 2026-04-30, the date of the latest extract: that of branches (landing: branches/b.csv) and of 1 more."
    ]


def test_the_same_in_japanese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOTEN_LANG", "ja")
    assert today_lines("2026-04-30", LOADS)[0].startswith("基準日は 2026-04-30。最新の抽出日です")
    one = {"from_on": None, "missing_reason": "ONE_EXTRACT", "cause": None}
    assert change_lines([one])[-1] == "抽出データが1回分のため比較できません。2回目から表示されます。"


def test_today_is_explained_by_the_var() -> None:
    (line,) = today_lines("2026-04-15", LOADS)
    assert line == "Today is 2026-04-15, as the var as_of states; the latest extract is of 2026-04-30."


def test_files_with_a_message_are_listed() -> None:
    note = "counts as of 2026-06-15, when it was saved, because its name has no date"
    files = [{"source_name": "landing", "file_name": f"deals/{i}.csv", "message": note} for i in range(10)]
    lines = noted_lines(files)
    assert lines[2] == f"landing: deals/0.csv {note}"
    assert lines[-1].startswith("and 2 other files")
    assert noted_lines([]) == []


def test_why_a_figure_changed_since_the_extract_before() -> None:
    pair = {
        "from_on": date(2026, 3, 2), "to_on": date(2026, 3, 9), "from_window_start": date(2025, 4, 1),
        "missing_reason": None, "from_value": 1000, "to_value": 1450, "change": 450,
    }  # fmt: skip
    parts = [pair | {"amount": 500, "cause": "New business"}, pair | {"amount": -50, "cause": "Corrected data"}]
    assert change_lines(parts)[-1] == (
        "Won since 2025-04-01: 1,000 by 2026-03-02, 1,450 by 2026-03-09, so +450: "
        "new business +500, corrected data -50."
    )
    nothing = pair | {"amount": None, "cause": None}
    assert change_lines([nothing])[-1] == "It has not changed."
    assert "only one extract" in change_lines([nothing | {"missing_reason": "ONE_EXTRACT"}])[-1]
    assert change_lines([]) == []


def test_findings_are_listed_with_their_example() -> None:
    names: dict[str, Any] = {"finding": "unknown_id", "dataset": "activities", "column_name": "deal_id"}
    names |= {"names_dataset": "deals", "rows_checked": 2823, "rows_found": 2823, "example": "0012", "near_id": "12"}
    days = names | {"finding": "day_of_extract", "dataset": "deals", "column_name": "won_on", "example": "D1"}
    assert finding_lines([names, names | {"near_id": None}, days | {"rows_found": 2}])[2:] == [
        "activities: 2,823 of 2,823 name an unknown id of deals in deal_id; for example 0012, and deals has 12",
        "activities: 2,823 of 2,823 name an unknown id of deals in deal_id; for example 0012",
        "deals: 2 of 2,823 have the extract's day as won_on, because the source gives none; for example D1",
    ]
    assert finding_lines([]) == []


def test_a_dataset_that_was_never_delivered_says_what_it_would_bring() -> None:
    assert missing_lines(WOULD_BRING) == []
    assert missing_lines(["deals"])[2:] == [f"account_plans would bring {WOULD_BRING['account_plans'][0]}."]
    assert [line.split()[0] for line in missing_lines({"account_plans", "plan_goals"})[2:]] == ["plan_actions"]
    # Each text names a dataset of the contract and the page that explains its tables.
    assert set(WOULD_BRING) <= set(load_contract().datasets)
    assert all(
        (PROJECT / text[text.index("docs/") : text.index(".md") + 3]).exists() for text, _ in WOULD_BRING.values()
    )
