"""Why figures changed between two extracts: each cause, on a small company, adds up to what was published."""

import csv
import os
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.changes import explain_changes
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.knowledge import TABLES, Knowledge
from orchestration.lake.ingest import ingest
from orchestration.names.lake import write_names
from orchestration.scratch import Plan, compile_models, compiled_sql
from orchestration.warehouse import read_manifest
from tests.conftest import long
from tests.orchestration.test_restatements import Extracts, Row, land, won

GUARD = "assert_changes_add_up"
Figures = Mapping[tuple[str, str, str], float]  # scope, entity, metric


def branch(branch_id: str, name: str, **columns: Any) -> Row:
    return {"branch_id": branch_id, "partner_id": "P", "branch_name": name, "opened_on": "2020-01-01"} | columns


def deal(deal_id: str, amount: float, on: str, **columns: Any) -> Row:
    return won(deal_id, amount, on=on, created=on, **columns)


# Two Mondays. The fiscal year began on 1 April.
FIRST, SECOND, THIRD = "2024-06-03", "2024-06-10", "2024-06-17"
SLIPS: Row = {
    "deal_id": "SLIPS",
    "stage": "open",
    "created_at": "2024-05-07 10:00:00",
    "branch_id": "TOKYO",
    "amount": 400,
}
COMPANY: Extracts = {
    FIRST: {
        "partners": [
            {"partner_id": "P", "partner_name": "ヤマダ商事"},
            {"partner_id": "Q", "partner_name": "サトウ産業"},
        ],
        "branches": [branch("TOKYO", "東京支店"), branch("OSAKA", "大阪支店"), branch("NAGOYA", "名古屋支店")],
        "reps": [{"rep_id": "R", "rep_name": "佐藤"}],
        "rep_assignments": [{"rep_id": "R", "branch_id": "TOKYO", "valid_from": "2023-01-01"}],
        "fx_rates": [{"rate_on": "2024-05-06", "currency": "USD", "base_per_unit": 150}],
        "deals": [
            deal("AMOUNT", 100, "2024-05-09", branch_id="TOKYO"),
            deal("MERGED", 200, "2024-05-08", branch_id="NAGOYA"),
            deal("OF_REP", 300, "2024-05-07", rep_id="R"),
            SLIPS | {"expected_close_on": "2025-03-20"},
            deal("BACKDATED", 50, "2024-04-02", branch_id="TOKYO"),
            deal("DOLLARS", 10, "2024-05-09", branch_id="TOKYO", currency="USD"),
            deal("MOVED", 70, "2024-05-10", branch_id="TOKYO"),
            deal("STAYS", 1000, "2024-05-13", branch_id="OSAKA"),
            deal("LAST_YEAR", 900, "2024-03-01", branch_id="OSAKA"),
            deal("DIRECT", 80, "2024-05-14", channel="direct"),
        ],
    },
    SECOND: {
        "branches": [
            branch("TOKYO", "東京支店"),
            branch("OSAKA", "大阪支店"),
            branch("NAGOYA", "名古屋支店", closed_on="2024-06-05"),
        ],
        "branch_successions": [
            {"from_branch_id": "NAGOYA", "to_branch_id": "OSAKA", "effective_on": "2024-06-05", "kind": "merge"}
        ],
        "rep_assignments": [
            {"rep_id": "R", "branch_id": "TOKYO", "valid_from": "2023-01-01", "valid_to": "2024-04-15"},
            {"rep_id": "R", "branch_id": "OSAKA", "valid_from": "2024-04-15"},
        ],
        "deals": [
            deal("AMOUNT", 130, "2024-05-09", branch_id="TOKYO"),
            SLIPS | {"expected_close_on": "2025-04-20"},
            deal("BACKDATED", 50, "2024-03-29", branch_id="TOKYO"),
            deal("MOVED", 70, "2024-05-10", branch_id="OSAKA"),
            deal("NEW", 500, "2024-06-06", branch_id="TOKYO"),
            deal("LATE", 600, "2024-05-20", branch_id="OSAKA"),
        ],
    },
}
# The rate of DOLLARS is three days old.
OTHER_RULES = '{"fx_max_age_days": 2}'
# cause, reason, deal, branch, what it adds
OF_MONEY = [
    ("corrected", "AMOUNT", "AMOUNT", "TOKYO", 30),
    ("corrected", "RECORDED_LATE", "LATE", "OSAKA", 600),
    ("corrected", "SOURCE_EDIT", "MOVED", "OSAKA", 70),
    ("corrected", "SOURCE_EDIT", "MOVED", "TOKYO", -70),
    ("dates_slipped", "DATE", "BACKDATED", "TOKYO", -50),
    ("new_business", "HAPPENED", "NEW", "TOKYO", 500),
    ("people_moved", "REP_ROSTER", "OF_REP", "OSAKA", 300),
    ("people_moved", "REP_ROSTER", "OF_REP", "TOKYO", -300),
    ("reorganised", "SUCCESSION", "MERGED", "NAGOYA", -200),
    ("reorganised", "SUCCESSION", "MERGED", "OSAKA", 200),
    ("rules_changed", "LADDER", "DOLLARS", "TOKYO", -1500),
]


@pytest.fixture(scope="module")
def project() -> Iterator[Callable[[Home], Plan]]:
    """The compiled project; each home is refreshed without dbt."""
    before = dict(os.environ)
    yield compile_models
    os.environ.clear()
    os.environ.update(before)


def refreshed(home: Home, plan: Plan) -> duckdb.DuckDBPyConnection:
    """Refresh as the job does, up to the release; return the database, which the guard has checked."""
    ingest(home, progress=lambda _: None)
    write_names(home)
    known = Knowledge(home)
    known.prepare(lambda _: None)
    models = ["change_explained", "restatements", "pipeline", "int_monthly", "fct_revenue", "fct_stage_entries"]
    connection = plan.build(home.build / "working", models, home=home)
    guard = read_manifest(home)["nodes"][f"test.kyoten.{GUARD}"]
    assert connection.execute(compiled_sql(guard, home)).fetchall() == []
    known.keep(max(known.days), TABLES, connection)
    return connection


def published(connection: duckdb.DuckDBPyConnection) -> Figures:
    """Return this year's figures as the monthly marts and the pipeline have them."""
    figures: dict[tuple[str, str, str], float] = {}
    for metric in ("won_amount", "deals_new", "deals_qualified", "deals_won", "deals_lost"):
        for scope, entity, value in connection.execute(
            f"""select scope, entity_id, cast(sum({metric}) as double)
            from intermediate.int_monthly inner join intermediate.int_scopes using (scope_key)
            where organisation = 'as_is' and month >= date '2024-04-01' group by all"""
        ).fetchall():
            figures[scope, entity, metric] = value
    for entity, deals, amount, due in connection.execute(
        """select branch_id, sum(open_deals), cast(sum(pipeline_amount) as double),
            cast(coalesce(sum(pipeline_amount) filter (close_month < date '2025-04-01'), 0) as double)
        from kpi.pipeline group by branch_id"""
    ).fetchall():
        figures["branch", entity, "open_deals"] = deals
        figures["branch", entity, "pipeline_amount"] = amount
        figures["branch", entity, "pipeline_due"] = due
    return {key: value for key, value in figures.items() if value}


def explained(connection: duckdb.DuckDBPyConnection, side: str, pair: str = "extract") -> Figures:
    """Return the figures of a side of a pair, of those metrics that marts publish."""
    rows = connection.execute(
        f"""select distinct scope, entity_id, metric, cast({side}_value as double) from kpi.change_explained
        where pair = ? and {side}_value != 0
            and (metric not similar to '.*(numerator|denominator)|open_deals|pipeline.*' or scope = 'branch')
            and metric not similar to '.*(numerator|denominator)'""",
        [pair],
    ).fetchall()
    return {(scope, entity, metric): value for scope, entity, metric, value in rows}


def deals(connection: duckdb.DuckDBPyConnection, pair: str, measure: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        """select cause, reason, deal_id, branch_id, cast(amount as double) from kpi.change_deals
        where pair = ? and measure = ? order by all""",
        [pair, measure],
    ).fetchall()


def parts(connection: duckdb.DuckDBPyConnection, pair: str, entity: str, metric: str) -> dict[str, float]:
    return dict(
        connection.execute(
            """select cause, cast(amount as double) from kpi.change_explained
            where pair = ? and entity_id = ? and metric = ? order by cause""",
            [pair, entity, metric],
        ).fetchall()
    )


def compare(connection: duckdb.DuckDBPyConnection, before: Figures, now: Figures, pair: str = "extract") -> None:
    """Both sides are what was published, and no figure changes without an explanation."""
    sides = {"from": before, "to": now}
    stated = {side: explained(connection, side, pair) for side in sides}
    for side, figures in sides.items():
        assert {key: figures.get(key, 0) for key in stated[side]} == stated[side]
    changed = {key for key in before.keys() | now.keys() if before.get(key, 0) != now.get(key, 0)}
    assert changed <= stated["from"].keys() | stated["to"].keys()


def test_every_cause_of_a_change_adds_up_to_what_was_published(
    project: Callable[[Home], Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    land(home, {FIRST: COMPANY[FIRST]})
    with refreshed(home, project(home)) as connection:
        before = published(connection)
        pairs = dict(connection.execute("select pair, missing_reason from intermediate.int_change_pairs").fetchall())
        assert set(pairs) == {"extract", "month_end", "fiscal_year", "monday"}
        assert set(pairs.values()) == {"ONE_EXTRACT"}
        assert connection.execute("from kpi.change_explained").fetchall() == []

    land(home, {SECOND: COMPANY[SECOND]})
    monkeypatch.setenv("KYOTEN_VARS", OTHER_RULES)
    with refreshed(home, project(home)) as connection:
        assert deals(connection, "extract", "won_amount") == OF_MONEY
        assert deals(connection, "extract", "pipeline_due") == [("dates_slipped", "DATE", "SLIPS", "TOKYO", -400)]
        assert deals(connection, "extract", "pipeline_amount") == []
        # An amount is no count, and money in another currency is a win.
        assert {row[2] for row in deals(connection, "extract", "deals_won")} == {
            "LATE", "MOVED", "BACKDATED", "NEW", "OF_REP", "MERGED",
        }  # fmt: skip
        assert parts(connection, "extract", "ALL", "won_amount") == {
            "corrected": 630, "dates_slipped": -50, "new_business": 500, "rules_changed": -1500,
        }  # fmt: skip
        assert parts(connection, "extract", "OSAKA", "won_amount") == {
            "corrected": 670, "people_moved": 300, "reorganised": 200,
        }  # fmt: skip
        assert len(explained(connection, "from")) > 15
        compare(connection, before, published(connection))
        # Both days are Mondays, so this pair is the same.
        assert deals(connection, "monday", "won_amount") == OF_MONEY


def history(rng: random.Random) -> Iterator[tuple[str, Mapping[str, list[Row]]]]:
    """Give a company of four branches and three reps day by day: in each extract, some of everything has changed."""
    branches = ["A", "B", "C", "D"]
    partner = {one: "P" if one < "C" else "Q" for one in branches}
    posts = {rep: rng.choice(branches) for rep in ("R1", "R2", "R3")}
    deals_now: dict[str, dict[str, Any]] = {}
    gone: dict[str, str] = {}
    moves: list[Row] = []
    for number in range(6):
        today = date(2024, 4, 29) + timedelta(days=7 * number)  # the last two month ends have their extracts

        def some_day(latest: date = today) -> str:
            return str(latest - timedelta(days=rng.randrange(110)))

        changed = rng.sample(sorted(deals_now), min(len(deals_now), 12))
        for deal_id in changed + [f"D{number}-{n}" for n in range(15)]:
            created = deals_now.get(deal_id, {}).get("created_at") or f"{some_day()} 10:00:00"
            row = {
                "deal_id": deal_id, "created_at": created, "channel": "resale", "amount": rng.randrange(1, 9999),
                "stage": rng.choice(["open", "won", "won", "lost"]),
                "expected_close_on": f"202{rng.randrange(4, 7)}-03-15",
                "is_deleted": "true" if rng.random() < 0.05 else "false",
            }  # fmt: skip
            closed = max(created[:10], some_day())
            row |= (
                {"won_on": closed} if row["stage"] == "won" else {"closed_on": closed} if row["stage"] == "lost" else {}
            )
            known = rng.random()
            row |= {"rep_id": rng.choice(sorted(posts))} if known < 0.5 else {"branch_id": rng.choice(branches)}
            if known > 0.9:
                row |= {"branch_id": "", "channel": "direct"}
            deals_now[deal_id] = row
        if number in (2, 4):
            old, (one, other) = branches[number // 4], rng.sample([b for b in branches[2:] if b not in gone], 2)
            gone[old] = str(today - timedelta(days=3))
            share = rng.choice([None, 0.37])
            moves += [
                {"from_branch_id": old, "to_branch_id": to, "effective_on": gone[old], "weight": weight, "kind": kind}
                for to, weight, kind in (
                    [(one, "", "merge")] if share is None else [(one, share, "split"), (other, 1 - share, "split")]
                )
            ]
        rep = rng.choice(sorted(posts))
        posts[rep] = rng.choice(branches)
        yield str(today), {
            "partners": [{"partner_id": one, "partner_name": f"会社{one}"} for one in "PQ"],
            "branches": [
                branch(one, one, partner_id=partner[one], closed_on=gone.get(one, ""), division_id=f"V{number // 3}")
                for one in branches
            ],
            "reps": [{"rep_id": one, "rep_name": f"氏名{one}"} for one in posts],
            "rep_assignments": [
                {"rep_id": one, "branch_id": post, "valid_from": "2020-01-01"} for one, post in posts.items()
            ],
            **({"branch_successions": moves} if moves else {}),
            "deals": [deals_now[one] for one in deals_now if one in changed or one.startswith(f"D{number}-")],
        }  # fmt: skip


@pytest.mark.parametrize("seed", range(int(os.environ.get("PROPERTY_SCALE", "1"))))
def test_random_changes_add_up(project: Callable[[Home], Plan], tmp_path: Path, seed: int) -> None:
    """The guard passes after each extract, and the figures of both days are what was published on them."""
    home, on, causes, compared = Home(tmp_path), {}, set(), []
    for day, datasets in history(random.Random(seed)):
        land(home, {day: datasets})
        with refreshed(home, project(home)) as connection:
            on[day] = published(connection)
            for pair, *days in connection.execute(
                """select pair, cast(from_known_on as varchar), cast(to_known_on as varchar)
                from intermediate.int_change_pairs where missing_reason is null and pair != 'fiscal_year'"""
            ).fetchall():
                compare(connection, on[days[0]], on[days[1]], pair)
                compared.append(pair)
            causes |= {cause for (cause,) in connection.execute("select cause from kpi.change_deals").fetchall()}
            pairs = connection.execute("select distinct pair from kpi.change_explained order by pair").fetchall()
    assert causes == {"new_business", "corrected", "reorganised", "people_moved", "dates_slipped"}
    assert [compared.count(pair) for pair in ("extract", "monday", "month_end")] == [5, 5, 1]
    assert pairs == [("extract",), ("fiscal_year",), ("monday",), ("month_end",)]


def test_refreshing_at_once_or_after_each_extract_gives_the_same(
    project: Callable[[Home], Plan], tmp_path: Path
) -> None:
    found = []
    for number, steps in enumerate(([COMPANY], [{FIRST: COMPANY[FIRST]}, {SECOND: COMPANY[SECOND]}, {}])):
        home = Home(tmp_path / str(number))
        home.root.mkdir()
        for extracts in steps:
            land(home, extracts)
            with refreshed(home, project(home)) as connection:
                rows = [
                    connection.execute(f"from {table} order by all").fetchall()
                    for table in (
                        "kpi.change_deals",
                        "kpi.change_explained",
                        "intermediate.int_deal_log",
                        "intermediate.int_branch_log",
                    )
                ]
        found.append(rows)
    assert found[0] == found[1]
    assert len(found[0][0]) > 20


def test_an_upgraded_home_builds_the_logs_of_all_extracts(project: Callable[[Home], Plan], tmp_path: Path) -> None:
    """A state of an earlier version has only credit and restatements."""
    home = Home(tmp_path)
    land(home, COMPANY)
    refreshed(home, project(home)).close()
    for path in home.lake.glob("knowledge/*/deals.parquet"):
        path.unlink()
    with refreshed(home, project(home)) as connection:
        steps = connection.execute("select distinct step_number from intermediate.int_deal_log order by all").fetchall()
        assert steps == [(1,), (2,)]


@long
def test_a_person_can_compare_any_two_days(
    new_copy: Callable[[], Home], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = new_copy()
    path = explain_changes(home, "2025-10-05", "2026-04-05")
    shown = capsys.readouterr().out
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with duckdb.connect(str(home.published / "kyoten.duckdb"), read_only=True) as release:
        # The pair of extracts is of the same two days.
        expected = release.execute(
            "select measure, cause, reason, deal_id, branch_id, amount from kpi.change_deals where pair = 'extract'"
        ).fetchall()
        figures = release.execute(
            "select from_value, to_value, change from kpi.change_explained where pair = 'extract' and scope = 'company'"
            " and metric = 'won_amount'"
        ).fetchone()
    columns = ("measure", "cause", "reason", "deal_id", "branch_id")
    assert {(*(row[name] for name in columns), float(row["amount"])) for row in rows} == {
        (*key, float(amount)) for *key, amount in expected
    }
    assert figures and len(expected) > 100
    (line,) = (line for line in shown.splitlines() if line.startswith("Won amount"))
    assert all(f"{figure:,.0f}" in line for figure in figures)

    for days, problem in (
        (("2025-10-06", "2025-10-07"), "no extract came between"),
        (("2026-04-05", "2025-10-07"), "is after the later day"),
        (("2020-01-01", "2025-10-07"), "no extract is as old"),
        (("yesterday", "2025-10-07"), "FROM must be a day"),
    ):
        with pytest.raises(KyotenError, match=problem):
            explain_changes(home, *days)
    with pytest.raises(KyotenError, match="Nothing is published"):
        explain_changes(Home(tmp_path / "empty"), "2025-10-06", "2025-10-07")
