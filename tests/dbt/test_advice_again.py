"""Late closes, levers of larger scopes, and deals behind a change, computed a second time in Python."""

from datetime import date

import polars as pl
import pytest

from orchestration.home import Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    SCOPES,
    assert_same,
    entities_of_today,
    milestones,
    partners_of_today,
    placed,
    table,
)  # fmt: skip

LAST_YEAR = date(2025, 4, 1), date(2026, 3, 31)


def closed(home: Home) -> pl.DataFrame:
    """Return the partners' deals that were decided in the last twelve complete months, and whether that was late."""
    dates = table(home, "core", "fct_deals").select("deal_id", "expected_close_on")
    ended = pl.min_horizontal("won_on", "lost_on")
    return (
        milestones(home)
        .join(dates, on="deal_id")
        .filter(
            pl.col("branch_id") != "DIRECT", ended.is_between(*LAST_YEAR), pl.col("expected_close_on").is_not_null()
        )
        .with_columns(is_late=(ended - pl.col("expected_close_on")).dt.total_days() > PROJECT_VARS["late_close_days"])
    )


def counted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("entity_id").agg(
        numerator=pl.col("is_late").sum().cast(pl.Int64), denominator=pl.len().cast(pl.Int64)
    )


@pytest.mark.parametrize("scope", [*SCOPES, "rep"])
def test_late_closes(built_home: Home, scope: str) -> None:
    rates = table(built_home, "kpi", "rates").filter(
        pl.col("rate_name") == "closed_late_rate", pl.col("scope") == scope, pl.col("denominator") > 0
    )
    if scope == "rep":
        there = table(built_home, "core", "dim_rep").filter(pl.col("current_branch_id").is_not_null())
        rows, known = closed(built_home).rename({"rep_id": "entity_id"}), set(there["rep_id"])
    else:
        rows, known = placed(built_home, closed(built_home), scope, "as_is"), entities_of_today(built_home, scope)
        known -= set(table(built_home, "core", "dim_branch").filter("is_sentinel")["branch_id"])
    again = counted(rows.filter(pl.col("entity_id").is_in(known)))
    assert_same(rates.select("entity_id", "numerator", "denominator"), again, ["entity_id"])
    assert rates["numerator"].sum() >= 60  # the planted rep's deals alone


def test_levers_of_larger_scopes(built_home: Home) -> None:
    """From the levers of branches: entities add up, and the first lever is that with most headroom."""
    concentration = table(built_home, "kpi", "rep_concentration")
    month = concentration.filter("is_complete")["month"].max()
    told = concentration.filter(pl.col("lever_evidence").is_not_null(), pl.col("month") == month)
    places = table(built_home, "core", "dim_branch").select("branch_id", "division_id")
    again = []
    entity_of = {"division": pl.col("division_id"), "partner": pl.col("partner_id"), "company": pl.lit("ALL")}
    for scope, entity in entity_of.items():
        again.append(
            told.join(places, on="branch_id")
            .group_by(entity.alias("entity_id"), "lever")
            .agg(
                branches=pl.len().cast(pl.Int64),
                fact_branches=(pl.col("lever_evidence") == "fact").sum().cast(pl.Int64),
                headroom_reps=pl.col("headroom_reps").sum(),
                headroom_amount=pl.col("headroom_amount").sum(),
                headroom_amount_min=pl.col("headroom_amount_min").sum(),
            )
            .with_columns(scope=pl.lit(scope))
        )
    found = table(built_home, "kpi", "levers")
    assert set(found["month"]) == {month}
    assert_same(found, pl.concat(again), ["scope", "entity_id", "lever"])
    # The headroom of an entity is that of its row in rep_concentration, unless a branch has no contract any more.
    ended = concentration.filter(
        pl.col("month") == month, pl.col("scope") == "branch", pl.col("lever_evidence").is_null(),
        pl.col("headroom_amount") > 0,
    ).join(places, on="branch_id")  # fmt: skip
    less = {*ended["division_id"], *ended["partner_id"], "ALL"} if len(ended) else set()
    of_all = found.group_by("scope", "entity_id").agg(pl.col("headroom_amount").sum())
    both = of_all.join(concentration.filter(pl.col("month") == month), on=["scope", "entity_id"])
    assert len(both) == len(of_all) > 100
    differs = both.filter(pl.col("headroom_amount") != pl.col("headroom_amount_right").fill_null(0))
    assert set(differs["entity_id"]) <= less
    assert differs.filter(pl.col("headroom_amount") > pl.col("headroom_amount_right").fill_null(0)).is_empty()
    for rows in found.drop_nulls("lever").partition_by("scope", "entity_id"):
        ranked = rows.sort("lever_rank")
        assert ranked["lever_rank"].to_list() == list(range(1, len(rows) + 1))
        assert ranked["headroom_amount"].is_sorted(descending=True)
    assert found.filter(pl.col("lever").is_null() != pl.col("lever_rank").is_null()).is_empty()
    partners = partners_of_today(built_home, "division")
    of_divisions = found.filter(pl.col("scope") == "division")
    assert of_divisions["partner_id"].to_list() == [partners[division] for division in of_divisions["entity_id"]]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_change_counts_each_deal_once(built_home: Home, scope: str) -> None:
    entity = pl.lit("ALL") if scope == "company" else pl.col(f"{scope}_id")
    metrics = table(built_home, "kpi", "change_metrics")
    deals = (
        table(built_home, "kpi", "change_deals")
        .join(metrics.select("metric", "measure", "has_direct", "has_unresolved"), on="measure")
        .filter(
            pl.col("has_direct") | (pl.col("branch_id") != "DIRECT"),
            pl.col("has_unresolved") | (pl.col("branch_id") != "UNRESOLVED"),
        )
    )
    key = ["pair", "entity_id", "metric", "cause"]
    again = (
        deals.with_columns(entity.alias("entity_id"))
        .group_by(key)
        .agg(amount=pl.col("amount").sum(), deals=pl.col("deal_id").n_unique().cast(pl.Int64))
        .filter(pl.col("amount").round(2) != 0)
    )
    found = table(built_home, "kpi", "change_explained").filter(pl.col("scope") == scope)
    assert_same(found.select(*key, "amount", "deals"), again, key)
