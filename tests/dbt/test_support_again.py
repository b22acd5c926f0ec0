"""Support, rollouts and what a branch is like, computed again from the facts, cell by cell."""

import math
from collections import defaultdict
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from typing import Any

import polars as pl
import pytest
from scipy.stats import poisson

from orchestration.home import PROJECT, Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    SCOPES,
    accepted,
    assert_same,
    credited,
    entities,
    first_of_month,
    month_end,
    months,
    placed,
    table,
    today,
    versions,
)  # fmt: skip

N_MIN = PROJECT_VARS["n_min"]


def period(day: date, kind: str) -> date:
    """Return the first month of a day's fiscal quarter or half."""
    length = 3 if kind == "quarter" else 6
    return first_of_month(day, -((day.month - 4) % 12 % length))


@cache
def held(home: Home) -> pl.DataFrame:
    """Return the held activities with partners so far."""
    return table(home, "core", "fct_activities").filter(
        pl.col("status") == "held", ~pl.col("partner_id").is_in(["DIRECT", "UNRESOLVED"]),
        pl.col("occurred_on") <= today(home),
    )  # fmt: skip


@cache
def special(home: Home) -> set[str]:
    return {*table(home, "core", "dim_branch").filter("is_sentinel")["branch_id"], "DIRECT", "UNRESOLVED"}


@cache
def current(home: Home) -> dict[str, str]:
    """Return the branch of today of each branch."""
    return dict(table(home, "core", "dim_branch").select("branch_id", "current_branch_id").iter_rows())


@pytest.mark.parametrize("kind", ["quarter", "half"])
@pytest.mark.parametrize("scope", SCOPES)
def test_effort(built_home: Home, scope: str, kind: str) -> None:
    segments = {
        (branch, start): (segment.startswith("high"), score)
        for branch, start, segment, score in table(built_home, "segment", "branch_segments")
        .select("branch_id", "period_start", "segment", "potential_score")
        .iter_rows()
    }
    rows = placed(built_home, held(built_home), scope, "as_is")
    sums: dict[tuple[str, date], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    whole: dict[date, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows.iter_rows(named=True):
        start, hours = period(row["occurred_on"], kind), row["duration_minutes"] / 60
        cell = sums[row["entity_id"], start]
        is_high = segments.get((row["branch_id_current"], period(row["occurred_on"], "half")), (False, None))[0]
        is_logged = row["is_live"] and row["note"] is not None and row["next_action"] is not None
        is_dated = row["is_live"] and not row["is_logged_on_assumed"]
        for name, value in (
            ("activities", 1), ("support_hours", hours), ("assumed_hours", hours * row["is_duration_assumed"]),
            ("focus_ratio_numerator", hours * is_high), ("meetings", row["is_meeting"]),
            ("meeting_yield_denominator", hours * row["is_meeting"]),
            ("meeting_yield_numerator", row["is_meeting"] and row["next_action_done_on"] is not None),
            ("logging_coverage_denominator", row["is_live"]), ("logging_coverage_numerator", is_logged),
            ("dated", is_dated), ("lag", (row["logged_on"] - row["occurred_on"]).days * is_dated),
        ):  # fmt: skip
            cell[name] += value
        whole[start]["support_hours"] += hours
    money = credited(built_home, "as_is").filter(pl.col("channel_class") == "indirect")
    for entity, month, amount in (
        placed(built_home, money, scope, "as_is").select("entity_id", "month", "amount").iter_rows()
    ):
        sums[entity, period(month, kind)]["support_won_amount"] += amount or 0
        whole[period(month, kind)]["support_won_amount"] += amount or 0
    of = {b: e for b, e in as_of_today(built_home, scope)}
    starts = {period(month, kind) for month in months(built_home)}
    counts: dict[tuple[date, str], int] = defaultdict(int)
    names = {
        (b, s): segment
        for b, s, segment in table(built_home, "segment", "branch_segments")
        .select("branch_id", "period_start", "segment")
        .iter_rows()
    }
    for (_, start), segment in names.items():
        counts[start, segment] += 1
    wanted = {"high_potential_no_result": 0.4, "high_potential_with_result": 0.35, "low_potential_no_result": 0.1,
        "low_potential_with_result": 0.15}  # fmt: skip
    for start in starts:
        half = period(start, "half")
        shared = sum(share for segment, share in wanted.items() if counts[half, segment])
        for (branch, begin), (_, score) in segments.items():
            if begin == half:
                cell = sums[of[branch], start]
                segment = names[branch, begin]
                if score is not None:
                    cell["potential"] += score
                    whole[start]["potential"] += score
                    cell["target_share"] += wanted[segment] / counts[half, segment] / shared
    found = table(built_home, "segment", "support_effort").filter(
        pl.col("scope") == scope, pl.col("period_type") == kind
    )
    again = []
    for (entity, start), cell in sums.items():
        if entity in special(built_home):
            continue
        company, hours, won = whole[start], cell["support_hours"], cell["support_won_amount"]
        again.append(
            {
                "entity_id": entity, "period_start": start,
                **{name: cell[name] for name in ("activities", "support_hours", "assumed_hours", "support_won_amount",
                    "focus_ratio_numerator", "meetings", "meeting_yield_numerator", "meeting_yield_denominator",
                    "logging_coverage_numerator", "logging_coverage_denominator")},
                "effort_share": hours / company["support_hours"] if company["support_hours"] else None,
                "support_cost": float(round(hours * PROJECT_VARS["staff_hour_cost"])),
                "support_load": hours * PROJECT_VARS["staff_hour_cost"] / won if won > 0 else None,
                "focus_ratio": cell["focus_ratio_numerator"] / hours if hours else None,
                "meeting_yield": cell["meeting_yield_numerator"] / cell["meeting_yield_denominator"]
                    if cell["meeting_yield_denominator"] else None,
                "logging_coverage": cell["logging_coverage_numerator"] / cell["logging_coverage_denominator"]
                    if cell["logging_coverage_denominator"] else None,
                "logging_lag_days": cell["lag"] / cell["dated"] if cell["dated"] else None,
                "potential_share": cell["potential"] / company["potential"] if "potential" in cell else None,
                "result_share": won / company["support_won_amount"] if won and company["support_won_amount"] else None,
                "target_share": cell.get("target_share"),
            }
        )  # fmt: skip
    # A share of no money is 0 or empty, as there was a row of money or not.
    cleared = found.with_columns(result_share=pl.when(pl.col("result_share") != 0).then("result_share"))
    rounded = [cleared, pl.DataFrame(again, infer_schema_length=None)]
    rounded = [frame.with_columns(pl.col("potential_share", "target_share").round(7)) for frame in rounded]
    assert_same(*rounded, ("entity_id", "period_start"))


def as_of_today(home: Home, scope: str) -> list[tuple[str, str]]:
    """Return each branch with its entity of today."""
    rows = versions(home).filter("is_current").join(entities(home, scope, "as_is"), on="branch_version_id")
    return list(rows.select("branch_id", "entity_id").iter_rows())


def test_account_managers(built_home: Home) -> None:
    managers = defaultdict(list)
    for branch, staff, start, end in (
        table(built_home, "core", "dim_account_manager")
        .select("branch_id", "staff_id", "valid_from", "valid_to")
        .iter_rows()
    ):
        managers[branch].append((start, end, staff))

    def manager(branch: str, on: date) -> str:
        there = [(start, staff) for start, end, staff in managers[branch] if start <= on < end]
        latest = max((start for start, _ in there), default=None)
        return min((staff for start, staff in there if start == latest), default="NONE")

    won: dict[tuple[str, date], float] = defaultdict(float)
    with_money: dict[tuple[str, date], set[str]] = defaultdict(set)
    revenue = table(built_home, "core", "fct_revenue").filter("is_counted", pl.col("channel_class") == "indirect")
    for branch, on, amount in revenue.select("branch_id", "recognized_on", "amount").iter_rows():
        key = manager(branch, on), period(on, "quarter")
        won[key] += amount or 0
        with_money[key].add(branch)
    fte: dict[tuple[str, date], float] = defaultdict(float)
    covered: dict[tuple[str, date], int] = {}
    hours_of = dict(table(built_home, "core", "dim_staff").select("staff_id", "monthly_hours").iter_rows())
    last = months(built_home)[-1]
    for month in months(built_home):
        end = min(month_end(month), today(built_home))
        branches = defaultdict(set)
        for branch, spans in managers.items():
            for start, until, staff in spans:
                if start <= end < until:
                    branches[staff].add(branch)
        for staff, own in branches.items():
            full = PROJECT_VARS["full_time_hours"]
            fte[staff, period(month, "quarter")] += min(1, (hours_of.get(staff) or full) / full)
            if month == first_of_month(period(month, "quarter"), 2) or month == last:
                covered[staff, period(month, "quarter")] = len(own)
    spent: dict[tuple[str, date], float] = defaultdict(float)
    activities = table(built_home, "core", "fct_activities").filter(
        pl.col("status") == "held", ~pl.col("partner_id").is_in(["DIRECT", "UNRESOLVED"])
    )
    for staff, on, minutes in activities.select("staff_id", "occurred_on", "duration_minutes").iter_rows():
        spent[staff, period(on, "quarter")] += minutes / 60
    again = [
        {
            "staff_id": staff, "period_start": start, "covered_won_amount": won[staff, start],
            "covered_branches_won": len(with_money[staff, start]), "fte_months": float(fte[staff, start]),
            "branches_covered": covered.get((staff, start), 0), "manager_hours": spent[staff, start],
            "productivity": float(round(won[staff, start] / fte[staff, start])) if fte[staff, start] else None,
        }
        for staff, start in {*won, *fte}
    ]  # fmt: skip
    assert_same(
        table(built_home, "segment", "manager_productivity"),
        pl.DataFrame(again, infer_schema_length=None),
        ("staff_id", "period_start"),
    )
    assert sum(row["covered_won_amount"] for row in again) == revenue["amount"].sum()


@cache
def cases(home: Home) -> pl.DataFrame:
    now = table(home, "core", "dim_branch").filter(~pl.col("is_sentinel"))
    now = now.select("branch_id", branch="current_branch_id", partner="current_partner_id")
    return accepted(home, "cases", "case_id").join(now, on="branch_id")


@cache
def sales(home: Home) -> dict[tuple[str, str], list[date]]:
    """Return the days of the wins of each branch of today and product."""
    days: dict[tuple[str, str], list[date]] = defaultdict(list)
    deals = table(home, "core", "fct_deals").filter("is_counted", pl.col("status") == "won")
    for branch, product, on in deals.select("branch_id_current", "product_id", "won_on").drop_nulls().iter_rows():
        days[branch, product].append(on)
    return days


@cache
def rollouts(home: Home) -> dict[tuple[str, str], tuple[str, str, date, str, date | None]]:
    """Return by case and target: product, source, day of the share, outcome and first win."""
    length, told = (
        timedelta(days=PROJECT_VARS["rollout_days"]),
        {row["case_id"]: row for row in cases(home).iter_rows(named=True)},
    )
    shares = sorted(
        accepted(home, "case_shares", "case_id", "to_branch_id")
        .select("shared_on", "case_id", "to_branch_id")
        .iter_rows()
    )
    last: dict[tuple[str, str], date] = {}
    found = {}
    for on, case_id, to in shares:
        case, target = told.get(case_id), current(home).get(to)
        if (
            case is None
            or target is None
            or case["kind"] != "success"
            or case["product_id"] is None
            or case["branch"] == target
        ):
            continue
        before, key = last.get((target, case["product_id"])), (target, case["product_id"])
        last[key] = on
        if before is not None and before + length >= on:
            continue
        days = sales(home)[key]
        after = min((day for day in days if on <= day < on + length), default=None)
        if any(on - timedelta(days=365) <= day < on for day in days):
            outcome = "sold_before"
        elif after:
            outcome = "succeeded"
        else:
            outcome = "failed" if on + length <= today(home) else "running"
        found[case_id, target] = (case["product_id"], case["branch"], on, outcome, after)
    return found


def test_outcomes_of_rollouts(built_home: Home) -> None:
    again = [
        {"case_id": case, "target_branch_id": target, "product_id": product, "source_branch_id": source,
            "shared_on": on,
            "outcome": outcome, "first_won_on": won}
        for (case, target), (product, source, on, outcome, won) in rollouts(built_home).items()
    ]  # fmt: skip
    found = table(built_home, "segment", "rollouts")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ("case_id", "target_branch_id"))
    assert {"succeeded", "failed"} <= set(found["outcome"])


def test_success_of_rollouts(built_home: Home) -> None:
    length = timedelta(days=PROJECT_VARS["rollout_days"])
    counts: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0, 0])
    for product, _, on, outcome, _ in rollouts(built_home).values():
        for key in ((product, period(on, "half")), ("ALL", period(on, "half"))):
            judged = on + length <= today(built_home) and outcome != "sold_before"
            counts[key][0] += 1
            counts[key][1] += judged
            counts[key][2] += judged and outcome == "succeeded"
    again = [
        {"product_id": product, "period_start": start, "rollouts_started": n, "rollout_success_denominator": judged,
            "rollout_success_numerator": won, "rollout_success": won / judged if judged >= N_MIN else None}
        for (product, start), (n, judged, won) in counts.items()
    ]  # fmt: skip
    assert_same(
        table(built_home, "segment", "rollout_success"),
        pl.DataFrame(again, infer_schema_length=None),
        ("product_id", "period_start"),
    )


@pytest.mark.parametrize("scope", SCOPES)
def test_sharing_of_cases(built_home: Home, scope: str) -> None:
    of = dict(as_of_today(built_home, scope))
    shares = defaultdict(list)
    for case, to, adopted in (
        accepted(built_home, "case_shares", "case_id", "to_branch_id")
        .select("case_id", "to_branch_id", "adopted_on")
        .iter_rows()
    ):
        if to in current(built_home):
            shares[case].append((current(built_home)[to], adopted))
    won = defaultdict(int)
    for (case, _), (*_, outcome, _) in rollouts(built_home).items():
        won[case] += outcome == "succeeded"
    counts: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0] * 6)
    for row in cases(built_home).filter(pl.col("kind") != "issue").iter_rows(named=True):
        others = [adopted for to, adopted in shares[row["case_id"]] if to != row["branch"]]
        told = bool(row["is_shareable"])
        cell = counts[of[row["branch_id"]], period(row["recorded_on"], "quarter")]
        adds = (1, told, told and bool(others), len(others), sum(a is not None for a in others), won[row["case_id"]])
        for at, value in enumerate(adds):
            cell[at] += value
    again = [
        {"entity_id": entity, "period_start": start, "cases_captured": n, "bridge_rate_denominator": told,
            "bridge_rate_numerator": shared, "bridge_rate": shared / told if told else None, "case_shares": times,
            "case_adoptions": adopted, "shares_won": wins}
        for (entity, start), (n, told, shared, times, adopted, wins) in counts.items()
    ]  # fmt: skip
    found = table(built_home, "segment", "case_sharing").filter(pl.col("scope") == scope)
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ("entity_id", "period_start"))


@cache
def closed(home: Home) -> pl.DataFrame:
    """Return the closed deals of the window with the branch of today and the customer's industry."""
    last = max(month for month in months(home) if month_end(month) <= today(home))
    since, until = first_of_month(last, 1 - PROJECT_VARS["rollout_window_months"]), first_of_month(last, 1)
    industries = table(home, "core", "dim_customer").select("customer_id", "industry")
    deals = table(home, "core", "fct_deals").filter("is_counted", pl.col("status").is_in(["won", "lost"]))
    return (
        deals.with_columns(on=pl.coalesce("won_on", "closed_on"))
        .filter(pl.col("on") >= since, pl.col("on") < until, ~pl.col("branch_id").is_in(list(special(home))))
        .drop_nulls("product_id")
        .join(industries, on="customer_id", how="left")
        .with_columns(
            branch=pl.col("branch_id").replace_strict(current(home)),
            industry=pl.col("industry").fill_null("unknown"),
            is_won=pl.col("status") == "won",
            buyer=pl.coalesce("customer_id", "deal_id"),
        )
    )


def shown(part: str, whole: str) -> pl.Expr:
    """Return a share that has enough cases."""
    return pl.when(pl.col(whole) >= N_MIN).then(pl.col(part) / pl.col(whole))


def test_what_branches_sell(built_home: Home) -> None:
    visits = table(built_home, "core", "fct_activities").filter(
        pl.col("activity_type") == "joint_visit", pl.col("status") == "held"
    )
    visited = pl.col("deal_id").is_in(visits["deal_id"].drop_nulls().implode()) & pl.col("is_won")
    told = (
        cases(built_home)
        .filter(pl.col("kind") == "success", "is_shareable")
        .group_by("branch", "product_id")
        .len("shareable_cases")
    )
    again = (
        closed(built_home)
        .group_by("branch", "product_id")
        .agg(
            closed_deals=pl.len(), branch_deals_won=pl.col("is_won").sum(),
            branch_won_amount=pl.when("is_won").then("amount").sum(), visits=visited.sum(),
        )
        .join(told, on=["branch", "product_id"], how="left")
        .select(
            "product_id", "closed_deals", "branch_deals_won", "branch_won_amount",
            pl.col("shareable_cases").fill_null(0),
            branch_id="branch",
            product_win_rate=shown("branch_deals_won", "closed_deals"),
            visited_share=shown("visits", "branch_deals_won"),
        )
    )  # fmt: skip
    assert_same(table(built_home, "segment", "branch_products"), again, ("branch_id", "product_id"))


def test_opportunities(built_home: Home) -> None:
    """A source wins more customers than chance explains, by the exact Poisson distribution; the target has none."""
    won = closed(built_home).filter("is_won").unique(["branch", "product_id", "industry", "buyer"])
    cells = {
        key: n
        for *key_, n in won.group_by("branch", "product_id", "industry").len().iter_rows()
        if (key := tuple(key_))
    }
    of_branch, of_kind = defaultdict(int), defaultdict(int)
    for (branch, product, industry), n in cells.items():
        of_branch[branch] += n
        of_kind[product, industry] += n
    kinds = closed(built_home).select("product_id", "industry").n_unique()
    tried = {}
    counted = (
        closed(built_home).group_by("branch", "product_id", "industry").agg(n=pl.len(), wins=pl.col("is_won").sum())
    )
    for branch, product, industry, n, wins in counted.iter_rows():
        tried[branch, product, industry] = n, wins
    usual = float(closed(built_home)["is_won"].sum()) / closed(built_home).height
    expected: dict[tuple[str, str, str], tuple[float, str]] = {}
    doubtful = set()
    for (branch, product, industry), n in cells.items():
        others = of_kind[product, industry] - n + 1
        by_chance = of_branch[branch] * others / (sum(of_branch.values()) - of_branch[branch] + kinds)
        chance = poisson.sf(n - 1, by_chance)
        deals, wins = tried[branch, product, industry]
        # The approximation of the model may decide otherwise very near to the limits.
        if any(0.8 < chance / limit < 1.25 for limit in (0.001, 0.0001)):
            doubtful.add((branch, product, industry))
        if (
            n >= PROJECT_VARS["rollout_min_wins"]
            and chance <= 0.001
            and wins / deals >= usual - 1.645 * math.sqrt(usual * (1 - usual) / deals)
        ):
            expected[branch, product, industry] = by_chance, "strong" if chance <= 0.0001 else "some"
    found = table(built_home, "segment", "rollout_opportunities")
    sources = {
        (row["source_branch_id"], row["product_id"], row["industry"]): row for row in found.iter_rows(named=True)
    }
    assert sources and sources.keys() - doubtful <= expected.keys()
    for key in sources.keys() - doubtful:
        assert sources[key]["source_expected_customers"] == pytest.approx(expected[key][0])
        assert sources[key]["source_customers"] == cells[key]
        assert sources[key]["evidence"] == expected[key][1]
    partner = dict(table(built_home, "core", "dim_branch").select("branch_id", "current_partner_id").iter_rows())
    for row in found.iter_rows(named=True):
        target = row["target_branch_id"], row["product_id"], row["industry"]
        assert target not in cells and partner[target[0]] == partner[row["source_branch_id"]]
        known = [
            row[name]
            for name in ("similarity_headcount", "similarity_area", "similarity_customers")
            if row[name] is not None
        ]
        assert row["similarity"] == (pytest.approx(sum(known) / len(known)) if known else None)
        if row["estimated_wins"] is not None:
            product = row["target_reps"] * row["wins_per_head"] * row["similarity"] * row["success_rate"]
            assert row["estimated_wins"] == pytest.approx(product)
    length = timedelta(days=PROJECT_VARS["rollout_days"])
    judged = [
        (product, outcome)
        for product, _, on, outcome, _ in rollouts(built_home).values()
        if outcome != "sold_before" and on + length <= today(built_home)
    ]
    rate = sum(o == "succeeded" for _, o in judged) / len(judged)
    for row in found.iter_rows(named=True):
        own = [o == "succeeded" for p, o in judged if p == row["product_id"]]
        assert (row["rollouts"], row["rollouts_succeeded"]) == (len(own), sum(own))
        assert row["success_rate"] == pytest.approx((sum(own) + 10 * rate) / (len(own) + 10))


def test_matches_of_issues(built_home: Home) -> None:
    told = cases(built_home).filter(pl.col("kind") != "issue", "is_shareable").rows(named=True)
    again = set()
    for issue in (
        cases(built_home).filter(pl.col("kind") == "issue", pl.col("closed_on").is_null()).iter_rows(named=True)
    ):
        for case in told:
            same = [
                issue[name] is not None and issue[name] == case[name]
                for name in ("topic", "product_id", "customer_industry")
            ]
            if issue["partner"] == case["partner"] and issue["branch"] != case["branch"] and (same[0] or all(same[1:])):
                again.add((issue["case_id"], case["case_id"], *same))
    columns = ("issue_id", "case_id", "is_same_topic", "is_same_product", "is_same_industry")
    found = table(built_home, "segment", "case_matches")
    listed = set(found.select(columns).iter_rows())
    assert listed and listed <= again
    # Of each kind the three with most in common.
    best = defaultdict(list)
    kind = {case["case_id"]: case["kind"] for case in told}
    for issue, case, *same in again:
        best[issue, kind[case]].append(sum(same))
    for (issue, of), scores in best.items():
        rows = found.filter(pl.col("issue_id") == issue, pl.col("case_kind") == of)
        assert rows.height == min(3, len(scores))
        assert (
            sorted((sum(row) for row in rows.select(columns[2:]).iter_rows()), reverse=True)
            == sorted(scores, reverse=True)[:3]
        )


def open_branches(home: Home) -> set[str]:
    branches = table(home, "core", "dim_branch").filter(
        ~pl.col("is_sentinel"), pl.col("branch_id") == pl.col("current_branch_id")
    )
    ended = table(home, "core", "dim_partner").filter(pl.col("contract_ended_on") <= today(home))["partner_id"]
    over = (pl.col("closed_on") <= today(home)) | (pl.col("contract_ended_on") <= today(home))
    return set(
        branches.filter(~(over.fill_null(False) | pl.col("current_partner_id").is_in(ended.implode())))["branch_id"]
    )


Row = dict[str, Any]


def by_worth(row: Row) -> tuple[Any, ...]:
    """Return the order of a list: the most money per hour, then priority and potential."""
    worth, potential = row["worth"], row["potential"]
    return worth is None, -(worth or 0), row["priority"] or 9, potential is None, -(potential or 0), row["branch_id"]


def fitting(rows: list[Row], hours: float) -> list[Row]:
    """Return the first rows that fit into the hours."""
    totals = list(accumulate(row["hours"] for row in rows))
    return [row for row, total in zip(rows, totals, strict=True) if total <= hours]


def test_the_worklist(built_home: Home) -> None:
    """R-S1-11: again branch by branch: who may be listed, what an hour is worth, and who fits into the week."""
    now = today(built_home)
    segments = table(built_home, "segment", "branch_segments")
    # The last half that is over, and the running one for branches that were not there before.
    halves = {is_over: segments.filter(pl.col("is_over") == is_over) for is_over in (False, True)}
    running, of = (
        {r["branch_id"]: r for r in half.filter(pl.col("period_start") == pl.col("period_start").max()).to_dicts()}
        for half in halves.values()
    )
    assert running and of
    of = running | of
    # Of several account managers the one who was assigned last.
    rows = table(built_home, "core", "dim_account_manager").filter("is_current")
    rows = rows.sort("valid_from", "staff_id", descending=[False, True])
    managers = dict(rows.select("branch_id", "staff_id").iter_rows())
    capacity = dict(table(built_home, "core", "dim_staff").select("staff_id", "support_hours_per_week").iter_rows())
    minutes = {"call": 30, "joint_visit": 210, "study_session": 180}
    assert {
        row.split(",")[0]: int(row.split(",")[5])
        for row in (PROJECT / "seeds/activity_types.csv").read_text("utf-8").splitlines()[1:]
    }.items() >= minutes.items()
    action = {"take_over": "joint_visit", "no_deal": "study_session"}
    people: dict[str, list[tuple[float, int, str, str]]] = defaultdict(list)
    for rep, group in table(built_home, "kpi", "people_worklist").group_by("rep_id"):
        first = group.sort("reason_order").row(0, named=True)
        people[first["branch_id"]].append(
            (
                -(first["call_value"] if first["call_value"] is not None else -1e18),
                first["reason_order"],
                str(rep[0]),
                first["reason"],
            )
        )
    touched = held(built_home).filter("is_live").group_by("branch_id_current").agg(pl.col("occurred_on").max())
    last_touch = dict(touched.iter_rows())
    pending: dict[str, tuple[date, date, str, bool]] = {}
    everything = (
        table(built_home, "core", "fct_activities")
        .filter(pl.col("status") == "held", pl.col("occurred_on") <= now)
        .drop_nulls("next_action")
    )
    for branch, on, due, done, identity in everything.select(
        "branch_id_current", "occurred_on", "next_action_due_on", "next_action_done_on", "activity_id"
    ).iter_rows():
        key = (on, due or date.min)
        if (
            branch not in pending
            or key > pending[branch][:2]
            or (key == pending[branch][:2] and identity < pending[branch][2])
        ):
            pending[branch] = (*key, identity, done is None)
    agreed = {branch: (on, due, identity) for branch, (on, due, identity, is_open) in pending.items() if is_open}
    known = table(built_home, "core", "dim_rep").drop_nulls("current_branch_id")
    staffed = {current(built_home)[branch] for branch in known["current_branch_id"]}
    lists: dict[str, list[Row]] = defaultdict(list)
    for branch in open_branches(built_home) & managers.keys():
        due = agreed.get(branch, (None, date.max, ""))[1]
        is_due = date.min < due < now + timedelta(days=7)
        if last_touch.get(branch, date.min) > now - timedelta(days=PROJECT_VARS["worklist_rest_days"]) and not is_due:
            continue
        person = min(people[branch], default=None)
        if person is None and not is_due and branch in staffed:
            continue
        kind = action.get(person[3], "call") if person else "call"
        value = -person[0] if person and person[0] < 1e17 else None
        segment = of.get(branch, {})
        lists[managers[branch]].append(
            {
                "branch_id": branch, "rep_id": person[2] if person else None, "action_type": kind,
                "hours": minutes[kind] / 60, "worth": None if value is None else value * 60 / minutes[kind],
                "priority": segment.get("support_priority"), "potential": segment.get("potential_score"),
                "segment_on": segment.get("period_end"),
                "running_segment": running.get(branch, {}).get("segment"),
            }
        )  # fmt: skip
    again = []
    for staff, rows_ in lists.items():
        week = float(capacity.get(staff) or PROJECT_VARS["support_hours_per_week"])
        idle = sorted((one for one in rows_ if one["priority"] == 1), key=by_worth)
        activating = fitting(idle, PROJECT_VARS["activation_share"] * week)
        rest = sorted((one for one in rows_ if one not in activating), key=by_worth)
        hours = 0.0
        for rank, one in enumerate(fitting([*activating, *rest], week), 1):
            hours += one["hours"]
            kept = {name: one[name] for name in ("branch_id", "rep_id", "action_type", "segment_on", "running_segment")}
            again.append(kept | {"account_manager_id": staff, "list_rank": rank, "hours_so_far": hours,
                "list_priority": one["priority"]})  # fmt: skip
    found = table(built_home, "segment", "activation_worklist")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ("branch_id",))
    assert found.height > 10


def test_relations(built_home: Home) -> None:
    """Heads and their changes follow from the roster."""
    now = today(built_home)
    posts = table(built_home, "core", "dim_rep_assignment").filter(
        pl.col("role") == "branch_head", pl.col("valid_from") <= now
    )
    heads = defaultdict(list)
    for rep, branch, start, end in posts.select("rep_id", "branch_id", "valid_from", "valid_to").iter_rows():
        heads[current(built_home)[branch]].append((start, rep, end))
    met = (
        table(built_home, "core", "fct_attendance")
        .filter("is_two_way_touch", pl.col("occurred_on") <= now)
        .drop_nulls("rep_id")
    )
    last = dict(met.group_by("rep_id").agg(pl.col("occurred_on").max()).iter_rows())
    rows = table(built_home, "segment", "branch_relations")
    assert set(rows["branch_id"]) == open_branches(built_home)
    changes = 0
    for row in rows.iter_rows(named=True):
        spans = sorted(heads[row["branch_id"]], key=lambda one: one[:2])
        present = [one for one in spans if one[2] > now]
        newest = max((start for start, *_ in present), default=None)
        head = min((one for one in present if one[0] == newest), key=lambda one: one[1], default=None)
        is_there = head is not None
        assert row["head_id"] == (head[1] if head and is_there else None)
        live = bool(
            head
            and is_there
            and head[1] in last
            and last[head[1]] > now - timedelta(days=PROJECT_VARS["contact_window_days"])
        )
        assert row["is_head_live"] == live
        assert row["is_covered"] == (live and row["live_champions"] > 0)
        if row["is_reset"]:
            changes += 1
            assert (
                head
                and head[0] > now - timedelta(days=PROJECT_VARS["reset_days"])
                and row["previous_head_id"] != head[1]
            )
    assert changes > 0


def test_facts(built_home: Home) -> None:
    """Every fact of every profile so far, with its age, and whether it is the head office's word for word."""
    now = today(built_home)
    known = table(built_home, "core", "dim_branch").filter(~pl.col("is_sentinel"))
    partner = dict(known.select("branch_id", "current_partner_id").iter_rows())
    offices = set(known.filter("is_head_office")["branch_id"])
    products = table(built_home, "core", "dim_product").select("product_id", "product_name").rows()
    fiscal = first_of_month(now, -((now.month - 4) % 12))
    profiles = accepted(built_home, "branch_profiles", "branch_id", "as_of").filter(
        pl.col("branch_id").is_in(known["branch_id"].implode()), pl.col("as_of") <= now
    )
    values: dict[tuple[str, date, str], tuple[str, str | None]] = {}
    newest: dict[str, date] = {}
    for row in profiles.iter_rows(named=True):
        branch, on = row["branch_id"], row["as_of"]
        newest[branch] = max(on, newest.get(branch, on))
        named = (row["focus_products"] or "").replace(" ", "").split(";")
        told = {name: row[name] for name in FACTS} | {
            "our_focus_products": row["focus_products"]
            and sum(code in named or name.replace(" ", "") in named for code, name in products)
        }
        values |= {(branch, on, name): (str(v), row["source"]) for name, v in told.items() if v is not None}
    of_office: dict[tuple[str, date, str], str] = {}
    for (branch, on, name), (value, _) in values.items():
        if branch in offices:
            key = (partner[branch], on, name)
            of_office[key] = min(value, of_office.get(key, value))
    again = [
        {
            "branch_id": branch, "reported_on": on, "fact": name, "reported_value": value, "source": source,
            "partner_id": partner[branch], "reported_days": (now - on).days, "is_current": on == newest[branch],
            "is_of_this_year": on >= fiscal,
            "is_as_head_office": branch not in offices and of_office.get((partner[branch], on, name)) == value,
        }
        for (branch, on, name), (value, source) in values.items()
    ]  # fmt: skip
    found = table(built_home, "segment", "branch_facts")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ("branch_id", "reported_on", "fact"))
    assert found["is_as_head_office"].any() and found["fact"].n_unique() == len(FACTS) + 1


FACTS = (
    "own_kpi", "evaluation_scheme", "focus_products", "product_rank", "products_carried", "competitor_products",
    "sales_headcount", "customer_count",
)  # fmt: skip


def test_key_people(built_home: Home) -> None:
    """From the roster, assignment by assignment: one that goes on is no new one, and a head follows another one."""
    now, window = today(built_home), timedelta(days=PROJECT_VARS["contact_window_days"])
    posts = table(built_home, "core", "dim_rep_assignment").filter(
        pl.col("role").is_in(["branch_head", "manager", "key_person"])
    )
    of: dict[tuple[str, str, str], list[tuple[date, date]]] = defaultdict(list)
    open_now = open_branches(built_home)
    for row in posts.iter_rows(named=True):
        branch = current(built_home)[row["branch_id"]]
        if branch in open_now:
            of[branch, row["role"], row["rep_id"]].append((row["valid_from"], row["valid_to"]))
    stints: dict[tuple[str, str], list[tuple[date, str, date]]] = defaultdict(list)
    for (branch, role, rep), spans in of.items():
        joined: list[list[date]] = []
        for start, end in sorted(spans):
            if joined and start <= joined[-1][1]:
                joined[-1][1] = max(joined[-1][1], end)
            else:
                joined.append([start, end])
        stints[branch, role] += [(start, rep, end) for start, end in joined]
    met = table(built_home, "core", "fct_attendance").filter("is_two_way_touch", pl.col("occurred_on") <= now)
    last = dict(met.drop_nulls("rep_id").group_by("rep_id").agg(pl.col("occurred_on").max()).iter_rows())
    again = []
    for (branch, role), spans in stints.items():
        before = None
        for start, rep, end in sorted(spans):
            changed = role == "branch_head" and before not in (None, rep)
            if start <= now:
                again.append(
                    {
                        "branch_id": branch, "role": role, "rep_id": rep,
                        "role_since": start if start > date(1900, 1, 1) else None,
                        "role_ended_on": end if end <= now else None, "is_current": end > now,
                        "previous_head_id": before if changed else None,
                        "is_reset": changed and end > now
                        and start > now - timedelta(days=PROJECT_VARS["reset_days"]),
                        "last_contact_on": last.get(rep),
                        "is_contact_live": end > now and last.get(rep, date.min) > now - window,
                    }
                )  # fmt: skip
            before = rep
    found = table(built_home, "segment", "key_people")
    frame = pl.DataFrame(again, infer_schema_length=None)
    assert_same(found, frame, ("branch_id", "role", "rep_id", "role_since"))
    assert found["is_reset"].any() and found["previous_head_id"].drop_nulls().len() > 5


def test_relations_with_executives(built_home: Home) -> None:
    """Ratings from the landed rows, meetings from who attended."""
    now = today(built_home)
    year_ago = date(now.year - 1, now.month, now.day)
    partner = dict(table(built_home, "core", "dim_branch").select("branch_id", "current_partner_id").iter_rows())
    activities = {
        row["activity_id"]: (partner.get(row["branch_id"]), row["activity_type"] == "qbr")
        for row in table(built_home, "core", "fct_activities").iter_rows(named=True)
    }
    meetings: dict[str, dict[str, tuple[date, bool]]] = defaultdict(dict)
    came = table(built_home, "core", "fct_attendance").filter(
        pl.col("attendee_type") == "executive", "is_attended", pl.col("occurred_on") <= now
    )
    for activity, on in came.select("activity_id", "occurred_on").iter_rows():
        of, is_qbr = activities[activity]
        if of:
            meetings[of][activity] = (on, is_qbr)
    rated: dict[str, dict[str, Any]] = {}
    for row in accepted(built_home, "executive_relations", "partner_id", "rated_on").sort("rated_on").to_dicts():
        if row["rated_on"] <= now:
            rated[row["partner_id"]] = row
    names = dict(
        table(built_home, "core", "dim_partner")
        .filter(~pl.col("is_sentinel"))
        .select("partner_id", "partner_name")
        .rows()
    )
    again = []
    for code in (rated.keys() | meetings.keys()) & names.keys():
        rating, of_year = rated.get(code, {}), [m for m in meetings[code].values() if m[0] > year_ago]
        on = rating.get("rated_on")
        again.append(
            {
                "partner_id": code, "executive_level": rating.get("level"), "rated_on": on,
                "rated_days": (now - on).days if on else None, "rated_by": rating.get("rated_by"),
                "is_of_this_year": on >= first_of_month(now, -((now.month - 4) % 12)) if on else None,
                "last_met_on": max((m[0] for m in meetings[code].values()), default=None),
                "executive_meetings": len(of_year), "executive_qbrs": sum(m[1] for m in of_year),
            }
        )  # fmt: skip
    found = table(built_home, "segment", "executive_relations")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ("partner_id",))
    assert found["executive_level"].drop_nulls().len() > 5 and found["executive_qbrs"].sum() > 0
