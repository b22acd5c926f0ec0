"""Persons and rates of the monthly marts and their twins as is, computed again from the facts and the roster."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest

from orchestration.home import Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    accepted,
    assert_same,
    first_of_month,
    fiscal_start,
    month_end,
    months,
    table,
    today,
    within,
)

MARTS = ("branch_monthly", "branch_monthly_as_is", "partner_monthly", "partner_monthly_as_is", "company_monthly")
LADDER = {
    "known_rate": ("known_rate_numerator", "headcount"),
    "contactable_rate": ("reps_contactable", "reps_known"),
    "trained_rate": ("trained_rate_numerator", "reps_contactable"),
    "producing_rate": ("producing_rate_numerator", "producing_rate_denominator"),
    "rep_penetration": ("rep_penetration_numerator", "headcount"),
}
Placed = Callable[[pl.DataFrame], pl.DataFrame]


def key_of(mart: str) -> list[str]:
    return {"b": ["branch_id"], "p": ["partner_id"], "c": []}[mart[0]]


def placed(home: Home, mart: str) -> Placed:
    """Return what puts rows with a branch into the mart's unit: the branch, its partner, today's of either, or all."""
    branches = table(home, "core", "dim_branch")
    now = mart.endswith("as_is")
    unit = branches.select(
        "branch_id",
        unit={
            "b": pl.col("current_branch_id" if now else "branch_id"),
            "p": pl.col("current_partner_id" if now else "partner_id"),
            "c": pl.lit("ALL"),
        }[mart[0]],
    )
    return lambda rows: rows.join(unit, on="branch_id", how="inner")


def persons(rows: pl.DataFrame, column: str = "rep_id") -> dict[str, int]:
    return dict(rows.group_by("unit").agg(pl.col(column).n_unique()).iter_rows())


def at_work(posts: pl.DataFrame, end: date) -> pl.DataFrame:
    """Return reps and where they stand on a day: of concurrent posts at the primary one if there is one, else at each.

    A post lasts some days beyond its end where another one follows.
    """
    last_days = pl.col("valid_to") + pl.duration(days=PROJECT_VARS["assignment_gap_days"])
    began, ended = pl.col("valid_from") <= end, pl.col("valid_to") <= end
    now = posts.filter(began & ~ended)
    between = posts.filter(
        ended & (last_days > end) & (pl.col("valid_to") == pl.col("valid_to").filter(began).max().over("rep_id"))
        & pl.col("rep_id").is_in(posts.filter(~began)["rep_id"].implode())
        & ~pl.col("rep_id").is_in(now["rep_id"].implode())
    )  # fmt: skip
    standing = pl.concat([now, between])
    primaries = pl.col("branch_id").filter("is_primary").n_unique().over("rep_id") == 1
    return standing.filter(pl.col("is_primary") | ~primaries)


def headcounts(home: Home, end: date) -> pl.DataFrame:
    """Return what each branch declared last, of those that are open."""
    branches = table(home, "core", "dim_branch").filter(pl.col("closed_on").fill_null(date.max) > end)
    profiles = accepted(home, "branch_profiles", "branch_id", "as_of")
    last = (
        profiles.filter((pl.col("as_of") <= end) & pl.col("sales_headcount").is_not_null())
        .sort("as_of")
        .unique(subset="branch_id", keep="last")
    )
    return last.filter(pl.col("branch_id").is_in(branches["branch_id"].implode()))


def heirs(home: Home, end: date) -> pl.DataFrame:
    """Return where what a branch was stands on a day: at itself, or where it lives on once it has closed."""
    is_closed = pl.col("closed_on").fill_null(date.max) <= end
    return table(home, "core", "dim_branch").select(
        "branch_id", heir=pl.when(is_closed).then("current_branch_id").otherwise("branch_id")
    )


def reachable(home: Home, end: date) -> set[str]:
    """Return the reps who have an address and met or answered us within the window."""
    addresses = accepted(home, "contact_points", "owner_type", "owner_id", "kind", "value", "valid_from")
    valid = addresses.filter(
        (pl.col("owner_type") == "rep")
        & (pl.col("valid_from").fill_null(date.min) <= end)
        & (pl.col("valid_to").fill_null(date.max) > end)
    )
    own = table(home, "core", "dim_rep").filter(pl.col("rep_email").is_not_null())
    since = end - timedelta(days=PROJECT_VARS["contact_window_days"])
    met = table(home, "core", "fct_attendance").filter(
        "is_two_way_touch", (pl.col("occurred_on") > since) & (pl.col("occurred_on") <= end)
    )
    return set(met["rep_id"].drop_nulls()) & (set(valid["owner_id"]) | set(own["rep_id"]))


def people(home: Home, mart: str) -> pl.DataFrame:
    """Compute the persons and the rates of each row that the mart has."""
    place = placed(home, mart)
    attendance = (
        table(home, "core", "fct_attendance").filter(pl.col("rep_id").is_not_null()).rename({"occurred_month": "month"})
    )
    activities = table(home, "core", "fct_activities").rename({"occurred_month": "month"})
    sessions = activities.filter((pl.col("activity_type") == "study_session") & (pl.col("status") == "held"))
    visits = place(attendance.filter("is_live_touch"))
    pupils = place(attendance.filter("is_attended", pl.col("activity_id").is_in(sessions["activity_id"].implode())))
    sessions = place(sessions.filter(pl.col("reps_attended") > 0))
    posts = table(home, "core", "dim_rep_assignment")
    sellers = place(table(home, "kpi", "rep_monthly").filter(pl.col("rep_id") != "NONE"))
    found = table(home, "kpi", mart)
    of_nobody = place(table(home, "kpi", "rep_monthly").filter(pl.col("rep_id") == "NONE"))
    nobodys = {
        month: dict(of_nobody.filter(within(month, 12)).group_by("unit").agg(pl.col("deals_won").sum()).iter_rows())
        for month in found["month"].unique()
    }
    again = []
    for month in found["month"].unique().sort():
        end = min(month_end(month), today(home))
        standing = place(at_work(posts, end))
        year = within(month, (month.year - fiscal_start(month).year) * 12 + month.month - 3)
        sizes = headcounts(home, end)
        winners = sellers.filter(within(month, 12) & (pl.col("deals_won") > 0))
        lately = pupils.filter(within(month, 12))
        reached = standing.filter(pl.col("rep_id").is_in(reachable(home, end)))
        counts = {
            "sessions_held": persons(sessions.filter(pl.col("month") == month), "activity_id"),
            "reps_contacted": persons(visits.filter(pl.col("month") == month)),
            "reps_known": persons(standing),
            "reps_contactable": persons(reached),
            "trained_rate_denominator": persons(reached),
            "trained_rate_numerator": persons(reached.filter(pl.col("rep_id").is_in(lately["rep_id"].implode()))),
            "producing_rate_denominator": persons(lately),
            "producing_rate_numerator": persons(lately.filter(pl.col("rep_id").is_in(winners["rep_id"].implode()))),
            "reps_trained": persons(pupils.filter(year)),
            "reps_active": persons(
                sellers.filter(
                    within(month, PROJECT_VARS["active_window_months"]), pl.col("deals_new") + pl.col("referrals") > 0
                )
            ),
            "reps_producing_t12m": persons(winners),
            "unassigned_wins_t12m": nobodys.get(month, {}),
            "known_rate_numerator": persons(standing.filter(pl.col("branch_id").is_in(sizes["branch_id"].implode()))),
            "rep_penetration_numerator": persons(
                winners.join(heirs(home, end), on="branch_id").filter(
                    pl.col("heir").is_in(sizes["branch_id"].implode())
                )
            ),
        }
        declared = dict(place(sizes).group_by("unit").agg(pl.col("sales_headcount").sum()).iter_rows())
        units = found.filter(pl.col("month") == month)
        for unit in units[key_of(mart)[0]] if key_of(mart) else ["ALL"]:
            row = dict.fromkeys(key_of(mart), unit) | {name: of.get(unit, 0) for name, of in counts.items()}
            row |= {"month": month, "headcount": declared.get(unit)}
            if row["headcount"] is None:  # nobody can be a share of what is unknown
                row |= dict.fromkeys(("known_rate_numerator", "rep_penetration_numerator"))
            row |= {
                "is_complete": month_end(month) <= today(home),
                "has_twelve_months": month_end(month) <= today(home) and first_of_month(month, -11) >= months(home)[0],
            }
            row |= {rate: row[up] / row[down] if row[down] else None for rate, (up, down) in LADDER.items()}
            row |= {
                "known_rate_denominator": row["headcount"],
                "rep_penetration_denominator": row["headcount"],
            }
            again.append(row)
    return pl.DataFrame(again, infer_schema_length=None)


@pytest.mark.parametrize("mart", MARTS)
def test_persons_and_their_rates(built_home: Home, mart: str) -> None:
    assert_same(table(built_home, "kpi", mart), people(built_home, mart), [*key_of(mart), "month"])
