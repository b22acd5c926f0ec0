"""KPIs of the sample company computed a second time in Python, from their definitions, and compared cell by cell."""

import math
from datetime import date, timedelta

import polars as pl
import pytest

from orchestration.home import Home
from tests.conftest import PROJECT_VARS


def trailing_year(month: date) -> pl.Expr:
    """Return whether a row's month is one of the twelve that end with this month."""
    age = (month.year - pl.col("month").dt.year()) * 12 + month.month - pl.col("month").dt.month()
    return (age >= 0) & (age < 12)


def concentration(reps: pl.DataFrame, month: date) -> pl.DataFrame:
    """Compute one month: a row per branch with producing reps."""
    producers = (
        reps.filter(trailing_year(month) & (pl.col("rep_id") != "NONE"))
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
    target, ramp = PROJECT_VARS["target_penetration"], PROJECT_VARS["headroom_ramp"]
    for row in both.iter_rows(named=True):
        if row["headcount"] is None:
            assert row["headroom_reps"] is None and row["lever"] is None
            continue
        missing = max(target * row["headcount"] - row["producing_reps"], 0)
        assert row["headroom_reps"] == pytest.approx(missing)
        if row["median_rep_amount"] is not None:
            assert row["headroom_amount"] == pytest.approx(missing * ramp * row["median_rep_amount"], abs=1)
        penetrates = row["producing_reps"] >= target * row["headcount"]
        assert (row["lever"] == "widen_contacts") == (not penetrates)


# The monthly marts, performance, revenue decomposition and bottlenecks, from the facts

N_MIN = PROJECT_VARS["n_min"]


def table(home: Home, schema: str, name: str) -> pl.DataFrame:
    frame = pl.read_parquet(home.published / "parquet" / schema / f"{name}.parquet")
    return frame.with_columns(pl.col(pl.Decimal).cast(pl.Float64))


def months_between(month: pl.Expr, until: date) -> pl.Expr:
    """Return how many months a month lies before another."""
    return (until.year - month.dt.year()) * 12 + until.month - month.dt.month()


def wins(home: Home) -> pl.DataFrame:
    """Return money and wins by deal and month: won in the first month that is left as won."""
    kinds = {"win": 1, "rewin": 1, "reversal": -1, "cancel": -1}
    months = (
        table(home, "core", "fct_revenue")
        .filter("is_counted")
        .with_columns(net=pl.col("event_type").replace_strict(kinds, default=0, return_dtype=pl.Int64))
        .group_by(
            "deal_id", "branch_id", "branch_id_current", "partner_id", "rep_id", "channel_class", "recognized_month"
        )
        .agg(
            pl.col("net").sum(), pl.when(pl.col("amount").count() > 0).then(pl.col("amount").sum())
        )  # unknown is not 0
        .rename({"recognized_month": "month"})
        .sort("deal_id", "month")
    )
    is_won = pl.col("net") > 0
    return months.with_columns(is_won=is_won & (is_won.cum_sum().over("deal_id") == 1))


def milestones(home: Home) -> pl.DataFrame:
    """Return each counted deal's first days: a skipped stage was reached with the next one."""
    entries = table(home, "core", "fct_stage_entries").filter("is_counted")
    later = {
        "open_on": ["open", "qualified", "proposed", "won"],
        "qualified_on": ["qualified", "proposed", "won"],
        "proposed_on": ["proposed", "won"],
        "won_on": ["won"],
        "lost_on": ["lost"],
    }
    return entries.group_by("deal_id", "branch_id", "partner_id", "channel_class").agg(
        pl.col("entered_on").filter(pl.col("stage").is_in(stages)).min().alias(name) for name, stages in later.items()
    )


def month_end(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1) - timedelta(days=1)


def same(found: float | None, expected: float | None) -> bool:
    return found == expected if None in (found, expected) else found == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("mart", "branch"), [("branch_monthly", "branch_id"), ("branch_monthly_as_is", "branch_id_current")]
)
def test_branch_months(built_home: Home, mart: str, branch: str) -> None:
    entries = table(built_home, "core", "fct_stage_entries").filter("is_counted")
    stages = {"deals_new": "open", "deals_qualified": "qualified", "deals_lost": "lost"}
    entered = entries.group_by(pl.col(branch).alias("branch_id"), pl.col("entered_month").alias("month")).agg(
        (pl.col("stage") == stage).sum().alias(name) for name, stage in stages.items()
    )
    won = wins(built_home)
    counted = won.group_by(pl.col(branch).alias("branch_id"), "month").agg(pl.col("is_won").sum().alias("deals_won"))
    credit = table(built_home, "attribution", "current_credit").filter("is_counted")
    money = won if mart == "branch_monthly" else credit.with_columns(month=pl.col("recognized_on").dt.truncate("1mo"))
    amounts = money.group_by(pl.col(branch).alias("branch_id"), "month").agg(pl.col("amount").sum().alias("won_amount"))
    columns = [*stages, "deals_won", "won_amount"]
    again = (
        pl.concat([entered, counted, amounts], how="diagonal")
        .group_by("branch_id", "month")
        .agg(pl.col(columns).cast(pl.Float64).sum())
    )
    found = table(built_home, "kpi", mart).select("branch_id", "month", *columns)
    both = found.join(again, on=["branch_id", "month"], how="full", coalesce=True, suffix="_again").fill_null(0)
    assert len(both) == len(found) > 500
    for column in columns:
        wrong = both.filter((pl.col(column) - pl.col(f"{column}_again")).abs() > 0.01)
        assert wrong.is_empty(), wrong.select("branch_id", "month", column, f"{column}_again")


def test_reps_of_a_window(built_home: Home) -> None:
    reps = table(built_home, "kpi", "rep_monthly").filter(pl.col("rep_id") != "NONE")
    marts = table(built_home, "kpi", "branch_monthly")
    for month in marts["month"].unique().sort()[::7]:
        for column, measure, window in (
            ("reps_active", "deals_new", PROJECT_VARS["active_window_months"]),
            ("reps_producing_t12m", "deals_won", 12),
        ):
            age = months_between(pl.col("month"), month)
            again = reps.filter((age >= 0) & (age < window) & (pl.col(measure) > 0))
            counts = dict(again.group_by("branch_id").agg(pl.col("rep_id").n_unique()).iter_rows())
            for branch_id, found in marts.filter(pl.col("month") == month).select("branch_id", column).iter_rows():
                assert found == counts.get(branch_id, 0), (month, branch_id, column)


@pytest.mark.parametrize(("scope", "entity"), [("company", None), ("partner", "partner_id"), ("branch", "branch_id")])
def test_performance(built_home: Home, scope: str, entity: str | None) -> None:
    mart = table(built_home, "kpi", "performance").filter(pl.col("scope") == scope)
    won_all = wins(built_home).filter(pl.col("channel_class") != "direct")
    deals_all = milestones(built_home).filter(pl.col("channel_class") != "direct")
    activities = table(built_home, "core", "fct_activities")
    visited = dict(
        activities.filter((pl.col("activity_type") == "joint_visit") & (pl.col("status") == "held"))
        .group_by("deal_id")
        .agg(pl.col("occurred_on").min())
        .iter_rows()
    )
    logged = set(activities["branch_id"])
    reps_all = table(built_home, "kpi", "rep_monthly").filter((pl.col("rep_id") != "NONE") & (pl.col("deals_won") > 0))
    ripe = timedelta(days=PROJECT_VARS["cohort_mature_days"])
    compared = 0
    for row in mart.sort("entity_id", "month").iter_rows(named=True):
        if scope != "company" and row["month"].month not in (3, 9):  # all of them take too long in Python
            continue
        compared += 1
        month, end = row["month"], month_end(row["month"])
        of = pl.lit(True) if entity is None else pl.col(entity) == row["entity_id"]
        won, deals = won_all.filter(of), deals_all.filter(of)
        year = won.filter((months_between(pl.col("month"), month) >= 0) & (months_between(pl.col("month"), month) < 12))
        count = int(year["is_won"].sum())
        assert same(row["won_amount_t12m"], year["amount"].sum())
        assert row["deals_won_t12m"] == count
        assert same(row["avg_deal"], year["amount"].sum() / count if count else None)
        median = year.filter("is_won")["amount"].median()
        assert row["median_deal"] == (None if median is None else pytest.approx(median, abs=0.51))
        from_year = date(month.year - (month.month < 12), month.month % 12 + 1, 1)
        from_quarter = date(month.year - (month.month < 3), (month.month - 3) % 12 + 1, 1)
        of_year = deals.filter((pl.col("won_on") >= from_year) & (pl.col("won_on") <= end))
        cycle = (of_year["won_on"] - of_year["open_on"]).dt.total_days().median()
        assert same(row["cycle_days"], cycle if len(of_year) >= N_MIN else None)
        closed = [
            int(deals.select(((pl.col(day) >= from_quarter) & (pl.col(day) <= end)).sum()).item())
            for day in ("won_on", "lost_on")
        ]
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
        assert row["open_qualified"] == len(deals.filter(is_open))
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
        if row["velocity"] is not None:
            speed = row["open_qualified"] * row["win_rate"] * row["avg_deal"] / max(row["cycle_days"], 1)
            assert same(row["velocity"], speed)
    assert compared > 30


def test_revenue_decomposition(built_home: Home) -> None:
    """By the logarithmic mean of the two sides, factor by factor; rounding may move a unit between neighbours."""
    mart = table(built_home, "kpi", "revenue_decomposition")
    factors = ("active_branches", "reps_per_branch", "wins_per_rep", "average_deal")
    split = 0
    for row in mart.iter_rows(named=True):
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
    ripe = end - timedelta(days=PROJECT_VARS["cohort_mature_days"])
    deals = milestones(built_home).filter(pl.col("branch_id") != "DIRECT")
    usual = {}
    counts: dict[tuple[str, str], list[int]] = {}
    for step, following in (("open", "qualified"), ("qualified", "proposed"), ("proposed", "won")):
        day, passed = pl.col(f"{step}_on"), pl.col(f"{following}_on").is_not_null()
        decided = passed | pl.col("lost_on").is_not_null() | (day <= ripe)
        judged = deals.filter((day > start) & (day <= end) & decided).with_columns(passed=passed)
        usual[step] = judged["passed"].mean()
        for branch_id, entered, through in (
            judged.group_by("branch_id").agg(pl.len(), pl.col("passed").sum()).iter_rows()
        ):
            counts[branch_id, step] = [entered, through]
    for row in mart.iter_rows(named=True):
        assert [row["entered"], row["passed"]] == counts[row["branch_id"], row["step"]]
        assert same(row["reference_rate"], usual[row["step"]])
        if row["pass_rate"] is not None:
            missing = max(row["entered"] * usual[row["step"]] - row["passed"], 0)
            after = math.prod(usual[step] for step in ("qualified", "proposed")[row["step_order"] - 1 :])
            assert row["lost_amount"] == pytest.approx(missing * after * row["average_deal"], abs=0.51)
    worst = mart.filter("is_bottleneck").select("branch_id", "lost_amount")
    highest = mart.group_by("branch_id").agg(pl.col("lost_amount").max().alias("highest"))
    assert worst["branch_id"].is_unique().all()
    assert worst.join(highest, on="branch_id").filter(pl.col("lost_amount") != pl.col("highest")).is_empty()


def test_channels_add_up_to_branches(built_home: Home) -> None:
    columns = ["deals_new", "deals_qualified", "deals_won", "deals_lost", "won_amount"]
    channels = (
        table(built_home, "kpi", "branch_channel_monthly").group_by("branch_id", "month").agg(pl.col(columns).sum())
    )
    months = table(built_home, "kpi", "branch_monthly").select("branch_id", "month", *columns)
    both = months.join(channels, on=["branch_id", "month"], how="full", coalesce=True, suffix="_again").fill_null(0)
    assert len(both) == len(months)
    for column in columns:
        assert both.filter((pl.col(column) - pl.col(f"{column}_again")).abs() > 0.01).is_empty(), column
