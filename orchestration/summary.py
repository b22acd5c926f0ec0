"""The summary after a refresh, for the terminal. It reads only the published release of a home.

Every figure comes from the marts; the texts for rungs and reasons come from the seeds.
"""

import csv
import sys
from decimal import Decimal
from typing import Any

import duckdb
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration import engine, sql
from orchestration.costs import slowest
from orchestration.errors import KyotenError, printable
from orchestration.home import PROJECT, Home
from orchestration.language import say
from orchestration.missing import missing_lines
from orchestration.release.publish import DATABASE
from orchestration.release.releases import current_release, notice_of_rollback, previous_release
from orchestration.warehouse import var

BAR = 16
REJECTIONS_SHOWN = 8
Row = dict[str, Any]

LOADS = "from ops.datasets order by dataset"
RUNGS = """
    select rung, sum(deals) as deals, sum(amount) as amount
    from attribution.quality_monthly
    group by rung
    order by cast(substr(rung, 2) as integer)
"""
QUARANTINE = """
    select severity, reason, count(*) as deals, sum(amount) as amount, max(question) as question
    from attribution.quarantine
    group by severity, reason
    order by severity, deals desc
"""
REJECTED = """
    select
        dataset, reason, remedy, count(*) as rows, min_by(file_name, (file_name, row_number)) as file_name,
        min_by(row_number, (file_name, row_number)) as row_number, any_value(column_name) as column_name
    from ops.rejected_rows
    group by dataset, reason, remedy
    order by rows desc, dataset, reason
"""
FINDINGS = "from ops.findings order by finding desc, rows_found desc, dataset, column_name, names_dataset"
# The files whose extract date is today, and the files with a message, such as those without a date in their name.
TODAY = """
    select dataset, source_name, file_name, extracted_on
    from ops.loads
    where status = 'loaded' and dataset is not null and dataset not in ('attribution_overrides', 'worklist_results')
    order by extracted_on desc, dataset, source_name, file_name
"""
NOTED = """
    select source_name, file_name, any_value(message) as message
    from ops.loads
    where status = 'loaded' and message <> ''
    group by source_name, file_name
    order by source_name, file_name
"""
PERIODS = """
    select
        case period_type when 'month' then strftime(period_start, '%B %Y') else 'Fiscal year ' || fiscal_year end
            as period,
        won_amount, deals_won, deals_new, indirect_ratio
    from kpi.headlines
    order by period_type
"""

# The change of won amount since the extract before; cause is null where nothing can be compared or nothing changed.
WHY = """
    select
        pairs.from_on, pairs.to_on, pairs.from_window_start, pairs.missing_reason, changes.from_value, changes.to_value,
        changes.change, changes.amount, reasons.cause_label as cause
    from kpi.change_pairs as pairs
    left join kpi.change_explained as changes
        on pairs.pair = changes.pair and changes.scope = 'company' and changes.metric = 'won_amount'
    left join (select distinct cause, cause_label from kpi.change_reasons) as reasons on changes.cause = reasons.cause
    where pairs.pair = 'extract'
    order by abs(changes.amount) desc, cause
"""

# How the figures of months that were complete in the release before have changed, and which restatements moved them.
CHANGED = """
    with months as (
        select month, coalesce(now.won_amount, 0) - coalesce(before.won_amount, 0) as amount
        from kpi.company_monthly as now
        full outer join previous.kpi.company_monthly as before using (month)
        where last_day(month) <= (select as_of from previous.ops.release)
    ),
    moved as (
        select cause, count(distinct deal_id) as deals, sum(abs(amount)) as amount
        from attribution.restatements as now
        anti join previous.attribution.restatements as before using (deal_id, month, change_number)
        group by cause
    )
    select 'deals more' as what, now.deals - before.deals as deals, null as amount, 0 as position
    from (select count(*) as deals from core.fct_deals) as now
    cross join (select count(*) as deals from previous.core.fct_deals) as before
    union all
    select 'money of months that were over', null, sum(amount), 1 from months
    union all
    select 'credit moved in them: ' || lower(replace(cause, '_', ' ')), deals, amount, 2 from moved
    order by position, what
"""


def print_summary(home: Home) -> None:
    """Print what was loaded, how deals resolved, what a person has to decide, the headline figures and their place."""
    release = current_release(home)
    if release is None:
        raise KyotenError(f"Nothing is published in {home.published} yet. Run make refresh, or make demo.")
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else 120, highlight=False)
    if home.first_page.exists():
        console.print(
            f"\n{say('Open this page', 'まずこのページを開いてください')}: {home.first_page}",
            soft_wrap=True,
            markup=False,
        )
    with engine.connect(home, home.published / "kyoten.duckdb", read_only=True) as connection:
        console.print()
        console.rule(f"[bold]Kyoten · release {release['release_id']} · as of {release['as_of']}")
        if notice := notice_of_rollback(home):
            console.print(f"[bold red]{escape(notice)}", soft_wrap=True)
        _print_lines(console, today_lines(str(release["as_of"]), rows_of(connection, TODAY)))
        loads = rows_of(connection, LOADS)
        console.print(_came_in(loads))
        _print_lines(console, missing_lines({load["dataset"] for load in loads if load["rows_accepted"]}))
        _print_lines(console, noted_lines(rows_of(connection, NOTED)))
        _print_lines(console, finding_lines(rows_of(connection, FINDINGS)))
        console.print(_resolved(rows_of(connection, RUNGS)))
        _print_quarantine(console, rows_of(connection, QUARANTINE), home)
        _print_rejected(console, rows_of(connection, REJECTED))
        console.print(_headlines(rows_of(connection, PERIODS)))
        _print_lines(console, change_lines(rows_of(connection, WHY)))
        if previous := previous_release(home, release["release_id"]):
            connection.execute(f"attach {sql.text(str(previous / DATABASE))} as previous (read_only)")
            console.print(_changed(rows_of(connection, CHANGED), previous.name))
    _print_where(console, home, release)


def _print_lines(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True)


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """Return a query's rows by column name; text from the data appears as it is, without a meaning for the terminal."""
    relation = connection.sql(query)
    shown = [
        [escape(printable(value)) if isinstance(value, str) else value for value in row] for row in relation.fetchall()
    ]
    return [dict(zip(relation.columns, row, strict=True)) for row in shown]


def new_table(title: str, *columns: tuple[str, str]) -> Table:
    """Return an empty table with these columns, each with its justification."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for name, justify in columns:
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    return table


def _came_in(loads: list[Row]) -> Table:
    table = new_table(
        "\nWhat came in",
        ("dataset", "left"),
        ("files", "right"),
        ("rows read", "right"),
        ("accepted", "right"),
        ("rejected", "right"),
        ("latest extract", "right"),
    )
    for load in loads:
        table.add_row(
            load["dataset"],
            number(load["files"]),
            number(load["rows_read"]),
            number(load["rows_accepted"])
            + (f" [dim]({number(load['rows_undecided'])} undecided)[/]" if load["rows_undecided"] else ""),
            f"[yellow]{number(load['rows_rejected'])}[/]" if load["rows_rejected"] else "",
            str(load["latest_extract_on"]),
        )
    totals = (sum(load[name] for load in loads) for name in ("files", "rows_read", "rows_accepted", "rows_rejected"))
    table.add_row("[bold]all", *(f"[bold]{number(total)}" for total in totals), "")
    return table


def today_lines(as_of: str, loads: list[Row]) -> list[str]:
    """Return which day is today, and why."""
    latest = [load for load in loads if str(load["extracted_on"]) == as_of]
    if not latest:
        newest = f"; the latest extract is of {loads[0]['extracted_on']}" if loads else ""
        return [f"Today is {as_of}, as the var as_of states{newest}."]
    others = len({load["dataset"] for load in latest}) - 1
    place = f"{latest[0]['dataset']} ({latest[0]['source_name']}: {latest[0]['file_name']})"
    more = f" and of {number(others)} more" if others else ""
    return [f"Today is {as_of}, the date of the latest extract: that of {place}{more}."]


def change_lines(parts: list[Row]) -> list[str]:
    """Return why the company's won amount changed since the extract before; nothing without deals."""
    if not parts:
        return []
    first = parts[0]
    head = [
        "",
        "[bold]Why won amount changed since the extract before[/] (docs/changes.md; kpi.change_deals has the deals)",
    ]
    if first["missing_reason"]:
        return [
            *head,
            "There is only one extract, so nothing can be compared. The second one brings the first changes.",
        ]
    if first["cause"] is None:
        return [*head, "It has not changed."]
    causes = ", ".join(f"{part['cause'].lower()} {part['amount']:+,.0f}" for part in parts)
    return [
        *head,
        f"Won since {first['from_window_start']}: {number(first['from_value'])} by {first['from_on']}, "
        f"{number(first['to_value'])} by {first['to_on']}, so {first['change']:+,.0f}: {causes}.",
    ]


def noted_lines(files: list[Row]) -> list[str]:
    """Return the messages of loaded files."""
    lines = [f"{file['source_name']}: {file['file_name']} {file['message']}" for file in files[:REJECTIONS_SHOWN]]
    if rest := files[REJECTIONS_SHOWN:]:
        lines.append(f"and {number(len(rest))} other files; ops.loads has their messages.")
    return ["", "Files to look at", *lines] if lines else []


def finding_lines(findings: list[Row]) -> list[str]:
    """Return what was loaded and has less meaning than it seems to have."""
    lines = []
    for found in findings:
        count, column = f"{number(found['rows_found'])} of {number(found['rows_checked'])}", found["column_name"]
        if found["finding"] == "day_of_extract":
            line = f"{found['dataset']}: {count} have the extract's day as {column}, because the source gives none"
            lines.append(f"{line}; for example {found['example']}")
        else:
            names = found["names_dataset"]
            line = (
                f"{found['dataset']}: {count} name an unknown id of {names} in {column}; for example {found['example']}"
            )
            lines.append(line + (f", and {names} has {found['near_id']}" if found["near_id"] else ""))
    return ["", "Loaded, but look at it (ops.findings)", *lines] if lines else []


def _resolved(rungs: list[Row]) -> Table:
    meanings: dict[str, str] = {}
    for row in _seed("attribution_ladder"):
        meanings.setdefault(row["rung"], row["meaning"])
    table = new_table(
        "\nHow deals found their branch",
        ("rung", "left"),
        ("decided by", "left"),
        ("", "left"),
        ("deals", "right"),
        ("share", "right"),
        (f"amount ({var('base_currency')})", "right"),
    )
    most = max((rung["deals"] for rung in rungs), default=1)
    total = sum(rung["deals"] for rung in rungs)
    for rung in rungs:
        table.add_row(
            rung["rung"],
            meanings.get(rung["rung"], ""),
            f"[cyan]{'█' * max(1, round(BAR * rung['deals'] / most))}",
            number(rung["deals"]),
            f"{rung['deals'] / total:.1%}",
            number(rung["amount"]),
        )
    amount = sum((rung["amount"] or 0 for rung in rungs), Decimal(0))
    table.add_row("", "[bold]all", "", f"[bold]{number(total)}", "", f"[bold]{number(amount)}")
    return table


def _print_quarantine(console: Console, reasons: list[Row], home: Home) -> None:
    if not reasons:
        console.print("\n[bold]Quarantine[/]\nEmpty: every deal is decided and nothing contradicts a decision.")
        return
    table = new_table(
        "\nQuarantine: what a person has to decide",
        ("", "left"),
        ("reason", "left"),
        ("deals", "right"),
        (f"amount ({var('base_currency')})", "right"),
        ("ask", "left"),
    )
    for reason in reasons:
        severity = "[red]decide[/]" if reason["severity"] == "error" else "[yellow]check[/]"
        table.add_row(
            severity, reason["reason"], number(reason["deals"]), number(reason["amount"]), reason["question"] or ""
        )
    console.print(table)
    where = home.worklist / "quarantine.csv"
    console.print(
        f"To fill in, one row per deal with ranked candidates: {escape(str(where))} (docs/worklist.md)", soft_wrap=True
    )


def _print_rejected(console: Console, rejected: list[Row]) -> None:
    if not rejected:
        console.print("\n[bold]Rejected rows[/]\nNone.")
        return
    table = new_table(
        "\nRejected rows: kept whole in ops.rejected_rows",
        ("dataset", "left"),
        ("rows", "right"),
        ("first at", "left"),
        ("why", "left"),
        ("remedy", "left"),
    )
    for row in rejected[:REJECTIONS_SHOWN]:
        place = f"{row['file_name']}:{row['row_number']} {row['column_name'] or ''}"
        table.add_row(row["dataset"], number(row["rows"]), place, row["reason"], row["remedy"])
    console.print(table)
    if rest := rejected[REJECTIONS_SHOWN:]:
        console.print(f"and {number(sum(row['rows'] for row in rest))} rows for {len(rest)} other reasons.")


def _headlines(periods: list[Row]) -> Table:
    table = new_table(
        "\nHeadline figures",
        ("", "left"),
        (f"won amount ({var('base_currency')})", "right"),
        ("wins", "right"),
        ("new deals", "right"),
        ("indirect ratio", "right"),
    )
    for period in periods:
        ratio = period["indirect_ratio"]
        table.add_row(
            period["period"],
            number(period["won_amount"]),
            number(period["deals_won"]),
            number(period["deals_new"]),
            "–" if ratio is None else f"{ratio:.1%}",
        )
    return table


def _changed(changes: list[Row], release_id: str) -> Table:
    table = new_table(
        f"\nWhat changed since release {release_id}, and why (attribution.restatements names the deals)",
        ("", "left"),
        ("deals", "right"),
        (f"amount ({var('base_currency')})", "right"),
    )
    for change in changes:
        table.add_row(change["what"], number(change["deals"]), number(change["amount"]))
    return table


def _print_where(console: Console, home: Home, release: Row) -> None:
    database = home.published / "kyoten.duckdb"
    checks = release["checks"]
    warned = f", {number(checks['warned'])} warned" if checks["warned"] else ""
    console.print("\n[bold]Where it is")
    docs = home.data_docs / "index.html"
    for line in (
        f"{database} and {home.published / 'parquet'}: {len(release['tables'])} tables, "
        f"{number(sum(release['tables'].values()))} rows, {number(checks['passed'])} guards passed{warned}",
        f"Query:  .venv/bin/python -c \"import duckdb; duckdb.connect('{database}', read_only=True)"
        ".sql('select month, deals_won, won_amount, indirect_ratio from kpi.company_monthly').show()\"",
        *([f"Batch rules, what was expected of the latest batches and found:  {docs}"] if docs.exists() else []),
        f"Graph:  make dev KYOTEN_HOME={home.root}",
        *filter(None, [slowest(home, release["release_id"])]),
    ):
        console.print(line, soft_wrap=True, markup=False)


def _seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(value: Decimal | int | None) -> str:
    """Return a whole number with thousands separators; nothing for null."""
    return "" if value is None else f"{value:,.0f}"
