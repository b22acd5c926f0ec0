"""KPIs of the sample company computed a second time in Python, from their definitions, and compared cell by cell."""

from datetime import date

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
