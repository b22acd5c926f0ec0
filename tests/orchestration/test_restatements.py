"""Restatements depend on extract dates and not on the number of refreshes: each cause, on a small company."""

import csv
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.home import Home
from orchestration.knowledge import BUILT, RENAMED, STATES_KEPT, TABLES, Knowledge, Rules
from orchestration.lake.ingest import ingest
from orchestration.lake.ledger import KNOWLEDGE
from orchestration.names.lake import write_names
from orchestration.scratch import Plan, compile_models, compiled_sql
from orchestration.warehouse import read_manifest
from tests.conftest import long
from tests.ingest.killing import STEP, kills

GUARD = "assert_restatements_explain_closed_months"
Row = Mapping[str, Any]
Extracts = Mapping[str, Mapping[str, list[Row]]]

# A company


def won(deal_id: str, amount: float, *, on: str = "2024-03-25", created: str = "2024-03-20", **columns: Any) -> Row:
    deal = {"deal_id": deal_id, "amount": amount, "stage": "won", "channel": "resale", "won_on": on}
    return deal | {"created_at": f"{created} 10:00:00"} | columns


PARTNERS = [{"partner_id": "P", "partner_name": "ヤマダ商事"}]
BRANCHES = [
    {"branch_id": "TOKYO", "partner_id": "P", "branch_name": "東京支店", "opened_on": "2020-01-01"},
    {"branch_id": "OSAKA", "partner_id": "P", "branch_name": "大阪支店", "opened_on": "2020-01-01"},
]
REPS = [{"rep_id": "R", "rep_name": "佐藤"}]
IN_TOKYO = [{"rep_id": "R", "branch_id": "TOKYO", "valid_from": "2023-01-01"}]
MOVED = [
    {"rep_id": "R", "branch_id": "TOKYO", "valid_from": "2023-01-01", "valid_to": "2024-03-15"},
    {"rep_id": "R", "branch_id": "OSAKA", "valid_from": "2024-03-15"},
]
FIRST, SECOND, NOTHING_OF_CREDIT, THIRD = "2024-05-05", "2024-06-04", "2024-06-20", "2024-07-10"
COMPANY: Extracts = {
    "2024-01-10": {
        "partners": PARTNERS,
        "branches": BRANCHES,
        "reps": REPS,
        "rep_assignments": IN_TOKYO,
        "aliases": [],
    },
    FIRST: {
        "deals": [
            won("BEFORE", 50, created="2024-03-14", rep_id="R"),
            won("MOVES", 100, rep_id="R"),
            won("CHILD", 500, partner_id="P", parent_deal_id="MOVES", deal_type="renewal"),
            won("EDITED", 200, branch_id="TOKYO"),
            won("DECIDED", 300, branch_id="TOKYO"),
            won("NAMED", 400, partner_text="ヤマダ商事", branch_text="西日本"),
            won("DOLLARS", 10, branch_id="TOKYO", currency="USD"),
            won("MAY", 700, created="2024-05-01", on="2024-05-03", rep_id="R"),
            won("GONE", 800, branch_id="OSAKA"),
            {"deal_id": "OPEN", "stage": "open", "created_at": "2024-03-21", "rep_id": "R", "amount": 5},
        ],
        "rep_assignments": IN_TOKYO,
    },
    SECOND: {
        "deals": [won("EDITED", 200, branch_id="OSAKA"), won("LATE", 600, branch_id="TOKYO")],
        "rep_assignments": MOVED,
        "aliases": [{"entity_type": "branch", "entity_id": "OSAKA", "alias": "西日本", "valid_from": "2024-01-01"}],
        "attribution_overrides": [
            {"deal_id": "DECIDED", "branch_id": "OSAKA", "decided_by": "山田", "reason": "電話で確認"},
        ],
        "fx_rates": [{"rate_on": "2024-03-22", "currency": "USD", "base_per_unit": 150}],
    },
    NOTHING_OF_CREDIT: {
        "inquiries": [{"inquiry_id": "I", "received_at": "2024-06-19 09:00:00"}],
    },
    THIRD: {
        "deals": [won("GONE", 800, branch_id="OSAKA", is_deleted="true"), won("EDITED", 250, branch_id="OSAKA")],
        "rep_assignments": IN_TOKYO,
    },
}
# deal, month, change: from, to, money that moved, cause, and between which extracts
SECOND_STEP = [
    ("CHILD", "2024-03-01", 1, "TOKYO", 500, "OSAKA", 500, 500, "PARENT_DEAL", FIRST, SECOND),
    ("DECIDED", "2024-03-01", 1, "TOKYO", 300, "OSAKA", 300, 300, "OVERRIDE", FIRST, SECOND),
    ("DOLLARS", "2024-03-01", 1, "TOKYO", 0, "TOKYO", 1500, 1500, "FX_RATE", FIRST, SECOND),
    ("EDITED", "2024-03-01", 1, "TOKYO", 200, "OSAKA", 200, 200, "SOURCE_EDIT", FIRST, SECOND),
    ("LATE", "2024-03-01", 1, None, 0, "TOKYO", 600, 600, "LATE_DEAL", FIRST, SECOND),
    ("MOVES", "2024-03-01", 1, "TOKYO", 100, "OSAKA", 100, 100, "ROSTER", FIRST, SECOND),
    ("NAMED", "2024-03-01", 1, "UNKNOWN:P", 400, "OSAKA", 400, 400, "ALIAS", FIRST, SECOND),
    ("OPEN", "2024-03-01", 1, "TOKYO", 0, "OSAKA", 0, 0, "ROSTER", FIRST, SECOND),
]
# May was open on 4 June and closed on 20 June, which only an extract without changes in credit shows.
THIRD_STEP = [
    ("CHILD", "2024-03-01", 2, "OSAKA", 500, "TOKYO", 500, 500, "PARENT_DEAL", NOTHING_OF_CREDIT, THIRD),
    ("EDITED", "2024-03-01", 2, "OSAKA", 200, "OSAKA", 250, 50, "SOURCE_EDIT", NOTHING_OF_CREDIT, THIRD),
    ("GONE", "2024-03-01", 1, "OSAKA", 800, None, 0, -800, "SOURCE_EDIT", NOTHING_OF_CREDIT, THIRD),
    ("MAY", "2024-05-01", 1, "OSAKA", 700, "TOKYO", 700, 700, "ROSTER", NOTHING_OF_CREDIT, THIRD),
    ("MOVES", "2024-03-01", 2, "OSAKA", 100, "TOKYO", 100, 100, "ROSTER", NOTHING_OF_CREDIT, THIRD),
    ("OPEN", "2024-03-01", 2, "OSAKA", 0, "TOKYO", 0, 0, "ROSTER", NOTHING_OF_CREDIT, THIRD),
]


# Refreshing it


@pytest.fixture(scope="module")
def project() -> Iterator[Callable[[Home], Plan]]:
    """The compiled project; each home is refreshed without dbt."""
    before = dict(os.environ)
    yield compile_models
    os.environ.clear()
    os.environ.update(before)


def land(home: Home, extracts: Extracts) -> None:
    for day, datasets in extracts.items():
        for dataset, rows in datasets.items():
            path = home.landing / dataset / f"{dataset}_{day}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            columns = list(dict.fromkeys(column for row in rows for column in row))
            with path.open("w", encoding="utf-8", newline="") as file:
                if not columns:  # an extract without rows
                    file.write("entity_type,entity_id,alias\n")
                writer = csv.DictWriter(file, columns)
                if columns:
                    writer.writeheader()
                writer.writerows(rows)


def refreshed(home: Home, plan: Plan) -> list[tuple[Any, ...]]:
    """Refresh as the job does, up to the release; return the restatements, which the guard has checked."""
    ingest(home, progress=lambda _: None)
    write_names(home)
    known = Knowledge(home)
    known.prepare(lambda _: None)
    models = [*BUILT, "fct_revenue", "deal_attribution"]
    with plan.build(home.build / "working", models, home=home) as connection:
        guard = read_manifest(home)["nodes"][f"test.kyoten.{GUARD}"]
        assert connection.execute(compiled_sql(guard, home)).fetchall() == []
        if known.days:
            known.keep(max(known.days), TABLES, connection)
        return connection.execute(
            """select deal_id, cast(month as varchar), change_number, from_branch_id, cast(from_amount as double),
                to_branch_id, cast(to_amount as double), cast(amount as double), cause,
                cast(from_known_on as varchar), cast(to_known_on as varchar)
            from attribution.restatements order by to_known_on, from_known_on, deal_id, month"""
        ).fetchall()


def until(day: str) -> Extracts:
    return {one: datasets for one, datasets in COMPANY.items() if one <= day}


# Tests


def test_every_extract_is_compared_with_the_one_before_it(project: Callable[[Home], Plan], tmp_path: Path) -> None:
    home = Home(tmp_path)
    land(home, COMPANY)
    assert refreshed(home, project(home)) == SECOND_STEP + THIRD_STEP


@long
def test_refreshing_after_each_extract_gives_the_same(project: Callable[[Home], Plan], tmp_path: Path) -> None:
    home, rows = Home(tmp_path), []
    built: list[date] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Knowledge, "build", lambda self, before, day: built.append(day))
        for day in COMPANY:
            land(home, {day: COMPANY[day]})
            rows.append(refreshed(home, project(home)))
            rows.append(refreshed(home, project(home)))
    assert rows == [[], [], [], [], *[SECOND_STEP] * 4, *[SECOND_STEP + THIRD_STEP] * 2]
    assert built == [], "what a refresh left is the state before the next one"


def test_an_extract_that_arrives_late_counts_from_its_date(project: Callable[[Home], Plan], tmp_path: Path) -> None:
    home = Home(tmp_path)
    without = {day: datasets for day, datasets in COMPANY.items() if day != SECOND}
    land(home, without)
    others = refreshed(home, project(home))
    assert "OVERRIDE" not in {row[8] for row in others}

    land(home, {SECOND: COMPANY[SECOND]})
    assert refreshed(home, project(home)) == SECOND_STEP + THIRD_STEP


@long
def test_a_changed_rule_is_a_separate_step(
    project: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rate for DOLLARS is three days old; if only two days are allowed, the deal has no rate."""
    home = Home(tmp_path)
    land(home, until(SECOND))
    assert refreshed(home, project(home)) == SECOND_STEP

    monkeypatch.setenv("KYOTEN_VARS", '{"fx_max_age_days": 2}')
    one_day = refreshed(home, project(home))
    fx = ("DOLLARS", "2024-03-01", 2, "TOKYO", 1500, "TOKYO", 0, -1500, "LADDER", SECOND, SECOND)
    assert one_day == [*SECOND_STEP, fx]
    assert refreshed(home, project(home)) == one_day, "the same rules again are no step"

    monkeypatch.delenv("KYOTEN_VARS")
    land(home, {THIRD: {"deals": [won("MOVES", 100, rep_id="R")]}})
    later = refreshed(home, project(home))
    back = ("DOLLARS", "2024-03-01", 3, "TOKYO", 0, "TOKYO", 1500, 1500, "LADDER", SECOND, SECOND)
    assert later == [*SECOND_STEP, fx, back], "the rules changed something, the new extract did not"


def test_a_worklist_sent_back_is_known_on_its_day_and_closes_no_month(
    project: Callable[[Home], Plan], tmp_path: Path
) -> None:
    """May is still open on 4 June. It stays open on 6 June, when only a person's decision arrives."""
    home = Home(tmp_path)
    decided = [
        {"deal_id": deal_id, "branch_id": "TOKYO", "decided_by": "山田", "reason": "電話で確認"}
        for deal_id in ("MOVES", "MAY")
    ]
    land(home, {**until(SECOND), "2024-06-06": {"attribution_overrides": decided}})
    moves = ("MOVES", "2024-03-01", 2, "OSAKA", 100, "TOKYO", 100, 100, "OVERRIDE", SECOND, "2024-06-06")
    child = ("CHILD", "2024-03-01", 2, "OSAKA", 500, "TOKYO", 500, 500, "PARENT_DEAL", SECOND, "2024-06-06")
    assert refreshed(home, project(home)) == [*SECOND_STEP, child, moves]

    withdrawn = [row | {"branch_id": "", "reason": "withdraw"} for row in decided]
    land(home, {"2024-07-10": {"attribution_overrides": withdrawn, "rep_assignments": MOVED}})
    back = {row[0]: row[8:] for row in refreshed(home, project(home)) if row[10] == "2024-07-10"}
    assert back == {
        "CHILD": ("PARENT_DEAL", "2024-06-06", "2024-07-10"),
        "MOVES": ("OVERRIDE", "2024-06-06", "2024-07-10"),
    }


def test_the_cause_of_other_software_comes_before_that_of_other_rules() -> None:
    then = Rules(rules="a", software="b")
    assert then.step_to(then) is None
    assert then.step_to(Rules(rules="x", software="b")) == "LADDER"
    assert then.step_to(Rules(rules="x", software="y")) == "SOFTWARE"


def test_only_the_latest_states_are_kept(project: Callable[[Home], Plan], tmp_path: Path) -> None:
    home = Home(tmp_path)
    later = {f"2024-08-{day:02}": {"inquiries": COMPANY[NOTHING_OF_CREDIT]["inquiries"]} for day in range(1, 8)}
    land(home, {**COMPANY, **later})
    assert refreshed(home, project(home)) == SECOND_STEP + THIRD_STEP
    kept = sorted(path.name.split("_")[0] for path in (home.lake / "knowledge").iterdir())
    assert kept == sorted(later)[-STATES_KEPT:]


@long
def test_a_kill_before_any_change_of_a_file_leaves_states_that_the_next_run_completes(
    project: Callable[[Home], Plan], tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    land(home, COMPANY)
    ingest(home, progress=lambda _: None)
    write_names(home)
    project(home)  # compiled before the kills
    before = shutil.copytree(home.root, tmp_path / "before")

    def know() -> None:
        Knowledge(home).prepare(lambda _: None)

    def prepare() -> None:
        shutil.rmtree(home.root)
        shutil.copytree(before, home.root)

    def content() -> tuple[Any, ...]:
        states = sorted(home.lake.glob("knowledge/*/*.parquet")) + sorted(home.lake.glob("known_*/state.parquet"))
        with duckdb.connect() as connection:
            return tuple(
                (path.parent.name[:10], path.name, connection.execute(f"from '{path}' order by all").fetchall())
                for path in states
            )

    know()
    whole, folders = content(), {path.parent.relative_to(home.root) for path in home.build.rglob("*")}
    assert len(whole) == len(TABLES) * (3 + 1)
    killed = 0
    for _ in kills(home.root, know, prepare, STEP * 2 if STEP > 1 else 1):
        killed += 1
        know()
        assert content() == whole
        assert {path.parent.relative_to(home.root) for path in home.build.rglob("*")} == folders
        assert [path for path in home.root.rglob("*") if "unfinished" in path.name] == []
    assert killed > 30 // (STEP * 2)


def test_a_home_without_deals_has_no_history(project: Callable[[Home], Plan], tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert refreshed(home, project(home)) == []
    land(home, until("2024-01-10"))
    assert refreshed(home, project(home)) == []


@pytest.mark.parametrize(("table", "columns"), KNOWLEDGE.items())
def test_the_states_for_dbt_have_the_columns_of_their_zero_row_files(
    built_home: Home, table: str, columns: Mapping[str, str]
) -> None:
    for file in ("_schema", "state"):
        described = duckdb.sql(f"describe from read_parquet('{built_home.lake}/{table}/{file}.parquet')").fetchall()
        assert {name: type_ for name, type_, *_ in described} == columns, file


def test_the_state_of_a_verified_build_equals_a_scratch_build(
    project: Callable[[Home], Plan], built_home: Home, tmp_path: Path
) -> None:
    (state,) = (built_home.lake / "knowledge").glob("2026-04-05_*")
    with project(built_home).build(tmp_path / "again", BUILT, home=built_home) as connection:
        for name, table in TABLES.items():
            saved = f"read_parquet('{state}/{name}.parquet')"
            (count,) = connection.execute(f"select count(*) from {saved}").fetchone() or (0,)
            assert count > 0
            for one, other in ((saved, table), (table, saved)):
                assert connection.execute(f"from {one} except all from {other}").fetchall() == [], (one, other)


def test_a_state_with_columns_of_an_earlier_version_keeps_its_restatements(
    project: Callable[[Home], Plan], tmp_path: Path
) -> None:
    home = Home(tmp_path)
    land(home, until(SECOND))
    assert refreshed(home, project(home)) == SECOND_STEP
    for path in home.lake.glob("knowledge/*/restatements.parquet"):
        names = {new: f"cast({new} as varchar) as {old}" for old, new in RENAMED.items()}
        rest, older = f"* exclude ({', '.join(names)})", path.with_suffix(".older")
        duckdb.sql(f"copy (select {rest}, {', '.join(names.values())} from '{path}') to '{older}' (format parquet)")
        older.replace(path)
    land(home, {day: datasets for day, datasets in COMPANY.items() if day > SECOND})
    assert refreshed(home, project(home)) == SECOND_STEP + THIRD_STEP


def test_a_late_roster_change_moves_only_deals_between_two_dates(built_home: Home) -> None:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            """select deal_id, from_branch_id, to_branch_id, cast(month as varchar), cause,
                cast(from_known_on as varchar), cast(to_known_on as varchar)
            from attribution.restatements where deal_id like 'TRAP17%'"""
        ).fetchall()
    assert rows == [
        ("TRAP17-B", "TRAP17-TOKYO", "TRAP17-OSAKA", "2025-03-01", "ROSTER", "2025-04-05", "2025-10-05"),
    ]
