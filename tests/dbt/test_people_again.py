"""People by name, computed again from the facts and the roster: flows, reasons and value of calls, quiet branches."""

import math
from collections import defaultdict
from datetime import date, timedelta
from functools import cache
from statistics import mean

import polars as pl
import pytest
from scipy.special import gammaln

from orchestration.home import Home
from tests.conftest import PROJECT_VARS, long
from tests.dbt.again import as_of, first_of_month, milestones, month_end, months, placed, table, today, wins
from tests.dbt.test_kpis_again_people import reachable, rep_months, working_on

Members = dict[tuple[str, date], set[str]]
N_MIN = PROJECT_VARS["n_min"]


@cache
def members(home: Home, scope: str, status: str) -> Members:
    """Return the reps of each entity of today who have a status at the end of a month."""
    found: Members = defaultdict(set)
    if status == "contactable":
        assignments = table(home, "core", "dim_rep_assignment")
        for month in months(home):
            end = min(month_end(month), today(home))
            standing = placed(home, as_of(home, working_on(assignments, end), pl.lit(end)), scope, "as_is")
            for rep, entity in standing.select("rep_id", "entity_id").iter_rows():
                if rep in reachable(home, end):
                    found[entity, month].add(rep)
        return found
    brings = pl.col("deals_new").fill_null(0) + pl.col("referrals").fill_null(0) > 0
    is_one = brings if status == "active" else pl.col("deals_won") > 0
    length = PROJECT_VARS["active_window_months"] if status == "active" else 12
    rows = placed(home, rep_months(home).filter(is_one, pl.col("rep_id") != "NONE"), scope, "as_is")
    for rep, entity, month in rows.select("rep_id", "entity_id", "month").iter_rows():
        for n in range(length):
            found[entity, first_of_month(month, n)].add(rep)
    return found


@pytest.mark.parametrize("status", ["contactable", "active", "producing"])
@pytest.mark.parametrize("scope", ["branch", *(pytest.param(one, marks=long) for one in ("partner", "company"))])
def test_flows_of_salespeople(built_home: Home, scope: str, status: str) -> None:
    of, calendar = members(built_home, scope, status), months(built_home)
    first = {"contactable": 4, "active": PROJECT_VARS["active_window_months"] - 1, "producing": 11}[status] + 1
    special = {*table(built_home, "core", "dim_branch").filter("is_sentinel")["branch_id"], "DIRECT", "UNRESOLVED"}
    again = {}
    for entity in {entity for entity, _ in of} - special:
        for n in range(first, len(calendar)):
            now, before = (of.get((entity, calendar[m]), set()) for m in (n, n - 1))
            earlier = set().union(*(of.get((entity, month), set()) for month in calendar[:n]))
            if now or before:
                again[entity, calendar[n]] = (
                    len(before), len(now - earlier), len((now & earlier) - before), len(now & before),
                    len(before - now), len(now),
                )  # fmt: skip
    rows = table(built_home, "kpi", "rep_flows").filter(
        pl.col("scope") == scope, pl.col("status") == status, pl.col("member_type") == "rep"
    )
    columns = ("entity_id", "month", "members_start", "gained", "returned", "kept", "lost", "members_end")
    found = {(entity, month): tuple(counts) for entity, month, *counts in rows.select(columns).iter_rows()}
    assert found == again
    assert sum(counts[1] for counts in found.values()) > 5


def test_names_behind_the_flows(built_home: Home) -> None:
    """Everybody kept or gained in the last month is contactable today, until 90 days after the last contact."""
    last = months(built_home)[-1]
    rows = table(built_home, "kpi", "rep_flow_people").filter(
        pl.col("scope") == "branch", pl.col("status") == "contactable", pl.col("month") == last
    )
    there = rows.filter(pl.col("flow") != "lost")
    expected = {
        (e, rep)
        for (e, month), reps in members(built_home, "branch", "contactable").items()
        if month == last
        for rep in reps
    }
    assert set(there.select("entity_id", "member_id").iter_rows()) == expected
    contacts = last_contacts(built_home)
    for rep, until in there.select("member_id", "contactable_until").iter_rows():
        assert until == contacts[rep] + timedelta(days=PROJECT_VARS["contact_window_days"] - 1) >= today(built_home)


def last_contacts(home: Home) -> dict[str, date]:
    """Return the last two-way contact of each rep."""
    met = table(home, "core", "fct_attendance").filter("is_two_way_touch", pl.col("occurred_on") <= today(home))
    return dict(met.drop_nulls("rep_id").group_by("rep_id").agg(pl.col("occurred_on").max()).iter_rows())


@cache
def people(home: Home) -> dict[str, str]:
    """Return the reps who are at an open branch today, with this branch."""
    branches = table(home, "core", "dim_branch")
    successor = dict(branches.select("branch_id", "current_branch_id").iter_rows())
    ended = table(home, "core", "dim_partner").filter(pl.col("contract_ended_on") <= today(home))["partner_id"]
    is_over = (pl.col("closed_on") <= today(home)) | (pl.col("contract_ended_on") <= today(home))
    is_open = ~(is_over.fill_null(False) | pl.col("is_sentinel") | pl.col("current_partner_id").is_in(ended.implode()))
    opened = set(branches.filter(is_open)["branch_id"])
    reps = table(home, "core", "dim_rep").filter(~pl.col("is_sentinel")).drop_nulls("current_branch_id")
    now = {rep: successor[branch] for rep, branch in reps.select("rep_id", "current_branch_id").iter_rows()}
    return {rep: branch for rep, branch in now.items() if branch in opened}


def brought(home: Home) -> dict[str, list[date]]:
    """Return the days of the new deals that each rep brought or is credited with."""
    deals = (
        milestones(home)
        .select("deal_id", "open_on")
        .join(table(home, "core", "fct_deals").select("deal_id", "rep_id", "originating_rep_id"), on="deal_id")
    )
    days: dict[str, list[date]] = defaultdict(list)
    for _, on, *reps in deals.iter_rows():
        for rep in set(reps):
            days[rep].append(on)
    return days


def test_reasons_to_call(built_home: Home) -> None:
    now, window = today(built_home), PROJECT_VARS["contact_window_days"]
    contacts, days = last_contacts(built_home), brought(built_home)
    touched = set(
        table(built_home, "core", "fct_attendance").filter(
            pl.col("is_two_way_touch") | pl.col("is_live_touch"), pl.col("occurred_on") <= now
        )["rep_id"]
    )  # fmt: skip
    contactable = {rep for (_, month), reps in members(built_home, "company", "contactable").items()
                   if month == months(built_home)[-1] for rep in reps}  # fmt: skip
    year_ago = first_of_month(now, -11)
    winners = set(wins(built_home).filter("is_won", pl.col("month") >= year_ago)["rep_id"])
    lapsed_on = date(now.year - (now.month <= 6), (now.month - 7) % 12 + 1, now.day)
    again: set[tuple[str, str]] = set()
    for rep in people(built_home):
        left = (contacts[rep] + timedelta(days=window - 1) - now).days if rep in contacts else None
        if rep in contactable and left is not None and left < PROJECT_VARS["people_notice_days"]:
            again.add((rep, "contact_ends"))
        if rep not in contactable and left is not None and -PROJECT_VARS["people_notice_days"] <= left < 0:
            again.add((rep, "contact_lost"))
        if rep not in touched:
            again.add((rep, "never_contacted"))
        if rep in contactable and rep not in days:
            again.add((rep, "no_deal"))
        if rep in winners:
            first, last = min(days[rep]), max(days[rep])
            chance = 1.0
            if len(days[rep]) >= N_MIN and last > first and (now - last).days > PROJECT_VARS["people_notice_days"]:
                span = (last - first).days
                chance = (span / (span + (now - last).days)) ** (len(days[rep]) - 1)
            if chance <= 0.05:
                again.add((rep, "producer_quiet"))
            elif last <= lapsed_on:
                again.add((rep, "producer_lapsed"))
    rows = table(built_home, "kpi", "people_worklist").filter(~pl.col("reason").is_in(["moved", "take_over"]))
    assert set(rows.select("rep_id", "reason").iter_rows()) == again
    assert set(rows["branch_id"]) <= set(people(built_home).values())
    assert {"contact_ends", "never_contacted", "no_deal", "producer_lapsed"} <= {reason for _, reason in again}


def test_the_originator_is_named_first(built_home: Home) -> None:
    """From the evidence for the credited branch; without any, the originator is the rep who is credited."""
    evidence = table(built_home, "attribution", "deal_evidence").filter(
        pl.col("status") == "supporting", pl.col("rep_id").is_not_null(), pl.col("branch_id").is_not_null()
    )
    first: dict[str, tuple[date, int, str]] = {}
    for deal, on, rung, rep in evidence.select("deal_id", "claimed_on", "rung_order", "rep_id").iter_rows():
        first[deal] = min(first.get(deal, (date.max, 99, "z")), (on or date.max, 99 if rung is None else rung, rep))
    unknown = set(table(built_home, "core", "dim_branch").filter("is_sentinel")["branch_id"])
    checked = 0
    rows = table(built_home, "core", "fct_deals").select("deal_id", "branch_id", "rep_id", "originating_rep_id")
    for deal, branch, credited, originator in rows.iter_rows():
        named = first[deal][2] if deal in first and branch not in unknown else credited
        assert originator == named, deal
        checked += originator != "NONE"
    assert checked > 200


def test_sold_is_the_ledger(built_home: Home) -> None:
    rows = table(built_home, "kpi", "people_worklist").unique("rep_id")
    sold = wins(built_home).group_by("rep_id").agg(pl.col("is_won").sum(), pl.col("amount").sum())
    again = {rep: (deals, amount) for rep, deals, amount in sold.iter_rows()}
    for rep, deals, amount in rows.select("rep_id", "sold_deals", "sold_amount").iter_rows():
        assert (deals, amount) == again.get(rep, (0, 0)), rep


def test_the_deals_after_a_call(built_home: Home) -> None:
    """By situation, from the contacts and deals of each salesperson and month."""
    complete = [month for month in months(built_home) if month_end(month) <= today(built_home)]
    assignments = table(built_home, "core", "dim_rep_assignment")
    deals: dict[tuple[str, date], int] = defaultdict(int)
    for rep, month, count in rep_months(built_home).select("rep_id", "month", "deals_new").iter_rows():
        deals[rep, month] += count or 0
    met = table(built_home, "core", "fct_attendance").filter("is_two_way_touch").drop_nulls("rep_id")
    called = set(met.select("rep_id", "occurred_month").iter_rows())
    last = len(complete) - 1

    def situation(rep: str, until: int) -> tuple[str, float]:
        before = sum(deals.get((rep, month), 0) for month in complete[max(0, until - 12) : until])
        ever = sum(deals.get((rep, month), 0) for month in complete[:until])
        if not ever:
            return "no_deal", 1.0
        if not before:
            return "no_deal_t12m", 1.0
        return "deals_1_2" if before < 3 else "deals_3_9" if before < 10 else "deals_10", before / 4

    sums: dict[tuple[str, bool], list[float]] = defaultdict(lambda: [0, 0, 0])
    for n in range(max(12, last - 2 - PROJECT_VARS["forecast_window_months"]), last - 2):
        for rep in set(working_on(assignments, month_end(complete[n]))["rep_id"]):
            name, pace = situation(rep, n)
            counts = sums[name, (rep, complete[n]) in called]
            counts[0] += 1
            counts[1] += sum(deals.get((rep, month), 0) for month in complete[n + 1 : n + 4])
            counts[2] += pace
    checked = 0
    rows = table(built_home, "kpi", "people_worklist").unique("rep_id")
    for row in rows.iter_rows(named=True):
        name, pace = situation(row["rep_id"], last + 1)
        assert row["situation"] == name, row["rep_id"]
        with_call, without = sums.get((name, True)), sums.get((name, False))
        if not with_call or not without:
            continue
        assert row["earlier_calls"] == with_call[0]
        assert row["deals_after_call"] == pytest.approx(pace * with_call[1] / with_call[2], abs=1e-5)
        assert row["deals_without_call"] == pytest.approx(pace * without[1] / without[2], abs=1e-5)
        if row["call_value"] is not None:
            gain = row["deals_after_call"] - row["deals_without_call"]
            assert row["call_value"] == pytest.approx(
                gain * row["call_win_rate"] * row["call_win_amount"], rel=1e-3, abs=2
            )
            assert row["call_evidence"] != "none" and gain > 0 and min(with_call[0], without[0]) >= 30
            checked += 1
        else:
            assert row["no_value_reason"]
    assert checked > 10


def test_the_odds_of_quiet_branches(built_home: Home) -> None:
    """The last month end, deal by deal, with scipy's gamma function."""
    rows = table(built_home, "kpi", "quiet_warnings").filter("is_current", pl.col("scope") == "branch")
    day = rows["judged_on"][0]
    successor = dict(table(built_home, "core", "dim_branch").select("branch_id", "current_branch_id").iter_rows())
    known = milestones(built_home).filter(pl.col("channel_class") != "direct", pl.col("open_on") <= day)
    deals: dict[str, list[int]] = defaultdict(list)
    for branch, on in known.select("branch_id", "open_on").iter_rows():
        deals[successor[branch]].append((day - on).days)
    everybody = [age for ages in deals.values() for age in ages]

    def time(youngest: int) -> int:
        """Deals of all partners that are younger."""
        return sum(age < youngest for age in everybody)

    counts = {}
    for branch, ages in deals.items():
        oldest = max(ages)
        if oldest >= 90:
            recent = [age for age in ages if age < 1080]
            rhythm = (len(recent) - 1, time(oldest)) if oldest < 1080 else (len(recent), time(1080))
            counts[branch] = (*rhythm, ages)
    counts = {branch: one for branch, one in counts.items() if one[1] > 0 and any(a < 1080 for a in one[2])}
    rate = sum(n for n, *_ in counts.values()) / sum(t for _, t, _ in counts.values())
    variance = sum((n - rate * t) ** 2 for n, t, _ in counts.values()) - rate * sum(t for _, t, _ in counts.values())
    variance /= sum(t * t for _, t, _ in counts.values())
    a, b = rate * rate / variance, rate / variance
    prior = PROJECT_VARS["quiet_prior"]
    for row in rows.iter_rows(named=True):
        n, t, ages = counts[row["entity_id"]]
        odds, quiet, chance = [1 - 4 * prior], 0.0, (1 - 4 * prior) * ((b + t) / (b + t + time(360) / 4)) ** (a + n)
        for days, weight in ((90, 1), (180, 1), (360, 2)):
            x, r = sum(age < days for age in ages), time(days)
            ratio = 0.0
            if t > r:
                ratio = math.exp(
                    gammaln(a + n - x) + gammaln(a + x) - gammaln(a) - gammaln(a + n) + a * math.log(b)
                    + (a + n) * math.log(b + t) - (a + n - x) * math.log(b + t - r) - (a + x) * math.log(b + r)
                )  # fmt: skip
                if x < (a + n - x) / (b + t - r) * r:
                    quiet += weight * prior * ratio
            odds.append(weight * prior * ratio)
            chance += odds[-1] * ((b + r) / (b + r + time(360) / 4)) ** (a + x)
        assert row["quiet_chance"] == pytest.approx(quiet / sum(odds), abs=2e-4)
        assert row["new_deal_chance"] == pytest.approx(1 - chance / sum(odds), abs=2e-4)
        assert row["last_deal_on"] == day - timedelta(days=min(ages))
    assert len(rows) > 10 and mean(rows["new_deal_chance"].to_list()) > 0.3
