"""Counts and money of the monthly marts, by channel and by tier, computed a second time from the facts."""

import polars as pl
import pytest

from orchestration.home import Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import accepted, assert_same, is_over, table, wins
from tests.dbt.test_kpis_again_people import MARTS, key_of, placed

STAGES = {"deals_new": "open", "deals_qualified": "qualified", "deals_lost": "lost"}


def entries(home: Home) -> pl.DataFrame:
    return table(home, "core", "fct_stage_entries").filter("is_counted").rename({"entered_month": "month"})


def entered() -> list[pl.Expr]:
    return [(pl.col("stage") == stage).sum().alias(name) for name, stage in STAGES.items()]


def referrals(home: Home) -> pl.DataFrame:
    """Return referrals by the day of submission here, at their deal's branch, else as they name it."""
    deals = table(home, "core", "fct_deals").select("deal_id", of_deal="branch_id", rep_of_deal="rep_id")
    reps = table(home, "core", "dim_rep")["rep_id"].implode()
    branches = table(home, "core", "dim_branch")["branch_id"].implode()
    submitted = accepted(home, "deal_registrations", "registration_id").filter(
        pl.col("channel").is_in(["referral", "matching"])
    )
    named = pl.when(pl.col("branch_id").is_in(branches)).then("branch_id")
    unnamed = pl.when(pl.col("partner_id").is_not_null()).then("UNKNOWN:" + pl.col("partner_id"))
    return submitted.join(deals, on="deal_id", how="left").select(
        branch_id=pl.coalesce("of_deal", named, unnamed, pl.lit("UNRESOLVED")),
        rep_id=pl.coalesce(
            pl.when(pl.col("rep_of_deal") != "NONE").then("rep_of_deal"),
            pl.when(pl.col("rep_id").is_in(reps)).then("rep_id"),
            pl.lit("NONE"),
        ),
        month=pl.col("submitted_at").dt.offset_by("9h").dt.date().dt.truncate("1mo"),
        referrals=1,
    )


def results(home: Home, mart: str) -> pl.DataFrame:
    """Compute counts, money and the rate of the month; of a unit as it was by the partner of the credit date."""
    now = mart.endswith("as_is")
    place = placed(home, mart)
    unit = {"b": pl.col("branch_id"), "p": pl.col("partner_id"), "c": pl.lit("ALL")}[mart[0]]

    def put(rows: pl.DataFrame) -> pl.DataFrame:
        return place(rows) if now else rows.with_columns(unit=unit)

    won = put(wins(home))
    money = won.group_by("unit", "month").agg(
        pl.col("amount").sum().alias("won_amount"),
        *(
            pl.col("amount").filter(pl.col("channel_class") == kind).sum().alias(f"won_amount_{kind}")
            for kind in ("direct", "indirect", "unresolved")
        ),
    )
    if now:  # the parts of a split branch go to each of its heirs
        credit = table(home, "attribution", "current_credit").filter("is_counted")
        parts = credit.select("amount", branch_id="branch_id_current", month=pl.col("recognized_on").dt.truncate("1mo"))
        money = place(parts).group_by("unit", "month").agg(pl.col("amount").sum().alias("won_amount"))
    sums = pl.concat(
        [
            put(entries(home)).group_by("unit", "month").agg(*entered()),
            won.group_by("unit", "month").agg(pl.col("is_won").sum().alias("deals_won")),
            money,
            place(referrals(home)).group_by("unit", "month").agg(pl.col("referrals").sum()),
        ],
        how="diagonal_relaxed",
    )
    additive = [column for column in sums.columns if column not in ("unit", "month")]
    rows = table(home, "kpi", mart).select(*key_of(mart), "month")
    rows = rows.with_columns(unit=pl.col(key_of(mart)[0]) if key_of(mart) else pl.lit("ALL"))
    # Full: what the facts have and the mart has no row for is a difference, too.
    again = rows.join(
        sums.group_by("unit", "month").agg(pl.col(additive).cast(pl.Float64).sum()),
        on=["unit", "month"], how="full", coalesce=True,
    ).with_columns(pl.col(additive).fill_null(0))  # fmt: skip
    closed = pl.col("deals_won") + pl.col("deals_lost")
    again = again.with_columns(
        *([pl.col("unit").alias(key_of(mart)[0])] if key_of(mart) else []),
        win_rate_month_numerator="deals_won",
        win_rate_month_denominator=closed,
        win_rate_month=pl.when(closed >= PROJECT_VARS["n_min"]).then(pl.col("deals_won") / closed),
    ).drop("unit")
    if mart != "company_monthly":
        return again.drop("^won_amount_.*$")
    both = pl.col("won_amount_indirect") + pl.col("won_amount_direct")
    return again.with_columns(
        indirect_ratio_numerator="won_amount_indirect",
        indirect_ratio_denominator=both,
        indirect_ratio=pl.when(both > 0).then(pl.col("won_amount_indirect") / both),
    )


@pytest.mark.parametrize("mart", MARTS)
def test_counts_and_money(built_home: Home, mart: str) -> None:
    assert_same(table(built_home, "kpi", mart), results(built_home, mart), [*key_of(mart), "month"])


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
    """Deals, referrals and money of each rep at each branch; a referral without a deal is of its branch's partner."""
    key = ["rep_id", "branch_id", "partner_id", "month"]
    partners = table(built_home, "core", "dim_branch").select("branch_id", "partner_id")
    opened = table(built_home, "core", "fct_stage_entries").filter("is_counted", pl.col("stage") == "open")
    again = (
        pl.concat(
            [
                opened.rename({"entered_month": "month"}).group_by(key).agg(pl.len().alias("deals_new")),
                referrals(built_home).join(partners, on="branch_id").group_by(key).agg(pl.col("referrals").sum()),
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
    """A deal's distributors are its participants of that role, a branch standing for its partner."""
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
