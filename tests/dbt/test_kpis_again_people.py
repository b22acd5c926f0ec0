"""Persons and rates of the monthly marts and their twins as is, computed again from the facts and the roster."""

from datetime import date, timedelta
from functools import cache

import polars as pl
import pytest

from orchestration.home import Home
from tests.conftest import PROJECT_VARS
from tests.dbt.again import (
    accepted,
    as_of,
    assert_same,
    first_of_month,
    fiscal_start,
    month_end,
    months,
    placed,
    referrals,
    table,
    today,
    wins,
    within,
)

MARTS = (
    "branch_monthly",
    "branch_monthly_as_is",
    "division_monthly",
    "division_monthly_as_is",
    "partner_monthly",
    "partner_monthly_as_is",
    "company_monthly",
)
LADDER = {
    "known_rate": ("known_rate_numerator", "headcount"),
    "contactable_rate": ("reps_contactable", "reps_known"),
    "trained_rate": ("trained_rate_numerator", "reps_contactable"),
    "producing_rate": ("producing_rate_numerator", "producing_rate_denominator"),
    "rep_penetration": ("rep_penetration_numerator", "headcount"),
}


def scope_and_organisation(mart: str) -> tuple[str, str]:
    """Return the scope and the organisation of a monthly mart."""
    return mart.partition("_")[0], "as_is" if mart.endswith("as_is") else "as_was"


def key_of(mart: str) -> list[str]:
    """Return the column that names a monthly mart's entity; the company has none."""
    scope, _ = scope_and_organisation(mart)
    return [] if scope == "company" else [f"{scope}_id"]


def persons(rows: pl.DataFrame, column: str = "rep_id") -> dict[str, int]:
    return dict(rows.group_by("entity_id").agg(pl.col(column).n_unique()).iter_rows())


@cache
def rep_months(home: Home) -> pl.DataFrame:
    """Return the results of each rep by month and branch version; NONE means unknown reps."""
    opened = table(home, "core", "fct_stage_entries").filter("is_counted", pl.col("stage") == "open")
    parts = (
        opened.select("rep_id", "branch_version_id", month="entered_month", deals_new=1),
        referrals(home).select("rep_id", "branch_version_id", "month", "referrals"),
        wins(home).select("rep_id", "branch_version_id", "month", deals_won=pl.col("is_won").cast(pl.Int64)),
    )
    brought = [pl.col(name).cast(pl.Int64).sum() for name in ("deals_new", "referrals", "deals_won")]
    rows = pl.concat(
        [part.with_columns(pl.col(pl.Int32).exclude("branch_version_id").cast(pl.Int64)) for part in parts],
        how="diagonal_relaxed",
    )
    return rows.group_by("rep_id", "branch_version_id", "month").agg(brought)


def working_on(assignments: pl.DataFrame, end: date) -> pl.DataFrame:
    """Return reps and their branches on a day: of concurrent assignments the primary one, or all without a primary.

    An assignment lasts some days beyond its end if another one follows.
    """
    last_days = pl.col("valid_to") + pl.duration(days=PROJECT_VARS["assignment_gap_days"])
    began, ended = pl.col("valid_from") <= end, pl.col("valid_to") <= end
    now = assignments.filter(began & ~ended)
    between = assignments.filter(
        ended & (last_days > end) & (pl.col("valid_to") == pl.col("valid_to").filter(began).max().over("rep_id"))
        & pl.col("rep_id").is_in(assignments.filter(~began)["rep_id"].implode())
        & ~pl.col("rep_id").is_in(now["rep_id"].implode())
    )  # fmt: skip
    standing = pl.concat([now, between])
    primaries = pl.col("branch_id").filter("is_primary").n_unique().over("rep_id") == 1
    return standing.filter(pl.col("is_primary") | ~primaries)


@cache
def headcounts(home: Home, end: date, organisation: str) -> pl.DataFrame:
    """Return the headcount of each open branch, as declared last.

    As is, a branch without an open profile has the sum of the branches that it took over.
    """
    profiles = accepted(home, "branch_profiles", "branch_id", "as_of")
    declared = (
        profiles.filter((pl.col("as_of") <= end) & pl.col("sales_headcount").is_not_null())
        .sort("as_of")
        .unique(subset="branch_id", keep="last")
        .select("branch_id", "sales_headcount")
    )
    branches = table(home, "core", "dim_branch").with_columns(is_open=pl.col("closed_on").fill_null(date.max) > end)
    declared = declared.join(branches.select("branch_id", "current_branch_id", "is_open"), on="branch_id")
    own = declared.filter("is_open").select("branch_id", "sales_headcount", is_inherited=False)
    if organisation == "as_was":
        return own
    with_own = declared.filter("is_open")["current_branch_id"].implode()
    successors = branches.filter("is_open").select(current_branch_id="branch_id")
    inherited = (
        declared.filter(~pl.col("current_branch_id").is_in(with_own))
        .join(successors, on="current_branch_id")
        .group_by(branch_id="current_branch_id")
        .agg(pl.col("sales_headcount").sum(), is_inherited=pl.lit(True))
    )
    return pl.concat([own, inherited], how="vertical_relaxed")


def of_known_size(home: Home, rows: pl.DataFrame, end: date, organisation: str, own: str = "branch_id") -> pl.DataFrame:
    """Return rows whose branch declares a headcount; as is, also rows whose successor has taken one over."""
    sizes = headcounts(home, end, organisation)
    declaring, taking = (
        sizes.filter(pl.col("is_inherited") == is_in)["branch_id"].implode() for is_in in (False, True)
    )
    current = table(home, "core", "dim_branch").select("branch_id", _current="current_branch_id")
    joined = rows.join(current, on="branch_id")
    return joined.filter(pl.col(own).is_in(declaring) | pl.col("_current").is_in(taking)).drop("_current")


def successors(home: Home, end: date) -> pl.DataFrame:
    """Return the branch that continues each branch on a day: itself, or its successor after it has closed."""
    is_closed = pl.col("closed_on").fill_null(date.max) <= end
    return table(home, "core", "dim_branch").select(
        "branch_id", heir=pl.when(is_closed).then("current_branch_id").otherwise("branch_id")
    )


def reachable(home: Home, end: date) -> set[str]:
    """Return the reps who have an address and met or answered the vendor within the window."""
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


def people(home: Home, scope: str, organisation: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Compute persons and rates for these entities and months."""
    attendance = (
        table(home, "core", "fct_attendance").filter(pl.col("rep_id").is_not_null()).rename({"occurred_month": "month"})
    )
    activities = table(home, "core", "fct_activities").rename({"occurred_month": "month"})
    sessions = activities.filter((pl.col("activity_type") == "study_session") & (pl.col("status") == "held"))

    def place(rows: pl.DataFrame) -> pl.DataFrame:
        return placed(home, rows, scope, organisation)

    visits = place(attendance.filter("is_live_touch"))
    pupils = place(attendance.filter("is_attended", pl.col("activity_id").is_in(sessions["activity_id"].implode())))
    sessions = place(sessions.filter(pl.col("reps_attended") > 0))
    assignments = table(home, "core", "dim_rep_assignment")
    branch_of = table(home, "core", "dim_branch_history").select("branch_version_id", "branch_id")
    brought = place(rep_months(home)).join(branch_of, on="branch_version_id")
    sellers, of_nobody = (brought.filter((pl.col("rep_id") == "NONE") == is_nobody) for is_nobody in (False, True))
    again = []
    for month in rows["month"].unique().sort():
        end = min(month_end(month), today(home))
        standing = place(as_of(home, working_on(assignments, end), pl.lit(end)))
        year = within(month, (month.year - fiscal_start(month).year) * 12 + month.month - 3)
        winners = sellers.filter(within(month, 12) & (pl.col("deals_won") > 0))
        lately = pupils.filter(within(month, 12))
        reached = standing.filter(pl.col("rep_id").is_in(reachable(home, end)))
        unassigned = of_nobody.filter(within(month, 12)).group_by("entity_id").agg(pl.col("deals_won").sum())
        producing = of_known_size(home, winners.join(successors(home, end), on="branch_id"), end, organisation, "heir")
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
            "unassigned_wins_t12m": dict(unassigned.iter_rows()),
            "known_rate_numerator": persons(of_known_size(home, standing, end, organisation)),
            "rep_penetration_numerator": persons(producing),
        }
        sizes = place(as_of(home, headcounts(home, end, organisation), pl.lit(end))).group_by("entity_id")
        declared = {
            entity: (count, is_inherited)
            for entity, count, is_inherited in sizes.agg(
                pl.col("sales_headcount").sum(), pl.col("is_inherited").any()
            ).iter_rows()
        }
        for entity in rows.filter(pl.col("month") == month)["entity_id"]:
            headcount, is_inherited = declared.get(entity, (None, False))
            row = {name: of.get(entity, 0) for name, of in counts.items()}
            row |= {"entity_id": entity, "month": month, "headcount": headcount, "is_headcount_inherited": is_inherited}
            if headcount is None:  # there is no share of an unknown headcount
                row |= dict.fromkeys(("known_rate_numerator", "rep_penetration_numerator"))
            row |= {
                "is_complete": month_end(month) <= today(home),
                "has_twelve_months": month_end(month) <= today(home) and first_of_month(month, -11) >= months(home)[0],
            }
            row |= {rate: row[up] / row[down] if row[down] else None for rate, (up, down) in LADDER.items()}
            row |= {
                "known_rate_denominator": headcount,
                "rep_penetration_denominator": headcount,
            }
            again.append(row)
    return pl.DataFrame(again, infer_schema_length=None)


@pytest.mark.parametrize("mart", MARTS)
def test_persons_and_their_rates(built_home: Home, mart: str) -> None:
    entity = pl.col(key_of(mart)[0]) if key_of(mart) else pl.lit("ALL")
    found = table(built_home, "kpi", mart).with_columns(entity_id=entity)
    again = people(built_home, *scope_and_organisation(mart), found.select("entity_id", "month"))
    assert_same(found, again, ["entity_id", "month"])
