"""Account plans of the sample company, computed a second time in Python and compared cell by cell.

Plans, goals and actions come from the accepted rows, results from the published facts and monthly marts, never from the
SQL of the plans.
"""

import csv
import statistics
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from typing import Any

import duckdb
import polars as pl
import pytest

from orchestration.home import PROJECT, Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    accepted,
    as_of,
    assert_same,
    credited,
    entities,
    entities_of_today,
    first_of_month,
    is_recorded,
    month_end,
    months,
    placed,
    staged,
    table,
    today,
)

PLAN_SCOPES = ("branch", "division", "partner")
with (PROJECT / "seeds" / "activity_types.csv").open(encoding="utf-8") as _file:
    ACTIVITIES = {row["activity_type"] for row in csv.DictReader(_file)}
FLOWS = {"deals_new", "deals_qualified", "deals_won", "deals_lost", "won_amount", "referrals", "sessions_held"}
Rows = list[dict[str, Any]]


def rows_of(home: Home, dataset: str) -> Rows:
    return accepted(home, dataset).with_columns(pl.col(pl.Decimal).cast(pl.Float64)).to_dicts()


@cache
def versions(home: Home) -> dict[str, Rows]:
    """Return the versions of each plan, in order."""
    found: dict[str, Rows] = defaultdict(list)
    for row in sorted(rows_of(home, "account_plans"), key=lambda row: row["version"]):
        row["is_agreed"] = row["agreed_on"] is not None and row["agreed_on"] <= today(home)
        found[row["plan_id"]].append(row)
    return found


def last_complete(home: Home) -> date:
    return max(month for month in months(home) if month_end(month) <= today(home))


def between(first: date, last: date) -> list[date]:
    """Return the months from one day's to another's."""
    count = (last.year - first.year) * 12 + last.month - first.month
    return [first_of_month(first, n) for n in range(count + 1)]


@cache
def results(home: Home, scope: str) -> dict[tuple[str, date, str], float]:
    """Return monthly figures of a scope's entities of today, by entity, month and metric."""
    found: dict[tuple[str, date, str], float] = {}
    for row in table(home, "kpi", f"{scope}_monthly_as_is").iter_rows(named=True):
        for metric in FLOWS:
            found[row[f"{scope}_id"], row["month"], metric] = float(row[metric])
    held = table(home, "core", "fct_activities").filter(pl.col("status") == "held")
    known = placed(home, held.rename({"branch_id": "named_branch_id"}), scope, "as_is")
    for kind, entity, month, n in known.group_by("activity_type", "entity_id", "occurred_month").len().iter_rows():
        found[entity, month, kind] = float(n)
    return found


@cache
def shares(home: Home, year: int, metric: str) -> dict[int, float]:
    """Return the share of each month of the fiscal year in the three complete years before a year."""
    company = table(home, "kpi", "company_monthly")
    sums: dict[int, float] = defaultdict(float)
    for row in company.iter_rows(named=True):
        start = date(row["fiscal_year"], 4, 1)
        if year - 3 <= row["fiscal_year"] < year and is_recorded(home, start, 12):
            sums[row["month"].month] += float(row[metric])
    total = sum(sums.values())
    return {month: amount / total for month, amount in sums.items()} if total > 0 else {}


def goals_of(home: Home, day: date | None = None) -> Rows:
    """Return each goal of a plan that was agreed by a day (today), with its first and last targets by month."""
    found = []
    of_plan: dict[tuple[str, str], Rows] = defaultdict(list)
    for row in rows_of(home, "plan_goals"):
        of_plan[row["plan_id"], row["goal_id"]].append(row)
    for (plan, goal), rows in of_plan.items():
        agreed = [
            row for row in versions(home).get(plan, [])
            if row["agreed_on"] is not None and row["agreed_on"] <= (day or today(home))
        ]  # fmt: skip
        numbers = [row["version"] for row in agreed]
        if not agreed or not any(row["version"] in numbers for row in rows):
            continue
        current = agreed[-1]
        mine = sorted((row for row in rows if row["version"] in numbers), key=lambda row: row["version"])
        by_month: dict[date, dict[int, float]] = defaultdict(dict)
        for row in mine:
            by_month[first_of_month(row["month"])][row["version"]] = row["target"]
        found.append(
            {
                "plan": current, "goal_id": goal, "metric": mine[-1]["metric"], "goal_type": mine[-1]["goal_type"],
                "is_kept": any(row["version"] == numbers[-1] for row in mine),
                "first": {month: of[numbers[0]] for month, of in by_month.items() if numbers[0] in of},
                "last": {month: of[max(of)] for month, of in by_month.items()},
            }
        )  # fmt: skip
    return found


def progress(home: Home) -> pl.DataFrame:
    """Compute the progress of every goal that is a flow."""
    now, last, rows = today(home), last_complete(home), []
    for goal in goals_of(home):
        plan, metric = goal["plan"], goal["metric"]
        scope, entity = plan["scope"], plan["scope_id"]
        assert metric in FLOWS | ACTIVITIES, "levels and unknown metrics have unit tests"
        is_there = entity in entities_of_today(home, scope) or scope != "branch"
        known = results(home, scope)
        season = (
            shares(home, plan["period_start"].year - (plan["period_start"].month < 4), metric)
            if metric in FLOWS
            else {}
        )
        its_months = between(plan["period_start"], plan["period_end"])
        share = [season.get(month.month, 0.0) for month in its_months]
        total = sum(goal["last"].get(month, 0.0) for month in its_months) if goal["is_kept"] else None
        target = original = actual = 0.0
        is_whole = True
        for n, month in enumerate(its_months):
            value = None
            is_recorded_month = (entity, month, "won_amount") in known
            if is_there and is_recorded_month:
                value = known.get((entity, month, metric), 0.0)
            target += goal["last"].get(month, 0.0)
            original += goal["first"].get(month, 0.0)
            is_whole, actual = is_whole and value is not None, actual + (value or 0.0)
            is_ahead = month > last and value is None
            to_date = actual if is_whole and not is_ahead else None
            due = season and goal["is_kept"] and sum(share) > 0
            seasonal = total * sum(share[: n + 1]) / sum(share) if due and total is not None else None
            # A month without a first target before it has no original target to date.
            has_first = any(m <= month for m in goal["first"])
            left = len(its_months) - 1 - n
            missing = max(total - to_date, 0.0) if to_date is not None and total is not None else None
            rows.append(
                {
                    "plan_id": plan["plan_id"], "goal_id": goal["goal_id"], "month": month, "scope": scope,
                    "entity_id": entity, "metric": metric, "goal_type": goal["goal_type"],
                    "is_complete": month_end(month) <= now, "is_current": month == last,
                    "original_target": goal["first"].get(month),
                    "target": goal["last"].get(month) if goal["is_kept"] else None,
                    "goal_actual": value, "original_target_to_date": original if has_first else None,
                    "target_to_date": target if goal["is_kept"] else None, "seasonal_target_to_date": seasonal,
                    "actual_to_date": to_date, "plan_target": total,
                    "attainment": to_date / target if to_date is not None and target and goal["is_kept"] else None,
                    "original_attainment": to_date / original
                    if to_date is not None and has_first and original
                    else None,
                    "pacing": to_date / seasonal if to_date is not None and seasonal else None,
                    "shortfall": max(target - to_date, 0.0) if to_date is not None and goal["is_kept"] else None,
                    "remaining_target": missing, "months_left": left,
                    "required_run_rate": missing / left if missing is not None and left else None,
                }
            )  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def test_plan_progress(built_home: Home) -> None:
    found = table(built_home, "plan", "plan_progress")
    again = progress(built_home)
    assert len(again) > 500
    assert_same(found, again, ["plan_id", "goal_id", "month"])


def test_account_plans(built_home: Home) -> None:
    """What each version contains, and how realistic the money of the current one is."""
    now, last = today(built_home), last_complete(built_home)
    goals: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for row in rows_of(built_home, "plan_goals"):
        goals[row["plan_id"], row["version"]][row["goal_id"]] = row["goal_type"]
    actions_of = [row["plan_id"] for row in rows_of(built_home, "plan_actions")]
    target: dict[str, float] = defaultdict(float)
    for goal in goals_of(built_home):
        if goal["metric"] == "won_amount" and goal["is_kept"]:
            target[goal["plan"]["plan_id"]] += sum(goal["last"].values())
    sales = {
        (row["scope"], row["entity_id"], row["month"]): row
        for row in table(built_home, "kpi", "performance").iter_rows(named=True)
    }
    rooms = {
        (row["scope"], row["entity_id"], row["month"]): row["headroom_amount"]
        for row in table(built_home, "kpi", "rep_concentration").iter_rows(named=True)
    }
    kinds = dict(table(built_home, "core", "dim_partner").select("partner_id", "partner_type").iter_rows())
    partner = dict(table(built_home, "core", "dim_branch").select("branch_id", "current_partner_id").iter_rows())
    rows = []
    for plan, of in versions(built_home).items():
        agreed = [row["version"] for row in of if row["is_agreed"]]
        for row in of:
            kind = goals[plan, row["version"]]
            results = sum(one == "result" for one in kind.values())
            n = actions_of.count(plan)
            start, end = row["period_start"], row["period_end"]
            again: dict[str, Any] = {
                "plan_id": plan, "version": row["version"], "scope": row["scope"], "entity_id": row["scope_id"],
                "is_agreed": row["is_agreed"], "is_original": row["version"] in agreed[:1],
                "is_current": row["version"] in agreed[-1:], "is_latest": row is of[-1],
                "is_running": start <= now <= end, "result_goals": results, "action_goals": len(kind) - results,
                "plan_actions": n,
                "has_both_benefits": None not in (row["partner_benefit"], row["vendor_benefit"]),
                "is_plan_complete": bool(kind) and n > 0 and row["owner_staff_id"] is not None,
                "target_amount": None, "yearly_target_amount": None, "amount_before": None, "feasible_amount": None,
                "feasibility_basis": None, "feasibility_index": None, "is_too_ambitious": None,
            }  # fmt: skip
            if again["is_current"] and plan in target:
                its_months = between(start, end)
                season = shares(built_home, start.year - (start.month < 4), "won_amount")
                year = sum(season[month.month] for month in its_months) if season else len(its_months) / 12
                yearly = target[plan] / year
                before = min(first_of_month(start, -1), last)
                at = (row["scope"], row["scope_id"], before)
                sold = sales.get(at)
                won = sold["won_amount_t12m"] if sold and sold["has_twelve_months"] else None
                room = rooms.get(at)
                basis, feasible = None, None
                if (won or 0) > 0 or (room or 0) > 0:
                    basis = "own_year" if (won or 0) > 0 else "headroom"
                    feasible = max(won or 0.0, 0.0) + (room or 0.0)
                elif row["scope"] == "branch":
                    kind_of = kinds.get(partner.get(row["scope_id"], ""))
                    usual = [
                        one["won_amount_t12m"] for (scope, branch, month), one in sales.items()
                        if (scope, month) == ("branch", before) and (one["won_amount_t12m"] or 0) > 0
                        and one["has_twelve_months"] and kinds.get(partner.get(branch, "")) == kind_of
                    ]  # fmt: skip
                    if usual:
                        basis, feasible = "typical_branch", whole(statistics.median(usual))
                again |= {
                    "target_amount": target[plan],
                    "yearly_target_amount": whole(yearly),
                    "amount_before": won,
                    "feasible_amount": feasible,
                    "feasibility_basis": basis,
                    "feasibility_index": yearly / feasible if feasible else None,
                    "is_too_ambitious": yearly / feasible > PROJECT_VARS["feasibility_cap"] if feasible else None,
                }
            rows.append(again)
    found = table(built_home, "plan", "account_plans")
    assert_same(found, pl.DataFrame(rows, infer_schema_length=None), ["plan_id", "version"])
    assert {"own_year"} <= set(found["feasibility_basis"].drop_nulls()) and found["is_too_ambitious"].any()


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def actions(home: Home) -> Rows:
    """Compute the state of every action today."""
    now, rows = today(home), []
    held = {
        row["activity_id"]: row["occurred_on"]
        for row in table(home, "core", "fct_activities").iter_rows(named=True)
        if row["status"] == "held" and row["occurred_on"] <= now
    }
    for row in rows_of(home, "plan_actions"):
        of = versions(home)[row["plan_id"]]
        done = row["done_on"] or held.get(row["activity_id"])
        status = "open" if row["due_on"] >= now else "overdue"
        if done:
            status = "on_time" if done <= row["due_on"] else "late"
        elif row["status"] in ("中止", "取消"):
            status = "cancelled"
        rows.append(
            {
                "action_id": row["action_id"], "plan_id": row["plan_id"], "scope": of[-1]["scope"],
                "entity_id": of[-1]["scope_id"], "is_agreed": any(version["is_agreed"] for version in of),
                "due_on": row["due_on"], "due_week": monday(row["due_on"]), "due_month": first_of_month(row["due_on"]),
                "done_on": done, "status": status,
                "days_late": (done - row["due_on"]).days if status == "late" else None,
                "days_overdue": (now - row["due_on"]).days if status == "overdue" else None,
            }
        )  # fmt: skip
    return rows


def test_plan_actions(built_home: Home) -> None:
    again = pl.DataFrame(actions(built_home), infer_schema_length=None)
    assert set(again["status"]) == {"on_time", "late", "overdue", "open"}
    assert_same(table(built_home, "plan", "plan_actions"), again, ["action_id"])


def test_plan_execution(built_home: Home) -> None:
    """Actions at their plan's entity and the company; meetings at the branch of their day and its larger entities."""
    now = today(built_home)
    counts: dict[tuple[str, str, str, date], dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    for row in actions(built_home):
        if row["is_agreed"] and row["status"] != "cancelled":
            for scope, entity in ((row["scope"], row["entity_id"]), ("company", "ALL")):
                for kind in ("week", "month"):
                    cell = counts[scope, entity, kind, row[f"due_{kind}"]]
                    cell[row["status"]] += 1
                    if row["status"] == "overdue":
                        cell["oldest"] = max(cell["oldest"], row["days_overdue"])
    meetings = table(built_home, "core", "fct_activities").filter(
        pl.col("activity_type").is_in(["regular_meeting", "qbr"]), pl.col("occurred_on") <= now
    )
    for scope in (*PLAN_SCOPES, "company"):
        of = placed(built_home, meetings.rename({"branch_id": "named_branch_id"}), scope, "as_is")
        for row in of.iter_rows(named=True):
            is_held, is_regular = row["status"] == "held", row["activity_type"] == "regular_meeting"
            for kind, start in (("week", monday(row["occurred_on"])), ("month", row["occurred_month"])):
                cell = counts[scope, row["entity_id"], kind, start]
                cell["scheduled"] += is_regular
                cell["held"] += is_regular and is_held
                cell["all_held"] += is_held
                cell["next"] += is_held and row["next_action"] is not None and row["next_action_due_on"] is not None
                if is_held:
                    cell.setdefault("lags", []).append((row["logged_on"] - row["occurred_on"]).days)
    rows = []
    for (scope, entity, kind, start), cell in counts.items():
        end = start + timedelta(days=6) if kind == "week" else month_end(start)
        due = cell["on_time"] + cell["late"] + cell["overdue"]
        rows.append(
            {
                "scope": scope, "entity_id": entity, "period_type": kind, "period_start": start,
                "is_complete": end <= now,
                "action_on_time_numerator": cell["on_time"], "action_on_time_denominator": due,
                "action_on_time": cell["on_time"] / due if due else None, "actions_late": cell["late"],
                "actions_overdue": cell["overdue"], "actions_open": cell["open"],
                "oldest_overdue_days": cell["oldest"] or None, "cadence_numerator": cell["held"],
                "cadence_denominator": cell["scheduled"],
                "cadence": cell["held"] / cell["scheduled"] if cell["scheduled"] else None,
                "next_action_rate_numerator": cell["next"], "next_action_rate_denominator": cell["all_held"],
                "next_action_rate": cell["next"] / cell["all_held"] if cell["all_held"] else None,
                "logged_lag_days": statistics.median(cell["lags"]) if cell.get("lags") else None,
            }
        )  # fmt: skip
    again = pl.DataFrame(rows, infer_schema_length=None)
    key = ["scope", "entity_id", "period_type", "period_start"]
    assert_same(table(built_home, "plan", "plan_execution"), again, key)


def test_partner_earnings(built_home: Home) -> None:
    """From the ledger and the commission that the CRM states; the rest by the usual share of the channel.

    The known part of four quarters is the commission of the year in the scorecard of the three sides.
    """
    stated = {
        row["deal_id"]: float(row["partner_commission"])
        for row in staged(built_home, "stg_deals").iter_rows(named=True)
        if row["partner_commission"] is not None
    }
    deals = {
        row["deal_id"]: (row["channel"] or "none", row["amount_in_currency"])
        for row in table(built_home, "core", "fct_deals").iter_rows(named=True)
    }
    rates = {deal: stated[deal] / amount for deal, (_, amount) in deals.items() if deal in stated and amount}
    won = table(built_home, "core", "fct_revenue").filter(
        "is_counted", pl.col("channel_class") == "indirect", pl.col("amount").is_not_null()
    )
    sums: dict[str, tuple[set[str], list[float]]] = defaultdict(lambda: (set(), [0.0, 0.0]))
    for deal, amount in won.select("deal_id", "amount").iter_rows():
        if deal in rates:
            for channel in (deals[deal][0], "all"):
                counted, cell = sums[channel]
                counted.add(deal)
                cell[0], cell[1] = cell[0] + whole(amount * rates[deal]), cell[1] + amount

    def usual(channel: str) -> float | None:
        for of in (channel, "all"):
            counted, (commission, amount) = sums[of]
            if len(counted) >= PROJECT_VARS["n_min"] and amount > 0:
                return commission / amount
        return None

    cells: dict[tuple[str, str, int, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for scope in (*PLAN_SCOPES, "company"):
        of_scope = placed(built_home, won.drop("branch_id", "partner_id"), scope, "as_is")
        for row in of_scope.iter_rows(named=True):
            month = row["recognized_month"]
            year, quarter = month.year - (month.month < 4), f"Q{(month.month - 4) % 12 // 3 + 1}"
            cell, deal = cells[scope, row["entity_id"], year, quarter], row["deal_id"]
            cell["sold"] += row["amount"]
            if deal in rates:
                cell["known"] += row["amount"]
                cell["earned"] += whole(row["amount"] * rates[deal])
            elif (rate := usual(deals[deal][0])) is not None:
                cell["guessed"] += row["amount"] * rate
                cell["guesses"] += 1
            else:
                cell["unknown"] += 1
    rows = [
        {
            "scope": scope, "entity_id": entity, "fiscal_year": year, "fiscal_quarter": quarter,
            "sold_amount": cell["sold"], "commission_known_amount": cell["known"],
            "known_earnings": cell["earned"],
            "estimated_earnings": whole(cell["guessed"]) if cell["guesses"] else None,
            "partner_earnings": None if cell["unknown"] else cell["earned"] + whole(cell["guessed"]),
            "is_estimated": bool(cell["guesses"] or cell["unknown"]),
        }
        for (scope, entity, year, quarter), cell in cells.items()
    ]  # fmt: skip
    again = pl.DataFrame(rows, infer_schema_length=None)
    key = ["scope", "entity_id", "fiscal_year", "fiscal_quarter"]
    found = table(built_home, "plan", "partner_earnings")
    assert_same(found, again, key)
    of_years = found.group_by(*key[:3]).agg(pl.col("known_earnings").sum())
    sides = table(built_home, "plan", "three_sided").join(of_years, on=key[:3])
    assert len(sides) > 100 and sides["partner_commission"].sum() > 0
    assert sides.filter(pl.col("partner_commission").fill_null(0) != pl.col("known_earnings")).is_empty()


def whole(amount: float) -> float:
    """Round half away from zero, as money is."""
    rounded = int(abs(round(amount, 6)) + 0.5)
    return float(rounded if amount >= 0 else -rounded)


def test_reconciliation_is_of_one_scope(built_home: Home) -> None:
    """From the published plans: Σ of the agreed plans of one scope below; and no larger than that."""
    plans = {
        row["plan_id"]: row
        for row in table(built_home, "plan", "account_plans").iter_rows(named=True)
        if row["is_latest"]
    }
    of = table(built_home, "plan", "plan_progress").filter("is_kept")
    last = of.sort("month").group_by("plan_id", "goal_id", "metric").last()
    totals = dict(
        ((plan, metric), target)
        for plan, metric, target in last.group_by("plan_id", "metric").agg(pl.col("plan_target").sum()).iter_rows()
    )
    to_date: dict[tuple[str, str], list[tuple[float | None, float | None]]] = defaultdict(list)
    shown = of.filter("is_complete").sort("month").group_by("plan_id", "goal_id", "metric").last()
    for plan, metric, due, came in shown.select("plan_id", "metric", "target_to_date", "actual_to_date").iter_rows():
        to_date[plan, metric].append((due, came))

    def so_far(plans: Rows, metric: str, at: int) -> float | None:
        """Return the sum of the targets (0) or results (1) to date of plans, None if none is known."""
        known = [part[at] for plan in plans for part in to_date[plan["plan_id"], metric] if part[at] is not None]
        return float(sum(value for value in known if value is not None)) if known else None

    found = table(built_home, "plan", "plan_reconciliation")
    assert len(found) > 20 and set(found["child_scope"]) == {"branch", "division"}
    for row in found.iter_rows(named=True):
        parent = plans[row["plan_id"]]
        below = [
            plan for plan in plans.values()
            if plan["scope"] == row["child_scope"]
            and (
                plan["parent_plan_id"] == row["plan_id"]
                or (
                    (plan["period_start"], plan["period_end"]) == (parent["period_start"], parent["period_end"])
                    and plan["partner_id" if parent["scope"] == "partner" else "division_id"] == parent["entity_id"]
                )
            )
        ]  # fmt: skip
        agreed = [
            totals[plan["plan_id"], row["metric"]] for plan in below if (plan["plan_id"], row["metric"]) in totals
        ]
        assert (len(below), len(agreed)) == (row["child_plans"], row["agreed_child_plans"])
        assert row["child_plan_target"] == sum(agreed)
        assert row["plan_target"] == totals[row["plan_id"], row["metric"]]
        assert row["unallocated_target"] == row["plan_target"] - sum(agreed)
        due, came = (so_far([parent], row["metric"], at) for at in (0, 1))
        child_due, child_came = (so_far(below, row["metric"], at) for at in (0, 1))
        assert (row["target_to_date"], row["actual_to_date"], row["child_actual_to_date"]) == (due, came, child_came)
        for name, part, whole_ in (("scope", came, due), ("child", child_came, child_due)):
            expected = part / whole_ if part is not None and whole_ else None
            assert row[f"{name}_attainment"] == (None if expected is None else pytest.approx(expected))
        left = None if came is None or child_came is None else came - child_came
        assert row["other_actual_to_date"] == (None if left is None else pytest.approx(left))


def test_reviews_are_of_the_close(built_home: Home) -> None:
    """What was known at the close plus what was corrected since is what is known today; both are the ledger's."""
    found = table(built_home, "plan", "plan_review_goals").filter(pl.col("metric") == "won_amount")
    for scope in PLAN_SCOPES:
        money = placed(built_home, credited(built_home, "as_is"), scope, "as_is")
        by_month: dict[tuple[str, date], float] = defaultdict(float)
        for entity, month, amount in money.select("entity_id", "month", "amount").iter_rows():
            by_month[entity, month] += amount or 0.0
        for row in found.filter(pl.col("scope") == scope).iter_rows(named=True):
            now = sum(by_month[row["entity_id"], month] for month in between(row["period_start"], row["period_end"]))
            if row["actual_now"] is not None:
                assert abs(row["actual_now"] - now) < 1e-6, row
                assert abs(row["review_actual"] + row["corrected_now"] - now) < 1e-6, row
    assert len(found) > 100


def test_budgets_add_up_and_follow_their_reason(built_home: Home) -> None:
    found = table(built_home, "plan", "next_budget")
    branches = found.filter(pl.col("scope") == "branch")
    assert set(branches["branch_id"]) == entities_of_today(built_home, "branch")
    for scope in ("division", "partner", "company"):
        of = branches.join(
            table(built_home, "core", "dim_branch").select("branch_id", division="current_division_id"), on="branch_id"
        ).with_columns(
            larger=pl.lit("ALL") if scope == "company" else pl.col("division" if scope == "division" else "partner_id")
        )
        sums = (
            of.group_by("larger")
            .agg(pl.col("proposed_amount", "run_rate_amount").sum())
            .rename({"larger": "entity_id"})
        )
        larger = found.filter(pl.col("scope") == scope)
        columns = ["entity_id", "proposed_amount", "run_rate_amount"]
        assert sorted(larger.select(columns).rows()) == sorted(sums.select(columns).rows())
    month = last_complete(built_home)
    year = table(built_home, "kpi", "performance").filter(pl.col("month") == month, pl.col("scope") == "branch")
    run_rate = dict(year.select("entity_id", "won_amount_t12m").iter_rows())
    room = table(built_home, "kpi", "rep_concentration").filter(pl.col("month") == month, pl.col("scope") == "branch")
    rooms = {
        row["entity_id"]: (row["headroom_amount"], row["headroom_amount_min"]) for row in room.iter_rows(named=True)
    }
    for row in branches.iter_rows(named=True):
        rate = run_rate.get(row["branch_id"]) or 0.0
        more, sure = rooms.get(row["branch_id"], (None, None))
        growth = row["expected_growth"]
        assert row["run_rate_amount"] == rate
        assert row["capacity_amount"] == (None if more is None else max(rate, 0.0) + more)
        expected = {
            "headroom": sure, "nothing": 0.0, "run_rate": rate, "capacity": row["capacity_amount"],
            "growth": whole(rate * growth) if growth else None,
        }[row["proposal_basis"]]  # fmt: skip
        assert row["proposed_amount"] == expected, row
        if row["proposal_basis"] in ("growth", "capacity"):
            assert 1 / 1.3 <= growth <= 1.3 and rate > 0
            assert row["proposal_basis"] == "growth" or row["capacity_amount"] < rate * growth


def growths(home: Home, month: date, branches: Iterable[str]) -> dict[str, tuple[str | None, str | None, float | None]]:
    """Return segment, basis and growth of each branch, from the won amounts and wins of the two years to a month's end.

    budget_prior_wins draw the growth of a segment to that of all.
    """
    before, end = first_of_month(month, -12), month_end(first_of_month(month, -12))
    year = table(home, "kpi", "performance").filter(pl.col("scope") == "branch")
    of = {(row["entity_id"], row["month"]): row for row in year.iter_rows(named=True)}
    segments = table(home, "segment", "branch_segments").sort("period_end")
    then = dict(segments.filter(pl.col("period_end") <= end).select("branch_id", "segment").iter_rows())
    now = dict(segments.filter(pl.col("period_end") <= month_end(month)).select("branch_id", "segment").iter_rows())
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * 5)
    for branch in branches:
        this, earlier = of.get((branch, month)), of.get((branch, before))
        if earlier and earlier["has_twelve_months"]:
            for name in ("ALL", then.get(branch)):
                cell = sums[name or "none"]
                values = (
                    this["won_amount_t12m"] if this else 0.0, earlier["won_amount_t12m"] or 0.0,
                    this["deals_won_t12m"] if this else 0, earlier["deals_won_t12m"] or 0, 1,
                )  # fmt: skip
                for at, value in enumerate(values):
                    cell[at] += value or 0
    won, won_before, wins_now, wins_before, _ = sums["ALL"]
    growth = won / won_before if won_before > 0 else None
    cap, prior = PROJECT_VARS["budget_growth_cap"], PROJECT_VARS["budget_prior_wins"]
    found: dict[str, tuple[str | None, str | None, float | None]] = {}
    for branch in branches:
        segment = now.get(branch)
        _, _, own, own_before, n = sums[segment or "none"]
        is_own = n >= PROJECT_VARS["pooling_min_entities"] and segment is not None
        usual = growth
        if is_own and growth is not None and wins_before:
            usual = growth * (own + prior) / (own_before * wins_now / wins_before + prior)
        found[branch] = (
            segment,
            "segment" if is_own else "company" if growth else None,
            None if usual is None else min(max(usual, 1 / cap), cap),
        )
    return found


@cache
def proposals(home: Home, month: date) -> dict[str, tuple[str, float]]:
    """Return basis and amount of the budget that the months up to one let propose for each branch that was open."""
    known = table(home, "core", "dim_branch").filter(
        ~pl.col("is_sentinel"),
        pl.col("branch_id") == pl.col("current_branch_id"),
        pl.col("closed_on").fill_null(date.max) > month_end(month),
    )
    at = (pl.col("month") == month) & (pl.col("scope") == "branch")
    run_rates = dict(table(home, "kpi", "performance").filter(at).select("entity_id", "won_amount_t12m").iter_rows())
    rooms = {row["entity_id"]: row for row in table(home, "kpi", "rep_concentration").filter(at).iter_rows(named=True)}
    branches = sorted(known["branch_id"])
    found = {}
    for branch, (_, _, growth) in growths(home, month, branches).items():
        rate, room = run_rates.get(branch) or 0.0, rooms.get(branch, {})
        more, sure = room.get("headroom_amount"), room.get("headroom_amount_min")
        if rate <= 0:
            found[branch] = ("headroom", sure) if sure and sure > 0 else ("nothing", 0.0)
        elif growth is None:
            found[branch] = ("run_rate", rate)
        elif growth > 1 and more is not None and rate + more < rate * growth:
            found[branch] = ("capacity", rate + more)
        else:
            found[branch] = ("growth", whole(rate * growth))
    return found


def test_growth_is_that_of_the_segment_of_a_year_ago(built_home: Home) -> None:
    """The growth of each budget of today; in between, a branch has the proposal that follows from it."""
    month = last_complete(built_home)
    found = table(built_home, "plan", "next_budget").filter(pl.col("scope") == "branch")
    again, amounts = growths(built_home, month, list(found["branch_id"])), proposals(built_home, month)
    for row in found.iter_rows(named=True):
        segment, basis, growth = again[row["branch_id"]]
        assert row["segment"] == segment
        assert (row["proposal_basis"], row["proposed_amount"]) == amounts[row["branch_id"]]
        if row["proposal_basis"] in ("growth", "capacity"):
            assert (row["growth_basis"], row["expected_growth"]) == (basis, pytest.approx(growth, rel=1e-9))


def test_coverage_of_plans_and_reviews(built_home: Home) -> None:
    """Of the focus branches at the end of each quarter: agreed plans, goals and business reviews."""
    now, rows = today(built_home), []
    flags: dict[str, list[tuple[date, dict[str, Any]]]] = {
        name: sorted(
            (
                (day, {row[key]: row["is_focus"] for row in part.iter_rows(named=True)})
                for (day,), part in pl.concat(
                    [pl.read_parquet(file) for file in sorted((built_home.lake / "raw" / name).glob("20*.parquet"))],
                    how="diagonal_relaxed",
                ).group_by("extracted_on")
            ),
            key=lambda one: one[0],
        )
        for name, key in (("branches", "branch_id"), ("partners", "partner_id"))
    }  # fmt: skip

    def flag(name: str, entity: str, day: date) -> bool | None:
        """Return the flag in the last extract up to a day that has the entity. The first one also counts before it."""
        past = [of[entity] for on, of in flags[name] if entity in of and (on <= day or on == flags[name][0][0])]
        return past[-1] if past else None

    held = table(built_home, "core", "fct_activities").filter(
        pl.col("activity_type") == "qbr", pl.col("status") == "held", pl.col("occurred_on") <= now
    )
    executives = set(
        table(built_home, "core", "fct_attendance")
        .filter("is_attended", pl.col("attendee_type") == "executive")["activity_id"]
    )  # fmt: skip
    goals: dict[str, dict[str, str]] = defaultdict(dict)
    for goal in goals_of(built_home):
        if goal["is_kept"]:
            goals[goal["plan"]["plan_id"]][goal["goal_id"]] = goal["goal_type"]
    starts = sorted({first_of_month(month, -((month.month - 4) % 3)) for month in months(built_home)})
    known = table(built_home, "core", "dim_branch").filter(~pl.col("is_sentinel"))
    for start in starts:
        last = max(month for month in months(built_home) if month <= first_of_month(start, 2))
        day = min(month_end(last), now)
        end = month_end(first_of_month(start, 2))
        is_open = (pl.col("opened_on").fill_null(date.min) <= day) & (pl.col("closed_on").fill_null(date.max) > day)
        focus = []
        for row in known.filter(is_open).iter_rows(named=True):
            own = flag("branches", row["branch_id"], day)
            if own if own is not None else flag("partners", row["partner_id"], day):
                focus.append(row["branch_id"])
        part = as_of_day(built_home, focus, day)
        for scope in (*PLAN_SCOPES, "company"):
            of_scope: dict[str, list[str]] = defaultdict(list)
            for branch, entity in placed(built_home, part, scope, "as_is").select("branch_id", "entity_id").iter_rows():
                of_scope[entity].append(branch)
            for entity, members in of_scope.items():
                cell: dict[str, int] = defaultdict(int)
                for branch in members:
                    mine = [
                        v for of in versions(built_home).values() for v in of
                        if (v["scope"], v["scope_id"]) == ("branch", branch)
                        and v["period_start"] <= day <= v["period_end"]
                    ]  # fmt: skip
                    cell["active"] += bool(mine)
                    cell["agreed"] += any(v["agreed_on"] is not None and v["agreed_on"] <= day for v in mine)
                    kinds = [kind for code in {v["plan_id"] for v in mine} for kind in goals[code].values()]
                    cell["goals"] += len(kinds)
                    cell["results"] += sum(kind == "result" for kind in kinds)
                    own_reviews = held.filter(
                        pl.col("branch_id") == branch, pl.col("occurred_on") >= start, pl.col("occurred_on") <= end
                    )
                    cell["reviewed"] += len(own_reviews) > 0
                    cell["reviews"] += len(own_reviews)
                    cell["with_executive"] += sum(a in executives for a in own_reviews["activity_id"])
                rows.append(
                    {
                        "scope": scope, "entity_id": entity, "period_start": start, "as_of": day,
                        "is_complete": end <= now, "plan_coverage_numerator": cell["agreed"],
                        "plan_coverage_denominator": len(members), "plan_coverage": cell["agreed"] / len(members),
                        "agreement_rate_denominator": cell["active"],
                        "agreement_rate": cell["agreed"] / cell["active"] if cell["active"] else None,
                        "goal_maturity_numerator": cell["results"], "goal_maturity_denominator": cell["goals"],
                        "qbr_coverage_numerator": cell["reviewed"],
                        "qbr_coverage": cell["reviewed"] / len(members),
                        "exec_attended_share_numerator": cell["with_executive"],
                        "exec_attended_share_denominator": cell["reviews"],
                    }
                )  # fmt: skip
    found = table(built_home, "plan", "plan_coverage")
    again = pl.DataFrame(rows, infer_schema_length=None)
    assert_same(found, again, ["scope", "entity_id", "period_start"])
    assert found["plan_coverage_denominator"].n_unique() > 1 and found["exec_attended_share_numerator"].sum() > 0


def as_of_day(home: Home, branches: list[str], day: date) -> pl.DataFrame:
    """Return branches with their version on a day."""
    return as_of(home, pl.DataFrame({"branch_id": branches}, schema={"branch_id": pl.String}), pl.lit(day))


def test_an_earlier_state_is_not_changed_by_plans_of_later_extracts(built_home: Home) -> None:
    """Nothing of a review may come from an extract after its close, except where none came before it."""
    with duckdb.connect(str(built_home.database), read_only=True) as built:
        late = built.execute(
            "select book, known_on, as_of from intermediate.int_plan_books where book != 'today' and known_on > as_of"
        ).fetchall()
        days = [day for (day,) in built.execute("select distinct known_on from intermediate.int_branch_log").fetchall()]
    for book, known_on, closed_on in late:
        end = date.fromisoformat(book.split()[-1])
        assert [day for day in days if end <= day <= closed_on] == []
        assert known_on == min(day for day in days if day > closed_on)


def test_entities_of_plans_are_of_today(built_home: Home) -> None:
    """A plan of a branch that has closed has no result, and is no shortfall to act on."""
    found = table(built_home, "plan", "plan_progress").filter(pl.col("scope") == "branch")
    closed = found.filter(~pl.col("entity_id").is_in(list(entities_of_today(built_home, "branch"))))
    assert closed.filter(pl.col("goal_actual").is_not_null() | pl.col("is_shortfall_without_action")).is_empty()
    assert set(found["entity_id"]) <= set(entities(built_home, "branch", "as_was")["entity_id"])
