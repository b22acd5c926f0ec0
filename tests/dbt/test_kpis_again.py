"""Concentration, performance, decomposition and bottlenecks of the sample company, computed a second time in Python.

Every mart is computed from its definition over the published facts, never from its SQL, and compared cell by cell:
persons in test_kpis_again_people.py, counts and money in test_kpis_again_money.py, the programme's marts in
test_kpis_again_programme.py.
"""

import math
import shutil
import statistics
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from orchestration.home import Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    first_of_month,
    milestones,
    month_end,
    months,
    months_between,
    same,
    table,
    today,
    wins,
    within,
)
from tests.dbt.test_kpis_again_people import at_work

N_MIN = PROJECT_VARS["n_min"]
LEAST = {"branch": PROJECT_VARS["headroom_min_reps"], "partner": PROJECT_VARS["headroom_min_reps"], "company": 1}


def concentration(reps: pl.DataFrame, month: date) -> pl.DataFrame:
    """Compute one month: a row per branch with producing reps."""
    producers = (
        reps.filter(within(month, 12) & (pl.col("rep_id") != "NONE"))
        .group_by("branch_id", "rep_id")
        .agg(pl.col("deals_won").sum(), pl.col("won_amount").sum().cast(pl.Float64).clip(lower_bound=0))
        .filter(pl.col("deals_won") > 0)
    )
    share = pl.col("won_amount") / pl.col("won_amount").sum()
    return producers.group_by("branch_id").agg(
        pl.lit(month).alias("month"),
        pl.len().alias("producing_reps"),
        pl.col("won_amount").sum().alias("reps_won_amount"),
        (share**2).sum().alias("rep_hhi"),
        share.max().alias("top_rep_share"),
        pl.col("won_amount").median().alias("median_rep_amount"),
    )


def nobodys_wins(reps: pl.DataFrame, months: pl.Series) -> dict[tuple[str, date], tuple[int, float]]:
    """Return wins and money of no known rep by branch and the month with which twelve end."""
    found = {}
    for month in months:
        of_year = reps.filter(within(month, 12), pl.col("rep_id") == "NONE").group_by("branch_id")
        for branch, count, money in of_year.agg(pl.col("deals_won").sum(), pl.col("won_amount").sum()).iter_rows():
            found[branch, month] = (count, float(money))
    return found


def producers(home: Home, months: pl.Series) -> dict[tuple[str, str, date], list[float]]:
    """Return what each producing rep of a branch, of a partner's branches and of all won in twelve months."""
    real = table(home, "core", "dim_branch").filter(~pl.col("is_sentinel")).select("branch_id", of="partner_id")
    reps = table(home, "kpi", "rep_monthly").filter(pl.col("rep_id") != "NONE").join(real, on="branch_id")
    found: dict[tuple[str, str, date], list[float]] = {}
    for month in months:
        won = reps.filter(within(month, 12)).group_by("branch_id", "of", "rep_id")
        money = won.agg(pl.col("deals_won").sum(), pl.col("won_amount").sum()).filter(pl.col("deals_won") > 0)
        for branch, partner, amount in money.select("branch_id", "of", "won_amount").iter_rows():
            for place in (("branch", branch), ("partner", partner), ("company", "ALL")):
                found.setdefault((*place, month), []).append(max(amount, 0))
    return found


def test_rep_concentration(built_home: Home) -> None:
    tables = built_home.published / "parquet" / "kpi"
    reps = pl.read_parquet(tables / "rep_monthly.parquet")
    mart = pl.read_parquet(tables / "rep_concentration.parquet").with_columns(pl.col(pl.Decimal).cast(pl.Float64))
    sentinels = pl.col("branch_id").str.contains(":|^DIRECT$|^UNRESOLVED$") & ~pl.col("branch_id").str.starts_with(
        "IMPLICIT:"
    )
    again = pl.concat([concentration(reps, month) for month in mart["month"].unique().sort()]).filter(~sentinels)
    both = mart.join(again, on=["branch_id", "month"], how="full", coalesce=True, suffix="_again")
    assert len(both) == len(mart)
    assert len(again) > 100
    for column in ("producing_reps", "reps_won_amount"):
        assert both[column].to_list() == both[column + "_again"].fill_null(0).to_list(), column
    for column in ("rep_hhi", "top_rep_share", "median_rep_amount"):
        for found, expected in zip(both[column], both[column + "_again"], strict=True):
            if found is None:
                assert expected is None or expected != expected, column  # a branch whose returns outweigh its wins
            else:
                assert found == pytest.approx(expected, abs=0.51 if column == "median_rep_amount" else 1e-9), column
    closed = table(built_home, "kpi", "branch_monthly").filter(pl.col("branch_id") != "DIRECT")
    of_year = pl.concat(
        closed.filter(within(month, 12)).with_columns(month=pl.lit(month)) for month in mart["month"].unique().sort()
    ).select("branch_id", "month", won="deals_won", lost="deals_lost")
    usual_rates = dict(
        of_year.group_by("month").agg(pl.col("won").sum() / (pl.col("won").sum() + pl.col("lost").sum())).iter_rows()
    )
    rates = of_year.group_by("branch_id", "month").agg(pl.col("won").sum(), pl.col("lost").sum())
    both = both.join(rates, on=["branch_id", "month"], how="left")
    target, ramp = PROJECT_VARS["target_penetration"], PROJECT_VARS["headroom_ramp"]
    sizes = table(built_home, "kpi", "performance").select("scope", "entity_id", "month", "median_deal")
    size_of = {(scope, entity, month): size for scope, entity, month, size in sizes.iter_rows()}
    wins_of, medians = nobodys_wins(reps, mart["month"].unique()), producers(built_home, mart["month"].unique())
    for row in both.iter_rows(named=True):
        count = row["won"] + row["lost"]
        assert [row["win_rate_t12m_numerator"], row["win_rate_t12m_denominator"]] == [row["won"], count]
        assert same(row["win_rate_t12m"], row["won"] / count if count >= N_MIN else None)
        assert same(row["reference_win_rate"], usual_rates[row["month"]])
        assert same(row["effective_reps"], 1 / row["rep_hhi"] if row["rep_hhi"] else None)
        unassigned = wins_of.get((row["branch_id"], row["month"]), (0, 0))
        assert (row["unassigned_wins"], row["unassigned_amount"]) == unassigned
        own, usual_size = (
            size_of[place] for place in (("branch", row["branch_id"], row["month"]), ("company", "ALL", row["month"]))
        )
        assert [row["median_deal"], row["reference_median_deal"]] == [own, usual_size]
        if row["headcount"] is None:
            assert row["headroom_reps"] is None and row["lever"] is None and row["lever_reason"] is None
            assert row["headroom_amount"] is None and row["headroom_basis"] is None
            continue
        missing = max(target * row["headcount"] - row["producing_reps"], 0)
        assert row["headroom_reps"] == pytest.approx(missing)
        least = max(missing - unassigned[0], 0)
        assert row["headroom_reps_min"] == pytest.approx(least)
        places = {"branch": row["branch_id"], "partner": row["partner_id"], "company": "ALL"}
        basis = next((b for b in places if len(medians.get((b, places[b], row["month"]), [])) >= LEAST[b]), None)
        assert row["headroom_basis"] == basis
        if basis is not None:
            usual_rep = statistics.median(medians[basis, places[basis], row["month"]])
            assert row["headroom_amount"] == pytest.approx(missing * ramp * usual_rep, abs=missing * ramp / 2 + 1)
            assert row["headroom_amount_min"] == pytest.approx(least * ramp * usual_rep, abs=least * ramp / 2 + 1)
        assert same(row["rep_penetration"], row["producing_reps"] / row["headcount"])
        rate, usual = row["win_rate_t12m"], row["reference_win_rate"]
        if row["month"] < first_of_month(months(built_home)[0], 11):
            lever = None
        elif row["producing_reps"] + unassigned[0] < target * row["headcount"]:
            lever = "widen_contacts"
        elif row["producing_reps"] < target * row["headcount"]:
            lever = "name_reps"  # any of nobody's wins may be that of one more
        elif rate is None or rate < usual:
            lever = None if rate is None else "raise_win_rate"
        else:
            lever = None if own is None else "raise_deal_size" if own < usual_size else "cross_sell"
        assert row["lever"] == lever, row
        assert (row["lever_reason"] is None) == (row["lever_reason_ja"] is None) == (lever is None)


@pytest.mark.parametrize(("scope", "entity"), [("company", None), ("partner", "partner_id"), ("branch", "branch_id")])
def test_performance(built_home: Home, scope: str, entity: str | None) -> None:
    mart = table(built_home, "kpi", "performance").filter(pl.col("scope") == scope)
    won_all = wins(built_home).filter(pl.col("channel_class") != "direct")
    deals_all = milestones(built_home).filter(pl.col("channel_class") != "direct")
    activities = table(built_home, "core", "fct_activities")
    visits = activities.filter((pl.col("activity_type") == "joint_visit") & (pl.col("status") == "held"))
    came = table(built_home, "core", "fct_attendance").filter("is_attended").select("activity_id", "rep_id")
    of_reps = (
        visits.filter(pl.col("deal_id").is_null()).select("activity_id", "occurred_on").join(came, on="activity_id")
        .join(milestones(built_home), on="rep_id").filter(pl.col("occurred_on").is_between("open_on", "won_on"))
    )  # fmt: skip
    days = [frame.select("deal_id", "occurred_on") for frame in (visits.drop_nulls("deal_id"), of_reps)]
    visited = dict(pl.concat(days).group_by("deal_id").agg(pl.col("occurred_on").min()).iter_rows())
    assert len(of_reps) > 0
    logged = set(activities["branch_id"])
    reps_all = table(built_home, "kpi", "rep_monthly").filter((pl.col("rep_id") != "NONE") & (pl.col("deals_won") > 0))
    ripe, stale = (timedelta(days=PROJECT_VARS[name]) for name in ("cohort_mature_days", "stale_days"))
    posts = table(built_home, "core", "dim_rep_assignment")
    ends = {
        min(month_end(first_of_month(month, shift)), today(built_home)) for month in mart["month"] for shift in (0, -3)
    }
    unit_of = table(built_home, "core", "dim_branch").select(
        "branch_id", unit=pl.lit("ALL") if entity is None else entity
    )
    stands = {
        day: set(at_work(posts, day).join(unit_of, on="branch_id").select("rep_id", "unit").iter_rows()) for day in ends
    }
    compared = 0
    for row in mart.sort("entity_id", "month").iter_rows(named=True):
        if scope != "company" and row["month"].month not in (3, 9):  # all of them take too long in Python
            continue
        compared += 1
        month, end = row["month"], min(month_end(row["month"]), today(built_home))
        of = pl.lit(True) if entity is None else pl.col(entity) == row["entity_id"]
        won, deals = won_all.filter(of), deals_all.filter(of)
        year = won.filter((months_between(pl.col("month"), month) >= 0) & (months_between(pl.col("month"), month) < 12))
        count = int(year["is_won"].sum())
        assert same(row["won_amount_t12m"], year["amount"].sum())
        assert row["deals_won_t12m"] == count
        indirect = won_all.filter(within(month, 12) & (pl.col("channel_class") == "indirect"))["amount"].sum()
        assert same(row["partner_share_denominator"], indirect)
        is_share = scope != "company" and row["entity_id"] != "UNRESOLVED" and indirect > 0
        assert same(row["partner_share"], year["amount"].sum() / indirect if is_share else None)
        before, now = (stands[day] for day in (month_end(first_of_month(month, -3)), end))
        gone = [
            money
            for rep, money in year.group_by("rep_id").agg(pl.col("amount").sum()).iter_rows()
            if (rep, row["entity_id"]) in before and (rep, row["entity_id"]) not in now
        ]
        assert same(row["revenue_at_risk"], sum(gone)), row
        money, is_enough = year["amount"].sum(), count >= N_MIN
        assert same(row["avg_deal"], money / count if is_enough and money > 0 else None)
        median = year.filter("is_won")["amount"].median() if is_enough else None
        assert row["median_deal"] == (None if median is None else pytest.approx(median, abs=0.51))
        from_year = date(month.year - (month.month < 12), month.month % 12 + 1, 1)
        from_quarter = date(month.year - (month.month < 3), (month.month - 3) % 12 + 1, 1)
        of_year = deals.filter((pl.col("won_on") >= from_year) & (pl.col("won_on") <= end))
        cycle = (of_year["won_on"] - of_year["open_on"]).dt.total_days().median()
        assert row["cycle_deals"] == len(of_year)
        assert same(row["cycle_days"], cycle if len(of_year) >= N_MIN else None)
        lost = deals.filter((pl.col("lost_on") >= from_quarter) & (pl.col("lost_on") <= end))
        closed = [won.filter(within(month, 3))["is_won"].sum(), len(lost)]
        assert [row["win_rate_numerator"], row["win_rate_denominator"]] == [closed[0], sum(closed)]
        assert same(row["win_rate"], closed[0] / sum(closed) if sum(closed) >= N_MIN else None)
        last = end - ripe
        first = from_year - timedelta(days=1) - ripe
        cohort = deals.filter((pl.col("open_on") > first) & (pl.col("open_on") <= last))
        assert row["qualify_rate_denominator"] == len(cohort), (row["entity_id"], month)
        assert row["qualify_rate_numerator"] == (cohort["qualified_on"] <= end).sum()
        assert row["win_rate_cohort_numerator"] == (cohort["won_on"] <= end).sum()
        is_open = (pl.col("qualified_on") <= end) & ~pl.any_horizontal(pl.col("won_on", "lost_on") <= end).fill_null(
            False
        )
        is_stale = pl.col("qualified_on") + stale <= end
        assert row["open_qualified"] == len(deals.filter(is_open & ~is_stale))
        known = [deal for deal in of_year.iter_rows(named=True) if deal["branch_id"] in logged]
        alone = [deal for deal in known if visited.get(deal["deal_id"], date.max) > deal["won_on"]]
        assert [row["self_run_ratio_numerator"], row["self_run_ratio_denominator"]] == [len(alone), len(known)]
        age = months_between(pl.col("month"), month)
        producing = reps_all.filter(of)
        now = set(producing.filter((age >= 0) & (age < 6))["rep_id"])
        before = set(producing.filter((age >= 6) & (age < 12))["rep_id"])
        assert [row["producer_retention_numerator"], row["producer_retention_denominator"]] == [
            len(now & before),
            len(before),
        ]
        lost_of_year = deals.filter((pl.col("lost_on") >= from_year) & (pl.col("lost_on") <= end))
        ended = count + len(lost_of_year)
        assert [row["win_rate_t12m_numerator"], row["win_rate_t12m_denominator"]] == [count, ended]
        assert same(row["win_rate_t12m"], count / ended if ended >= N_MIN else None)
        if row["velocity"] is not None:
            speed = row["open_qualified"] * row["win_rate_t12m"] * row["avg_deal"] / max(row["cycle_days"], 1)
            assert same(row["velocity"], speed)
    assert compared > 30


def structure(home: Home, row: dict[str, Any], first: date, months_long: int) -> dict[str, float]:
    """Compute what a period's money is made of: wins of known reps at known branches, and the money of all."""
    unknown = table(home, "core", "dim_branch").filter("is_sentinel")["branch_id"].implode()
    won = wins(home).filter(
        (pl.col("channel_class") == "indirect")
        & (pl.col("month") >= first)
        & (pl.col("month") < first_of_month(first, months_long))
    )
    if row["scope"] == "partner":
        won = won.filter(pl.col("partner_id") == row["entity_id"])
    known = won.filter((pl.col("rep_id") != "NONE") & ~pl.col("branch_id").is_in(unknown))
    winners = known.filter("is_won")
    count, money = len(winners), known["amount"].sum()
    largest = (
        won.filter(~pl.col("branch_id").is_in(unknown)).group_by("branch_id").agg(pl.col("amount").sum())["amount"]
    )
    largest = largest.filter(largest > 0).sort(descending=True)
    larger_ones = largest.cum_sum() - largest
    units = int((larger_ones < 0.8 * won["amount"].sum() - 0.001).sum())
    return {
        "won_amount": won["amount"].sum(),
        "known_amount": money,
        "unassigned_amount": won["amount"].sum() - money,
        "active_branches": won.filter("is_won", ~pl.col("branch_id").is_in(unknown))["branch_id"].n_unique(),
        "producing_reps": winners["rep_id"].n_unique(),
        "deals_won": count,
        "average_deal": money / count if count and money > 0 else None,
        "units_to_80": units if largest.head(units).sum() >= 0.8 * won["amount"].sum() - 0.001 and units else None,
    }


def test_revenue_decomposition(built_home: Home) -> None:
    """By the logarithmic mean of the two sides, factor by factor; rounding may move a unit between neighbours."""
    mart = table(built_home, "kpi", "revenue_decomposition")
    factors = ("active_branches", "reps_per_branch", "wins_per_rep", "average_deal")
    split = 0
    lengths = {"year": 12, "half": 6, "quarter": 3}
    last_month = table(built_home, "kpi", "company_monthly")["month"].max()
    for row in mart.iter_rows(named=True):
        start = row["period_start"]
        so_far = (last_month.year - start.year) * 12 + last_month.month - start.month + 1
        length = min(lengths[row["period_type"]], so_far)
        now, before = (structure(built_home, row, first_of_month(start, -shift), length) for shift in (0, 12))
        for name, value in now.items():
            assert same(row[name], value), (name, value, row)
            if name != "units_to_80":
                assert same(row[f"previous_{name}"], before[name]), (name, before, row)
        effects = [row[f"{factor}_effect"] for factor in factors]
        assert sum(effects) + row["unassigned_effect"] == pytest.approx(row["change_amount"], abs=0.001)
        now, before = (row[f"{side}deals_won"] * (row[f"{side}average_deal"] or 0) for side in ("", "previous_"))
        if min(row["deals_won"], row["previous_deals_won"]) == 0 or min(now, before) <= 0:
            continue
        split += 1
        mean = now if now == pytest.approx(before) else (now - before) / math.log(now / before)
        for factor, effect in zip(factors, effects, strict=True):
            assert effect == pytest.approx(mean * math.log(row[factor] / row[f"previous_{factor}"]), abs=1.01), row
    assert split > 20


def test_bottlenecks(built_home: Home) -> None:
    mart = table(built_home, "kpi", "bottlenecks")
    (start,), (end,) = mart["window_start"].unique(), mart["window_end"].unique()
    assert end == today(built_home) - timedelta(days=PROJECT_VARS["cohort_mature_days"])
    deals = milestones(built_home).filter(pl.col("branch_id") != "DIRECT")
    usual, after = {}, {}
    counts: dict[tuple[str, str], list[int]] = {}
    for step, following in (("open", "qualified"), ("qualified", "proposed"), ("proposed", "won")):
        day, passed = pl.col(f"{step}_on"), pl.col(f"{following}_on").is_not_null()
        judged = deals.filter((day > start) & (day <= end)).with_columns(passed=passed)
        judged = judged.filter(pl.col(f"{following}_on").is_null() | (pl.col(f"{following}_on") > day))
        usual[step] = judged["passed"].mean()
        after[step] = judged.filter("passed")["won_on"].is_not_null().mean()
        for branch_id, entered, through in (
            judged.group_by("branch_id").agg(pl.len(), pl.col("passed").sum()).iter_rows()
        ):
            counts[branch_id, step] = [entered, through]
    for row in mart.iter_rows(named=True):
        assert [row["entered"], row["passed"]] == counts[row["branch_id"], row["step"]]
        assert same(row["reference_rate"], usual[row["step"]])
        if row["pass_rate"] is not None:
            missing = max(row["entered"] * usual[row["step"]] - row["passed"], 0)
            worth = after[row["step"]] * row["average_deal"]
            assert row["lost_amount"] == pytest.approx(missing * worth, abs=0.51)
    worst = mart.filter("is_bottleneck").select("branch_id", "lost_amount")
    missed = mart.filter(
        (pl.col("deals_missing") >= 1) & (pl.col("lost_amount") > 0)
    )  # less than a deal leaks anywhere
    assert set(worst["branch_id"]) == set(missed["branch_id"])
    highest = missed.group_by("branch_id").agg(pl.col("lost_amount").max().alias("highest"))
    assert worst["branch_id"].is_unique().all()
    assert worst.join(highest, on="branch_id").filter(pl.col("lost_amount") != pl.col("highest")).is_empty()


@pytest.mark.parametrize(
    ("mart", "column", "compared"),
    [
        ("rep_concentration", "producing_reps", test_rep_concentration),
        ("rep_concentration", "win_rate_t12m_numerator", test_rep_concentration),
        ("performance", "deals_won_t12m", partial(test_performance, scope="company", entity=None)),
        ("performance", "revenue_at_risk", partial(test_performance, scope="company", entity=None)),
        ("revenue_decomposition", "units_to_80", test_revenue_decomposition),
        ("revenue_decomposition", "average_deal_effect", test_revenue_decomposition),
        ("bottlenecks", "passed", test_bottlenecks),
    ],
)
def test_a_changed_cell_is_found(
    built_home: Home, tmp_path: Path, mart: str, column: str, compared: Callable[[Home], None]
) -> None:
    """The comparisons above can fail: of each mart one cell is changed, in the last row of those that they look at."""
    tables = tmp_path / "published" / "parquet"
    tables.mkdir(parents=True)
    (tmp_path / "lake").symlink_to(built_home.lake)
    for schema in (built_home.published / "parquet").iterdir():
        if schema.name != "kpi":
            (tables / schema.name).symlink_to(schema.resolve())
    shutil.copytree(built_home.published / "parquet" / "kpi", tables / "kpi")
    frame = pl.read_parquet(tables / "kpi" / f"{mart}.parquet")
    row = frame.with_row_index().filter(pl.col("scope") == "company" if "scope" in frame.columns else True)["index"][-1]
    is_cell = pl.int_range(pl.len()) == row
    frame.with_columns(
        pl.when(is_cell).then(pl.col(column) + 1).otherwise(column).cast(frame.schema[column])
    ).write_parquet(tables / "kpi" / f"{mart}.parquet")
    with pytest.raises(AssertionError):
        compared(Home(tmp_path))
