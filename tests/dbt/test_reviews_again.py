"""Reviews of plans and business reviews of the sample company, computed a second time in Python.

Plans, goals and actions come from the accepted rows, people and results of the last quarter from the published facts.
What earlier extracts said about deals has tests of its own, in tests/orchestration/test_plan_reviews.py.
"""

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any

import polars as pl

from orchestration.home import Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    assert_same,
    entities_of_today,
    first_of_month,
    month_end,
    months,
    table,
    today,
    within,
)
from tests.dbt.test_plans_again import goals_of, proposals, rows_of, versions

Rows = list[dict[str, Any]]
Period = tuple[str, date, date, date]


def closed_periods(home: Home) -> list[Period]:
    """Return type, first day, last day and day of the close of each closed period."""
    over = [month for month in months(home) if month_end(month) <= today(home)]
    lengths = {"quarter": 3, "half": 6, "year": 12}
    starts = {
        (kind, month) for kind, length in lengths.items() for month in over if (month.month - 4) % 12 % length == 0
    }
    for of in versions(home).values():
        for row in of:
            start = row["period_start"]
            if start.day == 1 and row["period_end"] == month_end(first_of_month(start, 11)):
                starts |= {("half", start), ("half", first_of_month(start, 6)), ("year", start)}
    found = []
    for kind, start in starts:
        end = month_end(first_of_month(start, lengths[kind] - 1))
        close = end + timedelta(days=PROJECT_VARS["month_close_days"])
        if all(first_of_month(start, n) in over for n in range(lengths[kind])) and close <= today(home):
            found.append((kind, start, end, close))
    return sorted(found)


def actions_at(home: Home, period: Period) -> dict[str, Counter[str]]:
    """Return the state at the close of the actions that were due in a period, by plan."""
    _, start, end, close = period
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows_of(home, "plan_actions"):
        if start <= row["due_on"] <= end:
            done = row["done_on"] if row["done_on"] and row["done_on"] <= close else None
            status = "not_done"
            if done:
                status = "on_time" if done <= row["due_on"] else "late"
            elif row["status"] in ("中止", "取消"):
                status = "cancelled"
            found[row["plan_id"]][status] += 1
    return found


def targets_at(home: Home, period: Period) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the targets of a period as agreed by its close, by plan and goal; levels are not planned in the sample."""
    _, start, end, close = period
    found = {}
    for goal in goals_of(home, close):
        of = {
            name: [
                v for month, v in goal[name].items() if start <= month <= end and goal["plan"]["period_end"] >= start
            ]
            for name in ("first", "last")
        }
        found[goal["plan"]["plan_id"], goal["goal_id"]] = goal | {
            "target": sum(of["last"]) if of["last"] and goal["is_kept"] else None,
            "original": sum(of["first"]) if of["first"] else None,
        }
    return found


def test_goals_of_reviews(built_home: Home) -> None:
    """Every goal of every plan that covers a closed half or year, as agreed by the close."""
    again = []
    for period in closed_periods(built_home):
        kind, start, end, _ = period
        if kind == "quarter":
            continue
        for (plan, name), goal in targets_at(built_home, period).items():
            about = goal["plan"]
            has_month = any(start <= month <= end for month in {**goal["first"], **goal["last"]})
            if about["period_start"] <= start and about["period_end"] >= end and has_month:
                again.append(
                    {
                        "review_id": f"{plan} {kind} {start} {end}", "plan_id": plan, "goal_id": name,
                        "scope": about["scope"], "entity_id": about["scope_id"], "metric": goal["metric"],
                        "goal_type": goal["goal_type"], "target": goal["target"], "original_target": goal["original"],
                    }
                )  # fmt: skip
    found = table(built_home, "plan", "plan_review_goals")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ["review_id", "goal_id"])


def test_reviews(built_home: Home) -> None:
    """Plans, goals and actions of every review; the result of a goal is that of plan_review_goals."""
    of_goals: dict[str, Rows] = defaultdict(list)
    for row in table(built_home, "plan", "plan_review_goals").iter_rows(named=True):
        of_goals[row["review_id"]].append(row)
    next_plans: dict[str, list[str]] = defaultdict(list)
    lessons = {}
    for plan, of in versions(built_home).items():
        lessons[plan] = of[-1]["lessons"]
        for row in of:
            if row["follows_plan_id"]:
                next_plans[row["follows_plan_id"]].append(plan)
    again = []
    for period in closed_periods(built_home):
        kind, start, end, close = period
        if kind == "quarter":
            continue
        done_now: Counter[str] = Counter()
        for row in rows_of(built_home, "plan_actions"):
            if start <= row["due_on"] <= end and row["done_on"] and row["done_on"] <= today(built_home):
                done_now[row["plan_id"]] += 1
        actions = actions_at(built_home, period)
        for plan, of in versions(built_home).items():
            agreed = [row for row in of if row["agreed_on"] is not None and row["agreed_on"] <= close]
            if not agreed or agreed[-1]["period_start"] > start or agreed[-1]["period_end"] < end:
                continue
            goals = of_goals[f"{plan} {kind} {start} {end}"]
            money = [row for row in goals if row["metric"] == "won_amount"]
            states = actions[plan]
            again.append(
                {
                    "review_id": f"{plan} {kind} {start} {end}", "plan_id": plan, "scope": agreed[-1]["scope"],
                    "entity_id": agreed[-1]["scope_id"], "period_type": kind, "period_start": start,
                    "period_end": end, "closed_on": close, "plan_version": agreed[-1]["version"],
                    "goals": sum(row["target"] is not None for row in goals),
                    "measured_goals": sum(
                        row["target"] is not None and row["review_actual"] is not None for row in goals
                    ),
                    "reached_goals": sum(
                        row["target"] is not None and row["review_actual"] is not None
                        and row["review_actual"] >= row["target"] for row in goals
                    ),
                    "review_target_amount": money[0]["target"] if money else None,
                    "review_original_target_amount": money[0]["original_target"] if money else None,
                    "review_actual_amount": money[0]["review_actual"] if money else None,
                    "actions_due": sum(states.values()) - states["cancelled"],
                    "actions_done": states["on_time"] + states["late"], "actions_on_time": states["on_time"],
                    "actions_done_now": done_now[plan], "lessons_now": lessons[plan],
                    "next_plan_id_now": min(next_plans[plan], default=None),
                }
            )  # fmt: skip
    found = table(built_home, "plan", "plan_review")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ["review_id"])
    assert found["lessons_now"].drop_nulls().len() > 5 and found["next_plan_id_now"].drop_nulls().len() > 1


def heads_on(home: Home, day: date) -> dict[str, tuple[str, date, bool]]:
    """Return the head of each branch on a day: who, since when, and whether there was another one before."""
    current = dict(table(home, "core", "dim_branch").select("branch_id", "current_branch_id").iter_rows())
    posts: dict[str, list[tuple[date, str, date]]] = defaultdict(list)
    rows = table(home, "core", "dim_rep_assignment").filter(pl.col("role") == "branch_head")
    for row in rows.iter_rows(named=True):
        posts[current[row["branch_id"]]].append((row["valid_from"], row["rep_id"], row["valid_to"]))
    found = {}
    for branch, spans in posts.items():
        there = [one for one in spans if one[0] <= day < one[2]]
        if there:
            newest = max(start for start, *_ in there)
            since, head, _ = min(one for one in there if one[0] == newest)
            before = [rep for start, rep, _ in sorted(spans) if (start, rep) < (since, head)]
            found[branch] = (head, since, bool(before) and before[-1] != head)
    return found


def test_business_reviews(built_home: Home) -> None:
    """Actions, targets, people, head and meetings of every pack; results of the last quarter from today's figures."""
    quarters = [period for period in closed_periods(built_home) if period[0] == "quarter"]
    known = table(built_home, "core", "dim_branch").filter(~pl.col("is_sentinel"))
    here = entities_of_today(built_home, "branch") | set(
        known.filter(pl.col("branch_id") == pl.col("current_branch_id"))["branch_id"]
    )
    monthly = table(built_home, "kpi", "branch_monthly_as_is")
    people = {(row["branch_id"], row["month"]): row for row in monthly.iter_rows(named=True)}
    forecasts = {
        (row["entity_id"], row["forecast_on"]): row
        for row in table(built_home, "kpi", "forecast_history")
        .filter(pl.col("scope") == "branch", pl.col("horizon") == "quarter")
        .iter_rows(named=True)
    }
    latest = {plan: of[-1] for plan, of in versions(built_home).items()}
    meetings = table(built_home, "core", "fct_activities").filter(
        pl.col("activity_type") == "qbr", pl.col("status") == "held", pl.col("occurred_on") <= today(built_home)
    )
    came = set(
        table(built_home, "core", "fct_attendance").filter("is_attended", pl.col("attendee_type") == "executive")[
            "activity_id"
        ]
    )
    again = []
    for period in quarters:
        _, start, end, close = period
        next_end = month_end(first_of_month(end, 3))
        states: dict[str, Counter[str]] = defaultdict(Counter)
        for plan, of in actions_at(built_home, period).items():
            is_agreed = any(v["agreed_on"] is not None and v["agreed_on"] <= close for v in versions(built_home)[plan])
            if latest[plan]["scope"] == "branch" and is_agreed:
                states[latest[plan]["scope_id"]].update(of)
        target: dict[str, list[float]] = defaultdict(list)
        for goal in targets_at(built_home, period).values():
            if goal["plan"]["scope"] == "branch" and goal["metric"] == "won_amount" and goal["target"] is not None:
                target[goal["plan"]["scope_id"]].append(goal["target"])
        ahead: dict[str, list[float]] = defaultdict(list)
        for goal in goals_of(built_home):
            if goal["plan"]["scope"] == "branch" and goal["metric"] == "won_amount" and goal["is_kept"]:
                ahead[goal["plan"]["scope_id"]] += [v for month, v in goal["last"].items() if end < month <= next_end]
        due: Counter[str] = Counter()
        for row in rows_of(built_home, "plan_actions"):
            is_cancelled = row["status"] in ("中止", "取消") and not row["done_on"]
            if latest[row["plan_id"]]["scope"] == "branch" and end < row["due_on"] <= next_end and not is_cancelled:
                due[latest[row["plan_id"]]["scope_id"]] += 1
        heads = heads_on(built_home, end)
        # Without twelve months there is no run rate.
        budget = proposals(built_home, first_of_month(end)) if first_of_month(end, -11) >= months(built_home)[0] else {}
        is_open = (pl.col("opened_on").fill_null(date.min) <= end) & (pl.col("closed_on").fill_null(date.max) > end)
        for branch in set(known.filter(is_open)["branch_id"]) & here:
            state, figures = states[branch], people.get((branch, first_of_month(end)), {})
            head, since, is_change = heads.get(branch, (None, None, False))
            of_next = meetings.filter(
                pl.col("branch_id") == branch, pl.col("occurred_on") > end, pl.col("occurred_on") <= next_end
            )
            forecast = forecasts.get((branch, end), {})
            proposal = budget.get(branch, (None, None))
            again.append(
                {
                    "branch_id": branch, "period_start": start, "period_end": end, "closed_on": close,
                    "actions_due": sum(state.values()) - state["cancelled"], "actions_on_time": state["on_time"],
                    "actions_late": state["late"], "actions_not_done": state["not_done"],
                    "quarter_target_amount": sum(target[branch]) if target[branch] else None,
                    "headcount_now": figures.get("headcount"), "reps_contactable_now": figures.get("reps_contactable"),
                    "reps_producing_now": figures.get("reps_producing_t12m"), "branch_head_rep_id": head,
                    "is_relationship_reset": bool(
                        since and is_change and since > end - timedelta(days=PROJECT_VARS["reset_days"])
                    ),
                    "forecast_amount_p50": forecast.get("forecast_amount_p50"),
                    "next_target_amount": sum(ahead[branch]) if ahead[branch] else None, "next_actions": due[branch],
                    "proposal_basis_now": proposal[0], "proposed_amount_now": proposal[1],
                    "qbr_on": of_next["occurred_on"].min(),
                    "is_executive_present": any(activity in came for activity in of_next["activity_id"]),
                }
            )  # fmt: skip
    found = table(built_home, "plan", "qbr_pack")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ["branch_id", "period_start"])
    assert found["proposal_basis_now"].n_unique() > 2
    assert found["is_relationship_reset"].any() and found["is_executive_present"].any()
    last = found.filter(pl.col("period_start") == quarters[-1][1])
    assert set(last["known_on"]) == {today(built_home)}
    of_quarter = monthly.filter(within(first_of_month(quarters[-1][2]), 3)).group_by("branch_id")
    names = ("deals_new", "deals_qualified", "deals_won", "deals_lost", "won_amount")
    sums = of_quarter.agg(pl.col(name).sum().alias(f"quarter_{name}") for name in names)
    assert_same(last, last.select("branch_id").join(sums, on="branch_id"), ["branch_id"])
