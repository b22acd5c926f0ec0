"""Account plans of the sample company, computed a second time in Python and compared cell by cell.

Plans, goals and actions come from the accepted rows, results from the published facts and monthly marts, never from the
SQL of the plans.
"""

import csv
import statistics
from collections import defaultdict
from datetime import date, timedelta
from functools import cache
from typing import Any

import duckdb
import polars as pl

from orchestration.home import PROJECT, Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    accepted,
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
    wins,
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


def goals_of(home: Home) -> Rows:
    """Return each goal of an agreed plan with its first and last targets by month."""
    found = []
    of_plan: dict[tuple[str, str], Rows] = defaultdict(list)
    for row in rows_of(home, "plan_goals"):
        of_plan[row["plan_id"], row["goal_id"]].append(row)
    for (plan, goal), rows in of_plan.items():
        agreed = [row for row in versions(home).get(plan, []) if row["is_agreed"]]
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
    """From the ledger and the commission that the CRM states; the rest by the usual share of the channel."""
    stated = {
        row["deal_id"]: float(row["partner_commission"])
        for row in staged(built_home, "stg_deals").iter_rows(named=True)
        if row["partner_commission"] is not None
    }
    deals = {
        row["deal_id"]: (row["channel"] or "none", row["amount_in_currency"])
        for row in table(built_home, "core", "fct_deals").iter_rows(named=True)
    }
    rates = {deal: stated[deal] / amount for deal, (_, amount) in deals.items() if deal in stated and (amount or 0) > 0}
    won = wins(built_home).filter(pl.col("channel_class") == "indirect", pl.col("amount").is_not_null())
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for deal, amount in won.select("deal_id", "amount").iter_rows():
        if deal in rates:
            for channel in (deals[deal][0], "all"):
                cell = sums[channel]
                cell[0], cell[1], cell[2] = cell[0] + 1, cell[1] + amount * rates[deal], cell[2] + amount

    def usual(channel: str) -> float | None:
        for of in (channel, "all"):
            n, commission, amount = sums[of]
            if n >= PROJECT_VARS["n_min"] and amount > 0:
                return commission / amount
        return None

    cells: dict[tuple[str, str, int, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for scope in (*PLAN_SCOPES, "company"):
        of_scope = placed(built_home, won.drop("branch_id", "partner_id"), scope, "as_is")
        for row in of_scope.iter_rows(named=True):
            month = row["month"]
            year, quarter = month.year - (month.month < 4), f"Q{(month.month - 4) % 12 // 3 + 1}"
            cell, deal = cells[scope, row["entity_id"], year, quarter], row["deal_id"]
            cell["sold"] += row["amount"]
            if deal in rates:
                cell["known"] += row["amount"]
                cell["earned"] += row["amount"] * rates[deal]
            elif (rate := usual(deals[deal][0])) is not None:
                cell["guessed"] += row["amount"] * rate
                cell["guesses"] += 1
            else:
                cell["unknown"] += 1
    rows = [
        {
            "scope": scope, "entity_id": entity, "fiscal_year": year, "fiscal_quarter": quarter,
            "sold_amount": cell["sold"], "commission_known_amount": cell["known"],
            "known_earnings": whole(cell["earned"]),
            "estimated_earnings": whole(cell["guessed"]) if cell["guesses"] else None,
            "partner_earnings": None if cell["unknown"] else whole(cell["earned"] + cell["guessed"]),
            "is_estimated": bool(cell["guesses"] or cell["unknown"]),
        }
        for (scope, entity, year, quarter), cell in cells.items()
    ]  # fmt: skip
    again = pl.DataFrame(rows, infer_schema_length=None)
    key = ["scope", "entity_id", "fiscal_year", "fiscal_quarter"]
    assert_same(table(built_home, "plan", "partner_earnings"), again, key)


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
        assert row["unallocated_target"] == row["plan_target"] - sum(agreed)


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


def test_coverage_counts_focus_branches(built_home: Home) -> None:
    """From the roster of the day: a branch's own flag, otherwise its partner's."""
    found = table(built_home, "plan", "plan_coverage").filter(pl.col("scope") == "company").sort("period_start")
    latest = found.row(-1, named=True)
    branches = table(built_home, "core", "dim_branch").filter("is_focus", ~pl.col("is_sentinel"))
    is_open = (pl.col("opened_on").fill_null(date.min) <= today(built_home)) & (
        pl.col("closed_on").fill_null(date.max) > today(built_home)
    )
    focus = set(branches.filter(is_open)["branch_id"])
    assert latest["plan_coverage_denominator"] == len(focus)
    agreed = {
        of[-1]["scope_id"] for of in versions(built_home).values()
        if of[-1]["scope"] == "branch"
        and any(v["is_agreed"] and v["period_start"] <= today(built_home) <= v["period_end"] for v in of)
    }  # fmt: skip
    assert latest["plan_coverage_numerator"] == len(focus & agreed)
    assert found["plan_coverage_denominator"].n_unique() > 1


def test_an_earlier_state_is_not_changed_by_plans_of_later_extracts(built_home: Home) -> None:
    """Nothing of a review may come from an extract after its close, except where none came before it."""
    with duckdb.connect(str(built_home.database), read_only=True) as built:
        late = built.execute(
            "select book, known_on, as_of from intermediate.int_plan_books where book != 'today' and known_on > as_of"
        ).fetchall()
        days = [day for (day,) in built.execute("select distinct known_on from intermediate.int_branch_log").fetchall()]
    for book, known_on, as_of in late:
        end = date.fromisoformat(book.split()[-1])
        assert [day for day in days if end <= day <= as_of] == []
        assert known_on == min(day for day in days if day > as_of)


def test_entities_of_plans_are_of_today(built_home: Home) -> None:
    """A plan of a branch that has closed has no result, and is no shortfall to act on."""
    found = table(built_home, "plan", "plan_progress").filter(pl.col("scope") == "branch")
    closed = found.filter(~pl.col("entity_id").is_in(list(entities_of_today(built_home, "branch"))))
    assert closed.filter(pl.col("goal_actual").is_not_null() | pl.col("is_shortfall_without_action")).is_empty()
    assert set(found["entity_id"]) <= set(entities(built_home, "branch", "as_was")["entity_id"])
