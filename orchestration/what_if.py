"""make what-if: compares attribution under another ladder or other vars with today's. No build or release changes.

Both sides come from the present lake; the present side is read from the release if that is up to date. This module
compares them. scratch.py builds the models, and ladder.py checks the ladder.
"""

import csv
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from orchestration import engine
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.ladder import check_ladder
from orchestration.lock import write_lock
from orchestration.release.fingerprint import nothing_new
from orchestration.scratch import SETTINGS, Plan, compile_models
from orchestration.spreadsheet import safe_cell
from orchestration.sql import text
from orchestration.summary import new_table, number, rows_of
from orchestration.warehouse import overrides, var

FILE = "what_if.csv"
ROWS_SHOWN = 10
# The tables that the comparison reads from each side; all of them are published.
MODELS = ("fct_deals", "deal_attribution", "deal_evidence", "dim_branch", "dim_partner", "attribution_ladder")
# The deciding evidence is the supporting evidence on the deciding rung; if several signals agree, the first is shown.
CREDIT = """
    with decided as (
        select evidence.deal_id, min((evidence.evidence_code, evidence.points_to)) as evidence
        from attribution.deal_evidence as evidence
        inner join attribution.deal_attribution as attribution
            on evidence.deal_id = attribution.deal_id and evidence.rung = attribution.rung
        where evidence.status = 'supporting'
        group by evidence.deal_id
    ),

    rungs as (
        select rung, evidence_code, points_to, trim(concat(evidence_code, ' ', meaning, ' (', rung, ')')) as cause
        from attribution.attribution_ladder
    )

    select
        deals.deal_id,
        deals.deal_name,
        deals.status,
        deals.credit_on,
        deals.amount,
        deals.is_counted,
        deals.branch_id,
        deals.is_resolved,
        -- The name of a special member contains its partner already.
        concat_ws(' ', case when not branches.is_sentinel then partners.partner_name end, branches.branch_name)
            as branch,
        attribution.rung,
        coalesce(evidence_rungs.cause, sentinel_rungs.cause, attribution.rung) as cause
    from core.fct_deals as deals
    left join attribution.deal_attribution as attribution on deals.deal_id = attribution.deal_id
    left join core.dim_branch as branches on deals.branch_id = branches.branch_id
    left join core.dim_partner as partners on deals.partner_id = partners.partner_id
    left join decided on deals.deal_id = decided.deal_id
    left join rungs as evidence_rungs
        on
            attribution.rung = evidence_rungs.rung
            and decided.evidence[1] = evidence_rungs.evidence_code
            and decided.evidence[2] = evidence_rungs.points_to
    left join rungs as sentinel_rungs on attribution.rung = sentinel_rungs.rung and sentinel_rungs.evidence_code is null
"""
MOVES = """
    select
        deal_id,
        coalesce(after.deal_name, before.deal_name) as deal_name,
        coalesce(after.status, before.status) as status,
        before.credit_on as from_credit_on,
        after.credit_on as to_credit_on,
        before.amount as from_amount,
        after.amount as to_amount,
        before.branch_id as from_branch_id,
        before.branch as from_branch,
        before.cause as from_cause,
        before.is_counted as from_is_counted,
        after.branch_id as to_branch_id,
        after.branch as to_branch,
        after.cause as to_cause,
        after.is_counted as to_is_counted
    from before
    full outer join after using (deal_id)
    where
        before.branch_id is distinct from after.branch_id
        or before.amount is distinct from after.amount
        or before.is_counted is distinct from after.is_counted
    order by abs(coalesce(before.amount, after.amount)) desc nulls last, deal_id
"""
CAUSES = """
    select
        case
            when from_branch_id is distinct from to_branch_id then from_cause || ' → ' || to_cause
            when from_is_counted is distinct from to_is_counted
                then case when to_is_counted then 'not counted → counted' else 'counted → not counted' end
            else 'the same branch, another amount'
        end as cause,
        count(*) as deals,
        sum(from_amount) as amount
    from moves
    group by cause
    order by amount desc nulls last, deals desc, cause
"""
BRANCHES = """
    select branch_id, any_value(name) as name, sum(deals) as deals, sum(amount) as amount
    from (
        select from_branch_id as branch_id, from_branch as name, -1 as deals, -coalesce(from_amount, 0) as amount
        from moves
        union all
        select to_branch_id, to_branch, 1, coalesce(to_amount, 0)
        from moves
    )
    where branch_id is not null
    group by branch_id
    having sum(deals) != 0 or sum(amount) != 0
    order by abs(sum(amount)) desc, branch_id
"""
TOTALS = """
    select
        count(*) as deals,
        coalesce(sum(amount), 0) as amount,
        count(*) filter (not is_resolved) / nullif(count(is_resolved), 0) as share_of_deals,
        sum(abs(amount)) filter (not is_resolved) / nullif(sum(abs(amount)) filter (is_resolved is not null), 0)
            as share_of_amount
    from {side}
"""


def what_if(home: Home, ladder: Path | None, variables: Mapping[str, Any], say: Callable[[str], None] = print) -> Path:
    """Report which deals another ladder and other vars would move; return the file with each of them."""
    if ladder is None and not variables:
        raise KyotenError("State what should differ: LADDER=file.csv, VARS='{\"assignment_gap_days\": 30}', or both.")
    if ladder:
        check_ladder(ladder)
    if not (home.lake / "raw").exists():
        raise KyotenError(f"Nothing is loaded in {home.root} yet. Run make refresh, or make demo, first.")
    folder = home.build / "what-if"
    with write_lock(home):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            with engine.connect(home) as connection:
                connection.execute(SETTINGS)
                _take(connection, "before", _present(home, folder / "present", say))
                say("Attribution under the other rules")
                plan, seeds = compile_models(home, {**overrides(), **variables}), {}
                if ladder:
                    seeds["attribution_ladder"] = ladder
                _take(connection, "after", _built(plan, folder / "other", seeds))
                connection.execute(f"create table moves as {MOVES}")
                path = _write(home, connection)
                _report(connection, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return path


def _present(home: Home, folder: Path, say: Callable[[str], None]) -> Path:
    """Return a database with today's attribution: that of the release if it is up to date, else a new one."""
    if release_id := nothing_new(home):
        say(f"Attribution as in release {release_id}")
        return home.published / "kyoten.duckdb"
    say("Attribution under the present rules")
    return _built(compile_models(home), folder, {})


def _built(plan: Plan, folder: Path, seeds: Mapping[str, Path]) -> Path:
    plan.build(folder, MODELS, seeds=seeds).close()
    return folder / plan.home.database.name


def _take(connection: duckdb.DuckDBPyConnection, side: str, database: Path) -> None:
    """Copy one side's credit out of its database."""
    connection.execute(f"attach {text(str(database))} as kyoten (read_only)")
    connection.execute(f"use kyoten; create table memory.{side} as {CREDIT}; use memory; detach kyoten")


def _write(home: Home, connection: duckdb.DuckDBPyConnection) -> Path:
    """Write each deal that moves, the largest first, in a form that Excel opens."""
    home.worklist.mkdir(parents=True, exist_ok=True)
    path = home.worklist / FILE
    moves = connection.sql("from moves order by abs(coalesce(from_amount, to_amount)) desc nulls last, deal_id")
    aside = path.with_suffix(".csv.tmp")
    with aside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(moves.columns)
        while rows := moves.fetchmany(10_000):
            writer.writerows([safe_cell(value) for value in row] for row in rows)
    aside.replace(path)
    return path


def _report(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Print totals, what moves by cause and by branch, and the largest deals."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    moves = connection.sql("from moves")
    moved = len(moves)
    before, after = (rows_of(connection, TOTALS.format(side=side))[0] for side in ("before", "after"))
    currency = f"amount ({var('base_currency')})"
    totals = new_table("\nIn all", ("", "left"), ("now", "right"), ("then", "right"))
    for label, name, form in (
        ("deals", "deals", number),
        (currency, "amount", number),
        ("unresolved share of partner deals", "share_of_deals", _percent),
        ("unresolved share of their money", "share_of_amount", _percent),
    ):
        totals.add_row(label, form(before[name]), form(after[name]))
    console.print(totals)
    if not moved:
        console.print("\n[bold]Nothing moves.[/] Every deal stays where it is.")
        return
    causes = new_table("\nWhat moves, by cause", ("from → to", "left"), ("deals", "right"), (currency, "right"))
    for row in rows_of(connection, CAUSES):
        causes.add_row(row["cause"], number(row["deals"]), number(row["amount"]))
    branches = new_table(
        "\nWho gains and loses", ("branch", "left"), ("", "left"), ("deals", "right"), (currency, "right")
    )
    for row in (found := rows_of(connection, BRANCHES))[:ROWS_SHOWN]:
        branches.add_row(row["branch_id"], row["name"], f"{row['deals']:+,.0f}", f"{row['amount']:+,.0f}")
    largest = new_table(
        "\nThe largest deals", ("deal", "left"), ("from", "left"), ("to", "left"), (currency, "right"), ("", "left")
    )
    for row in rows_of(connection, f"from moves limit {ROWS_SHOWN}"):
        amount = row["to_amount"] if row["from_amount"] is None else row["from_amount"]
        cause = f"{row['from_cause']} → {row['to_cause']}"
        largest.add_row(row["deal_id"], row["from_branch_id"], row["to_branch_id"], number(amount), cause)
    console.print(causes, branches, sep="\n")
    if len(found) > ROWS_SHOWN:
        console.print(f"and {len(found) - ROWS_SHOWN:,} branches more.")
    console.print(largest)
    console.print(f"\nNothing was published. Each of the {moved:,} deals: {path}", soft_wrap=True, markup=False)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
