"""Reviews of plans on a small company: what was known at the close stays the same, byte for byte."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.home import Home
from orchestration.knowledge import TABLES, Knowledge
from orchestration.lake.ingest import ingest
from orchestration.names.lake import write_names
from orchestration.scratch import Plan, compile_models
from tests.conftest import long
from tests.orchestration.test_restatements import Extracts, Row, land, won

MODELS = ("plan_review", "plan_review_goals", "qbr_pack")
CLOSE, LATER, LAST = "2024-10-05", "2024-10-25", "2025-04-05"


def deal(deal_id: str, amount: float, on: str, branch: str) -> Row:
    return won(deal_id, amount, on=on, created=on, branch_id=branch)


def plan_of(branch: str, agreed: str | None, version: int = 1) -> Row:
    return {
        "plan_id": f"PLAN-{branch}", "version": version, "scope": "branch", "scope_id": branch, "owner_staff_id": "S",
        "period_start": "2024-04-01", "period_end": "2025-03-31", "agreed_on": agreed or "", "lessons": "",
    }  # fmt: skip


def goal_of(branch: str, month: str, target: float, version: int = 1) -> Row:
    return {
        "goal_id": f"GOAL-{branch}", "plan_id": f"PLAN-{branch}", "version": version, "metric": "won_amount",
        "goal_type": "result", "month": month, "target": target,
    }  # fmt: skip


def action_of(action: str, due: str, done: str | None = None) -> Row:
    return {
        "action_id": action, "plan_id": "PLAN-TOKYO", "action_type": "visit", "due_on": due, "done_on": done or "",
    }  # fmt: skip


BRANCHES = [
    {"branch_id": branch, "partner_id": "P", "branch_name": name, "opened_on": "2020-01-01"}
    for branch, name in (("TOKYO", "東京支店"), ("OSAKA", "大阪支店"))
]
AT_CLOSE = {
    "partners": [{"partner_id": "P", "partner_name": "ヤマダ商事"}],
    "branches": BRANCHES,
    "deals": [
        deal("A", 100, "2024-05-09", "TOKYO"),
        deal("B", 30, "2024-08-09", "TOKYO"),
        deal("C", 9, "2024-04-09", "OSAKA"),
    ],
    "account_plans": [plan_of("TOKYO", "2024-04-10"), plan_of("TOKYO", None, 2), plan_of("OSAKA", None)],
    "plan_goals": [
        goal_of("TOKYO", "2024-05-01", 80),
        goal_of("TOKYO", "2024-09-01", 70),
        goal_of("OSAKA", "2024-05-01", 5),
    ],
    "plan_actions": [action_of("A1", "2024-06-10", "2024-06-09"), action_of("A2", "2024-09-20")],
}
# A deal was corrected, one belongs to another branch, one was recorded late; a lower target was agreed, and an action
# done.
AFTERWARDS = {
    "branches": BRANCHES,
    "deals": [deal("A", 120, "2024-05-09", "TOKYO"), deal("B", 30, "2024-08-09", "OSAKA"), deal("D", 50, "2024-09-20",
    "TOKYO")],
    "account_plans": [plan_of("TOKYO", "2024-04-10"), plan_of("TOKYO", "2024-10-15", 2), plan_of("OSAKA",
    "2024-04-10")],
    "plan_goals": [
        goal_of("TOKYO", "2024-05-01", 80), goal_of("TOKYO", "2024-09-01", 70), goal_of("TOKYO", "2024-09-01", 40, 2),
        goal_of("OSAKA", "2024-05-01", 5),
    ],
    "plan_actions": [action_of("A1", "2024-06-10", "2024-06-11"), action_of("A2", "2024-09-20", "2024-10-20")],
}  # fmt: skip
MERGED = {
    "branches": [BRANCHES[0] | {"closed_on": "2025-02-01"}, BRANCHES[1]],
    "branch_successions": [
        {"from_branch_id": "TOKYO", "to_branch_id": "OSAKA", "effective_on": "2025-02-01", "kind": "merge"}
    ],
    "deals": [deal("E", 1000, "2024-04-20", "TOKYO")],
}
EXTRACTS: Extracts = {CLOSE: AT_CLOSE, LATER: AFTERWARDS, LAST: MERGED}


@pytest.fixture(scope="module")
def project() -> Iterator[Callable[[Home], Plan]]:
    """The compiled project; each home is refreshed without dbt."""
    before = dict(os.environ)
    yield compile_models
    os.environ.clear()
    os.environ.update(before)


def refreshed(home: Home, plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """Refresh as the job does, up to the release; return the tables."""
    ingest(home, progress=lambda _: None)
    write_names(home)
    known = Knowledge(home)
    known.prepare(lambda _: None)
    with plan.build(home.build / "working", [*MODELS, *known_models()], home=home) as connection:
        known.keep(max(known.days), TABLES, connection)
        return {model: rows_of(connection, model) for model in MODELS}


def known_models() -> list[str]:
    return ["restatements", "int_deal_log", "int_branch_log", "int_known_credit"]


def rows_of(connection: duckdb.DuckDBPyConnection, model: str) -> list[dict[str, Any]]:
    table = connection.sql(f"from plan.{model} order by all")
    return [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]


def frozen(tables: dict[str, list[dict[str, Any]]], until: str) -> bytes:
    """Return what may never change of the periods that closed by a day."""
    of_today = {
        "branch_name", "partner_id", "branch_head_rep_id", "head_since", "is_relationship_reset", "forecast_amount_p10",
        "forecast_amount_p50", "forecast_amount_p90", "next_target_amount", "next_actions", "qbr_on",
        "is_executive_present",
    }  # fmt: skip
    closed = {row["review_id"] for row in tables["plan_review"] if str(row["closed_on"]) <= until}
    kept = [
        {name: value for name, value in row.items() if not name.endswith("_now") and name not in of_today}
        for model in MODELS
        for row in tables[model]
        # After a merger a branch has no row of its own any more.
        if (row.get("review_id") in closed) or (str(row.get("closed_on")) <= until and row.get("branch_id") == "OSAKA")
    ]
    return repr(kept).encode()


def half(tables: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    (row,) = (
        row for row in tables["plan_review"] if row["review_id"] == "PLAN-TOKYO half 2024-04-01 2024-09-30"
    )  # fmt: skip
    return {name: float(value) if "amount" in name and value is not None else value for name, value in row.items()}


def test_the_close_stays_and_corrections_have_columns_of_their_own(
    project: Callable[[Home], Plan], tmp_path: Path
) -> None:
    home = Home(tmp_path)
    land(home, {CLOSE: EXTRACTS[CLOSE]})
    at_close = refreshed(home, project(home))
    review = half(at_close)
    expected = {
        "plan_version": 1, "review_target_amount": 150, "review_actual_amount": 130, "actions_due": 2,
        "actions_done": 1,
        "actions_on_time": 1, "actual_amount_now": 130, "corrected_amount_now": 0,
    }  # fmt: skip
    assert {name: review[name] for name in expected} == expected
    assert {row["plan_id"] for row in at_close["plan_review"]} == {"PLAN-TOKYO"}, "drafts have no review"
    packs = {(row["branch_id"], row["fiscal_quarter"]): row for row in at_close["qbr_pack"]}
    assert float(packs["TOKYO", "Q2"]["quarter_won_amount"]) == 30 and packs["TOKYO", "Q2"]["actions_not_done"] == 1

    land(home, {LATER: EXTRACTS[LATER]})
    later = refreshed(home, project(home))
    review = half(later)
    since = {
        "plan_version": 1, "review_target_amount": 150, "review_actual_amount": 130, "actions_done": 1,
        "target_amount_now": 120, "actual_amount_now": 170, "corrected_amount_now": 40, "actions_done_now": 2,
    }  # fmt: skip
    assert {name: review[name] for name in since} == since
    assert len(frozen(later, "2024-10-05")) > 1_000
    assert frozen(later, "2024-10-05") == frozen(at_close, "2024-10-05")

    land(home, {LAST: EXTRACTS[LAST]})
    last = refreshed(home, project(home))
    assert frozen(last, "2024-10-05") == frozen(at_close, "2024-10-05")
    review = half(last)
    assert (review["review_actual_amount"], review["actual_amount_now"]) == (130, None), "the branch has closed"
    year = next(row for row in last["plan_review"] if row["period_type"] == "year" and row["entity_id"] == "TOKYO")
    assert (year["plan_version"], float(year["review_target_amount"])) == (2, 120)


@long
def test_all_extracts_at_once_give_the_same_as_one_after_another(
    project: Callable[[Home], Plan], tmp_path: Path
) -> None:
    """The earlier extracts are enough: no earlier state of the tables is needed."""
    step_by_step, at_once = Home(tmp_path / "a"), Home(tmp_path / "b")
    for day, datasets in EXTRACTS.items():
        land(step_by_step, {day: datasets})
        tables = refreshed(step_by_step, project(step_by_step))
    land(at_once, EXTRACTS)
    assert repr(refreshed(at_once, project(at_once))) == repr(tables)
