"""make changes: why the figures of two days differ, for any two days. No build or release changes.

The models of kpi.change_explained do the work, with the logs that the last verified build has left (knowledge.py). So
nothing but these models is built. This module prints what they give and writes the deals behind it.
"""

import csv
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.knowledge import BRANCHES, DEALS, latest_state
from orchestration.lock import write_lock
from orchestration.scratch import compile_models
from orchestration.spreadsheet import safe_cell
from orchestration.sql import text
from orchestration.summary import new_table, number, rows_of
from orchestration.warehouse import overrides

FILE = "changes.csv"
REASONS = {
    "ONE_EXTRACT": "there is only one extract, so nothing can be compared",
    "NO_EXTRACT_YET": "no extract is as old as the earlier day",
    "SAME_EXTRACT": "no extract came between the two days",
    "NOT_EARLIER": "the earlier day is after the later day, which is today at the latest",
}
PAIR = "select * from intermediate.int_change_pairs where pair = 'asked'"
CAUSES = """
    select
        metrics.label, changes.from_value, changes.to_value, changes.change, reasons.cause_label, changes.amount,
        changes.deals
    from kpi.change_explained as changes
    inner join (select distinct metric, label from kpi.change_metrics) as metrics on changes.metric = metrics.metric
    inner join (select distinct cause, cause_label from kpi.change_reasons) as reasons on changes.cause = reasons.cause
    where
        changes.pair = 'asked' and changes.scope = 'company'
        and not metrics.metric similar to '.*_(numerator|denominator)'
    order by
        (select min(rowid) from kpi.change_metrics as listed where listed.metric = changes.metric),
        (select min(rowid) from kpi.change_reasons as listed where listed.cause = changes.cause)
"""
DEALS_BEHIND = """
    select
        changes.measure, changes.cause, changes.reason, reasons.label as reason_label,
        reasons.label_ja as reason_label_ja, changes.deal_id, deals.deal_name, changes.branch_id, branches.branch_name,
        changes.other_branch_id, others.branch_name as other_branch_name, changes.amount
    from kpi.change_deals as changes
    inner join kpi.change_reasons as reasons on changes.reason = reasons.reason
    left join published.core.fct_deals as deals on changes.deal_id = deals.deal_id
    left join published.core.dim_branch as branches on changes.branch_id = branches.branch_id
    left join published.core.dim_branch as others on changes.other_branch_id = others.branch_id
    where changes.pair = 'asked'
    order by
        changes.measure, changes.cause, abs(changes.amount) desc, changes.deal_id, changes.branch_id, changes.reason
"""


def explain_changes(home: Home, from_on: str, to_on: str) -> Path:
    """Print why the company's figures changed from one day to another; return the file with the deals behind it.

    Raises:
        KyotenError: if a day is no date, nothing is published yet, or no two extracts can be compared.
    """
    days = {name: _day(name, value) for name, value in (("FROM", from_on), ("TO", to_on))}
    state = latest_state(home)
    release = home.published / "kyoten.duckdb"
    if state is None or not release.exists():
        raise KyotenError(home.nothing_published)
    folder = home.build / "changes"
    with write_lock(home):
        try:
            stated = {"change_from": str(days["FROM"]), "change_to": str(days["TO"])}
            plan = compile_models(home, {**overrides(), **stated})
            tables = {DEALS: state / "deals.parquet", BRANCHES: state / "branches.parquet"}
            with plan.build(folder, ["change_explained"], tables=tables) as connection:
                (pair,) = rows_of(connection, PAIR)
                if reason := pair["missing_reason"]:
                    raise KyotenError(f"{days['FROM']} and {days['TO']}: {REASONS[reason]}.")
                connection.execute(f"attach {text(str(release))} as published (read_only)")
                path = _write(home, connection)
                _report(connection, pair, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return path


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise KyotenError(f"{name} must be a day such as 2026-03-02, and is {value!r}.") from None


def _write(home: Home, connection: duckdb.DuckDBPyConnection) -> Path:
    """Write the deals behind each part, the largest first, in a form that Excel opens."""
    home.worklist.mkdir(parents=True, exist_ok=True)
    path = home.worklist / FILE
    rows = connection.sql(DEALS_BEHIND)
    aside = path.with_suffix(".csv.tmp")
    with aside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows.columns)
        while some := rows.fetchmany(10_000):
            writer.writerows([safe_cell(value) for value in row] for row in some)
    aside.replace(path)
    return path


def _report(connection: duckdb.DuckDBPyConnection, pair: dict[str, Any], path: Path) -> None:
    """Print each figure of the company, with the parts of its change."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(
        f"Figures since {pair['from_window_start']}: up to {pair['from_on']} according to the extract of "
        f"{pair['from_known_on']}, and up to {pair['to_on']} according to the one of {pair['to_known_on']}.",
        soft_wrap=True,
    )
    table = new_table(
        "\nWhy the company's figures changed",
        ("", "left"), ("then", "right"), ("now", "right"), ("change", "right"), ("of which", "left"), ("", "right"),
        ("deals", "right"),
    )  # fmt: skip
    last = None
    for row in rows_of(connection, CAUSES):
        first = row["label"] != last
        figures = [row["label"], number(row["from_value"]), number(row["to_value"]), f"{row['change']:+,.0f}"]
        part = [row["cause_label"], f"{row['amount']:+,.0f}", number(row["deals"])]
        table.add_row(*(figures if first else [""] * 4), *part)
        last = row["label"]
    if last is None:
        console.print("\n[bold]Nothing changed.[/]")
    else:
        console.print(table)
    console.print(f"\nThe deals behind each part: {path}", soft_wrap=True, markup=False)
