"""Network, target paths, scorecard, conflicts, inquiries and coverage, computed a second time from the facts."""

import math
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl

from orchestration.home import PROJECT, Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    SCOPES,
    accepted,
    assert_same,
    credited,
    entities,
    entities_of_today,
    first_of_month,
    is_recorded,
    milestones,
    month_end,
    months,
    months_between,
    partners_of_today,
    placed,
    staged,
    table,
    today,
    wins,
    within,
)

N_MIN = PROJECT_VARS["n_min"]
YEAR = 365.25  # days
KPI_SETS = pl.read_csv(PROJECT / "seeds" / "kpi_sets.csv")  # none of which has changed so far
SHOWN = set(KPI_SETS["metric"])
CATALOGUE = pl.read_csv(PROJECT / "seeds" / "metrics.csv")
QUANTITIES = set(
    CATALOGUE.filter(pl.col("unit").is_in(["count", "persons", "JPY"]), pl.col("direction") == "up")["metric"]
)
AT_A_DAY = set(
    CATALOGUE.filter(pl.col("time_window").is_in(["as of", "trailing 90 days", "fiscal year to date"]))["metric"]
)
OF_ONE_MONTH = {
    "deals_new", "deals_won", "won_amount", "referrals", "sessions_held", "reps_contacted",
}  # fmt: skip


def runs(spans: list[tuple[date, date]], on: date) -> bool:
    """Return whether one of these half-open intervals contains a day."""
    return any(start <= on < end for start, end in spans)


def real(home: Home, name: str) -> pl.DataFrame:
    return table(home, "core", name).filter(~pl.col("is_sentinel"))


def half_start(month: date) -> date:
    """Return the first month of a month's fiscal half."""
    return first_of_month(month, -((month.month - 4) % 6))


def counted_as_longest(days: list[int | None]) -> float | None:
    """Return the median of days, where a missing value counts as the longest; None if the median is missing."""
    ordered = sorted(float("inf") if day is None else day for day in days)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return None if not middle or middle[-1] == float("inf") else sum(middle) / len(middle)


def contracts(home: Home, dataset: str, key: str) -> dict[str, list[tuple[date, date]]]:
    """Return the periods of contracts by entity, as successive extracts report them."""
    found: dict[str, list[tuple[date, date]]] = {}
    last: dict[str, date] = {}
    reported = staged(home, f"stg_{dataset}").select(
        key, "contract_started_on", pl.col("contract_ended_on").fill_null(date.max), "extracted_on"
    )
    dimension = real(home, f"dim_{key.removesuffix('_id')}").select(
        key, "contract_started_on", pl.col("contract_ended_on").fill_null(date.max), extracted_on=pl.lit(date.max)
    )
    contract_periods = (
        pl.concat([reported, dimension]).drop_nulls("contract_started_on").sort("extracted_on")
        .unique([key, "contract_started_on"], keep="last", maintain_order=True)
    )  # fmt: skip
    for row in contract_periods.iter_rows(named=True):
        start, end = row["contract_started_on"], row["contract_ended_on"]
        # The contract reported last before this one began is a separate contract and ends then at the latest.
        before = last.get(row[key], date.max) < start
        earlier = [(s, min(e, start)) for s, e in found.get(row[key], []) if s != start and (before or e <= start)]
        last[row[key]] = row["extracted_on"]
        if earlier and start - earlier[-1][1] <= timedelta(days=1):
            start = earlier.pop()[0]
        found[row[key]] = [*earlier, (start, end)]
    return found


def test_network(built_home: Home) -> None:
    companies = dict(
        real(built_home, "dim_partner").select("partner_id", pl.coalesce("corporate_number", "partner_id")).iter_rows()
    )
    partners = contracts(built_home, "partners", "partner_id")
    own = contracts(built_home, "branches", "branch_id")
    reported = staged(built_home, "stg_branches").drop_nulls("contract_started_on")["branch_id"].unique()
    branches = real(built_home, "dim_branch")
    under: dict[str, list[tuple[date, date]]] = {}
    for b in branches.iter_rows(named=True):
        runs_of = own.get(b["branch_id"], []) if b["branch_id"] in reported else partners.get(b["partner_id"], [])
        clipped = [(max(s, b["opened_on"] or s), min(e, b["closed_on"] or e)) for s, e in runs_of]
        under[b["branch_id"]] = [(s, e) for s, e in clipped if s < e]
    # The results of a branch before the data began are unknown.
    began = {branch: spans[0][0] for branch, spans in under.items() if spans and spans[0][0] >= months(built_home)[0]}
    deals = milestones(built_home)
    firsts = {
        day: dict(deals.group_by("branch_id").agg(pl.col(day).min()).iter_rows()) for day in ("open_on", "won_on")
    }
    entries = table(built_home, "core", "fct_stage_entries").filter(
        "is_counted", pl.col("stage") == "open", pl.col("branch_id").is_in(branches["branch_id"].implode())
    )
    again = []
    for month in months(built_home):
        end = min(month_end(month), today(built_home))
        age = months_between(pl.col("entered_month"), month)
        alive = branches.filter(
            (pl.col("opened_on").fill_null(date.min) <= end) & (pl.col("closed_on").fill_null(date.max) > end)
        )
        with_deals = entries.filter(pl.col("branch_id").is_in(alive["branch_id"].implode()))
        active = set(with_deals.filter((age >= 0) & (age < PROJECT_VARS["active_window_months"]))["branch_id"])
        dormant = set(with_deals.filter(age >= PROJECT_VARS["active_window_months"])["branch_id"]) - active
        last = end - timedelta(days=PROJECT_VARS["activation_days"])
        cohort = {b: since for b, since in began.items() if last.replace(year=last.year - 1) < since <= last}
        waits: dict[str, list[int | None]] = {
            name: [
                max((first[branch] - since).days, 0) if first.get(branch) and first[branch] <= end else None
                for branch, since in cohort.items()
            ]
            for name, first in firsts.items()
        }
        quick = [days for days in waits["open_on"] if days is not None and days <= PROJECT_VARS["activation_days"]]
        again.append(
            {
                "month": month,
                "partners_contracted": len({companies[p] for p, spans in partners.items() if runs(spans, end)}),
                "partners_signed": len(
                    {companies[p] for p, spans in partners.items() if any(month <= s <= end < e for s, e in spans)}
                ),
                "branches_contracted": sum(runs(spans, end) for spans in under.values()),
                "branches_active": len(active),
                "dormant_units": len(dormant),
                "dormancy_rate": len(dormant) / len(dormant | active) if dormant | active else None,
                "activation_rate_numerator": len(quick),
                "activation_rate_denominator": len(cohort),
                "activation_rate": len(quick) / len(cohort) if len(cohort) >= N_MIN else None,
                "ttfd": counted_as_longest(waits["open_on"]) if len(cohort) >= N_MIN else None,
                "ttfw": counted_as_longest(waits["won_on"]) if len(cohort) >= N_MIN else None,
            }
        )
    assert_same(table(built_home, "kpi", "network_monthly"), pl.DataFrame(again, infer_schema_length=None), ["month"])


def has_twelve_months(home: Home, month: date) -> bool:
    """Return whether the twelve months up to a month are complete and in the data."""
    return is_recorded(home, first_of_month(month, -11), 12)


def won_money(home: Home, metric: str, scope: str, entity: str, month: date, window: int) -> float | None:
    """Return the money, or the share of partners in it, of the months up to a complete month."""
    won = credited(home, "as_is").filter(within(month, window))
    if scope == "rep":
        return float(won.filter(pl.col("rep_id") == entity)["amount"].sum())
    won = placed(home, won, scope, "as_is").filter(pl.col("entity_id") == entity)
    if metric == "won_amount":
        return float(won["amount"].sum())
    kinds = dict(won.group_by("channel_class").agg(pl.col("amount").sum()).iter_rows())
    return kinds["indirect"] / (kinds["indirect"] + kinds["direct"])


def figure(home: Home, row: dict[str, Any], month: date) -> float | None:
    """Return the value of a target's metric for its own period, or for twelve months, up to a complete month."""
    since = row["period_start"]
    length = 12 if since is None else (month.year - since.year) * 12 + month.month - since.month + 1
    if not is_recorded(home, first_of_month(month, 1 - length), length):
        return None
    scope, entity = row["scope"], row["scope_id"] or "ALL"
    if row["metric"] in ("won_amount", "indirect_ratio"):
        return won_money(home, row["metric"], scope, entity, month, length)
    mart = table(home, "kpi", f"{scope}_monthly_as_is").filter(pl.col(f"{scope}_id") == entity)
    if row["metric"] == "headcount":
        return mart.filter(pl.col("month") == month)["headcount"].item()
    return float(mart.filter(within(month, length))[row["metric"]].sum())


def has_a_future(home: Home, scope: str, entity: str | None) -> bool:
    """Return whether a target can still be reached: not by a closed branch, nor by a partner that another took over."""
    if scope not in SCOPES or entity not in set(entities(home, scope, "as_was")["entity_id"]):
        return True  # the company, a rep, or nobody that we know
    return entity in entities_of_today(home, scope)


def by_season(home: Home, row: dict[str, Any], month: date) -> float | None:
    """Return the part of a path's way that the company's months of up to three fiscal years before its start imply."""
    since = row["period_start"] - timedelta(days=1) if row["period_start"] else row["baseline_on"]
    if since is None or row["metric"] not in ("won_amount", "deals_new"):
        return None
    first = since + timedelta(days=1)
    april = date(first.year - (first.month < 4), 4, 1)
    seasons: dict[int, float] = defaultdict(float)
    company = table(home, "kpi", "company_monthly")
    for back in (1, 2, 3):
        if is_recorded(home, first_of_month(april, -12 * back), 12):
            year = company.filter(within(first_of_month(april, 11 - 12 * back), 12))
            for at, value in year.select("month", row["metric"]).iter_rows():
                seasons[at.month] += float(value)
    if not sum(seasons.values()):
        return None
    done, whole, at = 0.0, 0.0, first_of_month(first)
    while at <= row["deadline"]:
        days = (min(month_end(at), row["deadline"]) - max(since, at - timedelta(days=1))).days
        weight = seasons[at.month] * days / month_end(at).day
        whole += weight
        done += weight if at <= month else 0
        at = first_of_month(at, 1)
    return done / whole


def paths(home: Home) -> pl.DataFrame:
    """Compute each target's months: both paths, the actual, the gaps, the growth still required, and the result."""
    again = []
    targets = accepted(home, "targets").with_columns(pl.col(pl.Decimal).cast(pl.Float64))
    for row in targets.iter_rows(named=True):
        if not has_a_future(home, row["scope"], row["scope_id"]):
            continue
        since, is_flow = row["period_start"], row["metric"] in ("won_amount", "deals_new")
        begin, base = row["baseline_on"], row["baseline"]
        if since and is_flow:
            begin, base = since - timedelta(days=1), 0.0
        month = first_of_month(since or begin or months(home)[0])
        last = first_of_month(row["deadline"])
        result = figure(home, row, last) if month_end(last) <= today(home) else None
        while month <= row["deadline"]:
            end, path, growth, seasonal = min(month_end(month), row["deadline"]), None, None, None
            share = by_season(home, row, month)
            if base is not None:
                path = base + (row["target"] - base) * ((end - begin) / (row["deadline"] - begin))
                seasonal = None if share is None else base + (row["target"] - base) * share
            elif since:
                path = row["target"]
            actual = figure(home, row, month) if month_end(month) <= today(home) else None
            years = (row["deadline"] - end).days / YEAR
            if actual is not None and years >= 0.25 and not (since and is_flow):
                if row["metric"] == "indirect_ratio":
                    growth = (row["target"] - actual) / years
                elif actual > 0:
                    growth = (row["target"] / actual) ** (1 / years) - 1
            again.append(
                {
                    "metric": row["metric"],
                    "scope": row["scope"],
                    "entity_id": row["scope_id"] or "ALL",
                    "period_start": since,
                    "deadline": row["deadline"],
                    "month": month,
                    "is_complete": month_end(month) <= today(home),
                    "target": row["target"],
                    "path": path,
                    "path_seasonal": seasonal,
                    "actual": actual,
                    "path_gap": None if path is None or actual is None else actual - path,
                    "seasonal_gap": None if seasonal is None or actual is None else actual - seasonal,
                    "required_growth": growth,
                    "result": result,
                    "outcome": "running"
                    if month_end(row["deadline"]) > today(home)
                    else "unknown"
                    if result is None
                    else "reached"
                    if result >= row["target"]
                    else "missed",
                }
            )
            month = first_of_month(month, 1)
    return pl.DataFrame(again, infer_schema_length=None)


def test_target_paths(built_home: Home) -> None:
    again = paths(built_home)
    assert again["actual"].count() and again["path_seasonal"].count() and {"reached", "missed"} <= set(again["outcome"])
    key = ["metric", "scope", "entity_id", "period_start", "deadline", "month"]
    assert_same(table(built_home, "kpi", "target_path"), again, key)


def test_a_target_that_was_missed_stays_missed(built_home: Home) -> None:
    """No row is later than the deadline: what comes in the twelve months after it belongs to no target."""
    found = table(built_home, "kpi", "target_path")
    assert (found["month"] <= found["deadline"]).all()
    over = found.filter(pl.col("outcome").is_in(["reached", "missed"]))
    assert over.group_by("metric", "scope", "entity_id", "period_start", "deadline").agg(
        pl.col("result").n_unique(), pl.col("outcome").n_unique()
    ).select(pl.col("result", "outcome").max()).row(0) == (1, 1)  # fmt: skip
    # Each target of a rep has a figure, of deals and money.
    reps = found.filter(pl.col("scope") == "rep", "is_complete")
    assert len(reps) and reps["actual"].null_count() == 0


def phases(home: Home) -> Callable[[str, str, date], str | None]:
    """Return a function for an entity's phase at the end of a month: its own, its partner's or the company's."""
    history = accepted(home, "phase_history").sort("valid_from")
    known: dict[tuple[str, str | None], list[tuple[date, str]]] = defaultdict(list)
    for scope, entity, phase, since in history.select("scope", "scope_id", "phase", "valid_from").iter_rows():
        known[scope, entity or "ALL"].append((since, phase))

    def phase(scope: str, entity: str, month: date) -> str | None:
        for asked in ((scope, entity), ("partner", partners_of_today(home, scope).get(entity)), ("company", "ALL")):
            so_far = [phase for since, phase in known[asked] if since <= min(month_end(month), today(home))]
            if so_far:
                return so_far[-1]
        return None

    return phase


def channels(home: Home, scope: str) -> dict[tuple[str, date], str]:
    """Return the channel by entity and month: referral if more than half of a year's new deals are referred."""
    entries = table(home, "core", "fct_stage_entries").filter(
        "is_counted", pl.col("stage") == "open", pl.col("branch_id") != "DIRECT"
    )
    deals = placed(home, entries, scope, "as_is").select(
        "entity_id",
        month="entered_month",
        referred=pl.col("channel").is_in(["referral", "matching"]).fill_null(False),
    )
    return {
        (entity, month): "referral" if 2 * referred > total else "resale"
        for month in months(home)
        for entity, referred, total in deals.filter(within(month, 12))
        .group_by("entity_id")
        .agg(pl.col("referred").sum(), pl.len())
        .iter_rows()
    }


def of_partners(home: Home) -> pl.DataFrame:
    """Return the company's months without direct sales."""
    everything = table(home, "kpi", "company_monthly")
    direct = table(home, "kpi", "partner_monthly").filter(pl.col("partner_id") == "DIRECT")
    both = everything.join(direct, on="month", how="left", suffix="_of_direct")
    return both.with_columns(
        pl.col(name) - pl.col(f"{name}_of_direct").fill_null(0)
        for name in ("deals_new", "deals_qualified", "deals_won", "won_amount", "referrals", "sessions_held")
    )


def active_today(home: Home, scope: str) -> list[tuple[str, date]]:
    """Return the entities that are active today, with the months of their own and their predecessors' data."""
    if scope == "company":
        return [("ALL", month) for month in months(home)]
    mart = table(home, "kpi", f"{scope}_monthly_as_is").select(f"{scope}_id", "month")
    open_today = entities_of_today(home, scope)
    return [(entity, month) for entity, month in mart.iter_rows() if entity in open_today]


def metrics(home: Home) -> dict[tuple[str, str, date, str], float]:
    """Return all possible values of scorecards, by scope, entity, month and metric."""
    values = {}
    for scope in SCOPES:
        in_scope = pl.col("scope") == scope
        monthly = of_partners(home) if scope == "company" else table(home, "kpi", f"{scope}_monthly_as_is")
        marts = [
            # As is, its headcount differs from that of the company as was, and only the latter is published.
            table(home, "kpi", "rep_concentration").filter(in_scope),
            monthly.with_columns(entity_id=pl.lit("ALL") if scope == "company" else pl.col(f"{scope}_id")),
            table(home, "kpi", "performance").filter(in_scope),
        ]
        if scope == "company":
            marts.append(table(home, "kpi", "network_monthly").with_columns(entity_id=pl.lit("ALL")))
        for mart in marts:
            for metric in set(mart.columns) & SHOWN:
                for name, month, value in mart.select("entity_id", "month", metric).iter_rows():
                    values.setdefault((scope, name, month, metric), value)
    return values


def line_of(rows: list[dict[str, Any]], month: date) -> dict[str, Any]:
    """Return the month of the target with the nearest deadline, or the last month of the latest one that is over."""
    if running := [row for row in rows if row["month"] == month]:
        return min(running, key=lambda row: row["deadline"])
    over = [row for row in rows if row["month"] < month and row["month"] == first_of_month(row["deadline"])]
    return max(over, key=lambda row: row["deadline"], default={"path": None, "actual": None, "path_gap": None})


class Figures:
    """The values of cards: of a month, and of twelve months where a metric of one month is shown for a year."""

    def __init__(self, home: Home) -> None:
        self.home, self.of = home, metrics(home)
        self.scopes: dict[str, set[str]] = defaultdict(set)
        for scope, _, _, metric in self.of:
            self.scopes[metric].add(scope)
        touched = table(home, "core", "fct_attendance").filter(
            "is_live_touch", pl.col("rep_id").is_not_null(), pl.col("branch_id").is_not_null()
        )
        self.touched = {scope: placed(home, touched, scope, "as_is") for scope in SCOPES}
        self.persons: dict[tuple[str, date], dict[str, int]] = {}

    def year(self, scope: str, entity: str, month: date, metric: str) -> float | None:
        if month < first_of_month(months(self.home)[0], 11) or (scope, entity, month, metric) not in self.of:
            return None
        if metric != "reps_contacted":
            found = [self.of.get((scope, entity, first_of_month(month, -n), metric)) for n in range(12)]
            return float(sum(value for value in found if value is not None))
        if (scope, month) not in self.persons:
            of_year = self.touched[scope].filter(within(month, 12, "occurred_month"))
            self.persons[scope, month] = dict(
                of_year.group_by("entity_id").agg(pl.col("rep_id").n_unique()).iter_rows()
            )
        return self.persons[scope, month].get(entity, 0)

    def shown(self, scope: str, entity: str, month: date, metric: str, *, is_yearly: bool) -> float | None:
        return self.year(scope, entity, month, metric) if is_yearly else self.of.get((scope, entity, month, metric))

    def growth(self, metric: str, month: date) -> float | None:
        """Return how much the company grew in the year that ended a year ago."""
        before, earlier = first_of_month(month, -12), first_of_month(month, -24)
        if not has_twelve_months(self.home, earlier):
            return None
        monthly = metric in OF_ONE_MONTH
        now, then = (self.shown("company", "ALL", at, metric, is_yearly=monthly) for at in (before, earlier))
        return None if now is None or not then else float(now) / float(then)


def card(figures: Figures, chosen: pl.DataFrame, scope: str, entity: str, month: date) -> list[dict[str, Any]]:
    """Return the metrics of a card: of the set, and of its reserve where the set has none or nothing but zeros."""
    before, found = first_of_month(month, -12), []
    for row in chosen.iter_rows(named=True):
        metric = row["metric"]
        is_yearly = scope != "company" and metric in OF_ONE_MONTH
        is_there = has_twelve_months(figures.home, before) or (
            not is_yearly and (metric in OF_ONE_MONTH or metric in AT_A_DAY)
        )
        of_scope = scope in figures.scopes[metric]
        actual = figures.shown(scope, entity, month, metric, is_yearly=is_yearly) if of_scope else None
        year_before = (
            figures.shown(scope, entity, before, metric, is_yearly=is_yearly) if of_scope and is_there else None
        )
        weakness = None
        if not of_scope:
            weakness = "other_scope"
        elif actual is None:
            weakness = "no_figure"
        elif actual == 0 and not year_before:
            weakness = "zero"
        found.append(
            row
            | {
                "actual": actual, "actual_year_before": year_before, "weakness": weakness,
                "month_actual": figures.of.get((scope, entity, month, metric)) if is_yearly else None,
            }
        )  # fmt: skip
    order = [None, "zero", "no_figure", "other_scope"]
    found.sort(key=lambda row: (order.index(row["weakness"]), row["kpi_rank"]))
    places = sum(not row["is_reserve"] for row in found)
    gone = sorted((r for r in found[places:] if not r["is_reserve"]), key=lambda row: row["kpi_rank"])
    instead = sorted((r for r in found[:places] if r["is_reserve"]), key=lambda row: row["kpi_rank"])
    for new, old in zip(instead, gone, strict=True):
        new |= {"kpi_rank": old["kpi_rank"], "instead_of": old["metric"], "instead_of_reason": old["weakness"]}
    return found[:places]


def test_scorecard(built_home: Home) -> None:
    """The metrics of the set for an entity's phase and channel, with their values in the other marts."""
    phase_of, figures = phases(built_home), Figures(built_home)
    lines: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in table(built_home, "kpi", "target_path").iter_rows(named=True):
        lines[row["scope"], row["entity_id"], row["metric"]].append(row)
    again = []
    for scope in SCOPES:
        channel_of = channels(built_home, scope)
        for entity, month in active_today(built_home, scope):
            phase, channel = phase_of(scope, entity, month), channel_of.get((entity, month), "resale")
            chosen = KPI_SETS.filter((pl.col("phase") == phase) & (pl.col("channel") == channel))
            for row in card(figures, chosen, scope, entity, month):
                metric, growth = row["metric"], figures.growth(row["metric"], month)
                line = line_of(lines[scope, entity, metric], month)
                basis, target, actual, gap = "target", line["path"], line["actual"], line["path_gap"]
                if "metric" not in line:
                    basis = target = actual = gap = None
                    if metric in QUANTITIES and (row["actual_year_before"] or 0) > 0 and growth is not None:
                        basis, actual = "proposal", row["actual"]
                        target = math.floor(float(row["actual_year_before"]) * growth + 0.5)
                        gap = None if actual is None else float(actual) - target
                again.append(
                    {
                        "scope": scope,
                        "entity_id": entity,
                        "month": month,
                        "phase": phase,
                        "channel": channel,
                        **{
                            name: row.get(name)
                            for name in (
                                "metric", "kpi_rank", "actual", "month_actual", "actual_year_before", "instead_of",
                                "instead_of_reason",
                            )
                        },
                        "target_basis": basis,
                        "target": target,
                        "target_actual": actual,
                        "gap": gap,
                    }
                )  # fmt: skip
    key = ["scope", "entity_id", "month", "metric"]
    assert_same(table(built_home, "kpi", "scorecard"), pl.DataFrame(again, infer_schema_length=None), key)


def test_a_missed_target_stays_missed(built_home: Home) -> None:
    """A target of a year that was missed by 693 million was shown as reached twelve months later."""
    paths = table(built_home, "kpi", "target_path").filter(pl.col("metric") == "won_amount")
    assert (paths["month"] <= paths["deadline"]).all()
    over = paths.filter(
        pl.col("outcome").is_in(["reached", "missed"]), pl.col("month") == pl.col("deadline").dt.month_start()
    )
    assert (over["outcome"] == "reached").to_list() == (over["result"] >= over["target"]).to_list()
    assert over["actual"].to_list() == over["result"].to_list()
    now = table(built_home, "kpi", "performance").filter(pl.col("month") == month_of_last(built_home))
    later = over.join(now.select("scope", "entity_id", "won_amount_t12m"), on=["scope", "entity_id"])
    # By the twelve months up to now, this one would be reached.
    turned = later.filter(pl.col("outcome") == "missed", pl.col("won_amount_t12m").cast(pl.Float64) >= pl.col("target"))
    assert len(turned) > 0 and (turned["deadline"].dt.year() < month_of_last(built_home).year).all()


def month_of_last(home: Home) -> date:
    """Return the last month that is over."""
    return max(month for month in months(home) if month_end(month) <= today(home))


def test_the_card_of_a_branch_is_no_row_of_zeros(built_home: Home) -> None:
    """A branch with a deal of the last year or a known rep has a figure on its card."""
    month = max(month for month in months(built_home) if month_end(month) <= today(built_home))
    cards = table(built_home, "kpi", "scorecard").filter(pl.col("scope") == "branch", pl.col("month") == month)
    dull = cards.group_by("entity_id").agg((pl.col("actual").fill_null(0) == 0).all()).filter("actual")["entity_id"]
    monthly = table(built_home, "kpi", "branch_monthly_as_is").filter(within(month, 12))
    now_known = monthly.filter(pl.col("month") == month, pl.col("reps_known") > 0)["branch_id"]
    sold = monthly.filter(pl.col("deals_won") > 0)["branch_id"]
    assert len(now_known) > 10
    assert set(dull) & (set(now_known) | set(sold)) == set()
    assert (cards["instead_of"].is_not_null() == cards["instead_of_reason"].is_not_null()).all()
    assert cards.group_by("entity_id").len()["len"].max() == 5


def open_deals(home: Home) -> pl.DataFrame:
    """Return counted deals with a customer, with the period from their first day to their first win or loss."""
    deals = table(home, "core", "fct_deals").filter("is_counted", pl.col("customer_id").is_not_null())
    return deals.select("deal_id", "customer_id").join(
        milestones(home).with_columns(closed_on=pl.min_horizontal("won_on", "lost_on")), on="deal_id"
    )


def conflicts(home: Home) -> pl.DataFrame:
    """Return pairs of deals of one customer that were open at the same time: partner and direct, or two partners."""
    deals = open_deals(home)
    pairs = deals.filter(pl.col("channel_class") == "indirect").join(deals, on="customer_id", suffix="_other")
    both_from = pl.max_horizontal("open_on", "open_on_other")
    two_partners = (
        (pl.col("channel_class_other") == "indirect")
        & (pl.col("partner_id") != pl.col("partner_id_other"))
        & (pl.col("deal_id") < pl.col("deal_id_other"))
    )
    return (
        pairs.filter((pl.col("channel_class_other") == "direct") | two_partners)
        .select(
            "customer_id",
            "deal_id",
            "branch_id",
            "partner_id",
            other_deal_id="deal_id_other",
            other_branch_id="branch_id_other",
            other_partner_id="partner_id_other",
            conflict_kind=pl.when(pl.col("channel_class_other") == "direct")
            .then(pl.lit("direct_and_partner"))
            .otherwise(pl.lit("two_partners")),
            conflict_from=both_from,
            conflict_to=pl.min_horizontal("closed_on", "closed_on_other"),
        )
        .filter(pl.col("conflict_to").is_null() | (pl.col("conflict_from") < pl.col("conflict_to")))
    )


def test_channel_conflicts(built_home: Home) -> None:
    found = table(built_home, "kpi", "channel_conflicts")
    assert_same(found, conflicts(built_home), ["deal_id", "other_deal_id"])


def test_conflict_rate(built_home: Home) -> None:
    deals, pairs, again = open_deals(built_home), conflicts(built_home), []
    deals = deals.filter(pl.col("channel_class") == "indirect")
    for start in [month for month in months(built_home) if month.month % 3 == 1]:
        end = first_of_month(start, 3)

        def during(since: str, until: str, start: date = start, end: date = end) -> pl.Expr:
            return (pl.col(since) < end) & (pl.col(until).fill_null(date.max) >= start)

        fought = pairs.filter(during("conflict_from", "conflict_to"))["customer_id"].n_unique()
        worked = deals.filter(during("open_on", "closed_on"))["customer_id"].n_unique()
        again.append(
            {
                "quarter_from": start,
                "is_complete": is_recorded(built_home, start, 3),
                "conflict_rate_numerator": fought,
                "conflict_rate_denominator": worked,
                "conflict_rate": fought / worked if worked >= N_MIN else None,
            }
        )
    found = table(built_home, "kpi", "conflict_rate")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ["quarter_from"])


def test_inquiry_index(built_home: Home) -> None:
    inquiries = accepted(built_home, "inquiries", "inquiry_id").filter(
        pl.col("kind").is_in(["resale", "referral", "oem"])
    )
    inquiries = inquiries.with_columns(
        pl.col("industry").fill_null("unknown"),
        on=pl.col("received_at").dt.offset_by("9h").dt.date(),
    )
    customers = table(built_home, "core", "dim_customer").with_columns(pl.col("industry").fill_null("unknown"))
    universe = dict(customers.group_by("industry").agg(pl.len()).iter_rows())
    known = pl.col("industry") != "unknown"
    again = []
    for start in sorted({half_start(month) for month in months(built_home)}):
        of_half = inquiries.filter((pl.col("on") >= start) & (pl.col("on") < first_of_month(start, 6)))
        for industry in set(inquiries["industry"]) | set(universe):
            mine = of_half.filter(pl.col("industry") == industry)
            buyers = universe.get(industry, 0)
            asked, bought = len(of_half.filter(known)), len(customers.filter(known))
            expected = None if industry == "unknown" else asked * buyers / bought
            is_enough = asked >= N_MIN and (expected or 0) >= 1
            again.append(
                {
                    "industry": industry,
                    "period_start": start,
                    "is_complete": is_recorded(built_home, start, 6),
                    "inquiries": len(mine),
                    "all_inquiries": asked,
                    "customers": buyers,
                    "all_customers": bought,
                    "expected_inquiries": expected,
                    "became_partner": mine["became_partner_id"].count(),
                    "inquiry_index": len(mine) / expected if expected and is_enough else None,
                }
            )
    found = table(built_home, "kpi", "inquiry_index")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ["industry", "period_start"])


def landed_territories(home: Home) -> pl.DataFrame:
    return pl.read_parquet(home.lake / "raw" / "branch_territories" / "[!_]*.parquet")


def prefectures(home: Home, branches: pl.DataFrame) -> Callable[[str, date], set[str]]:
    """Return the prefectures of a branch on a day: as its last extract has its territory, else that of its address."""
    landed = landed_territories(home)
    delivered = landed.filter(pl.col("extracted_on") == pl.col("extracted_on").max().over("branch_id"))
    territories: dict[str, list[tuple[str, date, date]]] = {}
    for row in delivered.iter_rows(named=True):
        bounds = (row["valid_from"] or date.min, row["valid_to"] or date.max)
        territories.setdefault(row["branch_id"], []).append((row["prefecture"], *bounds))
    addresses = dict(branches.select("branch_id", "prefecture").iter_rows())

    def of(branch_id: str, day: date) -> set[str]:
        found = {name for name, begins, ends in territories.get(branch_id, []) if begins <= day < ends}
        return found or {addresses[branch_id] or "unknown"}

    return of


def test_prefecture_coverage(built_home: Home) -> None:
    branches = real(built_home, "dim_branch")
    territory = prefectures(built_home, branches)
    closed = dict(branches.select("branch_id", "closed_on").iter_rows())
    customers = table(built_home, "core", "dim_customer")
    won = wins(built_home)
    revenue = (
        table(built_home, "core", "fct_revenue")
        .filter("is_counted")
        .rename({"recognized_month": "month"})
        .join(customers, on="customer_id", how="left")
        .with_columns(pl.col("prefecture").fill_null("unknown"))
    )
    last_months = {first_of_month(half_start(month), 5) for month in months(built_home)}
    every = {
        *branches["prefecture"].drop_nulls(), *customers["prefecture"].drop_nulls(),
        *landed_territories(built_home)["prefecture"], "unknown",
    }  # fmt: skip
    again = []
    for month in sorted({min(month, months(built_home)[-1]) for month in last_months}):
        end = min(month_end(month), today(built_home))
        alive = branches.filter(
            (pl.col("opened_on").fill_null(date.min) <= end) & (pl.col("closed_on").fill_null(date.max) > end)
        )
        winners = won.filter(within(month, 12) & pl.col("is_won"))["branch_id"]
        bought = revenue.filter(within(month, 12))
        places = {
            branch: territory(branch, min(month_end(month), (closed[branch] or date.max) - timedelta(days=1)))
            for branch in branches["branch_id"]
        }
        for prefecture in every:
            producing = len({branch for branch in winners if branch in places and prefecture in places[branch]})
            money = bought.filter(pl.col("prefecture") == prefecture)
            again.append(
                {
                    "prefecture": prefecture,
                    "last_month": month,
                    "is_complete": is_recorded(built_home, half_start(month), 6),
                    "has_twelve_months": has_twelve_months(built_home, month),
                    "branches": len([branch for branch in alive["branch_id"] if prefecture in places[branch]]),
                    "producing_branches": producing,
                    "is_covered": producing > 0,
                    "customers_won_amount": float(money["amount"].sum()),
                    "customers_won_amount_indirect": float(
                        money.filter(pl.col("channel_class") == "indirect")["amount"].sum()
                    ),
                }
            )
    found = table(built_home, "kpi", "prefecture_coverage")
    assert_same(found, pl.DataFrame(again, infer_schema_length=None), ["prefecture", "last_month"])
