"""The forecast of a month end does not depend on what happened later, and its errors are measured by tools/backtest."""

import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.scratch import Plan
from orchestration.warehouse import read_manifest
from tests.conftest import PROJECT_VARS
from tests.dbt.again import milestones, month_end, months, table, today, wins
from tools import backtest
from tools.backtest import Forecast

N_MIN = PROJECT_VARS["n_min"]
SEASON = 2  # wins by which the season of a calendar month is drawn to 1
STAGES = ("proposed", "qualified", "open")
Kind = tuple[bool, str, str]  # whether direct, channel, type
Stay = tuple[str, int, int | None, bool, Kind, str]  # stage, age, months left, whether won, kind, partner
Odds = dict[tuple[str, int, int, int], float]  # stage, age, start, month → chance
MODELS = (
    "int_forecast_months", "int_forecast_deals", "int_open_months", "int_win_odds", "int_win_records",
    "int_win_factors", "int_win_amounts", "int_open_forecasts", "int_new_forecasts", "int_forecasts",
    "forecast_history",
)  # fmt: skip
# What is known only later: the result, and whether there is one.
LATER = (
    "is_over, is_current, actual_wins, forecast_wins_error, is_wins_in_interval, actual_amount, forecast_amount_error, "
    "is_amount_in_interval"
)
# Everything after the day is removed from the dated rows that the forecast reads.
FORGET = """
    update intermediate.int_deal_milestones set qualified_on = null where qualified_on > '{day}';
    update intermediate.int_deal_milestones set proposed_on = null where proposed_on > '{day}';
    update intermediate.int_deal_milestones set won_on = null where won_on > '{day}';
    update intermediate.int_deal_milestones set lost_on = null where lost_on > '{day}';
    delete from intermediate.int_deal_milestones where open_on > '{day}';
    delete from intermediate.int_won_months where month > '{day}';
    delete from intermediate.int_months where month > '{day}';
"""


@pytest.fixture
def copy(built_home: Home, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the working database, under its name."""
    path = tmp_path / built_home.database.name
    shutil.copy(built_home.database, path)
    with duckdb.connect(str(path)) as connection:
        yield connection


def rebuild(connection: duckdb.DuckDBPyConnection, home: Home, change: tuple[str, str] = ("", "")) -> None:
    """Compute the models of the forecast again, with a change of their SQL."""
    plan = Plan.of(read_manifest(home), home)
    statements = [plan.statement(node) for node in plan.nodes if node["name"] in MODELS]
    assert any(change[0] in statement for statement in statements)
    for statement in statements:
        connection.execute(statement.replace(*change) if change[0] else statement)


def forecasts(connection: duckdb.DuckDBPyConnection, day: object) -> list[tuple[object, ...]]:
    """The forecast of a day as it could be read on that day."""
    columns = f"* exclude ({LATER})"
    return connection.execute(
        f"select {columns} from kpi.forecast_history where forecast_on = '{day}' order by all"
    ).fetchall()


def test_a_forecast_does_not_know_the_future(copy: duckdb.DuckDBPyConnection, built_home: Home) -> None:
    found = copy.execute("select distinct forecast_on from kpi.forecast_history order by 1").fetchall()
    days = [day for (day,) in found]
    assert len(days) == 24
    day = str(days[11])
    before = forecasts(copy, day)
    assert len(before) > 50
    copy.execute(FORGET.format(day=day))
    rebuild(copy, built_home)
    assert forecasts(copy, day) == before
    current = copy.execute("select distinct forecast_on from kpi.forecast_history where is_current").fetchall()
    assert [str(found) for (found,) in current] == [day]


def test_a_planted_look_ahead_is_found(copy: duckdb.DuckDBPyConnection, built_home: Home) -> None:
    leak = (
        "risks.month_number <= forecast_months.month_number",
        "risks.month_number <= forecast_months.month_number + 2",
    )
    rebuild(copy, built_home, leak)
    (day,) = copy.execute("select max(forecast_on) from kpi.forecast_history where is_over").fetchone() or ()
    before = forecasts(copy, day)
    copy.execute(FORGET.format(day=day))
    rebuild(copy, built_home, leak)
    assert len(forecasts(copy, day)) == len(before)
    assert forecasts(copy, day) != before


class Again:
    """The forecast of wins, computed a second time, deal by deal."""

    def __init__(self, home: Home) -> None:
        """Read the deals, and list the month ends at which each was open."""
        facts = table(home, "core", "fct_deals").select("deal_id", "channel", "deal_type")
        current = table(home, "core", "dim_branch").select("branch_id", "current_partner_id")
        deals = milestones(home).join(facts, on="deal_id").join(current, on="branch_id")
        won = dict(wins(home).filter("is_won").select("deal_id", "month").iter_rows())
        complete = [month for month in months(home) if month_end(month) <= today(home)]
        self.first, self.last = number(complete[0]), number(complete[-1])
        self.opened: list[tuple[int, Kind, str]] = []
        self.stays: dict[int, list[Stay]] = defaultdict(list)
        for deal in deals.iter_rows(named=True):
            kind = (deal["channel_class"] == "direct", deal["channel"] or "none", deal["deal_type"] or "none")
            start, win = number(deal["open_on"]), won.get(deal["deal_id"])
            ends = [number(day) for day in (win, deal["won_on"], deal["lost_on"]) if day]
            self.opened.append((start, kind, deal["current_partner_id"]))
            for month in complete:
                now = number(month)
                if start - 1 <= now < min(ends, default=now + 1):
                    stage, age = "new", 0
                    if now >= start:
                        stage = next(s for s in STAGES if (deal[f"{s}_on"] or date.max) <= month_end(month))
                        days = (month_end(month) - deal[f"{stage}_on"]).days
                        age = max(least for least in PROJECT_VARS["pipeline_ages"] if least <= days)
                    left = min(ends) - now if ends else None
                    is_won = bool(win and number(win) == min(ends))
                    self.stays[now].append((stage, age, left, is_won, kind, deal["current_partner_id"]))

    def odds(self, now: int) -> Odds:
        """Return the chance to be won in a month, by stage, age, start and month, as known at a month end."""
        cells: dict[tuple[str, int, int], list[float]] = defaultdict(lambda: [0, 0, 0])
        first: dict[tuple[str, int, int], list[float]] = defaultdict(lambda: [0, 0, 0])
        for then, stays in self.stays.items():
            for stage, age, left, is_won, *_ in stays:
                for n in range(1, 1 + min(12, left or 12, now - then)):
                    if then + n > now - PROJECT_VARS["forecast_window_months"]:
                        for counts in [cells[stage, age, n]] + [first[stage, age, then + n]] * (n == 1):
                            counts[0] += 1
                            counts[1] += left == n and is_won
                            counts[2] += left == n and not is_won
        ages = {(stage, age) for stays in self.stays.values() for stage, age, *_ in stays}
        rates: dict[tuple[str, int, int], tuple[float, float]] = {}
        for stage, age in ages:
            for n in range(1, 13):
                usual = [sum(c[i] for (s, _, m), c in cells.items() if (s, m) == (stage, n)) for i in range(3)]
                if usual[0]:
                    own = cells.get((stage, age, n), [0, 0, 0])
                    rates[stage, age, n] = tuple(  # type: ignore[assignment]
                        (own[i] + N_MIN * usual[i] / usual[0]) / (own[0] + N_MIN) for i in (1, 2)
                    )
        seasons = {}
        for calendar in {month % 12 for _, _, month in first}:
            counts = [(stage, age, c) for (stage, age, month), c in first.items() if month % 12 == calendar]
            seasons[calendar] = [
                (sum(c[i] for *_, c in counts) + SEASON)
                / (sum(c[0] * rates[stage, age, 1][i - 1] for stage, age, c in counts) + SEASON)
                for i in (1, 2)
            ]
        chances: Odds = defaultdict(float)
        for stage, age in ages:
            for start in range(1, 13 if stage == "new" else 2):
                alive = 1.0
                for n in range(1, 14 - start):
                    if (stage, age, n) in rates:
                        season = seasons.get((now + start - 1 + n) % 12, [1.0, 1.0])
                        win, loss = (rates[stage, age, n][i] * season[i] for i in (0, 1))
                        chances[stage, age, start, now + start - 1 + n] = alive * win
                        alive *= max(1 - win - loss, 0.05)
        return chances

    def forecast(self, now: int, end: int) -> tuple[float, float]:
        """Return the expected wins of open deals and of deals still to come."""
        kinds: dict[object, list[float]] = defaultdict(lambda: [0, 0])
        partners: dict[object, list[float]] = defaultdict(lambda: [0, 0])
        for then in range(self.first + 11, now):
            odds, known = self.odds(then), {kind: ratio(*c, 15) for kind, c in kinds.items()}
            for stage, age, left, is_won, kind, partner in self.stays[then]:
                expected = odds[stage, age, 1, then + 1]
                for counts, factor in ((kinds[kind], 1.0), (partners[partner], known.get(kind, 1.0))):
                    counts[0] += left == 1 and is_won
                    counts[1] += expected * factor
        odds = self.odds(now)

        def factor(kind: object, partner: object) -> float:
            return ratio(*kinds.get(kind, [0, 0]), 15) * ratio(*partners.get(partner, [0, 0]), 20)

        is_open = [stay for stay in self.stays[now] if stay[0] != "new"]
        of_open = sum(
            min(sum(odds[stage, age, 1, m] for m in range(now + 1, end + 1)) * factor(kind, partner), 0.97)
            for stage, age, _, _, kind, partner in is_open
        )
        years = min(3, (now - self.first + 1) // 12)
        recent = [month for month, *_ in self.opened if now - 12 * years < month <= now]
        new, before = (sum(now - 12 * k < m <= now - 12 * (k - 1) for m, *_ in self.opened) for k in (1, 2))
        growth = ratio(new, before, 30) ** 0.5 if now - self.first >= 23 else 1.0
        total = 0.0
        for start in range(1, end - now + 1):
            season = ratio(sum((m - now - start) % 12 == 0 for m in recent), len(recent) / 12, 30)
            chance = sum(odds["new", 0, start, m] for m in range(now + start, end + 1))
            total += chance * season * new / 12 * growth ** ((5.5 + start) / 12)
        weights = [(1 + (m > now - 12), factor(kind, of)) for m, kind, of in self.opened if now - 24 < m <= now]
        return of_open, total * sum(w * f for w, f in weights) / sum(w for w, _ in weights)


def number(day: date) -> int:
    """The month of a day, counted."""
    return 12 * day.year + day.month


def ratio(actual: float, expected: float, weight: float) -> float:
    """A ratio drawn to 1."""
    return (actual + weight) / (expected + weight)


def test_the_company_again(built_home: Home) -> None:
    again = Again(built_home)
    rows = table(built_home, "kpi", "forecast_history").filter(pl.col("scope") == "company")
    chosen = rows.filter(pl.col("is_current") | (pl.col("month") == date(2025, 5, 1)))
    assert len(chosen) == 4
    for row in chosen.iter_rows(named=True):
        of_open, of_new = again.forecast(number(row["month"]), number(row["ends_on"]))
        assert row["forecast_wins_open"] == pytest.approx(of_open, abs=0.001)
        assert row["forecast_wins_new"] == pytest.approx(of_new, abs=0.001)
        came = wins(built_home).filter("is_won", pl.col("month").is_between(row["forecast_on"], row["ends_on"]))
        assert row["actual_wins"] == (len(came) if row["is_over"] else None)


def test_entities_add_up_to_the_company(built_home: Home) -> None:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as release:
        rows = release.execute("""
            select forecast_on, horizon, scope, sum(open_deals), sum(forecast_wins)
            from kpi.forecast_history group by all order by forecast_on, horizon, scope
        """).fetchall()
        won = release.execute("""
            select distinct history.actual_wins - (
                select sum(months.deals_won) from kpi.company_monthly as months
                where months.month > history.forecast_on and months.month <= history.ends_on
            )
            from kpi.forecast_history as history
            where history.scope = 'company' and history.is_over
        """).fetchall()
    assert len(rows) == 24 * 2 * 4
    assert won == [(0,)]
    for at in range(0, len(rows), 4):
        assert len({row[3] for row in rows[at : at + 4]}) == 1, rows[at]
        expected = [row[4] for row in rows[at : at + 4]]
        assert max(expected) - min(expected) < 0.05


def too_high(rows: pl.DataFrame) -> tuple[float, float]:
    """Return the share of forecasts that expected too many wins, and by how much they differ from the wins together."""
    share = (rows["forecast_wins"] > rows["actual_wins"]).sum() / len(rows)
    return share, rows["forecast_wins"].sum() / rows["actual_wins"].sum() - 1


def test_past_forecasts_are_not_all_too_high(built_home: Home) -> None:
    """The odds of the pipeline expected too many wins at six of six past days, by 14.5 % together."""
    rows = table(built_home, "kpi", "forecast_history").filter(pl.col("scope") == "company", "is_over")
    for horizon in ("quarter", "year"):
        of = rows.filter(pl.col("horizon") == horizon)
        assert len(of) > 20
        share, bias = too_high(of)
        assert 0.2 < share < 0.8 and abs(bias) < 0.1, (horizon, share, bias)
        # Such odds would be noticed.
        share, bias = too_high(of.with_columns(pl.col("forecast_wins") * 1.145 / (1 + bias)))
        assert bias > 0.1


def test_the_bias_is_of_the_same_forecasts(built_home: Home) -> None:
    made = (
        table(built_home, "kpi", "forecast_history")
        .filter(
            pl.col("horizon") == "quarter",
            "is_over",
            pl.col("ends_on") == pl.col("month").dt.offset_by("4mo").dt.offset_by("-1d"),
        )
        .group_by("scope", "entity_id")
        .agg(pl.len().alias("quarters"), pl.col("forecast_wins", "actual_wins", "actual_amount").sum())
    )
    again = {(row["scope"], row["entity_id"]): row for row in made.iter_rows(named=True)}
    rows = table(built_home, "kpi", "forecast_bias").to_dicts()
    assert len(rows) > 10
    for row in rows:
        expected = again[row["scope"], row["entity_id"]]
        assert row["quarters"] == expected["quarters"]
        assert row["forecast_wins"] == pytest.approx(expected["forecast_wins"], abs=0.001)
        assert (row["actual_wins"], row["actual_amount"]) == (expected["actual_wins"], expected["actual_amount"]), row


GOOD = [Forecast("company", "quarter", 20.0, 20, 26, held, 5.0, 5.0, True) for held in (True,) * 4 + (False,)]


def test_the_backtest_sees_each_broken_promise() -> None:
    assert backtest.overall(GOOD).broken() == []
    assert "| company | quarter | 5 | +0.0% | +0.0% | 5 | 80% | 100% | 0.0 | 6.0 |" in backtest.markdown(GOOD)
    low = [replace(one, actual_wins=22, wins_year_before=30) for one in GOOD]
    assert backtest.overall(low).broken() == ["forecast wins differ by -9.1% from the wins that came, ±5 % allowed"]
    narrow = [replace(one, is_held=at < 3) for at, one in enumerate(GOOD)]
    assert "holds 60%" in backtest.overall(narrow).broken()[0]
    assert "holds 100%" in backtest.overall([replace(one, is_held=True) for one in GOOD]).broken()[0]
    naive = [replace(one, wins_year_before=20) for one in GOOD]
    assert "as last year has 0.00" in backtest.overall(naive).broken()[0]
    with pytest.raises(KyotenError, match="choose a larger SIZE"):
        backtest.score([replace(GOOD[0], wins=9.0)])
