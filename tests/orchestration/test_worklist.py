"""The worklist round trip: written for Excel, filled in, landed, applied; on the list again when facts change."""

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.contract import load_contract
from orchestration.home import Home
from orchestration.spreadsheet import safe_cell
from orchestration.worklist import candidates_text, export_published, export_worklist
from tests.conftest import long, run_cli

DATASET, RESULTS = (load_contract().datasets[name] for name in ("attribution_overrides", "worklist_results"))
Row = dict[str, str]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def query(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.published / "kyoten.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def drop_back(home: Home, rows: list[Row], name: str, dataset: str = "attribution_overrides") -> None:
    """Land a filled-in worklist as Excel saves it: byte order mark, CRLF, quotes only where needed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    path = home.landing / dataset / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())


def land(home: Home, name: str, text: str) -> None:
    (home.landing / name).write_text(text, encoding="utf-8")


def test_the_file_has_one_row_per_deal_and_is_ready_to_be_filled_in(home_copy: Home) -> None:
    done = run_cli(home_copy, "worklist")
    assert done.returncode == 0, done.stderr
    path = home_copy.worklist / "quarantine.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = read(path)

    reasons = {key: set(names) for key, names in query(home_copy, QUARANTINED)}
    assert {row["deal_id"]: set(row["reasons"].split(", ")) for row in rows} == reasons
    assert len(rows) == len(reasons)
    assert list(rows[0])[: len(DATASET.columns)] == list(DATASET.columns)
    empty = [name for name in DATASET.columns if name not in ("deal_id", "evidence_hash")]
    assert not any(row[name] for row in rows for name in empty)
    assert {row["evidence_hash"] for row in rows} - {""}

    severities = [row["severity"] for row in rows]
    assert severities == sorted(severities)
    amounts = [float(row["amount"]) for row in rows if row["severity"] == "error" and row["amount"]]
    assert amounts == sorted(amounts, reverse=True)
    tie = next(row for row in rows if "TIE" in row["reasons"])
    assert re.match(r"1\. \S+支店 \[\S+\] .*; 2\. ", tie["candidates"])
    assert tie["question_ja"] == "どの拠点経由の案件ですか?"

    errors = severities.count("error")
    assert f"{len(rows):,} deals: {errors:,} without a branch, {len(rows) - errors:,} to check" in done.stdout
    assert str(path) in done.stdout and str(home_copy.landing / "attribution_overrides") in done.stdout


QUARANTINED = "select deal_id, list(reason) from attribution.quarantine group by deal_id"


def decided(home: Home) -> tuple[dict[str, str], str, str, dict[str, dict[str, str]]]:
    """Decide a deal in the worklist and refresh; return its row, both candidates, and the worklist then."""
    run_cli(home, "worklist")
    rows = read(home.worklist / "quarantine.csv")
    tie = next(row for row in rows if row["reasons"] == "TIE")
    chosen, other = re.findall(r"\[(\S+)\]", tie["candidates"])[:2]
    without_reason = next(row for row in rows if "PARTNER_UNKNOWN" in row["reasons"])
    others = f"from attribution.deal_attribution where deal_id != '{tie['deal_id']}' order by all"
    before = query(home, others)

    # One row is filled in, one lacks its reason, the others are unchanged; and one is an empty row of a decided deal.
    tie |= {"branch_id": chosen, "decided_by": "山田 花子", "decided_on": "2026/4/5", "reason": "電話で確認, 済み"}
    without_reason |= {"branch_id": chosen, "decided_by": "山田 花子"}
    earlier = {name: "" for name in tie} | {"deal_id": "TRAP18-C"}
    drop_back(home, [*rows, earlier], "quarantine 記入済_2026-04-05.csv")
    done = run_cli(home, "refresh")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    credit = f"select branch_id, rung, reason from attribution.deal_attribution where deal_id = '{tie['deal_id']}'"
    assert query(home, credit) == [(chosen, "L0", None)]
    assert query(home, others) == before, "an unfilled row decides nothing and undoes nothing"
    assert query(home, "select rung from attribution.deal_attribution where deal_id = 'TRAP18-C'") == [("L0",)]
    listed = {row["deal_id"]: row for row in read(home.worklist / "quarantine.csv")}
    assert tie["deal_id"] not in listed and without_reason["deal_id"] in listed
    rejected = query(home, REJECTED)
    assert [row[1:3] for row in rejected] == [("reason", "reason: required of a decision, and empty")]
    assert "fill reason" in rejected[0][3]
    loads = "select rows_read, rows_rejected, rows_undecided from ops.loads where file_name like '%記入済%'"
    assert query(home, loads) == [(len(rows) + 1, 1, len(rows) - 1)]
    return tie, chosen, other, listed


def test_a_decision_is_applied(home_copy: Home) -> None:
    decided(home_copy)


@long
def test_a_decision_is_listed_again_when_facts_change(home_copy: Home) -> None:
    tie, chosen, other, listed = decided(home_copy)
    # The deal gets another branch; the new worklist lands without being filled in; another decision is withdrawn.
    header = "deal_id,role,party_type,party_id,is_primary,added_at\n"
    land(
        home_copy,
        "deal_participants/late_2026-04-06.csv",
        f"{header}{tie['deal_id']},seller,branch,{other},true,2026-04-06 09:00:00\n",
    )
    drop_back(home_copy, list(listed.values()), "unfilled_2026-04-06.csv")
    withdrawn = "deal_id,branch_id,decided_by,reason\nTRAP18-F,,営業企画,withdraw\n"
    land(home_copy, "attribution_overrides/withdrawn_2026-04-06.csv", withdrawn)
    done = run_cli(home_copy, "refresh")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    credit = f"select branch_id, rung, reason from attribution.deal_attribution where deal_id = '{tie['deal_id']}'"
    assert query(home_copy, credit) == [(chosen, "L0", None)]
    again = {row["deal_id"]: row for row in read(home_copy.worklist / "quarantine.csv")}
    stale = again[tie["deal_id"]]
    assert stale["reasons"] == "STALE_OVERRIDE"
    assert stale["evidence_hash"] not in ("", tie["evidence_hash"])
    assert f"2026-04-05 山田 花子 → {chosen} 電話で確認, 済み" in stale["earlier_decision"]
    assert len(query(home_copy, REJECTED)) == 1, "an unfilled file rejects nothing"
    withdrawn = query(home_copy, "select rung from attribution.deal_attribution where deal_id = 'TRAP18-F'")
    assert withdrawn != [("L0",)]
    assert query(home_copy, "select * from attribution.overrides where deal_id = 'TRAP18-F'") == []


@long
def test_a_win_without_a_salesperson_is_named(home_copy: Home) -> None:
    """A rep alone comes back: the branch stays, the rep is credited, figures follow, and the win leaves the list.

    A row of the activation worklist that was done comes back with it: it is an activity, and the branch rests.
    """
    done = run_cli(home_copy, "worklist")
    to_do = read(home_copy.worklist / "activation.csv")
    assert list(to_do[0])[: len(RESULTS.columns)] == list(RESULTS.columns)
    assert f"{len(to_do):,} branches are on the lists of the account managers" in done.stdout
    call = next(row for row in to_do if row["rep_id"])
    call |= {"done_by": call["account_manager_id"], "note": "電話で紹介を依頼", "duration_minutes": "20"}
    call |= {"next_action": "見積提出", "next_action_due_on": "2026-04-30"}
    drop_back(home_copy, to_do, "activation 記入済_2026-04-05.csv", "worklist_results")
    rows = read(home_copy.worklist / "wins_without_rep.csv")
    listed = {row[0] for row in query(home_copy, UNASSIGNED)}
    assert {row["deal_id"] for row in rows} == listed and len(rows) > 5
    assert f"{len(rows):,} wins of the last twelve months have no salesperson" in done.stdout
    assert list(rows[0])[: len(DATASET.columns)] == list(DATASET.columns)
    amounts = [float(row["amount"]) for row in rows if row["amount"]]
    assert amounts == sorted(amounts, reverse=True)

    win = next(row for row in rows if row["candidates"])
    unknown = next(row for row in rows if row is not win)
    (chosen,) = re.findall(r"^1\. .*? \[(\S+)\]", win["candidates"])
    credit = "select deal_id, branch_id, rung, rep_id, originating_rep_id, contradiction_count, evidence_hash"
    before = query(home_copy, f"{credit} from attribution.deal_attribution order by all")
    sold = f"select sum(deals_won), sum(won_amount) from kpi.rep_monthly where rep_id = '{chosen}'"
    ((deals, amount),) = query(home_copy, sold)
    filled = {"decided_by": "山田 花子", "decided_on": "2026/4/5", "reason": "本人に確認"}
    win |= {"rep_id": chosen, **filled}
    unknown |= {"rep_id": "NOBODY-1", **filled}
    drop_back(home_copy, rows, "wins 記入済_2026-04-05.csv")
    done = run_cli(home_copy, "refresh")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    after = query(home_copy, f"{credit} from attribution.deal_attribution order by all")
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [(old[0], old[3:5], new[3:5]) for old, new in changed] == [
        (win["deal_id"], ("NONE", "NONE"), (chosen, chosen))
    ]
    assert [old[:3] + old[5:] for old, _ in changed] == [new[:3] + new[5:] for _, new in changed]
    ((more, money),) = query(home_copy, sold)
    assert more == (deals or 0) + 1 and money == (amount or 0) + Decimal(win["amount"])
    left = {row["deal_id"]: row for row in read(home_copy.worklist / "wins_without_rep.csv")}
    assert left.keys() == listed - {win["deal_id"]}
    assert left[unknown["deal_id"]]["rep_id"] == ""
    quarantined = f"select reason from attribution.quarantine where deal_id = '{unknown['deal_id']}'"
    assert ("REP_UNKNOWN",) in query(home_copy, quarantined)
    why = run_cli(home_copy, "why", "--", win["deal_id"]).stdout
    assert "山田 花子" in why and chosen in why

    ((activity, *told),) = query(home_copy, DONE)
    done_by = call["account_manager_id"]
    assert told == [call["branch_id"], call["action_type"], done_by, 20, "電話で紹介を依頼", "partner_team"]
    assert query(home_copy, f"select rep_id from core.fct_attendance where activity_id = '{activity}'") == [
        (call["rep_id"],)
    ]
    assert call["branch_id"] not in {row["branch_id"] for row in read(home_copy.worklist / "activation.csv")}
    loads = "select rows_undecided, rows_rejected from ops.loads where file_name like '%activation 記入済%'"
    assert query(home_copy, loads) == [(len(to_do) - 1, 0)]
    drop_back(home_copy, [call | {"note": "Withdraw"}], "back_2026-04-06.csv", "worklist_results")

    withdrawn = f"deal_id,branch_id,decided_by,reason\n{win['deal_id']},,営業企画,withdraw\n"
    land(home_copy, "attribution_overrides/withdrawn_2026-04-06.csv", withdrawn)
    done = run_cli(home_copy, "refresh")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert query(home_copy, f"{credit} from attribution.deal_attribution order by all") == before
    assert query(home_copy, DONE) == []


DONE = """
    select activity_id, branch_id, activity_type, staff_id, duration_minutes, note, note_audience
    from core.fct_activities where worklist_on = '2026-04-05' and occurred_on = '2026-04-05'
"""

UNASSIGNED = """
    select deal_id from core.fct_deals
    where rep_id = 'NONE' and status = 'won' and is_counted and branch_id != 'DIRECT' and won_on > '2025-04-05'
        and branch_id not like 'UN%'
"""

REJECTED = """
    select row_number, column_name, reason, remedy from ops.rejected_rows where dataset = 'attribution_overrides'
"""


def test_a_file_filled_in_at_its_place_is_kept(home_copy: Home) -> None:
    first = export_published(home_copy)
    assert first.kept == () and export_published(home_copy).kept == ()
    first.path.write_bytes(first.path.read_bytes() + "D1,B1,,山田,,確認,,".encode())
    edited = first.path.read_bytes()
    (kept,) = export_published(home_copy).kept
    assert kept.read_bytes() == edited
    assert export_published(home_copy).kept == ()


def test_without_a_build_there_is_no_worklist(tmp_path: Path) -> None:
    assert export_worklist(Home(tmp_path)) is None
    done = run_cli(Home(tmp_path), "worklist")
    assert done.returncode == 1 and "make refresh" in done.stderr


def test_candidates_are_a_ranked_list() -> None:
    candidates = (
        '[{"rank": 1, "branch_id": "B1", "branch_name": "大阪支店", "partner_id": "P1", "partner_name": "山田商事",'
        ' "why": "L4 rep R1"}, {"rank": 2, "branch_id": null, "partner_id": "P2", "why": "E17 0.93"}]'
    )
    assert candidates_text(candidates, {"P2": "ヤマタ商事"}) == (
        "1. 大阪支店 [B1] 山田商事 L4 rep R1; 2. ヤマタ商事 E17 0.93"
    )
    assert candidates_text("[]", {}) == ""
    numeric = '[{"rank": 1, "branch_id": "0012", "branch_name": "大阪支店", "why": "E04"}]'
    assert candidates_text(numeric, {}) == "1. 大阪支店 ['0012] E04", "copied into a cell, it stays what it is"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", "\ttext", "'text"])
def test_no_cell_starts_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("same", [str, lambda text: text + " = 1"])
def test_plain_cells_are_unchanged(same: Callable[[str], str]) -> None:
    assert safe_cell(same("大阪")) == same("大阪") and safe_cell(-5) == -5
