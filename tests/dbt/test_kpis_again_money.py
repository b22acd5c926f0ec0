"""Counts and money of the monthly marts, by channel and by tier, computed a second time from the facts."""

from typing import Any

import polars as pl
import pytest

from orchestration.home import Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import accepted, assert_same, credited, is_over, placed, referrals, table, wins
from tests.dbt.test_kpis_again_people import MARTS, key_of, people, scope_and_organisation
from tests.dbt.test_metric_catalogue import catalogue

STAGES = {"deals_new": "open", "deals_qualified": "qualified", "deals_lost": "lost"}


def entries(home: Home) -> pl.DataFrame:
    return table(home, "core", "fct_stage_entries").filter("is_counted").rename({"entered_month": "month"})


def entered() -> list[pl.Expr]:
    return [(pl.col("stage") == stage).sum().alias(name) for name, stage in STAGES.items()]


def results(home: Home, scope: str, organisation: str) -> pl.DataFrame:
    """Compute the additive metrics by entity and month."""

    def place(rows: pl.DataFrame) -> Any:
        return placed(home, rows, scope, organisation).group_by("entity_id", "month")

    money = pl.col("amount")
    parts = [
        place(entries(home)).agg(*entered()),
        place(wins(home)).agg(deals_won=pl.col("is_won").sum()),
        place(referrals(home)).agg(pl.col("referrals").sum()),
        place(credited(home, organisation)).agg(
            won_amount=money.sum(),
            **{
                f"won_amount_{kind}": money.filter(pl.col("channel_class") == kind).sum()
                for kind in ("direct", "indirect", "unresolved")
            },
        ),
    ]
    sums = pl.concat(parts, how="diagonal_relaxed").group_by("entity_id", "month")
    return sums.agg(pl.exclude("entity_id", "month").cast(pl.Float64).sum())


def with_rates(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the win rate of the month and the share of indirect sales, with numerators and denominators."""
    closed = pl.col("deals_won") + pl.col("deals_lost")
    both = pl.col("won_amount_indirect") + pl.col("won_amount_direct")
    return rows.with_columns(
        win_rate_month_numerator="deals_won",
        win_rate_month_denominator=closed,
        win_rate_month=pl.when(closed >= PROJECT_VARS["n_min"]).then(pl.col("deals_won") / closed),
        indirect_ratio_numerator="won_amount_indirect",
        indirect_ratio_denominator=both,
        indirect_ratio=pl.when(both > 0).then(pl.col("won_amount_indirect") / both),
    )


@pytest.mark.parametrize("mart", MARTS)
def test_counts_and_money(built_home: Home, mart: str) -> None:
    found = table(built_home, "kpi", mart)
    found = found.with_columns(entity_id=pl.col(key_of(mart)[0]) if key_of(mart) else pl.lit("ALL"))
    # A full join, because facts without a row in the mart are a difference, too.
    sums = results(built_home, *scope_and_organisation(mart))
    again = found.select("entity_id", "month").join(sums, on=["entity_id", "month"], how="full", coalesce=True)
    again = with_rates(again.with_columns(pl.exclude("entity_id", "month").fill_null(0)))
    if mart != "company_monthly":
        again = again.drop("^won_amount_.*$", "^indirect_ratio.*$")
    assert_same(found, again, ["entity_id", "month"])


def not_computed_again(home: Home, metrics: set[str]) -> set[str]:
    """Return the metrics that the second computations of the company's month lack."""
    month = table(home, "kpi", "company_monthly").tail(1).select(pl.lit("ALL").alias("entity_id"), "month")
    sums, persons = with_rates(results(home, "company", "as_was")), people(home, "company", "as_was", month)
    return metrics - {*sums.columns, *persons.columns}


def test_every_metric_of_the_monthly_marts_is_computed_again(built_home: Home) -> None:
    metrics = {row["metric"] for row in catalogue() if row["model"] in MARTS}
    assert not_computed_again(built_home, metrics) == set(), "extend results, with_rates or people"
    assert not_computed_again(built_home, metrics | {"lost_amount"}) == {"lost_amount"}


def test_channels(built_home: Home) -> None:
    key = ["branch_id", "partner_id", "channel_class", "channel", "month"]
    channels = table(built_home, "core", "fct_deals").select("deal_id", channel=pl.col("channel").fill_null("none"))
    again = (
        pl.concat(
            [
                entries(built_home).drop("channel").join(channels, on="deal_id").group_by(key).agg(*entered()),
                wins(built_home)
                .join(channels, on="deal_id")
                .group_by(key)
                .agg(pl.col("is_won").sum().alias("deals_won"), pl.col("amount").sum().alias("won_amount")),
            ],
            how="diagonal_relaxed",
        )
        .group_by(key)
        .agg(pl.exclude(key).cast(pl.Float64).sum())
    )
    found = table(built_home, "kpi", "branch_channel_monthly")
    assert_same(found, again.with_columns(is_complete=is_over(built_home)), key)


def test_reps(built_home: Home) -> None:
    """Deals, referrals and money of each rep at each branch, with the branch's partner of that day."""
    key = ["rep_id", "branch_id", "partner_id", "month"]
    partners = table(built_home, "core", "dim_branch_history").select("branch_version_id", "partner_id")
    opened = table(built_home, "core", "fct_stage_entries").filter("is_counted", pl.col("stage") == "open")
    again = (
        pl.concat(
            [
                opened.rename({"entered_month": "month"}).group_by(key).agg(pl.len().alias("deals_new")),
                referrals(built_home)
                .join(partners, on="branch_version_id")
                .group_by(key)
                .agg(pl.col("referrals").sum()),
                wins(built_home)
                .group_by(key)
                .agg(pl.col("is_won").sum().alias("deals_won"), pl.col("amount").sum().alias("won_amount")),
            ],
            how="diagonal_relaxed",
        )
        .group_by(key)
        .agg(pl.exclude(key).cast(pl.Float64).sum())
    )
    again = again.with_columns(is_complete=is_over(built_home))
    assert_same(table(built_home, "kpi", "rep_monthly"), again, key)


def test_two_tiers(built_home: Home) -> None:
    """A deal's distributors are its participants with that role; a branch counts as its partner."""
    key = ["distributor_id", "branch_id", "partner_id", "month"]
    partner_of = table(built_home, "core", "dim_branch").select("branch_id", of_branch="partner_id")
    distributors = (
        accepted(built_home, "deal_participants", "deal_id", "role", "party_id")
        .filter(pl.col("role") == "distributor")
        .join(partner_of, left_on="party_id", right_on="branch_id", how="left")
        .select("deal_id", distributor_id=pl.coalesce("of_branch", "party_id"))
        .unique()
    )
    again = (
        wins(built_home)
        .join(distributors, on="deal_id")
        .group_by(key)
        .agg(pl.col("is_won").sum().alias("deals_won"), pl.col("amount").sum().alias("won_amount"))
    )
    again = again.with_columns(is_complete=is_over(built_home))
    assert_same(table(built_home, "kpi", "two_tier_monthly"), again, key)
