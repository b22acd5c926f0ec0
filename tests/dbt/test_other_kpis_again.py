"""Pipeline, sourced money, resolution and statuses, computed a second time in Python."""

import math
import statistics
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from orchestration.home import Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    SCOPES,
    accepted,
    as_of,
    assert_rows,
    is_recorded,
    milestones,
    month_end,
    months,
    placed,
    staged,
    table,
    today,
    wins,
)

NEVER = date(9999, 12, 31)
DAY = timedelta(days=1)
N_MIN = PROJECT_VARS["n_min"]


def after(month: date, months: int) -> date:
    year, index = divmod(month.year * 12 + month.month - 1 + months, 12)
    return date(year, index + 1, 1)


def rate(numerator: float, denominator: float, least: int = N_MIN) -> float | None:
    return float(numerator / denominator) if denominator >= least else None


def test_pipeline(built_home: Home) -> None:
    until = today(built_home)
    latest = until - timedelta(days=PROJECT_VARS["cohort_mature_days"])
    ages = {days: timedelta(days=days) for days in PROJECT_VARS["pipeline_ages"]}
    facts = table(built_home, "core", "fct_deals").select("deal_id", "channel", "amount", "expected_close_on")
    deals = milestones(built_home).join(facts, on="deal_id").with_columns(pl.col("channel").fill_null("none"))
    today_of = table(built_home, "core", "dim_branch").select(
        "branch_id", "current_branch_id", "current_division_id", "current_partner_id"
    )
    deals = deals.join(today_of, on="branch_id")

    def age_of(reached: date, day: date) -> int:
        return [name for name, wait in ages.items() if reached + wait <= day][-1]

    # Each day of each deal at a stage: to which deal it belongs, and whether that was won.
    spent: dict[tuple[bool, str | None, str, int, bool], list[tuple[str, bool]]] = {}
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for d in deals.iter_rows(named=True):
        due = d["expected_close_on"] or NEVER
        for stage, following in (("open", "qualified"), ("qualified", "proposed"), ("proposed", "won")):
            day = d[f"{stage}_on"]
            end = min(d[name] or NEVER for name in (f"{following}_on", "won_on", "lost_on"))
            while day and day < min(end, until) and day <= latest:
                for channel in (d["channel"], None):
                    place = (d["channel_class"] == "direct", channel, stage, age_of(d[f"{stage}_on"], day), day > due)
                    spent.setdefault(place, []).append((d["deal_id"], d["won_on"] is not None))
                day += DAY
        if d["won_on"] is None and d["lost_on"] is None:
            stage = "proposed" if d["proposed_on"] else "qualified" if d["qualified_on"] else "open"
            close = d["expected_close_on"] and max(due.replace(day=1), until.replace(day=1))
            branch = tuple(d[f"current_{scope}_id"] for scope in ("branch", "division", "partner"))
            place = (*branch, d["channel_class"], d["channel"], stage, age_of(d[f"{stage}_on"], until), close)
            groups.setdefault(place, []).append(d)
    again = []
    for (branch, division, partner, kind, channel, stage, age, close), found in groups.items():
        overdue = [d for d in found if (d["expected_close_on"] or NEVER) < until]
        row = {
            "branch_id": branch, "division_id": division, "partner_id": partner,
            "channel_class": kind, "channel": channel, "stage": stage,
            "age_days": age, "close_month": close,
            "open_deals": len(found), "overdue_deals": len(overdue),
            "overdue_amount": sum(d["amount"] or 0 for d in overdue),
            "pipeline_amount": sum(d["amount"] or 0 for d in found),
        }  # fmt: skip
        for is_overdue, prefix in ((False, ""), (True, "overdue_")):
            own = spent.get((kind == "direct", channel, stage, age, is_overdue), [])
            days = own if len({deal for deal, _ in own}) >= N_MIN else None
            days = days or spent.get((kind == "direct", None, stage, age, is_overdue), [])
            won = sum(is_won for _, is_won in days)
            enough = len({deal for deal, _ in days}) >= N_MIN
            row |= {
                f"{prefix}win_probability_numerator": won, f"{prefix}win_probability_denominator": len(days),
                f"{prefix}win_probability": won / len(days) if enough else None,
            }  # fmt: skip
        again.append(row)
    mart = table(built_home, "kpi", "pipeline")
    assert_rows(
        mart, again, ["branch_id", "partner_id", "channel_class", "channel", "stage", "age_days", "close_month"], 30
    )
    for row in mart.iter_rows(named=True):
        due = (row["open_deals"] - row["overdue_deals"], row["pipeline_amount"] - row["overdue_amount"])
        parts = [
            (0.0 if not deals else None if chance is None else amount * chance)
            for (deals, amount), chance in (
                (due, row["win_probability"]),
                ((row["overdue_deals"], row["overdue_amount"]), row["overdue_win_probability"]),
            )
        ]
        whole = None if None in parts else sum(part or 0 for part in parts)
        for name, value in (("pipeline_weighted", whole), ("overdue_weighted", parts[1])):
            assert row[name] == (None if value is None else pytest.approx(value, abs=0.51)), (row, name)


def test_sourced_and_influenced(built_home: Home) -> None:
    leads = staged(built_home, "stg_leads_supplied").drop_nulls("deal_id")
    registrations = staged(built_home, "stg_deal_registrations").filter(
        pl.col("deal_id").is_not_null(),
        pl.col("status") == "approved",
        pl.col("submitted_by").fill_null("partner") == "partner",
    )
    passed = dict(leads.group_by("deal_id").agg(pl.col("passed_at").min()).iter_rows())
    submitted = dict(registrations.group_by("deal_id").agg(pl.col("submitted_at").min()).iter_rows())

    def day(moment: Any) -> date:
        return (moment + timedelta(hours=9)).date()

    sourced = set()
    for d in table(built_home, "core", "fct_deals").filter(pl.col("channel_class") == "indirect").iter_rows(named=True):
        own = d["deal_id"] in submitted
        if not own and d["channel"] not in ("referral", "matching"):
            continue
        began = day(submitted[d["deal_id"]]) if own else d["created_on"] or d["credit_on"]
        if d["deal_id"] not in passed or day(passed[d["deal_id"]]) > began:
            sourced.add(d["deal_id"])
    deals = table(built_home, "core", "fct_deals").select("deal_id", "credit_on")
    influence = table(built_home, "attribution", "influence").select("deal_id", "branch_id").join(deals, on="deal_id")
    had_part = as_of(built_home, influence, "credit_on").select("deal_id", "branch_version_id")
    won = wins(built_home).select("deal_id", "month", pl.col("amount").fill_null(0))
    credit = wins(built_home).select("deal_id", "branch_version_id").unique()
    money: dict[tuple[str, str, date], list[float]] = {}
    for scope in SCOPES:
        # A deal counts once for an entity, even if several of its branches took part.
        for at, rows in enumerate((credit.filter(pl.col("deal_id").is_in(list(sourced))), had_part)):
            placed_rows = placed(built_home, rows, scope, "as_was").select("deal_id", "entity_id").unique()
            for entity, month, amount in (
                placed_rows.join(won, on="deal_id").select("entity_id", "month", "amount").iter_rows()
            ):
                money.setdefault((scope, entity, month), [0, 0])[at] += amount
    again = [
        {
            "scope": s,
            "entity_id": e,
            "month": m,
            "is_complete": month_end(m) <= today(built_home),
            "sourced_amount": float(v[0]),
            "influenced_amount": float(v[1]),
        }
        for (s, e, m), v in money.items()
    ]
    assert_rows(table(built_home, "kpi", "sourced_monthly"), again, ["scope", "entity_id", "month"], 100)


def test_resolution_and_restatements(built_home: Home) -> None:
    partner_of = dict(table(built_home, "core", "dim_branch").select("branch_id", "partner_id").iter_rows())
    values: dict[tuple[str, str, date], list[float]] = {}
    deals = table(built_home, "core", "fct_deals").filter(pl.col("branch_id") != "DIRECT")
    for d in deals.iter_rows(named=True):
        found = not d["branch_id"].startswith(("UNKNOWN:", "UNRESOLVED"))
        for place in (("company", "ALL"), ("partner", d["partner_id"])):
            cell = values.setdefault((*place, d["credit_on"].replace(day=1)), [0, 0, 0, 0, 0])
            amount = abs(d["amount"] or 0)
            for i, value in enumerate((found, 1, amount if found else 0, amount)):
                cell[i] += value
    for r in table(built_home, "attribution", "restatements").iter_rows(named=True):
        sides = {b for b in (r["from_branch_id"], r["to_branch_id"]) if b and b != "DIRECT"}
        places = {("partner", partner_of[b]) for b in sides} | ({("company", "ALL")} if sides else set())
        for place in places:
            values.setdefault((*place, r["month"]), [0, 0, 0, 0, 0])[4] += abs(r["amount"] or 0)
    again = [
        {
            "scope": scope, "entity_id": entity, "month": month, "is_complete": month_end(month) <= today(built_home),
            "resolution_rate_numerator": v[0], "resolution_rate_denominator": v[1],
            "resolution_rate": rate(v[0], v[1], 1),
            "resolution_rate_amount": float(v[2] / v[3]) if v[3] > 0 else None, "restated_amount": float(v[4]),
        }
        for (scope, entity, month), v in values.items()
    ]  # fmt: skip
    assert_rows(table(built_home, "kpi", "resolution_monthly"), again, ["scope", "entity_id", "month"], 50)


def test_profiles_of_branches_in_focus(built_home: Home) -> None:
    questions = {
        "headcount_known": "sales_headcount",
        "evaluation_known": "evaluation_scheme",
        "focus_products_known": "focus_products",
    }
    profiles: dict[tuple[str, int], set[str]] = {}
    for row in accepted(built_home, "branch_profiles", "branch_id", "as_of").iter_rows(named=True):
        if row["as_of"] <= today(built_home):
            known = {name for name, column in questions.items() if row[column] is not None}
            profiles.setdefault((row["branch_id"], row["as_of"].year - (row["as_of"].month < 4)), set()).update(known)
    counts: dict[tuple[str, str, int], list[int]] = {}
    last_days = {m.year - (m.month < 4): min(month_end(m), today(built_home)) for m in months(built_home)}
    for branch in (
        table(built_home, "core", "dim_branch").filter("is_focus", ~pl.col("is_sentinel")).iter_rows(named=True)
    ):
        for year, last in last_days.items():
            if (branch["opened_on"] or date.min) > last or (branch["closed_on"] or date.max) <= last:
                continue
            known = profiles.get((branch["branch_id"], year), set())
            numbers = [*(name in known for name in questions), len(known) == 3, 1]
            of = {scope: branch[f"current_{scope}_id"] for scope in ("branch", "division", "partner")}
            for place in (of | {"company": "ALL"}).items():
                cell = counts.setdefault((*place, year), [0] * 5)
                cell[:] = [one + other for one, other in zip(cell, numbers, strict=True)]
    again = [
        {
            "scope": scope, "entity_id": entity, "fiscal_year": year,
            "is_complete": is_recorded(built_home, date(year, 4, 1), 12), **dict(zip(questions, numbers, strict=False)),
            "profile_coverage_numerator": numbers[3], "profile_coverage_denominator": numbers[4],
            "profile_coverage": numbers[3] / numbers[4],
        }
        for (scope, entity, year), numbers in counts.items()
    ]  # fmt: skip
    assert_rows(table(built_home, "kpi", "profile_coverage"), again, ["scope", "entity_id", "fiscal_year"], 50)


@pytest.mark.parametrize(
    ("entity_type", "dimension", "key"),
    [("partner", "dim_partner", "partner_id"), ("branch", "dim_branch", "branch_id"), ("rep", "dim_rep", "rep_id")],
)
def test_statuses_of_today(built_home: Home, entity_type: str, dimension: str, key: str) -> None:
    """Today's statuses that wins, deals and ends decide; the others are the rest."""
    until = today(built_home)
    mart = table(built_home, "kpi", "status_today").filter(pl.col("entity_type") == entity_type)
    found = {row["entity_id"]: row for row in mart.iter_rows(named=True)}
    entries = table(built_home, "core", "fct_stage_entries").filter("is_counted", pl.col("entered_on") <= until)
    days = {
        stage: dict(entries.filter(pl.col("stage") == stage).group_by(key).agg(pl.col("entered_on").sort()).iter_rows())
        for stage in ("open", "won")
    }
    asleep_before = after(until.replace(day=1), -PROJECT_VARS["active_window_months"])
    asleep_before = min(asleep_before.replace(day=1) + timedelta(days=until.day - 1), month_end(asleep_before))
    entities = [e for e in table(built_home, "core", dimension).iter_rows(named=True) if not e["is_sentinel"]]
    seen = set()
    for entity in entities:
        ends = [entity.get(name) for name in ("contract_ended_on", "closed_on", "left_on")]
        opened, won = (days[stage].get(entity[key], []) for stage in ("open", "won"))
        status = found[entity[key]]["status"]
        if any(end and end <= until for end in ends):
            expected = {"left" if entity_type == "rep" else "ended"}
        elif opened and opened[-1] <= asleep_before:
            expected = {"dormant"}
        elif won:
            expected = {"won"} if len(won) == 1 else {"repeat"}
        elif opened:
            expected = {"deal_created" if entity_type == "rep" else "active"}
        else:
            early = ("prospect", "in_talks", "contracted", "onboarding")
            expected = {"untouched", "contacted", "contactable", "trained"} if entity_type == "rep" else set(early)
        assert status in expected, (entity[key], status, expected)
        seen.add(status)
    assert found.keys() == {entity[key] for entity in entities}
    assert len(seen) >= 3


@pytest.mark.parametrize("entity_type", ["partner", "branch", "rep"])
def test_stuck_entities(built_home: Home, entity_type: str) -> None:
    """Stuck is longer than twice the median of the stays that led on, and than nine in ten of all other stays."""
    of_type = pl.col("entity_type") == entity_type
    spells = table(built_home, "kpi", "status_spells").filter(of_type, pl.col("basis") == "inferred")
    led_on: dict[str, list[int]] = {}
    all_stays: dict[str, list[int]] = {}
    for spell in spells.iter_rows(named=True):
        if spell["is_current"] or spell["valid_from"] > months(built_home)[0]:
            all_stays.setdefault(spell["status"], []).append(spell["dwell_days"])
            if spell["next_status"] not in (None, "dormant", "ended", "left"):
                led_on.setdefault(spell["status"], []).append(spell["dwell_days"])
    usual = {status: statistics.median(days) for status, days in led_on.items() if len(days) >= N_MIN}
    for row in table(built_home, "kpi", "status_today").filter(of_type).iter_rows(named=True):
        stays = all_stays[row["status"]]
        shorter = sum(days < row["dwell_days"] for days in stays) / max(len(stays) - 1, 1)
        assert row["usual_days"] == usual.get(row["status"]), row
        assert row["share_shorter"] == pytest.approx(shorter), row
        is_long = row["dwell_days"] > PROJECT_VARS["stuck_factor"] * usual.get(row["status"], math.inf)
        is_there = row["status"] not in ("repeat", "ended", "left")
        assert row["is_stuck"] == (is_there and is_long and shorter >= PROJECT_VARS["stuck_share"]), row
    assert usual


def test_stuck_distinguishes_entities_of_a_status(built_home: Home) -> None:
    """A flag that every entity of a status has is no list to act on."""
    today_is = table(built_home, "kpi", "status_today")
    counts = today_is.group_by("entity_type", "status").agg(pl.len(), pl.col("is_stuck").sum())
    assert counts["is_stuck"].sum() > 0
    crowded = counts.filter(pl.col("len") >= 10)
    assert len(crowded) > 3
    assert (crowded["is_stuck"] <= crowded["len"] / 2).all(), crowded


def test_a_wrong_cell_is_found(built_home: Home) -> None:
    mart = table(built_home, "kpi", "conflict_rate")
    rows = [
        {"quarter_from": r["quarter_from"], "conflict_rate_numerator": r["conflict_rate_numerator"]}
        for r in mart.iter_rows(named=True)
    ]
    assert_rows(mart, rows, ["quarter_from"])
    rows[0]["conflict_rate_numerator"] += 1
    with pytest.raises(AssertionError):
        assert_rows(mart, rows, ["quarter_from"])
