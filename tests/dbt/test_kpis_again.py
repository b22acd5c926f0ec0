"""Concentration, performance, decomposition and bottlenecks of the sample company, computed a second time in Python.

Every mart is computed from its definition over the published facts, never from its SQL, and compared cell by cell.
Persons are in test_kpis_again_people.py, counts and money in test_kpis_again_money.py, the programme's marts in
test_kpis_again_programme.py.
"""

import csv
import math
import shutil
import statistics
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from orchestration.home import PROJECT, Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    SCOPES,
    as_of,
    assert_same,
    credited,
    entities,
    entities_of_today,
    first_of_month,
    is_over,
    milestones,
    month_end,
    months,
    months_between,
    partners_of_today,
    placed,
    same,
    table,
    today,
    wins,
    within,
)
from tests.dbt.test_kpis_again_people import people, rep_months, working_on

N_MIN = PROJECT_VARS["n_min"]
with (PROJECT / "seeds" / "areas.csv").open(encoding="utf-8") as _file:
    AREAS = {row["prefecture_start"]: row["area"] for row in csv.DictReader(_file)}
NO_HEADROOM = dict.fromkeys(
    ("headroom_reps", "headroom_reps_min", "headroom_amount", "headroom_amount_min", "headroom_basis")
)
LEAST = {"branch": PROJECT_VARS["headroom_min_reps"], "partner": PROJECT_VARS["headroom_min_reps"], "company": 1}


def of_year(home: Home, rows: pl.DataFrame, month: date, scope: str) -> pl.DataFrame:
    """Return rows of the twelve months up to a month, with the entity of today that they count for."""
    return placed(home, rows.filter(within(month, 12)), scope, "as_is")


@cache
def producers(home: Home, month: date, scope: str) -> pl.DataFrame:
    """Return each entity's reps with a win in twelve months, with their money; NONE means unknown reps."""
    key = ["entity_id", "rep_id"]
    won = of_year(home, wins(home), month, scope).group_by(key).agg(deals_won=pl.col("is_won").sum())
    money = of_year(home, credited(home, "as_is"), month, scope).group_by(key).agg(won_amount=pl.col("amount").sum())
    return won.join(money, on=key, how="full", coalesce=True).with_columns(
        pl.col("deals_won").fill_null(0), pl.col("won_amount").fill_null(0)
    )


@cache
def producing(home: Home, month: date, scope: str) -> dict[str, list[float]]:
    """Return the money of each known rep with a win, by entity; 0 for a rep with more returns than wins."""
    won = producers(home, month, scope).filter(pl.col("rep_id") != "NONE", pl.col("deals_won") > 0)
    amounts = won.group_by("entity_id").agg(pl.col("won_amount").clip(lower_bound=0))
    return dict(amounts.iter_rows())


@cache
def unassigned(home: Home, month: date, scope: str) -> dict[str, tuple[int, float]]:
    """Return wins and money without a known rep in twelve months, by entity."""
    rows = producers(home, month, scope).filter(pl.col("rep_id") == "NONE").drop("rep_id")
    return {entity: (count, amount) for entity, count, amount in rows.iter_rows()}


@cache
def closed_of_year(home: Home, month: date, scope: str) -> dict[str, tuple[int, int]]:
    """Return wins and losses of twelve months by entity, without direct sales."""
    entries = table(home, "core", "fct_stage_entries").filter("is_counted", pl.col("stage") == "lost")
    lost = entries.filter(pl.col("channel_class") != "direct").select(
        "branch_version_id", month="entered_month", lost=1
    )
    won = wins(home).filter("is_won", pl.col("channel_class") != "direct").select("branch_version_id", "month", won=1)
    both = of_year(home, pl.concat([won, lost], how="diagonal"), month, scope).group_by("entity_id")
    return {entity: (w, n) for entity, w, n in both.agg(pl.col("won").sum(), pl.col("lost").sum()).iter_rows()}


@cache
def present(home: Home, month: date, scope: str) -> dict[str, set[str]]:
    """Return the reps who are at each entity at the end of a month."""
    end = min(month_end(month), today(home))
    there = as_of(home, working_on(table(home, "core", "dim_rep_assignment"), end), pl.lit(end))
    found: dict[str, set[str]] = {}
    for entity, rep in placed(home, there, scope, "as_is").select("entity_id", "rep_id").iter_rows():
        found.setdefault(entity, set()).add(rep)
    return found


@cache
def medians(home: Home, month: date, scope: str) -> dict[str, tuple[int, float, float]]:
    """Return by entity the number of producers who are still there, their median wins and money per win."""
    of: dict[str, list[tuple[int, float]]] = {}
    there = present(home, month, scope)
    for entity, rep, won, amount in producers(home, month, scope).iter_rows():
        if rep != "NONE" and won > 0 and rep in there.get(entity, ()):
            of.setdefault(entity, []).append((won, max(amount, 0) / won))
    return {
        entity: (len(reps), statistics.median(w for w, _ in reps), whole(statistics.median(m for _, m in reps)))
        for entity, reps in of.items()
    }


@cache
def heads(home: Home, month: date) -> pl.DataFrame:
    """Return open branches with headcount, wins, the pooled wins per salesperson and the upper end of its interval."""
    found = table(home, "kpi", "rep_concentration").filter(pl.col("scope") == "branch", pl.col("month") == month)
    closed = table(home, "core", "dim_branch").select("branch_id", "closed_on")
    # Wins and headcount of the mart are compared in test_performance and in the people's tests.
    rows = found.join(closed, on="branch_id").filter(
        pl.col("headcount") > 0, pl.col("closed_on").fill_null(date.max) > month_end(month)
    )
    rows = rows.select("branch_id", "partner_id", "headcount", wins=pl.col("win_rate_t12m_numerator"))
    h, w = rows["headcount"].to_numpy().astype(float), rows["wins"].to_numpy().astype(float)
    mean, high = np.full(len(h), w.sum() / max(h.sum(), 1)), np.full(len(h), np.nan)
    if len(h) >= PROJECT_VARS["pooling_min_entities"] and w.sum() > 0:
        usual = w.sum() / h.sum()
        pearson = float((((w - usual * h) ** 2) / (usual * h)).sum())
        free = len(h) - 1
        root = ((pearson / free) ** (1 / 3) - (1 - 2 / (9 * free))) / math.sqrt(2 / (9 * free))
        if pearson > free and root > stats.norm.ppf(0.95):
            strength = max(h.sum() - (h**2).sum() / h.sum(), 1) / (pearson - free)
            shape, rate = usual * strength + w, strength + h
            mean, high = shape / rate, shape / rate
            deviation = np.sqrt(1 / shape)
            high = mean * np.maximum(0, 1 - deviation**2 / 9 + 1.645 * deviation / 3) ** 3
    return rows.with_columns(estimate=pl.Series(mean), high=pl.Series(high))


@cache
def peers(home: Home, month: date) -> dict[str, float]:
    """Return the upper quartile of each branch's comparable branches: of the strictest condition that ten meet."""
    partner_type = dict(table(home, "core", "dim_partner").select("partner_id", "partner_type").iter_rows())
    places = {
        branch: (prefecture, since)
        for branch, prefecture, since in table(home, "core", "dim_branch")
        .select("branch_id", "prefecture", "contract_started_on")
        .iter_rows()
    }
    traits = {}
    for row in heads(home, month).iter_rows(named=True):
        prefecture, since = places[row["branch_id"]]
        new = since is not None and since > first_of_month(month, -24)
        size = int(row["headcount"]).bit_length()
        area = AREAS.get((prefecture or "")[:2])
        traits[row["branch_id"]] = (size, new, partner_type[row["partner_id"]], area)
    estimate = dict(heads(home, month).select("branch_id", "estimate").iter_rows())
    found = {}
    for branch, own in traits.items():
        for conditions in range(4, -1, -1):
            group = [estimate[other] for other, of in traits.items() if of[:conditions] == own[:conditions]]
            if len(group) >= PROJECT_VARS["pooling_min_entities"]:
                found[branch] = float(np.quantile(group, 0.75))
                break
    return found


@cache
def headrooms(home: Home, month: date) -> dict[str, dict[str, Any]]:
    """Return the headroom of each branch with a headcount and comparable branches."""
    named = {
        scope: {
            entity: (by_name, by_name + unassigned(home, month, scope).get(entity, (0, 0))[0])
            for entity, by_name in producers(home, month, scope)
            .filter(pl.col("rep_id") != "NONE", pl.col("deals_won") > 0)
            .group_by("entity_id")
            .agg(pl.col("deals_won").sum())
            .iter_rows()
        }
        for scope in ("branch", "partner")
    }
    pairs = list(named["branch"].values())
    named["company"] = {"ALL": (sum(n for n, _ in pairs), sum(a for _, a in pairs))}
    found = {}
    for row in heads(home, month).iter_rows(named=True):
        branch, benchmark = row["branch_id"], peers(home, month).get(row["branch_id"])
        if benchmark is None:
            continue
        ids = {"branch": branch, "partner": row["partner_id"], "company": "ALL"}
        here = {scope: medians(home, month, scope).get(entity, (0, 0, 0)) for scope, entity in ids.items()}
        basis = next((scope for scope in ids if here[scope][0] >= LEAST[scope]), None)
        _, wins_of_rep, money_of_win = here[basis] if basis else (0, 0, 0)
        left = max(row["headcount"] - here["branch"][0], 0)
        missing = [row["headcount"] * max(benchmark - of, 0) for of in (row["estimate"], row["high"])]
        reps, sure = (min(n / wins_of_rep, left) if basis and n == n else 0.0 for n in missing)
        by_name, all_wins = named[basis].get(ids[basis], (1, 1)) if basis else (1, 1)
        found[branch] = {
            "headroom_reps": reps,
            "headroom_reps_min": reps * by_name / all_wins,
            "headroom_amount": whole(round(reps * wins_of_rep, 6) * money_of_win),
            "headroom_amount_min": whole(round(sure * wins_of_rep, 6) * money_of_win),
            "headroom_basis": basis,
        }
    return found


def whole(amount: float) -> int:
    """Round money to whole units, halves up."""
    return math.floor(amount + 0.5)


def concentration(home: Home, scope: str) -> pl.DataFrame:
    """Compute the concentration of money on reps for each entity, in the months of its mart."""
    found = table(home, "kpi", "rep_concentration").filter(pl.col("scope") == scope)
    sizes = table(home, "kpi", "performance").select("scope", "entity_id", "month", "median_deal")
    size_of = {(of, entity, month): size for of, entity, month, size in sizes.iter_rows()}
    force = people(home, scope, "as_is", found.select("entity_id", "month")).select(
        "entity_id", "month", "headcount", "is_headcount_inherited", "rep_penetration"
    )
    partner_of = partners_of_today(home, scope)
    rows = []
    for row in force.iter_rows(named=True):
        entity, month = row["entity_id"], row["month"]
        amounts = producing(home, month, scope).get(entity, [])
        total = sum(amounts)
        nobodys_wins, nobodys_amount = unassigned(home, month, scope).get(entity, (0, 0))
        won, lost = closed_of_year(home, month, scope).get(entity, (0, 0))
        all_won, all_lost = closed_of_year(home, month, "company").get("ALL", (0, 0))
        hhi = sum((amount / total) ** 2 for amount in amounts) if total > 0 else None
        rows.append(
            row
            | {
                "branch_id": entity if scope == "branch" else None,
                "partner_id": partner_of.get(entity),
                "producing_reps": len(amounts),
                "present_reps": medians(home, month, scope).get(entity, (0, 0, 0))[0],
                "reps_won_amount": float(total),
                "rep_hhi": hhi,
                "effective_reps": hhi and 1 / hhi,
                "top_rep_share": max(amounts) / total if total > 0 else None,
                "median_rep_amount": whole(statistics.median(amounts)) if amounts else None,
                "unassigned_wins": nobodys_wins,
                "unassigned_amount": float(nobodys_amount),
                "median_deal": size_of[scope, entity, month],
                "reference_median_deal": size_of["company", "ALL", month],
                "win_rate_t12m_numerator": won,
                "win_rate_t12m_denominator": won + lost,
                "win_rate_t12m": won / (won + lost) if won + lost >= N_MIN else None,
                "reference_win_rate": all_won / (all_won + all_lost) if all_won + all_lost >= N_MIN else None,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


LEVER = ("lever", "lever_evidence", "lever_rate", "lever_benchmark", "lever_peers", "lever_peer_basis")


@cache
def concentrated_branches(home: Home) -> pl.DataFrame:
    """Return branches with their headroom."""
    rows = [
        row | headrooms(home, row["month"]).get(row["branch_id"], NO_HEADROOM)
        for row in concentration(home, "branch").iter_rows(named=True)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


@pytest.mark.parametrize("scope", SCOPES)
def test_rep_concentration(built_home: Home, scope: str) -> None:
    found = table(built_home, "kpi", "rep_concentration").filter(pl.col("scope") == scope).drop(LEVER)
    branches = concentrated_branches(built_home)
    if scope == "branch":
        assert_same(found, branches, ["entity_id", "month"])
        return
    # A surplus of reps at one branch does not fill a gap at another: a larger entity has the sum of its branches.
    of = table(built_home, "core", "dim_branch").select("branch_id", division_id="current_division_id")
    entity = pl.lit("ALL") if scope == "company" else pl.col(f"{scope}_id")
    parts = ["headroom_reps", "headroom_reps_min", "headroom_amount", "headroom_amount_min"]
    added = branches.join(of, on="branch_id").drop_nulls("headroom_reps").with_columns(entity_id=entity)
    # Without any known part the sum is not known; polars would give 0.
    known = [pl.when(pl.col(part).count() > 0).then(pl.col(part).sum()).alias(part) for part in parts]
    sums = added.group_by("entity_id", "month").agg(known)
    again = concentration(built_home, scope).join(sums, on=["entity_id", "month"], how="left")
    again = again.with_columns(headroom_basis=pl.lit(None, pl.String))
    assert_same(found, again, ["entity_id", "month"])


def test_the_lever_is_where_a_branch_is_behind_comparable_ones(built_home: Home) -> None:
    """Each lever, from the published rates: below the benchmark by evidence. No branch that is closed or without a
    contract has one.
    """
    rows = table(built_home, "kpi", "rep_concentration")
    last = rows.filter("is_complete")["month"].max()
    advised = rows.filter(pl.col("lever_evidence").is_not_null())
    assert set(advised["month"]) == {last}
    ended = (pl.col("contract_ended_on") <= today(built_home)).fill_null(False)
    partners = table(built_home, "core", "dim_partner").filter(ended)["partner_id"]
    without = table(built_home, "core", "dim_branch").filter(
        ended | pl.col("current_partner_id").is_in(partners.implode())
    )
    open_now = entities_of_today(built_home, "branch") - special(built_home)
    assert set(advised["entity_id"]) == open_now - set(without["branch_id"])
    assert advised.filter(pl.col("lever").is_null() != (pl.col("lever_evidence") == "none")).is_empty()
    assert advised.drop_nulls(["lever_reason", "lever_reason_ja"]).equals(advised)
    told = advised.drop_nulls("lever")
    assert len(told) > 10
    # Before, nearly all branches had the same lever.
    assert told["lever"].value_counts()["count"].max() < 0.5 * len(advised)
    rate_of = {
        "get_names": "known_rate", "reach_people": "contactable_rate", "train_people": "trained_rate",
        "first_deals": "first_deal_rate", "raise_win_rate": "win_rate_t12m", "raise_deal_size": "large_deal_rate",
    }  # fmt: skip
    rates = {
        (row["rate_name"], row["entity_id"]): row
        for row in table(built_home, "kpi", "rates").filter(pl.col("scope") == "branch").iter_rows(named=True)
    }
    for row in told.filter(pl.col("lever").is_in(list(rate_of))).iter_rows(named=True):
        rate = rates[rate_of[row["lever"]], row["branch_id"]]
        assert rate["estimated_rate"] == row["lever_rate"] < row["lever_benchmark"]
        assert (row["lever_benchmark"] - rate["estimated_rate"]) * rate["denominator"] >= 1 or rate["numerator"] == 0
        if row["lever_evidence"] == "fact":
            assert rate["numerator"] == 0
        else:
            # The interval has 90 %: its upper end is 1.645 deviations of the log odds above the estimate.
            odds = [math.log(p / (1 - p)) for p in (row["lever_rate"], rate["interval_high"], row["lever_benchmark"])]
            distance = 1.645 * (odds[2] - odds[0]) / (odds[1] - odds[0])
            assert distance > (1.96 if row["lever_evidence"] == "strong" else 1.282) - 1e-9


def special(home: Home) -> set[str]:
    """Return the special members."""
    return set(table(home, "core", "dim_branch").filter("is_sentinel")["branch_id"])


@pytest.mark.parametrize("scope", SCOPES)
def test_performance(built_home: Home, scope: str) -> None:
    mart = table(built_home, "kpi", "performance").filter(pl.col("scope") == scope)

    def place(rows: pl.DataFrame) -> pl.DataFrame:
        return placed(built_home, rows, scope, "as_is")

    won_all, deals_all, money_all = (
        place(rows).filter(pl.col("channel_class") != "direct")
        for rows in (wins(built_home), milestones(built_home), credited(built_home, "as_is"))
    )
    of_partners = placed(built_home, credited(built_home, "as_is"), "partner", "as_is").filter(
        ~pl.col("entity_id").is_in(["DIRECT", "UNRESOLVED"])
    )
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
    reps_all = place(rep_months(built_home)).filter((pl.col("rep_id") != "NONE") & (pl.col("deals_won") > 0))
    ripe, stale = (timedelta(days=PROJECT_VARS[name]) for name in ("cohort_mature_days", "stale_days"))
    assignments = table(built_home, "core", "dim_rep_assignment")
    ends = {
        min(month_end(first_of_month(month, shift)), today(built_home)) for month in mart["month"] for shift in (0, -3)
    }
    branches_of_reps = {
        day: set(
            place(as_of(built_home, working_on(assignments, day), pl.lit(day)))
            .select("rep_id", "entity_id")
            .iter_rows()
        )
        for day in ends
    }
    compared = 0
    for row in mart.sort("entity_id", "month").iter_rows(named=True):
        if scope != "company" and row["month"].month not in (3, 9):  # all months would take too long in Python
            continue
        compared += 1
        month, end = row["month"], min(month_end(row["month"]), today(built_home))
        of = pl.col("entity_id") == row["entity_id"]
        won, deals, money_of = won_all.filter(of), deals_all.filter(of), money_all.filter(of)
        year, credit = won.filter(within(month, 12)), money_of.filter(within(month, 12))
        count, gained = int(year["is_won"].sum()), credit["amount"].sum()
        assert same(row["won_amount_t12m"], gained)
        assert row["deals_won_t12m"] == count
        indirect = of_partners.filter(within(month, 12))["amount"].sum()
        assert same(row["partner_share_denominator"], indirect)
        is_share = scope != "company" and row["entity_id"] != "UNRESOLVED" and indirect > 0
        assert same(row["partner_share"], gained / indirect if is_share else None)
        everything = wins(built_home).filter(within(month, 12))["amount"].sum()
        assert same(row["company_share_denominator"], everything)
        assert same(row["company_share"], gained / everything if everything > 0 else None)
        before, now = (branches_of_reps[day] for day in (month_end(first_of_month(month, -3)), end))
        gone = [
            money
            for rep, money in credit.group_by("rep_id").agg(pl.col("amount").sum()).iter_rows()
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
        assert [row["win_rate_t3m_numerator"], row["win_rate_t3m_denominator"]] == [closed[0], sum(closed)]
        assert same(row["win_rate_t3m"], closed[0] / sum(closed) if sum(closed) >= N_MIN else None)
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


@cache
def period_credit(home: Home, scope: str) -> pl.DataFrame:
    """Return indirect money (by share) and wins by today's branch, rep and month, with the entity of today."""
    parts = [
        credited(home, "as_is"),
        wins(home).drop("amount").filter("is_won").with_columns(pl.col("is_won").cast(pl.Int64)),
    ]
    rows = pl.concat(parts, how="diagonal_relaxed").filter(pl.col("channel_class") == "indirect")
    rows = rows.select("branch_version_id", "rep_id", "month", "amount", "is_won")
    branches = entities(home, "branch", "as_is").rename({"entity_id": "branch_id"})
    return placed(home, rows, scope, "as_is").join(branches, on="branch_version_id")


def structure(home: Home, row: dict[str, Any], first: date, months_long: int) -> dict[str, float]:
    """Compute the factors of a period's money: wins of known reps at known branches, and the money of all wins."""
    unknown = table(home, "core", "dim_branch").filter("is_sentinel")["branch_id"].implode()
    won = period_credit(home, row["scope"]).filter(
        (pl.col("entity_id") == row["entity_id"])
        & (pl.col("month") >= first)
        & (pl.col("month") < first_of_month(first, months_long))
    )
    known = won.filter((pl.col("rep_id") != "NONE") & ~pl.col("branch_id").is_in(unknown))
    winners = known.filter(pl.col("is_won") > 0)
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
        "active_branches": won.filter(pl.col("is_won") > 0, ~pl.col("branch_id").is_in(unknown))[
            "branch_id"
        ].n_unique(),
        "producing_reps": winners["rep_id"].n_unique(),
        "deals_won": count,
        "average_deal": money / count if count and money > 0 else None,
        "units_to_80": units if largest.head(units).sum() >= 0.8 * won["amount"].sum() - 0.001 and units else None,
    }


def test_revenue_decomposition(built_home: Home) -> None:
    """By the logarithmic mean of both periods, factor by factor; rounding may move a unit between neighbours."""
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
    # Exactly the entities with money or a win in a period or in the period before have a row.
    quarters = mart.filter(pl.col("period_type") == "quarter")
    for scope in SCOPES:
        rows = period_credit(built_home, scope).select("entity_id", "month")
        since = first_of_month(months(built_home)[0], 12)
        sides = pl.concat([rows, rows.with_columns(pl.col("month").dt.offset_by("12mo"))])
        sides = sides.filter((pl.col("month") >= since) & is_over(built_home))
        periods = sides.select("entity_id", period_start=pl.col("month").dt.truncate("1q")).unique()
        found = quarters.filter(pl.col("scope") == scope).select("entity_id", "period_start")
        assert set(found.iter_rows()) == set(periods.iter_rows())


@pytest.mark.parametrize("scope", SCOPES)
def test_bottlenecks(built_home: Home, scope: str) -> None:
    mart = table(built_home, "kpi", "bottlenecks").filter(pl.col("scope") == scope)
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
        of_entities = placed(built_home, judged, scope, "as_is").group_by("entity_id")
        for entity, entered, through in of_entities.agg(pl.len(), pl.col("passed").sum()).iter_rows():
            if entity in entities_of_today(built_home, scope):
                counts[entity, step] = [entered, through]
    found = {(row["entity_id"], row["step"]): [row["entered"], row["passed"]] for row in mart.iter_rows(named=True)}
    assert len(found) == len(mart)
    assert found == counts
    won_all = wins(built_home).filter(
        pl.col("channel_class") != "direct", pl.col("month") > year_before(today(built_home))
    )
    usual_deal = won_all.filter("is_won")["amount"].median()
    won_of = {
        entity: (count, amount)
        for entity, count, amount in placed(built_home, won_all, scope, "as_is")
        .group_by("entity_id")
        .agg(pl.col("is_won").sum(), pl.col("amount").sum())
        .iter_rows()
    }
    estimates = {
        (entity, step): estimate
        for step in usual
        for entity, estimate in pooled({of: pair for (of, at), pair in counts.items() if at == step}).items()
    }
    for row in mart.iter_rows(named=True):
        count, amount = won_of.get(row["entity_id"], (0, 0))
        assert same(row["average_deal"], amount / count if count >= N_MIN and amount > 0 else usual_deal), row
        assert same(row["reference_rate"], usual[row["step"]])
        estimate = estimates[row["entity_id"], row["step"]]
        assert same(row["estimated_rate"], usual[row["step"]] if estimate is None else estimate)
        assert (row["interval_low"] is None) == (estimate is None)
        if row["pass_rate"] is not None:
            assert same(row["pass_rate"], row["passed"] / row["entered"])
            missing = max(row["entered"] * (usual[row["step"]] - row["estimated_rate"]), 0)
            worth = after[row["step"]] * row["average_deal"]
            assert row["lost_amount"] == pytest.approx(missing * worth, abs=0.51)
    worst = mart.filter("is_bottleneck").select("entity_id", "lost_amount")
    missed = mart.filter(
        (pl.col("evidence") != "none") & (pl.col("estimated_rate") < pl.col("reference_rate"))
        & (pl.col("deals_missing") >= 1) & (pl.col("lost_amount") > 0)
    )  # fmt: skip
    assert set(worst["entity_id"]) == set(missed["entity_id"])
    highest = missed.group_by("entity_id").agg(pl.col("lost_amount").max().alias("highest"))
    assert worst["entity_id"].is_unique().all()
    assert worst.join(highest, on="entity_id").filter(pl.col("lost_amount") != pl.col("highest")).is_empty()


def pooled(counts: dict[str, list[int]]) -> dict[str, float | None]:
    """Return the rate of each entity by partial pooling, or None if chance explains all differences.

    counts: trials and successes of each.
    """
    trials, successes = np.array([*counts.values()], dtype=float).reshape(-1, 2).T
    if len(counts) < PROJECT_VARS["pooling_min_entities"]:
        return dict.fromkeys(counts)
    mean = successes.sum() / trials.sum()
    squares = (trials * (successes / trials - mean) ** 2).sum()
    if not 0 < mean < 1 or stats.chi2.sf(squares / (mean * (1 - mean)), len(counts) - 1) > 0.05:
        return dict.fromkeys(counts)
    weight = trials.sum() - (trials**2).sum() / trials.sum() - (len(counts) - 1)
    variance = (squares - (len(counts) - 1) * mean * (1 - mean)) / weight
    strength = max(mean * (1 - mean) / variance - 1, 1)
    return dict(zip(counts, (mean * strength + successes) / (strength + trials), strict=True))


def year_before(day: date) -> date:
    """Return the same day a year before, or the last day of a shorter month."""
    month = first_of_month(day, -12)
    return min(month_end(month), month + timedelta(days=day.day - 1))


@pytest.mark.parametrize(
    ("mart", "column", "compared"),
    [
        ("rep_concentration", "producing_reps", partial(test_rep_concentration, scope="company")),
        ("rep_concentration", "win_rate_t12m_numerator", partial(test_rep_concentration, scope="company")),
        ("performance", "deals_won_t12m", partial(test_performance, scope="company")),
        ("performance", "revenue_at_risk", partial(test_performance, scope="company")),
        ("revenue_decomposition", "units_to_80", test_revenue_decomposition),
        ("revenue_decomposition", "average_deal_effect", test_revenue_decomposition),
        ("bottlenecks", "passed", partial(test_bottlenecks, scope="company")),
    ],
)
def test_a_changed_cell_is_found(
    built_home: Home, tmp_path: Path, mart: str, column: str, compared: Callable[[Home], None]
) -> None:
    """The comparisons above can fail: one cell of each mart is changed, in the last row that they compare."""
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
