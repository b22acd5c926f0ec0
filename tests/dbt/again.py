"""What a second computation needs: tables, accepted rows, months and days, wins, and the cells that differ."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache

import duckdb
import polars as pl

from orchestration.home import Home

Again = Callable[[Home], pl.DataFrame]
SCOPES = ("branch", "division", "partner", "company")


@cache
def table(home: Home, schema: str, name: str) -> pl.DataFrame:
    """Return a published table, its money as numbers."""
    frame = pl.read_parquet(home.published / "parquet" / schema / f"{name}.parquet")
    return frame.with_columns(pl.col(pl.Decimal).cast(pl.Float64))


@cache
def accepted(home: Home, dataset: str, *key: str) -> pl.DataFrame:
    """Return a dataset's accepted rows, of each key the latest; without a key those of the latest extract."""
    files = sorted((home.lake / "raw" / dataset).glob("20*.parquet"))
    rows = pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed").sort("extracted_on")
    if key:
        return rows.unique(subset=key, keep="last", maintain_order=True)
    return rows.filter(pl.col("extracted_on") == pl.col("extracted_on").max())


def staged(home: Home, name: str) -> pl.DataFrame:
    """Return what the sources said last, which is not published."""
    with duckdb.connect(str(home.database), read_only=True) as built:
        rows = built.sql(f"from staging.{name}")
        return pl.DataFrame(rows.fetchall(), schema=rows.columns, orient="row", infer_schema_length=None)


def today(home: Home) -> date:
    """Return the day up to which the release tells."""
    return table(home, "ops", "release")["as_of"].item()


def first_of_month(day: date, months: int = 0) -> date:
    """Return the first day of a day's month, or of one so many months later."""
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)


def month_end(month: date) -> date:
    """Return the last day of a month."""
    return first_of_month(month, 1) - timedelta(days=1)


def months(home: Home) -> list[date]:
    """Return every month that the company has."""
    return table(home, "kpi", "company_monthly")["month"].sort().to_list()


def months_between(month: pl.Expr, until: date) -> pl.Expr:
    """Return how many months a month lies before another."""
    return (until.year - month.dt.year()) * 12 + until.month - month.dt.month()


def within(month: date, length: int, column: str = "month") -> pl.Expr:
    """Return whether a row's month is one of the last ones up to this one."""
    age = months_between(pl.col(column), month)
    return (age >= 0) & (age < length)


def is_over(home: Home, column: str = "month") -> pl.Expr:
    """Return whether a row's month ended by today."""
    return pl.col(column).dt.month_end() <= today(home)


def is_recorded(home: Home, first: date, length: int) -> bool:
    """Return whether all months of a period are in the data and over."""
    last = month_end(first_of_month(first, length - 1))
    return last <= today(home) and first >= months(home)[0]


def fiscal_start(month: date) -> date:
    """Return the first month of a month's fiscal year."""
    return date(month.year - (month.month < 4), 4, 1)


@cache
def versions(home: Home) -> pl.DataFrame:
    """Return the versions of branches; before its first one a branch counts as it was first."""
    is_first = pl.col("valid_from") == pl.col("valid_from").min().over("branch_id")
    return table(home, "core", "dim_branch_history").with_columns(
        covers_from=pl.when(is_first).then(date.min).otherwise("valid_from")
    )


def as_of(home: Home, rows: pl.DataFrame, day: str | pl.Expr) -> pl.DataFrame:
    """Return rows of branches with the branch's version on a day."""
    covered = versions(home).select("branch_id", "branch_version_id", "covers_from", "valid_to")
    dated = rows.with_columns(_day=pl.col(day) if isinstance(day, str) else day).join(covered, on="branch_id")
    is_covered = (pl.col("covers_from") <= pl.col("_day")) & (pl.col("_day") < pl.col("valid_to"))
    return dated.filter(is_covered).drop("_day", "covers_from", "valid_to")


@cache
def entities(home: Home, scope: str, organisation: str) -> pl.DataFrame:
    """Return the entity of each branch version: that of its day, or where the branch is today."""
    column = f"{'current_' if organisation == 'as_is' else ''}{scope}_id"
    today_of = table(home, "core", "dim_branch").select("branch_id", pl.col("^current_.*_id$"))
    return (
        versions(home)
        .join(today_of, on="branch_id")
        .select("branch_version_id", entity_id=pl.lit("ALL") if scope == "company" else column)
    )


def placed(home: Home, rows: pl.DataFrame, scope: str, organisation: str) -> pl.DataFrame:
    """Return rows of branch versions with the entity that they count for; rows without a branch count for none."""
    return rows.join(entities(home, scope, organisation), on="branch_version_id")


def entities_of_today(home: Home, scope: str) -> set[str]:
    """Return the entities that one can work with today: what is closed, unknown or direct is none."""
    if scope == "company":
        return {"ALL"}
    dimension = table(home, "core", f"dim_{scope}").filter(~pl.col("is_sentinel"))
    if scope == "branch":
        dimension = dimension.filter(pl.col("closed_on").fill_null(date.max) > today(home))
    return set(entities(home, scope, "as_is")["entity_id"]) & set(dimension[f"{scope}_id"])


def partners_of_today(home: Home, scope: str) -> dict[str, str]:
    """Return the partner to which each entity of a scope belongs today; the company belongs to none."""
    if scope == "company":
        return {}
    rows = table(home, "core", f"dim_{scope}")
    if scope == "division":
        current = table(home, "core", "dim_partner").select("partner_id", "current_partner_id")
        rows = rows.join(current, on="partner_id")
    return dict(zip(rows[f"{scope}_id"], rows["current_partner_id"], strict=True))


@cache
def credited(home: Home, organisation: str) -> pl.DataFrame:
    """Return money by deal, branch and month: at the branch of the credit date, or at today's by their shares."""
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
    """Return money and wins by deal and month: won in the first month that is left as won."""
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
    """Return referrals by the day of submission here, as their deal is credited, else as they name it."""
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
    """Return whether two cells say the same; numbers may differ by what adding in another order makes of them."""
    if isinstance(found, float | int) and isinstance(expected, float | int):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-6)
    return found == expected


def differences(found: pl.DataFrame, again: pl.DataFrame, key: Sequence[str]) -> list[Mapping[str, object]]:
    """Return each cell of the second computation that is not as found, and each row that only one of them has."""
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
    """Return a series of which no cell is as it was."""
    if value.dtype == pl.Boolean:
        return ~value.fill_null(True)
    if value.dtype.is_temporal():
        return value.fill_null(date.max - timedelta(days=1)).dt.offset_by("1d")
    return value.fill_null("") + "?" if value.dtype == pl.String else value.fill_null(0) + 1


def assert_same(found: pl.DataFrame, again: pl.DataFrame, key: Sequence[str]) -> None:
    """Fail with the cells that differ; and show on one row that a change of any of its cells would be told."""
    wrong = differences(found, again, key)
    assert wrong == [], f"{len(wrong)} cells: {wrong[:8]}"
    row = found.head(1)
    twin = row.join(again, on=list(key), how="left", nulls_equal=True, suffix="_again").select(
        *key, **{column: f"{column}_again" for column in again.columns if column not in key}
    )
    for column in set(again.columns) - set(key):
        told = differences(row.with_columns(changed(row[column])), twin, key)
        assert [cell.get("column") for cell in told] == [column]
