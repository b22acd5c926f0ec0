"""Helpers for second computations: tables, accepted rows, months and days, wins, and the comparison of cells."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import duckdb
import polars as pl

from orchestration.home import Home

Again = Callable[[Home], pl.DataFrame]
SCOPES = ("branch", "division", "partner", "company")


@cache
def table(home: Home, schema: str, name: str) -> pl.DataFrame:
    """Return a published table with money as floats."""
    frame = pl.read_parquet(home.published / "parquet" / schema / f"{name}.parquet")
    return frame.with_columns(pl.col(pl.Decimal).cast(pl.Float64))


@cache
def accepted(home: Home, dataset: str, *key: str) -> pl.DataFrame:
    """Return a dataset's accepted rows: the latest of each key or, without a key, all of the latest extract."""
    files = sorted((home.lake / "raw" / dataset).glob("20*.parquet"))
    rows = pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed").sort("extracted_on")
    if key:
        return rows.unique(subset=key, keep="last", maintain_order=True)
    return rows.filter(pl.col("extracted_on") == pl.col("extracted_on").max())


def staged(home: Home, name: str) -> pl.DataFrame:
    """Return a staging table, which is not published: the latest data of the sources."""
    with duckdb.connect(str(home.database), read_only=True) as built:
        rows = built.sql(f"from staging.{name}")
        return pl.DataFrame(rows.fetchall(), schema=rows.columns, orient="row", infer_schema_length=None)


def today(home: Home) -> date:
    """Return the day that the release takes for today."""
    return table(home, "ops", "release")["as_of"].item()


def first_of_month(day: date, months: int = 0) -> date:
    """Return the first day of a day's month, shifted by some months."""
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)


def month_end(month: date) -> date:
    """Return the last day of a month."""
    return first_of_month(month, 1) - timedelta(days=1)


def months(home: Home) -> list[date]:
    """Return every month of the company's data."""
    return table(home, "kpi", "company_monthly")["month"].sort().to_list()


def months_between(month: pl.Expr, until: date) -> pl.Expr:
    """Return the number of months from a month to another."""
    return (until.year - month.dt.year()) * 12 + until.month - month.dt.month()


def within(month: date, length: int, column: str = "month") -> pl.Expr:
    """Return whether a row's month is one of the last `length` months up to this month."""
    age = months_between(pl.col(column), month)
    return (age >= 0) & (age < length)


def is_over(home: Home, column: str = "month") -> pl.Expr:
    """Return whether a row's month ended by today."""
    return pl.col(column).dt.month_end() <= today(home)


def is_recorded(home: Home, first: date, length: int) -> bool:
    """Return whether all months of a period are in the data and complete."""
    last = month_end(first_of_month(first, length - 1))
    return last <= today(home) and first >= months(home)[0]


def fiscal_start(month: date) -> date:
    """Return the first month of a month's fiscal year."""
    return date(month.year - (month.month < 4), 4, 1)


@cache
def versions(home: Home) -> pl.DataFrame:
    """Return the versions of branches; the first version also covers all earlier days."""
    is_first = pl.col("valid_from") == pl.col("valid_from").min().over("branch_id")
    return table(home, "core", "dim_branch_history").with_columns(
        covers_from=pl.when(is_first).then(date.min).otherwise("valid_from")
    )


def as_of(home: Home, rows: pl.DataFrame, day: str | pl.Expr) -> pl.DataFrame:
    """Return rows of branches with the version of the branch on a day."""
    covered = versions(home).select("branch_id", "branch_version_id", "covers_from", "valid_to")
    dated = rows.with_columns(_day=pl.col(day) if isinstance(day, str) else day).join(covered, on="branch_id")
    is_covered = (pl.col("covers_from") <= pl.col("_day")) & (pl.col("_day") < pl.col("valid_to"))
    return dated.filter(is_covered).drop("_day", "covers_from", "valid_to")


@cache
def entities(home: Home, scope: str, organisation: str) -> pl.DataFrame:
    """Return the entity of each branch version: the entity of that time (as was) or of today (as is)."""
    column = f"{'current_' if organisation == 'as_is' else ''}{scope}_id"
    today_of = table(home, "core", "dim_branch").select("branch_id", pl.col("^current_.*_id$"))
    return (
        versions(home)
        .join(today_of, on="branch_id")
        .select("branch_version_id", entity_id=pl.lit("ALL") if scope == "company" else column)
    )


def placed(home: Home, rows: pl.DataFrame, scope: str, organisation: str) -> pl.DataFrame:
    """Return rows of branch versions with the entity that they count for; rows without a branch are dropped."""
    return rows.join(entities(home, scope, organisation), on="branch_version_id")


def entities_of_today(home: Home, scope: str) -> set[str]:
    """Return the entities that are active today, without closed, unknown and direct ones."""
    if scope == "company":
        return {"ALL"}
    dimension = table(home, "core", f"dim_{scope}").filter(~pl.col("is_sentinel"))
    if scope == "branch":
        dimension = dimension.filter(pl.col("closed_on").fill_null(date.max) > today(home))
    return set(entities(home, scope, "as_is")["entity_id"]) & set(dimension[f"{scope}_id"])


def partners_of_today(home: Home, scope: str) -> dict[str, str]:
    """Return the partner to which each entity of a scope belongs today; the company has no partner."""
    if scope == "company":
        return {}
    rows = table(home, "core", f"dim_{scope}")
    if scope == "division":
        current = table(home, "core", "dim_partner").select("partner_id", "current_partner_id")
        rows = rows.join(current, on="partner_id")
    return dict(zip(rows[f"{scope}_id"], rows["current_partner_id"], strict=True))


@cache
def credited(home: Home, organisation: str) -> pl.DataFrame:
    """Return money by deal, branch and month: at the branch of the credit date, or at today's branches by share."""
    if organisation == "as_was":
        return wins(home).select("deal_id", "branch_version_id", "rep_id", "channel_class", "month", "amount")
    deals = table(home, "core", "fct_deals").select("deal_id", "rep_id", "channel_class")
    current = versions(home).filter("is_current").select("branch_version_id", branch_id_current="branch_id")
    return (
        table(home, "attribution", "current_credit")
        .filter("is_counted")
        .join(deals, on="deal_id")
        .join(current, on="branch_id_current")
        .with_columns(month=pl.col("recognized_on").dt.truncate("1mo"))
        .select("deal_id", "branch_version_id", "rep_id", "channel_class", "month", "amount")
    )


@cache
def wins(home: Home) -> pl.DataFrame:
    """Return money and wins by deal and month. The win counts in the first month at whose end the deal is won."""
    kinds = {"win": 1, "rewin": 1, "reversal": -1, "cancel": -1}
    by_month = (
        table(home, "core", "fct_revenue")
        .filter("is_counted")
        .with_columns(net=pl.col("event_type").replace_strict(kinds, default=0, return_dtype=pl.Int64))
        .group_by(
            "deal_id", "branch_id", "branch_version_id", "partner_id", "rep_id", "channel_class", "recognized_month"
        )
        .agg(
            pl.col("net").sum(), pl.when(pl.col("amount").count() > 0).then(pl.col("amount").sum())
        )  # unknown is not 0
        .rename({"recognized_month": "month"})
        .sort("deal_id", "month")
    )
    is_won = pl.col("net") > 0
    return by_month.with_columns(is_won=is_won & (is_won.cum_sum().over("deal_id") == 1))


@cache
def milestones(home: Home) -> pl.DataFrame:
    """Return each counted deal's first days."""
    entries = table(home, "core", "fct_stage_entries").filter("is_counted")
    return entries.group_by("deal_id", "branch_id", "branch_version_id", "partner_id", "rep_id", "channel_class").agg(
        pl.col("entered_on").filter(pl.col("stage") == stage).min().alias(f"{stage}_on")
        for stage in ("open", "qualified", "proposed", "won", "lost")
    )


@cache
def referrals(home: Home) -> pl.DataFrame:
    """Return referrals by local day of submission, with the branch that gets the deal's credit or that they name."""
    deals = table(home, "core", "fct_deals").select("deal_id", "credit_on", of_deal="branch_id", rep_of_deal="rep_id")
    reps = table(home, "core", "dim_rep")["rep_id"].implode()
    branches = table(home, "core", "dim_branch")["branch_id"].implode()
    submitted = accepted(home, "deal_registrations", "registration_id").filter(
        pl.col("channel").is_in(["referral", "matching"])
    )
    named = pl.when(pl.col("branch_id").is_in(branches)).then("branch_id")
    unnamed = pl.when(pl.col("partner_id").is_not_null()).then("UNKNOWN:" + pl.col("partner_id"))
    rows = submitted.join(deals, on="deal_id", how="left").select(
        branch_id=pl.coalesce("of_deal", named, unnamed, pl.lit("UNRESOLVED")),
        rep_id=pl.coalesce(
            pl.when(pl.col("rep_of_deal") != "NONE").then("rep_of_deal"),
            pl.when(pl.col("rep_id").is_in(reps)).then("rep_id"),
            pl.lit("NONE"),
        ),
        month=pl.col("submitted_at").dt.offset_by("9h").dt.date().dt.truncate("1mo"),
        credited_on=pl.coalesce("credit_on", pl.col("submitted_at").dt.offset_by("9h").dt.date()),
        referrals=1,
    )
    return as_of(home, rows, "credited_on")


def same(found: object, expected: object) -> bool:
    """Return whether two cells are equal; numbers may differ by the rounding error of another order of addition."""
    if isinstance(found, float | int) and isinstance(expected, float | int):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-6)
    return found == expected


def differences(found: pl.DataFrame, again: pl.DataFrame, key: Sequence[str]) -> list[Mapping[str, object]]:
    """Return each cell of the second computation that differs, and each row that only one side has."""
    assert not again.is_empty()
    cells = [column for column in again.columns if column not in key]
    both = found.select(*key, *cells, _found=True).join(
        again.with_columns(_again=True), on=list(key), how="full", coalesce=True, suffix="_again", nulls_equal=True
    )
    wrong: list[Mapping[str, object]] = []
    for row in both.iter_rows(named=True):
        at = {column: row[column] for column in key}
        if not (row["_found"] and row["_again"]):
            wrong.append(at | {"only": "found" if row["_found"] else "again"})
            continue
        wrong += [
            at | {"column": column, "found": row[column], "again": row[f"{column}_again"]}
            for column in cells
            if not same(row[column], row[f"{column}_again"])
        ]
    return wrong


def changed(value: pl.Series) -> pl.Series:
    """Return a series in which every cell is changed."""
    if value.dtype == pl.Boolean:
        return ~value.fill_null(True)
    if value.dtype.is_temporal():
        return value.fill_null(date.max - timedelta(days=1)).dt.offset_by("1d")
    return value.fill_null("") + "?" if value.dtype == pl.String else value.fill_null(0) + 1


def assert_rows(mart: pl.DataFrame, again: Iterable[dict[str, Any]], key: list[str], least: int = 1) -> None:
    """Compare a mart with its second computation, row by row, in both directions."""
    expected = {tuple(row[name] for name in key): row for row in again}
    found = {tuple(row[name] for name in key): row for row in mart.iter_rows(named=True)}
    assert len(found) == len(mart) >= least
    assert found.keys() == expected.keys()
    for place, row in expected.items():
        for name, value in row.items():
            here = found[place][name]
            assert same(here, value) if isinstance(value, float) else here == value, (place, name, here, value)


def assert_same(found: pl.DataFrame, again: pl.DataFrame, key: Sequence[str]) -> None:
    """Fail with the cells that differ. Also prove on one row that a change in any of its cells would be found."""
    wrong = differences(found, again, key)
    assert wrong == [], f"{len(wrong)} cells: {wrong[:8]}"
    row = found.head(1)
    twin = row.join(again, on=list(key), how="left", nulls_equal=True, suffix="_again").select(
        *key, **{column: f"{column}_again" for column in again.columns if column not in key}
    )
    for column in set(again.columns) - set(key):
        wrong_cells = differences(row.with_columns(changed(row[column])), twin, key)
        assert [cell.get("column") for cell in wrong_cells] == [column]
