"""The segment map, its backtest and the recruiting funnel, computed a second time in Python."""

import csv
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from scipy.stats import chi2, mannwhitneyu, norm, spearmanr
from statsmodels.stats.proportion import proportion_confint

from orchestration.home import PROJECT, Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    accepted,
    assert_rows,
    credited,
    entities,
    first_of_month,
    milestones,
    months,
    placed,
    table,
    today,
    wins,
    within,
)

NEVER, DAY = date(9999, 12, 31), timedelta(days=1)
N_MIN, LIVE = PROJECT_VARS["n_min"], PROJECT_VARS["high_touch_per_quarter"]
Rows = list[dict[str, Any]]


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rate(numerator: float, denominator: float, least: int = N_MIN) -> float | None:
    return numerator / denominator if denominator >= max(least, 1) else None


@cache
def halves(home: Home) -> list[tuple[date, date, bool]]:
    """Return first day, last day and whether all of its months are over, of each half."""
    starts = sorted({first_of_month(month, -((month.month - 4) % 6)) for month in months(home)})
    first = months(home)[0]
    ends = [first_of_month(start, 6) - DAY for start in starts]
    return [
        (max(start, first), min(end, today(home)), start >= first and end <= today(home))
        for start, end in zip(starts, ends, strict=True)
    ]


@cache
def profiles(home: Home) -> dict[str, Rows]:
    """Return the profiles of each branch as extracts stated them, with the day from which each was known."""
    files = sorted((home.lake / "raw" / "branch_profiles").glob("20*.parquet"))
    rows = pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed").sort("extracted_on", "as_of")
    first = dict(rows.group_by("source_name").agg(pl.col("extracted_on").min()).iter_rows())
    known = defaultdict(list)
    for row in rows.iter_rows(named=True):
        is_first = row["extracted_on"] == first[row["source_name"]]
        known[row["branch_id"]].append(
            row | {"known_on": row["as_of"] if is_first else max(row["as_of"], row["extracted_on"])}
        )
    return known


def profile_at(home: Home, branch: str, day: date) -> dict[str, Any] | None:
    """Return the latest profile that was known on a day; that of the company if the branch has none of its own."""
    known = [row for row in profiles(home).get(branch, []) if row["known_on"] <= day]
    own = [row for row in known if row["level"] != "company"] or known
    return max(own, key=lambda row: (row["as_of"], row["extracted_on"]), default=None)


def points_of(profile: dict[str, Any]) -> dict[str, tuple[int, float | None, float | None]]:
    """Return weight, value and scaled value of each feature."""
    found: dict[str, tuple[int, float | None, float | None]] = {}
    for row in seed("potential_features"):
        assert row["transform"] == "linear" and row["missing_rule"] == "reweight" and not row["valid_to"]
        value = profile[row["feature"]]
        scaled = None if value is None else round(min(float(value) / float(row["full_points_at"]), 1.0), 6)
        found[row["feature"]] = (int(row["weight"]), None if value is None else float(value), scaled)
    return found


def score_of(profile: dict[str, Any] | None) -> float | None:
    known = [(w, s) for w, _, s in points_of(profile).values() if s is not None] if profile else []
    return round(100 * sum(w * s for w, s in known) / sum(w for w, _ in known), 6) if known else None


@cache
def branches(home: Home) -> pl.DataFrame:
    return table(home, "core", "dim_branch").filter(~pl.col("is_sentinel"))


def open_at(home: Home, day: date) -> list[str]:
    is_open = (pl.col("opened_on").fill_null(date.min) <= day) & (pl.col("closed_on").fill_null(NEVER) > day)
    return branches(home).filter(is_open)["branch_id"].to_list()


@cache
def potential_cut(home: Home, number: int) -> tuple[float, date, int]:
    """Return the cut line of a half: three in ten branches of the half before are at or above it."""
    start, end, _ = halves(home)[max(number - 1, 0)]
    scores = sorted(s for b in open_at(home, end) if (s := score_of(profile_at(home, b, end))) is not None)
    if len(scores) < PROJECT_VARS["pooling_min_entities"]:
        start, end, _ = halves(home)[number]
        scores = sorted(s for b in open_at(home, end) if (s := score_of(profile_at(home, b, end))) is not None)
    return scores[math.ceil(round(0.7 * len(scores), 6))], start, len(scores)


def segment_of(score: float | None, cut: float, result: int) -> str:
    if score is None:
        return "unknown"
    return f"{'high' if score >= cut else 'low'}_potential_{'with_result' if result >= 1 else 'no_result'}"


def recurring(home: Home) -> pl.DataFrame:
    """Return recurring money per year by deal event and today's branch."""
    parts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for line in accepted(home, "deal_lines", "line_id").iter_rows(named=True):
        part, amount = parts[line["deal_id"]], float(line["amount"])
        part[0] += amount * 12 / (line["term_months"] or 12) if line["is_recurring"] else 0
        part[1] += amount
    share_of = [(deal, annual / whole) for deal, (annual, whole) in parts.items() if whole > 0]
    shares = pl.DataFrame(share_of, schema={"deal_id": pl.String, "annual": pl.Float64}, orient="row")
    money = table(home, "attribution", "current_credit").filter("is_counted")
    return money.join(shares, on="deal_id").select(
        entity_id="branch_id_current", month=pl.col("recognized_on").dt.truncate("1mo"),
        amount=(pl.col("amount") * pl.col("annual")).round(2),
    )  # fmt: skip


def managed_at_the_end(home: Home, since: date, until: date) -> set[str]:
    """Return the branches that had an account manager at the end of the last quarter in which they were open."""
    managers = table(home, "core", "dim_account_manager")
    successor = dict(branches(home).select("branch_id", "current_branch_id").iter_rows())
    named: dict[str, bool] = {}
    start = since
    while start <= until:
        after = first_of_month(start, 3 - (start.month - 4) % 3)
        end = min(after - DAY, until)
        there = branches(home).filter(
            pl.col("opened_on").fill_null(date.min) <= end, pl.col("closed_on").fill_null(NEVER) > start
        )
        with_one = {
            successor.get(row["branch_id"])
            for row in managers.iter_rows(named=True)
            if row["valid_from"] <= end < row["valid_to"]
        }
        named |= {branch: branch in with_one for branch in there["current_branch_id"]}
        start = after
    return {branch for branch, has in named.items() if has}


@cache
def map_of(home: Home) -> Rows:
    """Return every branch and half with its place, also by the cut line of the next half."""
    partner_of = dict(branches(home).select("branch_id", "current_partner_id").iter_rows())
    won = placed(home, wins(home), "branch", "as_is")
    money = placed(home, credited(home, "as_is"), "branch", "as_is")
    held = table(home, "core", "fct_activities").filter(pl.col("status") == "held")
    touches = placed(home, held, "branch", "as_is")
    modes = {row["segment"]: row for row in seed("segments")}
    managers = table(home, "core", "dim_account_manager")
    rows: Rows = []
    for number, (since, until, _) in enumerate(halves(home)):
        there = branches(home).filter(
            pl.col("opened_on").fill_null(date.min) <= until, pl.col("closed_on").fill_null(NEVER) > since
        )
        last = until.replace(day=1)
        counts, amounts, recurs = (
            dict(part.filter(within(last, 12)).group_by("entity_id").agg(pl.col(column).sum()).iter_rows())
            for part, column in ((won, "is_won"), (money, "amount"), (recurring(home), "amount"))
        )
        of_half = touches.filter(pl.col("occurred_on").is_between(since, until)).group_by("entity_id")
        calls = {
            entity: (live, mass)
            for entity, live, mass in of_half.agg(pl.col("is_live").sum(), pl.col("is_mass").sum()).iter_rows()
        }
        named = managed_at_the_end(home, since, until)
        cut = potential_cut(home, number)[0]
        later = potential_cut(home, number + 1)[0] if number + 1 < len(halves(home)) else None
        for branch in there["current_branch_id"].unique():
            profile = profile_at(home, branch, until)
            score = score_of(profile)
            profile = profile if score is not None else None
            result = counts.get(branch, 0)
            segment = segment_of(score, cut, result)
            live, mass = calls.get(branch, (0, 0))
            needed = LIVE * max(1.0, (until - since).days / 91)
            is_high = live >= needed and (branch in named or managers.is_empty())
            observed = "high_touch" if is_high else "tech_touch" if live + mass else "none"
            mode = modes.get(segment, {})
            features = points_of(profile) if profile else {}
            rows.append({
                "branch_id": branch, "partner_id": partner_of[branch], "period_start": since, "period_end": until,
                "is_over": until < today(home) or until == first_of_month(until, 1) - DAY, "version": "v1",
                "potential_score": score, "potential_cut": cut,
                "known_weight": sum(w for w, _, s in features.values() if s is not None) or None,
                "all_weight": sum(w for w, _, _ in features.values()) or None,
                "profile_on": profile["as_of"] if profile else None,
                "profile_age_days": (until - profile["as_of"]).days if profile else None,
                "is_profile_inherited": profile["level"] == "company" if profile else None,
                "result_axis": "wins", "result": float(result), "result_cut": 1.0, "deals_won_t12m": result,
                "won_amount_t12m": float(amounts.get(branch, 0)),
                "recurring_amount_t12m": float(recurs.get(branch, 0)), "segment": segment,
                "support_mode": mode.get("support_mode"), "observed_mode": observed,
                "is_mode_different": observed != mode["support_mode"] if mode else None,
                "has_account_manager": branch in named if len(managers) else None,
                "live_touches": live, "mass_touches": mass,
                "support_priority": int(mode["support_priority"]) if mode else None,
                "next": segment_of(score, later, result) if later is not None else None,
            })  # fmt: skip
    return rows


def test_segments_of_branches(built_home: Home) -> None:
    mart = table(built_home, "segment", "branch_segments")
    again = [{name: value for name, value in row.items() if name != "next"} for row in map_of(built_home)]
    assert_rows(mart, again, ["branch_id", "period_start"], 100)
    assert mart["segment"].n_unique() == 5
    assert mart["recurring_amount_t12m"].max() > 0
    # With another set of columns the comparison would be of less than the table.
    assert set(mart.columns) - set(again[0]) == {"fiscal_year", "fiscal_half", "reason", "reason_ja"}


def test_cut_lines(built_home: Home) -> None:
    again: Rows = []
    for number, (start, _, _) in enumerate(halves(built_home)):
        cut, base, n = potential_cut(built_home, number)
        again.append({
            "period_start": start, "axis": "potential", "rule": "quantile", "quantile_share": 0.7, "cut_value": cut,
            "base_start": base, "branches": n, "is_in_force": True,
        })  # fmt: skip
        again.append({"period_start": start, "axis": "result", "rule": "number", "cut_value": 1.0, "branches": None})
    assert_rows(table(built_home, "segment", "cut_lines"), again, ["period_start", "axis"])


def test_contributions(built_home: Home) -> None:
    again: Rows = []
    for since, until, _ in halves(built_home):
        there = branches(built_home).filter(
            pl.col("opened_on").fill_null(date.min) <= until, pl.col("closed_on").fill_null(NEVER) > since
        )
        for branch, partner in there.select("branch_id", "current_partner_id").iter_rows():
            if not (profile := profile_at(built_home, branch, until)):
                continue
            features = points_of(profile)
            whole = sum(w for w, _, s in features.values() if s is not None)
            again += [
                {
                    "branch_id": branch, "partner_id": partner, "period_start": since, "period_end": until,
                    "feature": feature, "weight": weight, "reported_value": value, "scaled_value": scaled,
                    "points": None if scaled is None else weight * scaled,
                    "score_points": 100 * weight * (scaled or 0.0) / whole if whole else None,
                    "profile_on": profile["as_of"], "known_on": profile["known_on"],
                    "is_inherited": profile["level"] == "company", "source": profile["source"],
                }
                for feature, (weight, value, scaled) in features.items()
            ]  # fmt: skip
    assert_rows(
        table(built_home, "segment", "potential_contributions"), again, ["branch_id", "period_start", "feature"], 100
    )


def test_roll_up_and_migration(built_home: Home) -> None:
    place = {
        scope: {
            branch: entity
            for branch, entity in branches(built_home).select("branch_id", f"current_{scope}_id").iter_rows()
        }
        for scope in ("division", "partner")
    }
    counted: dict[tuple[str, str, date], Rows] = defaultdict(list)
    for row in map_of(built_home):
        for scope in ("division", "partner", "company"):
            entity = "ALL" if scope == "company" else place[scope][row["branch_id"]]
            counted[scope, entity, row["period_start"]].append(row)
    again: Rows = []
    for (scope, entity, start), rows in counted.items():
        of = Counter(row["segment"] for row in rows)
        scores = [row["potential_score"] for row in rows if row["potential_score"] is not None]
        again.append({
            "scope": scope, "entity_id": entity, "period_start": start, "branches": len(rows),
            "high_potential_no_result": of["high_potential_no_result"],
            "high_potential_with_result": of["high_potential_with_result"],
            "low_potential_no_result": of["low_potential_no_result"],
            "low_potential_with_result": of["low_potential_with_result"], "unknown_potential": of["unknown"],
            "max_potential_score": max(scores, default=None), "result": sum(row["result"] for row in rows),
            "result_high_potential": float(sum(r["result"] for r in rows if r["segment"].startswith("high"))),
        })  # fmt: skip
    assert_rows(table(built_home, "segment", "segment_rollup"), again, ["scope", "entity_id", "period_start"], 100)

    at = {(row["branch_id"], row["period_start"]): row for row in map_of(built_home)}
    starts, moves = [start for start, _, _ in halves(built_home)], []
    for before, after in pairwise(starts):
        cells: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
        for branch in {branch for branch, start in at if start in (before, after)}:
            old, new = at.get((branch, before)), at.get((branch, after))
            cell = (
                old["segment"] if old else "not_open", old["next"] if old else "not_open",
                new["segment"] if new else "not_open",
            )  # fmt: skip
            cells[cell].append((old["won_amount_t12m"] if old else 0.0, new["won_amount_t12m"] if new else 0.0))
        moves += [
            {
                "period_start": after, "previous_start": before, "from_segment": old, "from_redefined": redefined,
                "to_segment": new, "is_redefined": old != redefined, "is_moved": redefined != new,
                "branches": len(money), "won_amount_before": float(sum(a for a, _ in money)),
                "amount": float(sum(b for _, b in money)),
            }
            for (old, redefined, new), money in cells.items()
        ]  # fmt: skip
    mart = table(built_home, "segment", "segment_migration")
    assert_rows(mart, moves, ["period_start", "from_segment", "from_redefined", "to_segment"], 20)
    assert mart["is_redefined"].any() and mart["is_moved"].any()


def test_support_by_quarter(built_home: Home) -> None:
    of_half = {(row["branch_id"], row["period_start"]): row for row in map_of(built_home)}
    held = table(built_home, "core", "fct_activities").filter(pl.col("status") == "held")
    touches = placed(built_home, held, "branch", "as_is")
    managers = table(built_home, "core", "dim_account_manager")
    successor = dict(branches(built_home).select("branch_id", "current_branch_id").iter_rows())
    products = set(table(built_home, "core", "dim_product")["product_id"])
    opened = milestones(built_home).filter(pl.col("open_on").is_not_null())
    quarters = sorted({first_of_month(month, -((month.month - 4) % 3)) for month in months(built_home)})
    sums: dict[tuple[str, str, date], Counter[str]] = defaultdict(Counter)
    of_scope = {
        scope: dict(entities_today(built_home, scope)) for scope in ("branch", "division", "partner", "company")
    }
    for start in quarters:
        until = min(first_of_month(start, 3) - DAY, today(built_home))
        since = max(start, months(built_home)[0])
        there = branches(built_home).filter(
            pl.col("opened_on").fill_null(date.min) <= until, pl.col("closed_on").fill_null(NEVER) > since
        )
        part = touches.filter(pl.col("occurred_on").is_between(since, until))
        named = {
            successor.get(row["branch_id"])
            for row in managers.iter_rows(named=True)
            if row["valid_from"] <= until < row["valid_to"]
        }
        calls = defaultdict(list)
        for row in part.iter_rows(named=True):
            calls[row["entity_id"]].append(row)
        half = max(h for h, _, _ in halves(built_home) if h <= since)
        for branch in there["current_branch_id"].unique():
            seen = calls[branch]
            live, mass = sum(r["is_live"] for r in seen), sum(r["is_mass"] for r in seen)
            observed = (
                "high_touch"
                if live >= LIVE and (branch in named or managers.is_empty())
                else "tech_touch"
                if live + mass
                else "none"
            )
            segment = of_half.get((branch, half), {})
            mode, label = segment.get("support_mode"), segment.get("segment") or ""
            own = [
                r for r in profiles(built_home).get(branch, []) if r["known_on"] <= until and r["level"] != "company"
            ]
            latest = max(own, key=lambda r: (r["as_of"], r["extracted_on"]), default=None)
            focus = latest and latest["focus_products"]
            count = Counter({
                "branches": 1,
                "mode_mismatch_denominator": int(mode is not None),
                "mode_mismatch_numerator": int(mode is not None and mode != observed),
                "branches_with_too_little": int(mode == "high_touch" != observed),
                "branches_with_too_much": int(mode == "tech_touch" and observed == "high_touch"),
                "focus_adoption_denominator": int(label.startswith("high") and focus is not None),
                "focus_adoption_numerator": int(
                    label.startswith("high") and bool(products & set((focus or "").replace(" ", "").split(";")))
                ),
                "inbound_deal_rate_denominator": int(mode == "tech_touch"),
            })  # fmt: skip
            for scope, places in of_scope.items():
                sums[scope, places[branch], since].update(count)
    again = []
    for (scope, entity, start), of in sums.items():
        row: dict[str, Any] = {"scope": scope, "entity_id": entity, "quarter_start": start}
        names = (
            "branches", "mode_mismatch_numerator", "mode_mismatch_denominator", "branches_with_too_little",
            "branches_with_too_much", "focus_adoption_numerator", "focus_adoption_denominator",
            "inbound_deal_rate_denominator",
        )  # fmt: skip
        row |= {name: of[name] for name in names}
        row |= {
            name: rate(of[f"{name}_numerator"], of[f"{name}_denominator"], 1)
            for name in ("mode_mismatch", "focus_adoption")
        }
        again.append(row)
    mart = table(built_home, "segment", "support_quarterly")
    assert_rows(mart, again, ["scope", "entity_id", "quarter_start"], 100)
    # Deals that partners brought: of all quarters and branches they are fewer than the deals.
    brought = mart.filter(pl.col("scope") == "company")["inbound_deal_rate_numerator"].sum()
    assert 0 < brought < len(opened)


def entities_today(home: Home, scope: str) -> Iterable[tuple[str, str]]:
    """Return each branch with the entity to which it belongs today."""
    version_of = table(home, "core", "dim_branch_history").filter("is_current").select("branch_version_id", "branch_id")
    return (
        entities(home, scope, "as_is")
        .join(version_of, on="branch_version_id")
        .select("branch_id", "entity_id")
        .iter_rows()
    )


@cache
def outcomes(home: Home) -> Rows:
    """Return the branches of each past half, with their score of that day and what they won in the year after it."""
    ended = dict(table(home, "core", "dim_partner").select("partner_id", "contract_ended_on").iter_rows())
    won = wins(home)
    held = table(home, "core", "fct_activities").filter(pl.col("status") == "held", "is_live")
    rows: Rows = []
    for since, cutoff, is_whole in halves(home):
        last = first_of_month(cutoff, PROJECT_VARS["backtest_months"])
        end = first_of_month(last, 1) - DAY
        if not is_whole or end > today(home):
            continue
        of_year = won.filter(pl.col("month") > cutoff, pl.col("month") <= last).group_by("branch_id")
        results = {
            b: (n, float(a or 0)) for b, n, a in of_year.agg(pl.col("is_won").sum(), pl.col("amount").sum()).iter_rows()
        }
        calls = defaultdict(lambda: [0, 0])
        for branch, day in held.select("branch_id", "occurred_on").iter_rows():
            if since <= day <= end:
                calls[branch][day > cutoff] += 1
        scored: Rows = []
        for branch, partner in branches(home).select("branch_id", "partner_id").iter_rows():
            profile = profile_at(home, branch, cutoff)
            score = score_of(profile)
            is_there = branch in set(open_at(home, cutoff)) and (ended[partner] or NEVER) > cutoff
            if profile and score is not None and is_there:
                n, amount = results.get(branch, (0, 0.0))
                scored.append({
                    "version": "v1", "cutoff_on": cutoff, "outcome_end": end, "branch_id": branch,
                    "partner_id": partner,
                    "potential_score": score, "profile_on": profile["as_of"], "known_on": profile["known_on"],
                    "support": "high_touch" if calls[branch][0] >= 2 * LIVE else "less",
                    "live_touches_before": calls[branch][0], "live_touches_after": calls[branch][1],
                    "outcome_wins": n, "outcome_amount": amount, "is_producing": n > 0,
                    "features": {name: value for name, (_, value, _) in points_of(profile).items()},
                })  # fmt: skip
        scored.sort(key=lambda row: (-row["potential_score"], row["branch_id"]))
        # The first fifths have one more where the branches cannot be divided by five.
        size, more = divmod(len(scored), 5)
        sizes = [size + (fifth < more) for fifth in range(5)]
        numbers = [fifth + 1 for fifth, count in enumerate(sizes) for _ in range(count)]
        rows += [row | {"score_fifth": fifth} for row, fifth in zip(scored, numbers, strict=True)]
    return rows


def test_outcomes_of_past_scores(built_home: Home) -> None:
    again = [{name: value for name, value in row.items() if name != "features"} for row in outcomes(built_home)]
    assert_rows(table(built_home, "segment", "potential_outcomes"), again, ["cutoff_on", "branch_id"], 100)
    closed = branches(built_home).filter(pl.col("closed_on").is_not_null())["branch_id"].to_list()
    assert {row["branch_id"] for row in again} & set(closed), "branches that ended since are among them"


def test_backtest(built_home: Home) -> None:
    again, rates = [], {}
    groups: dict[tuple[date, str], Rows] = defaultdict(list)
    for row in outcomes(built_home):
        for support in ("all", row["support"]):
            groups[row["cutoff_on"], support].append(row)
    for (cutoff, support), rows in sorted(groups.items()):
        base = statistics.fmean(row["is_producing"] for row in rows)
        with_win, without = ([r["potential_score"] for r in rows if r["is_producing"] == w] for w in (True, False))
        auc = None
        if with_win and without:
            auc = float(mannwhitneyu(with_win, without).statistic) / len(with_win) / len(without)
        for number in range(6):
            part = [row for row in rows if number in (0, row["score_fifth"])]
            if not part:
                continue
            n, producing = len(part), sum(row["is_producing"] for row in part)
            low, high = proportion_confint(producing, n, alpha=0.05, method="wilson")
            rates[cutoff, support, number] = (producing, n, part[0]["outcome_end"])
            past = [(p, m) for (_, s, b), (p, m, end) in rates.items() if (s, b) == (support, number) and end <= cutoff]
            again.append({
                "cutoff_on": cutoff, "support": support, "score_bin": number, "n": n, "producing": producing,
                "outcome_rate": rate(producing, n), "base_rate": base,
                "interval_low": pytest.approx(low, abs=1e-4), "interval_high": pytest.approx(high, abs=1e-4),
                "expected_rate": sum(p for p, _ in past) / sum(m for _, m in past) if past else None,
                "potential_lift": producing / n / base if base and n >= N_MIN else None,
                "outcome_amount": float(sum(row["outcome_amount"] for row in part)),
                "auc": auc if number == 0 else None,
                "live_touches_before": statistics.fmean(row["live_touches_before"] for row in part),
                "live_touches_after": statistics.fmean(row["live_touches_after"] for row in part),
            })  # fmt: skip
    mart = table(built_home, "segment", "potential_backtest")
    assert_rows(mart, again, ["cutoff_on", "support", "score_bin"], 50)


def test_features_against_outcomes(built_home: Home) -> None:
    values: dict[tuple[str, date], list[tuple[float, float]]] = defaultdict(list)
    for row in outcomes(built_home):
        for name, value in row["features"].items():
            if value is not None:
                values[name, row["cutoff_on"]].append((value, row["outcome_amount"]))
    mart = table(built_home, "segment", "potential_feature_results")
    again = []
    for (name, cutoff), pairs in values.items():
        expected = float(spearmanr(*zip(*pairs, strict=True)).statistic)
        row: dict[str, Any] = {"feature": name, "cutoff_on": cutoff, "n": len(pairs), "correlation": expected}
        if len(pairs) >= 10:
            z, error = math.atanh(expected), 1.03 / math.sqrt(len(pairs) - 3)
            low, high = math.tanh(z - 1.96 * error), math.tanh(z + 1.96 * error)
            row |= {"interval_low": low, "interval_high": high}
            row["evidence"] = "strong" if low * high > 0 else "some" if abs(z) >= 1.282 * error else "none"
        again.append(row)
    assert_rows(mart.filter(pl.col("cutoff_on").is_not_null()), again, ["feature", "cutoff_on"], 10)
    whole = {row["feature"]: row for row in mart.filter(pl.col("cutoff_on").is_null()).iter_rows(named=True)}
    for name, row in whole.items():
        single = [r["correlation"] for r in again if r["feature"] == name]
        assert min(single) - 0.02 <= row["correlation"] <= max(single) + 0.02
        assert row["cutoffs"] == len(single)


def test_recruiting(built_home: Home) -> None:
    live = table(built_home, "core", "fct_activities").filter(pl.col("status") == "held")
    met = dict(live.filter("is_live").group_by("partner_id").agg(pl.col("occurred_on").min()).iter_rows())
    deals = milestones(built_home)
    first_deal = dict(deals.group_by("partner_id").agg(pl.col("open_on").min()).iter_rows())
    first_win = dict(deals.group_by("partner_id").agg(pl.col("won_on").min()).iter_rows())
    last = max(month for month in months(built_home) if first_of_month(month, 1) - DAY <= today(built_home))
    recent = deals.with_columns(month=pl.col("won_on").dt.truncate("1mo")).filter(
        pl.col("month") > first_of_month(last, -12), pl.col("month") <= last
    )
    producing = set(recent["partner_id"])
    partners = table(built_home, "core", "dim_partner").filter(~pl.col("is_sentinel"))
    started: dict[str, date] = {}
    for row in accepted(built_home, "partners", "partner_id", "contract_started_on").iter_rows(named=True):
        if row["contract_started_on"] and row["contract_started_on"] <= today(built_home):
            known = started.get(row["partner_id"], NEVER)
            started[row["partner_id"]] = min(known, row["contract_started_on"])
    again: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    inquiries = accepted(built_home, "inquiries", "inquiry_id").filter(
        pl.col("kind").is_in(["resale", "referral", "oem"])
    )
    inquiries = inquiries.with_columns(day=pl.col("received_at").dt.offset_by("9h").dt.date())
    asked_for = dict(
        inquiries.sort("day", "inquiry_id", descending=True).select("became_partner_id", "kind").iter_rows()
    )
    sells_by = {row["partner_type"]: row["channel"] for row in seed("partner_channels")}
    waits: dict[tuple[str, str], list[float]] = defaultdict(list)
    areas = {row["prefecture_start"]: row["area"] for row in seed("areas")}
    # The head office, otherwise the first branch, of those whose prefecture has an area.
    offices: dict[str, str] = {}
    for row in branches(built_home).sort(~pl.col("is_head_office"), "branch_id").iter_rows(named=True):
        if (row["prefecture"] or "")[:2] in areas:
            offices.setdefault(row["partner_id"], row["prefecture"])
    trained = live.filter(pl.col("activity_type").is_in(["study_session", "training"]), pl.col("reps_attended") > 0)
    enabled = set(trained["partner_id"])
    for row in partners.iter_rows(named=True):
        partner = row["partner_id"]
        begun = started.get(partner)
        is_observed = bool(begun and begun <= first_of_month(last, -12)) and (
            row["contract_ended_on"] or NEVER
        ) > first_of_month(last, -12)
        count = Counter({
            "prospects": 1, "met": int(partner in met), "with_deal": int(first_deal.get(partner) is not None),
            "with_win": int(first_win.get(partner) is not None), "contracted": int(begun is not None),
            "enabled": int(partner in enabled),
            "fit_rate_denominator": int(is_observed),
            "fit_rate_numerator": int(is_observed and partner in producing),
        })  # fmt: skip
        place = offices.get(partner)
        for cut in (
            ("industry", row["industry"] or "unknown"),
            ("area", areas.get((place or "")[:2], "unknown")),
            ("channel", sells_by.get(row["partner_type"]) or asked_for.get(partner) or "unknown"),
            ("partner_type", row["partner_type"]),
        ):
            again[cut].update(count)
            if begun and begun >= months(built_home)[0]:
                won_on = first_win.get(partner)
                waits[cut].append(max((won_on - begun).days, 0) if won_on else math.inf)
    inquiries = inquiries.with_columns(a_year_later=pl.col("day").dt.offset_by("1y"))
    for row in inquiries.filter(pl.col("day") <= today(built_home)).iter_rows(named=True):
        signed, a_year_later = started.get(row["became_partner_id"]), row["a_year_later"]
        if signed and signed < row["day"]:
            continue
        for cut in (
            ("industry", row["industry"] or "unknown"),
            ("area", areas.get((row["prefecture"] or "")[:2], "unknown")),
            ("channel", row["kind"]),
        ):
            is_over = a_year_later <= today(built_home)
            again[cut].update({
                "inquiries": 1, "inquiry_conversion_denominator": int(is_over),
                "inquiry_conversion_numerator": int(is_over and bool(signed and signed < a_year_later)),
            })  # fmt: skip
    mart = table(built_home, "segment", "recruit_funnel")
    rows: Rows = []
    for (cut, value), of in again.items():
        n, won = of["fit_rate_denominator"], of["fit_rate_numerator"]
        wait = waits[cut, value]
        median = statistics.median(wait) if len(wait) >= N_MIN else math.inf
        row: dict[str, Any] = {
            "cut": cut,
            "cut_value": value,
            "fit_rate": rate(won, n),
            "starts": len(wait),
            "days_to_first_win": float(median) if median < math.inf else None,
            "inquiry_conversion": rate(of["inquiry_conversion_numerator"], of["inquiry_conversion_denominator"]),
        } | {
            name: of[name]
            for name in (
                "prospects",
                "met",
                "contracted",
                "enabled",
                "with_deal",
                "with_win",
                "fit_rate_denominator",
                "fit_rate_numerator",
            )
        }
        for name in ("inquiries", "inquiry_conversion_numerator", "inquiry_conversion_denominator"):
            row[name] = None if cut == "partner_type" else of[name]
        if n:
            low, high = proportion_confint(won, n, alpha=0.05, method="wilson")
            row |= {"interval_low": pytest.approx(low, abs=1e-4), "interval_high": pytest.approx(high, abs=1e-4)}
        rows.append(row)
    assert_rows(mart, rows, ["cut", "cut_value"], 10)
    assert mart.filter(pl.col("cut") == "area")["prospects"].sum() == len(partners)


def test_prospects(built_home: Home) -> None:
    """Who is listed, from roster, deals and inquiries; the signs, from the funnel's intervals."""
    partners = table(built_home, "core", "dim_partner").filter(~pl.col("is_sentinel"))
    contracts = accepted(built_home, "partners", "partner_id", "contract_started_on").filter(
        pl.col("contract_started_on") <= today(built_home)
    )
    known = set(contracts["partner_id"]) | set(milestones(built_home)["partner_id"])
    ended = set(partners.filter(pl.col("contract_ended_on") <= today(built_home))["partner_id"])
    again: dict[tuple[str, str], dict[str, Any]] = {
        ("partner", row["partner_id"]): {"name": row["partner_name"], "industry": row["industry"] or "unknown"}
        for row in partners.iter_rows(named=True)
        if row["partner_id"] not in known | ended
    }
    inquiries = accepted(built_home, "inquiries", "inquiry_id").with_columns(
        day=pl.col("received_at").dt.offset_by("9h").dt.date()
    )
    recent = inquiries.filter(
        pl.col("kind").is_in(["resale", "referral", "oem"]), pl.col("became_partner_id").is_null(),
        pl.col("day") <= today(built_home), pl.col("day").dt.offset_by("1y") > today(built_home),
    )  # fmt: skip
    in_order = recent.sort("day", "inquiry_id").iter_rows(named=True)
    for row in {row["company_name"] or row["inquiry_id"]: row for row in in_order}.values():
        again["inquiry", row["inquiry_id"]] = {
            "name": row["company_name"], "industry": row["industry"] or "unknown", "channel": row["kind"],
        }  # fmt: skip
    mart = table(built_home, "segment", "recruit_prospects")
    assert len(mart) == len(again) > 4
    rows = table(built_home, "segment", "recruit_funnel").iter_rows(named=True)
    funnel = {(row["cut"], row["cut_value"]): row for row in rows}
    for row in mart.iter_rows(named=True):
        expected = again[row["prospect_type"], row["prospect_id"]]
        assert (row["prospect_name"], row["industry"]) == (expected["name"], expected["industry"])
        assert row["channel"] == expected.get("channel", row["channel"])
        signs = 0
        for cut in ("industry", "area", "channel"):
            of = funnel.get((cut, row[cut]))
            if row[cut] != "unknown" and of and of["fit_rate_denominator"] >= N_MIN:
                alpha = 2 * float(norm.sf(PROJECT_VARS["evidence_some"]))
                low, high = proportion_confint(of["fit_rate_numerator"], of["fit_rate_denominator"], alpha, "wilson")
                signs += int(low > of["all_rate"]) - int(high < of["all_rate"])
        assert (row["fit_signs"], row["reason"] is None) == (signs, row["reason_ja"] is None)


def bounds(row: dict[str, Any], metric: str) -> tuple[float, float] | None:
    """Return the interval of 80 % of a figure: the exact one of a count, Wilson's of a share of enough cases."""
    tail = float(norm.sf(1.282))
    if metric in ("deals_won_t12m", "reps_producing_t12m"):
        n = row[metric]
        return float(chi2.ppf(tail, 2 * n)) / 2 if n > 0 else 0.0, float(chi2.ppf(1 - tail, 2 * n + 2)) / 2
    part, whole = (
        row[f"{metric}_numerator"],
        row["headcount" if metric == "rep_penetration" else f"{metric}_denominator"],
    )
    if whole is None or part is None or whole < N_MIN:
        return None
    low, high = proportion_confint(min(part, whole), whole, alpha=2 * tail, method="wilson")
    return float(low), float(high)


def test_phase_proposals(built_home: Home) -> None:
    """Every condition of a rule, at two quarter ends in a row, by more than chance explains."""
    over = [month for month in months(built_home) if first_of_month(month, 1) - DAY <= today(built_home)]
    ends = [month for month in over if month.month % 3 == 0][-2:]
    history: dict[tuple[str, str], list[tuple[date, str]]] = defaultdict(list)
    for row in accepted(built_home, "phase_history").iter_rows(named=True):
        history[row["scope"], row["scope_id"] or "ALL"].append((row["valid_from"], row["phase"]))

    def phase(scope: str, entity: str | None, day: date) -> str | None:
        known = [one for one in history.get((scope, entity or ""), []) if one[0] <= day]
        return max(known)[1] if known else None

    above: dict[tuple[str, str], list[tuple[str, str | None]]] = {}
    for row in branches(built_home).iter_rows(named=True):
        division, partner = row["current_division_id"], row["current_partner_id"]
        above["branch", row["branch_id"]] = [("division", division), ("partner", partner), ("company", "ALL")]
        above["division", division] = [("partner", partner), ("company", "ALL")]
        above["partner", partner] = [("company", "ALL")]
    above["company", "ALL"] = []
    closed = dict(branches(built_home).select("branch_id", "closed_on").iter_rows())
    rules: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for rule in seed("phase_rules"):
        rules[rule["phase"], rule["next_phase"]].append(rule)
    again = []
    for scope in ("branch", "division", "partner", "company"):
        sales = table(built_home, "kpi", "performance").filter(pl.col("scope") == scope, pl.col("month").is_in(ends))
        name = "company_monthly" if scope == "company" else f"{scope}_monthly_as_is"
        monthly = table(built_home, "kpi", name).with_columns(
            entity_id=pl.lit("ALL") if scope == "company" else pl.col(f"{scope}_id")
        )
        people = monthly.select("entity_id", "month", "reps_producing_t12m", "rep_penetration_numerator", "headcount")
        of = {(row["entity_id"], row["month"]): row for row in sales.join(people, on=["entity_id", "month"]).to_dicts()}
        for entity in {entity for entity, _ in of if (scope, entity) in above}:
            if any((entity, end) not in of for end in ends):
                continue
            if scope == "branch" and (closed[entity] or NEVER) <= first_of_month(ends[-1], 1) - DAY:
                continue
            found = []
            for end in ends:
                day = first_of_month(end, 1) - DAY
                own = phase(scope, entity, day)
                known = own or next((p for at in above[scope, entity] if (p := phase(*at, day))), None)
                ready = set()
                for (before, after), conditions in rules.items():
                    is_met = before == known
                    for rule in conditions:
                        interval = bounds(of[entity, end], rule["metric"])
                        limit = float(rule["threshold"])
                        if rule["comparison"] == "below":
                            is_met = is_met and own is not None and interval is not None and interval[1] < limit
                        else:
                            is_met = is_met and interval is not None and interval[0] >= limit
                    if is_met:
                        ready.add((before, after))
                found.append(ready)
            again += [
                {"scope": scope, "entity_id": entity, "phase": before, "proposed_phase": after,
                    "judged_on": first_of_month(ends[-1], 1) - DAY}
                for before, after in found[0] & found[1]
            ]  # fmt: skip
    key = ["scope", "entity_id", "phase", "proposed_phase"]
    assert_rows(table(built_home, "segment", "phase_proposals"), again, key, 2)
    assert {row["proposed_phase"] for row in again} >= {"growth", "launch"}
