"""A merger and a weighted split of planted branches: what people act on has the whole history at who is there today.

KNOWN2-LEAK (10 deals in the last year, 2 won) goes into KNOWN-FEW of another partner (4 deals, all won,
headroom), and KNOWN-MANY (14 deals, all won) is split into two new branches. No assignment of a salesperson changes.
"""

import csv
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import duckdb
import pytest

from orchestration.home import Home
from tests.conftest import long, run_cli
from tests.dbt import test_kpis_again as again
from tests.dbt import test_kpis_again_money as again_money
from tests.dbt import test_kpis_again_people as again_people
from tests.dbt import test_kpis_again_programme as again_programme
from tests.dbt import test_other_kpis_again as again_other
from tests.dbt import test_segments_again as again_segments

FROM = date(2026, 1, 1)
LEAK, FEW, MANY, EAST, WEST = "KNOWN2-LEAK", "KNOWN-FEW", "KNOWN-MANY", "KNOWN-EAST", "KNOWN-WEST"
GONE = (LEAK, MANY)
MARCH = "month = date '2026-03-01'"
M = 1_000_000
SHARES = {EAST: 0.6, WEST: 0.4}
# Everything that people act on, by the column that names the branch and what picks branches.
TABLES = {
    "kpi.performance": "scope = 'branch' and entity_id",
    "kpi.rep_concentration": "scope = 'branch' and entity_id",
    "kpi.bottlenecks": "scope = 'branch' and entity_id",
    "kpi.pipeline": "branch_id",
    "kpi.scorecard": "scope = 'branch' and entity_id",
    "kpi.revenue_decomposition": "scope = 'branch' and entity_id",
    "kpi.target_path": "scope = 'branch' and entity_id",
    "kpi.profile_coverage": "scope = 'branch' and entity_id",
    "kpi.branch_monthly_as_is": "branch_id",
    "segment.branch_segments": "branch_id",
}


def deliver(
    home: Home, dataset: str, change: Callable[[dict[str, str]], dict[str, str]], *more: dict[str, str]
) -> None:
    """Change the rows of a dataset's last extract and add some."""
    file = max((home.landing / dataset).iterdir())
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [change(row) for row in csv.DictReader(lines)]
    names = list(rows[0])
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, names, restval="")
        writer.writeheader()
        writer.writerows([*rows, *more])


def reorganise(home: Home) -> None:
    """Merge and split branches in the last extracts, three months before today."""
    since = FROM.isoformat()
    deliver(
        home, "branches",
        # In focus and with open deals, so that tables of these show them, too.
        lambda row: row
        | ({"closed_on": since} if row["branch_id"] in GONE else {})
        | ({"is_focus": "true"} if row["branch_id"] in (*GONE, FEW) else {}),
        *({"branch_id": name, "partner_id": "KNOWN", "branch_name": name, "opened_on": since, "is_focus": "true"}
          for name in SHARES),
    )  # fmt: skip
    deliver(
        home, "branch_successions", lambda row: row,
        {"from_branch_id": LEAK, "to_branch_id": FEW, "effective_on": since, "kind": "merge"},
        *({"from_branch_id": MANY, "to_branch_id": name, "effective_on": since, "kind": "split", "weight": str(share)}
          for name, share in SHARES.items()),
    )  # fmt: skip
    target = {"metric": "won_amount", "scope": "branch", "baseline": "1", "baseline_on": "2025-03-31", "target": "9"}
    deliver(
        home, "targets", lambda row: row,
        *(target | {"scope_id": name, "deadline": "2027-03-31"} for name in (*GONE, FEW, *SHARES)),
    )  # fmt: skip
    deliver(
        home, "deals",
        # A yen too many for shares of 0.6 and 0.4.
        lambda row: row | ({"amount": "29500001"} if row["deal_id"] == f"{MANY}-14" else {}),
        *({
            "deal_id": f"{name}-OPEN", "deal_name": "進行中", "amount": "7000000", "currency": "JPY", "stage": "商談",
            "deal_type": "new", "created_at": "2025-12-10 10:30:00", "rep_id": rep,
        } for name, rep in ((LEAK, f"{LEAK}-R1"), (MANY, f"{MANY}-R01"))),
    )  # fmt: skip


@pytest.fixture(scope="module")
def merged_home(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The sample company after its reorganisation, refreshed and published by the real command."""
    home = Home(tmp_path_factory.mktemp("merged") / "home")
    shutil.copytree(built_home.root, home.root, symlinks=True)
    reorganise(home)
    done = run_cli(home, "refresh")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return home


@pytest.fixture(scope="module")
def release(merged_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(merged_home.published / "kyoten.duckdb"), read_only=True) as connection:
        yield connection


def row_of(release: duckdb.DuckDBPyConnection, table: str, where: str) -> dict[str, Any]:
    """Return the only row of a table where a condition holds."""
    found = release.execute(f"from {table} where {where}")
    names = [column[0] for column in found.description or []]
    (row,) = found.fetchall()
    return dict(zip(names, row, strict=True))


def rows_of(release: duckdb.DuckDBPyConnection, table: str, branches: str, *names: str) -> int:
    counted = f"select count(*) from {table} where {branches} in (select unnest(?))"
    (count,) = release.execute(counted, [list(names)]).fetchone() or (0,)
    return int(count)


@pytest.mark.parametrize("table", TABLES)
def test_a_merged_branch_is_in_no_table_that_people_act_on(release: duckdb.DuckDBPyConnection, table: str) -> None:
    assert rows_of(release, table, TABLES[table], *GONE) == 0
    assert rows_of(release, table, TABLES[table], FEW) > 0
    assert rows_of(release, table, TABLES[table], *SHARES) > 0
    assert rows_of(release, "kpi.branch_monthly", "branch_id", *GONE) > 0  # as was, it is


def test_as_was_both_branches_keep_their_months(release: duckdb.DuckDBPyConnection) -> None:
    for branch, won, amount in ((LEAK, 2, 10 * M), (FEW, 2, 130 * M), (MANY, 7, 200_500_001)):
        row = row_of(release, "kpi.branch_monthly", f"branch_id = '{branch}' and {MARCH}")
        assert (row["deals_won"], row["won_amount"]) == (won, amount)
    for partner, won in (("KNOWN", 9), ("KNOWN2", 2)):
        assert row_of(release, "kpi.partner_monthly", f"partner_id = '{partner}' and {MARCH}")["deals_won"] == won
        division = f"division_id = 'IMPLICIT:{partner}' and {MARCH}"
        assert row_of(release, "kpi.division_monthly", division)["deals_won"] == won


def test_the_successor_has_the_months_of_both(release: duckdb.DuckDBPyConnection) -> None:
    """Counts, money and persons of each month; no rep is at both branches, so that persons add up here."""
    columns = (
        "deals_new", "deals_qualified", "deals_won", "deals_lost", "won_amount", "referrals", "sessions_held",
        "reps_contacted", "reps_known", "reps_contactable", "reps_active", "reps_producing_t12m",
        "unassigned_wins_t12m",
    )  # fmt: skip
    sums = ", ".join(f"sum({column})" for column in columns)
    both, now = (
        dict((month, values) for month, *values in release.execute(
            f"select month, {sums} from kpi.{mart} where branch_id in (select unnest(?)) group by month", [names]
        ).fetchall())
        for mart, names in (("branch_monthly", [LEAK, FEW]), ("branch_monthly_as_is", [FEW]))
    )  # fmt: skip
    assert now == both
    assert len(now) > 12
    march = row_of(release, "kpi.branch_monthly_as_is", f"branch_id = '{FEW}' and {MARCH}")
    assert (march["headcount"], march["is_headcount_inherited"]) == (20, False)  # its own profile goes first


@pytest.mark.parametrize(
    ("table", "where", "expected"),
    [
        (
            "kpi.performance", f"scope = 'branch' and entity_id = '{FEW}' and {MARCH}",
            {
                "deals_won_t12m": 6, "won_amount_t12m": 410 * M, "win_rate_t12m_numerator": 6,
                "win_rate_t12m_denominator": 14, "win_rate_t12m": pytest.approx(6 / 14), "win_rate_t3m_numerator": 4,
                "win_rate_t3m_denominator": 12, "win_rate_t3m": pytest.approx(4 / 12),
                # Reps who left according to the roster; the merger itself makes nobody leave.
                "revenue_at_risk": 120 * M,
            },
        ),
        (
            "kpi.performance", f"scope = 'branch' and entity_id = '{EAST}' and {MARCH}",
            {"deals_won_t12m": 14, "revenue_at_risk": 0, "won_amount_t12m": 240 * M + 1},
        ),
        (
            "kpi.performance", f"scope = 'branch' and entity_id = '{WEST}' and {MARCH}",
            {"deals_won_t12m": 0, "revenue_at_risk": 0, "won_amount_t12m": 160 * M},
        ),
        (
            "kpi.performance", f"scope = 'partner' and entity_id = 'KNOWN' and {MARCH}",
            {"deals_won_t12m": 20, "won_amount_t12m": 810 * M + 1, "revenue_at_risk": 120 * M},
        ),
        (
            "kpi.performance", f"scope = 'division' and entity_id = 'IMPLICIT:KNOWN2' and {MARCH}",
            {"deals_won_t12m": 0, "won_amount_t12m": 0, "revenue_at_risk": 0, "win_rate_t12m_denominator": 0},
        ),
        (
            "kpi.rep_concentration", f"scope = 'branch' and entity_id = '{FEW}' and {MARCH}",
            {
                "producing_reps": 5, "headcount": 20, "rep_penetration": 0.25, "headroom_reps": 0,
                "reps_won_amount": 410 * M, "win_rate_t12m": pytest.approx(6 / 14),
            },
        ),
        (
            "kpi.rep_concentration", f"scope = 'branch' and entity_id = '{EAST}' and {MARCH}",
            {"producing_reps": 14, "headcount": 20, "is_headcount_inherited": True, "rep_penetration": 0.7},
        ),
        (
            "kpi.rep_concentration", f"scope = 'branch' and entity_id = '{WEST}' and {MARCH}",
            {"producing_reps": 0, "headcount": None, "is_headcount_inherited": False, "lever": None},
        ),
        (
            "kpi.rep_concentration", f"scope = 'division' and entity_id = 'IMPLICIT:KNOWN' and {MARCH}",
            {"producing_reps": 19, "headcount": 40, "headroom_reps": 0},
        ),
        (
            "kpi.bottlenecks", f"scope = 'branch' and entity_id = '{FEW}' and step = 'proposed'",
            {"partner_id": "KNOWN", "entered": 10, "passed": 2, "is_bottleneck": False},
        ),
        (
            "kpi.bottlenecks", "scope = 'partner' and entity_id = 'KNOWN' and step = 'proposed'",
            {"entered": 10, "passed": 2, "is_bottleneck": False},
        ),
        (
            "kpi.pipeline", f"branch_id = '{FEW}'",
            {"partner_id": "KNOWN", "division_id": "IMPLICIT:KNOWN", "open_deals": 1, "pipeline_amount": 7 * M},
        ),
        ("kpi.pipeline", f"branch_id = '{EAST}'", {"open_deals": 1, "pipeline_amount": 7 * M}),
        (
            "kpi.scorecard", f"scope = 'branch' and entity_id = '{FEW}' and metric = 'reps_known' and {MARCH}",
            {"actual": 6, "target_actual": 6},
        ),
        (
            "kpi.scorecard", f"scope = 'branch' and entity_id = '{FEW}' and metric = 'deals_new' and {MARCH}",
            {"actual": 15, "month_actual": 0},  # four, and eleven of the branch that was merged into it
        ),
        (
            "kpi.scorecard", f"scope = 'branch' and entity_id = '{WEST}' and metric = 'won_amount' and {MARCH}",
            {"actual": 160 * M, "month_actual": 80_200_000, "target_actual": 160 * M},
        ),
        (
            "kpi.revenue_decomposition",
            f"scope = 'branch' and entity_id = '{FEW}' and period_type = 'year' and fiscal_year = 2025",
            {"won_amount": 410 * M, "deals_won": 6, "producing_reps": 5, "active_branches": 1},
        ),
        (
            "kpi.revenue_decomposition",
            "scope = 'partner' and entity_id = 'KNOWN' and period_type = 'year' and fiscal_year = 2025",
            # Of the two successors of a split one has all the wins.
            {"won_amount": 810 * M + 1, "deals_won": 20, "producing_reps": 19, "active_branches": 2},
        ),
        (
            "kpi.target_path", f"entity_id = '{FEW}' and {MARCH}", {"actual": 410 * M},
        ),
        # It is the latest profile of the year's end that counts: the one that closed before has none to report.
        (
            "kpi.profile_coverage", f"scope = 'branch' and entity_id = '{FEW}' and fiscal_year = 2024",
            {"profile_coverage_denominator": 2},
        ),
        (
            "kpi.profile_coverage", f"scope = 'branch' and entity_id = '{FEW}' and fiscal_year = 2025",
            {"profile_coverage_denominator": 1},
        ),
        (
            "segment.branch_segments", f"branch_id = '{FEW}' and fiscal_year = 2025 and fiscal_half = 'H2'",
            {"partner_id": "KNOWN", "deals_won_t12m": 6, "won_amount_t12m": 410 * M},
        ),
        (
            "segment.branch_segments", f"branch_id = '{WEST}' and fiscal_year = 2025 and fiscal_half = 'H2'",
            {"deals_won_t12m": 0, "won_amount_t12m": 160 * M},
        ),
        (
            "kpi.partner_monthly_as_is", f"partner_id = 'KNOWN' and {MARCH}",
            {
                "deals_won": 11, "won_amount": 340_500_001, "reps_known": 20, "headcount": 40,
                "is_headcount_inherited": True,
            },
        ),
        (
            "kpi.division_monthly_as_is", f"division_id = 'IMPLICIT:KNOWN' and {MARCH}",
            {
                "deals_won": 11, "won_amount": 340_500_001, "reps_known": 20, "headcount": 40,
                "is_headcount_inherited": True,
            },
        ),
    ],
)  # fmt: skip
def test_figure_is_of_the_merged_history(
    release: duckdb.DuckDBPyConnection, table: str, where: str, expected: dict[str, Any]
) -> None:
    row = row_of(release, table, where)
    assert {name: row[name] for name in expected} == expected


def test_money_of_a_split_is_shared_to_the_yen(release: duckdb.DuckDBPyConnection) -> None:
    """Each event by its shares, rounded so that nothing is lost; what is counted stays with the heaviest successor."""
    events = release.execute(
        "select event_id, deal_id, parts.branch_id_current, parts.amount, whole.amount"
        " from attribution.current_credit as parts inner join core.fct_revenue as whole using (deal_id, event_id)"
        " where whole.branch_id = ?",
        [MANY],
    ).fetchall()
    assert len(events) == 2 * 16
    for _, _, branch, amount, whole in events:
        assert abs(float(amount) - SHARES[branch] * float(whole)) < 1
        assert amount == int(amount)
    odd = {branch: amount for _, deal, branch, amount, _ in events if deal == f"{MANY}-14"}
    assert odd == {EAST: 17_700_001, WEST: 11_800_000}
    months = release.execute(
        "select was.month, was.deals_new, was.deals_won, was.won_amount, was.reps_known, was.reps_producing_t12m,"
        " east.deals_new, east.deals_won, east.won_amount + west.won_amount, east.reps_known, east.reps_producing_t12m,"
        " west.deals_new + west.deals_won + west.reps_known + west.reps_producing_t12m"
        " from kpi.branch_monthly as was"
        " inner join kpi.branch_monthly_as_is as east on east.month = was.month and east.branch_id = ?"
        " inner join kpi.branch_monthly_as_is as west on west.month = was.month and west.branch_id = ?"
        " where was.branch_id = ?",
        [EAST, WEST, MANY],
    ).fetchall()
    assert len(months) > 12
    for _, *was_and_now, of_west in months:
        assert was_and_now[:5] == was_and_now[5:]
        assert of_west == 0


@pytest.mark.parametrize(
    ("compared", "arguments"),
    [
        *((again.test_rep_concentration, (scope,)) for scope in ("branch", "division")),
        (again.test_performance, ("partner",)),
        (again.test_revenue_decomposition, ()),
        *((again.test_bottlenecks, (scope,)) for scope in ("branch", "partner")),
        (again_programme.test_target_paths, ()),
        pytest.param(again_programme.test_scorecard, (), marks=long),
        (again_other.test_pipeline, ()),
        (again_other.test_profiles_of_branches_in_focus, ()),
        (again_segments.test_segments_of_branches, ()),
        *(
            pytest.param(test, (mart,), marks=() if mart == "branch_monthly_as_is" else long)
            for test in (again_money.test_counts_and_money, again_people.test_persons_and_their_rates)
            for mart in ("branch_monthly_as_is", "division_monthly_as_is", "partner_monthly_as_is")
        ),
    ],
)
def test_second_computation_holds_after_a_reorganisation(
    merged_home: Home, compared: Callable[..., None], arguments: tuple[str, ...]
) -> None:
    compared(merged_home, *arguments)
