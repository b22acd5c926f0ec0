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
from orchestration.language import say, translated
from orchestration.missing import missing_lines
from orchestration.release.publish import DATABASE
from orchestration.release.releases import current_release, notice_of_rollback, previous_release
from orchestration.report.findings import findings
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
    select
        severity, reason, count(*) as deals, sum(amount) as amount, max(question) as question,
        max(question_ja) as question_ja
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
    select period_type, period_start, fiscal_year, won_amount, deals_won, deals_new, indirect_ratio
    from kpi.headlines
    order by period_type
"""

# The change of won amount since the extract before; cause is null where nothing can be compared or nothing changed.
WHY = """
    select
        pairs.from_on, pairs.to_on, pairs.from_window_start, pairs.missing_reason, changes.from_value, changes.to_value,
        changes.change, changes.amount, reasons.cause_label as cause, reasons.cause_label_ja as cause_ja
    from kpi.change_pairs as pairs
    left join kpi.change_explained as changes
        on pairs.pair = changes.pair and changes.scope = 'company' and changes.metric = 'won_amount'
    left join (select distinct cause, cause_label, cause_label_ja from kpi.change_reasons) as reasons
        on changes.cause = reasons.cause
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
        raise KyotenError(home.nothing_published)
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
        console.rule(
            say(
                f"[bold]Kyoten · release {release['release_id']} · as of {release['as_of']}",
                f"[bold]Kyoten · リリース {release['release_id']} · 基準日 {release['as_of']}",
            )
        )
        if notice := notice_of_rollback(home):
            console.print(f"[bold red]{escape(notice)}", soft_wrap=True)
        _print_lines(
            console, [say("[bold]What to decide this week", "[bold]今週決めること"), *monday_lines(connection), ""]
        )
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


def monday_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the findings of the Monday page."""
    return [escape(printable(line)) for line in findings(connection)]


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
        say("\nWhat came in", "\n届いたデータ"),
        (say("dataset", "データセット"), "left"),
        (say("files", "ファイル"), "right"),
        (say("rows read", "読込行数"), "right"),
        (say("accepted", "受入"), "right"),
        (say("rejected", "拒否"), "right"),
        (say("latest extract", "最新の抽出日"), "right"),
    )
    for load in loads:
        table.add_row(
            load["dataset"],
            number(load["files"]),
            number(load["rows_read"]),
            number(load["rows_accepted"])
            + (
                f" [dim]({number(load['rows_undecided'])} {say('undecided', '未記入')})[/]"
                if load["rows_undecided"]
                else ""
            ),
            f"[yellow]{number(load['rows_rejected'])}[/]" if load["rows_rejected"] else "",
            str(load["latest_extract_on"]),
        )
    totals = (sum(load[name] for load in loads) for name in ("files", "rows_read", "rows_accepted", "rows_rejected"))
    table.add_row(say("[bold]all", "[bold]合計"), *(f"[bold]{number(total)}" for total in totals), "")
    return table


def today_lines(as_of: str, loads: list[Row]) -> list[str]:
    """Return which day is today, and why."""
    latest = [load for load in loads if str(load["extracted_on"]) == as_of]
    if not latest:
        day = loads[0]["extracted_on"] if loads else None
        newest = say(f"; the latest extract is of {day}", f"。最新の抽出日は {day}") if day else ""
        return [
            say(
                f"Today is {as_of}, as the var as_of states{newest}.",
                f"基準日は {as_of}(変数 as_of の指定){newest}。",
            )
        ]
    others = len({load["dataset"] for load in latest}) - 1
    place = f"{latest[0]['dataset']} ({latest[0]['source_name']}: {latest[0]['file_name']})"
    more = say(f" and of {number(others)} more", f"ほか{number(others)}件") if others else ""
    return [
        say(
            f"Today is {as_of}, the date of the latest extract: that of {place}{more}.",
            f"基準日は {as_of}。最新の抽出日です: {place}{more}。",
        )
    ]


def change_lines(parts: list[Row]) -> list[str]:
    """Return why the company's won amount changed since the extract before; nothing without deals."""
    if not parts:
        return []
    first = parts[0]
    head = [
        "",
        say(
            "[bold]Why won amount changed since the extract before[/] "
            "(docs/changes.md; kpi.change_deals has the deals)",
            "[bold]前回の抽出データから受注額が変わった理由[/] (docs/changes.md、案件は kpi.change_deals)",
        ),
    ]
    if first["missing_reason"]:
        return [
            *head,
            say(
                "There is only one extract, so nothing can be compared. The second one brings the first changes.",
                "抽出データが1回分のため比較できません。2回目から表示されます。",
            ),
        ]
    if first["cause"] is None:
        return [*head, say("It has not changed.", "変化はありません。")]
    causes = ", ".join(
        f"{say(part['cause'].lower(), part.get('cause_ja') or part['cause'])} {part['amount']:+,.0f}" for part in parts
    )
    start, day, today = first["from_window_start"], first["from_on"], first["to_on"]
    before, now, change = number(first["from_value"]), number(first["to_value"]), f"{first['change']:+,.0f}"
    return [
        *head,
        say(
            f"Won since {start}: {before} by {day}, {now} by {today}, so {change}: {causes}.",
            f"{start} からの受注額: {day} 時点で {before}、{today} 時点で {now}。差 {change}: {causes}。",
        ),
    ]


def noted_lines(files: list[Row]) -> list[str]:
    """Return the messages of loaded files."""
    shown = files[:REJECTIONS_SHOWN]
    lines = [f"{file['source_name']}: {file['file_name']} {translated(file['message'])}" for file in shown]
    if rest := files[REJECTIONS_SHOWN:]:
        more = number(len(rest))
        lines.append(
            say(f"and {more} other files; ops.loads has their messages.", f"ほか{more}ファイル(ops.loads に記載)")
        )
    return ["", say("Files to look at", "確認するファイル"), *lines] if lines else []


def finding_lines(findings: list[Row]) -> list[str]:
    """Return what was loaded and has less meaning than it seems to have."""
    lines = []
    for found in findings:
        some, all_, column = number(found["rows_found"]), number(found["rows_checked"]), found["column_name"]
        dataset, example, near = found["dataset"], found["example"], found["near_id"]
        if found["finding"] == "day_of_extract":
            line = say(
                f"{dataset}: {some} of {all_} have the extract's day as {column}, because the source gives none; "
                f"for example {example}",
                f"{dataset}: {all_}件中{some}件は {column} がなく、抽出日で代用しました。例: {example}",
            )
        else:
            names = found["names_dataset"]
            line = say(
                f"{dataset}: {some} of {all_} name an unknown id of {names} in {column}; for example {example}",
                f"{dataset}: {all_}件中{some}件の {column} は {names} にないIDです。例: {example}",
            ) + (say(f", and {names} has {near}", f"({names} には {near} があります)") if near else "")
        lines.append(line)
    head = say("Loaded, but look at it (ops.findings)", "読み込んだが注意が必要なもの (ops.findings)")
    return ["", head, *lines] if lines else []


def _resolved(rungs: list[Row]) -> Table:
    meanings: dict[str, str] = {}
    for row in _seed("attribution_ladder"):
        meanings.setdefault(row["rung"], say(row["meaning"], row["meaning_ja"]))
    table = new_table(
        say("\nHow deals found their branch", "\n案件の拠点をどの根拠で決めたか"),
        (say("rung", "判定段階"), "left"),
        (say("decided by", "根拠"), "left"),
        ("", "left"),
        (say("deals", "案件"), "right"),
        (say("share", "割合"), "right"),
        (_amount(), "right"),
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
    table.add_row("", say("[bold]all", "[bold]合計"), "", f"[bold]{number(total)}", "", f"[bold]{number(amount)}")
    return table


def _print_quarantine(console: Console, reasons: list[Row], home: Home) -> None:
    if not reasons:
        console.print(
            say(
                "\n[bold]Quarantine[/]\nEmpty: every deal is decided and nothing contradicts a decision.",
                "\n[bold]要確認案件[/]\nなし: すべての案件が判定済みで、矛盾もありません。",
            )
        )
        return
    table = new_table(
        say("\nQuarantine: what a person has to decide", "\n要確認案件: 人が判定するもの"),
        ("", "left"),
        (say("reason", "理由"), "left"),
        (say("deals", "案件"), "right"),
        (_amount(), "right"),
        (say("ask", "確認事項"), "left"),
    )
    for reason in reasons:
        decide, check = say("[red]decide[/]", "[red]要判定[/]"), say("[yellow]check[/]", "[yellow]要確認[/]")
        severity = decide if reason["severity"] == "error" else check
        question = say(reason["question"] or "", reason["question_ja"] or "")
        table.add_row(severity, reason["reason"], number(reason["deals"]), number(reason["amount"]), question)
    console.print(table)
    where = home.worklist / "quarantine.csv"
    console.print(
        say("To fill in, one row per deal with ranked candidates", "記入用(1案件1行、候補は有力な順)")
        + f": {escape(str(where))} (docs/worklist.md)",
        soft_wrap=True,
    )


def _print_rejected(console: Console, rejected: list[Row]) -> None:
    if not rejected:
        console.print(say("\n[bold]Rejected rows[/]\nNone.", "\n[bold]拒否された行[/]\nなし。"))
        return
    table = new_table(
        say("\nRejected rows: kept whole in ops.rejected_rows", "\n拒否された行: 全文は ops.rejected_rows"),
        (say("dataset", "データセット"), "left"),
        (say("rows", "行数"), "right"),
        (say("first at", "最初の場所"), "left"),
        (say("why", "理由"), "left"),
        (say("remedy", "対処"), "left"),
    )
    for row in rejected[:REJECTIONS_SHOWN]:
        place = f"{row['file_name']}:{row['row_number']} {row['column_name'] or ''}"
        table.add_row(row["dataset"], number(row["rows"]), place, translated(row["reason"]), translated(row["remedy"]))
    console.print(table)
    if rest := rejected[REJECTIONS_SHOWN:]:
        rows, reasons = number(sum(row["rows"] for row in rest)), len(rest)
        console.print(say(f"and {rows} rows for {reasons} other reasons.", f"ほか{reasons}種類の理由で{rows}行。"))


def _headlines(periods: list[Row]) -> Table:
    table = new_table(
        say("\nHeadline figures", "\n主な数字"),
        ("", "left"),
        (f"{say('won amount', '受注額')} ({var('base_currency')})", "right"),
        (say("wins", "受注件数"), "right"),
        (say("new deals", "新規商談"), "right"),
        (say("indirect ratio", "間販比率"), "right"),
    )
    for period in periods:
        ratio = period["indirect_ratio"]
        table.add_row(
            _period(period),
            number(period["won_amount"]),
            number(period["deals_won"]),
            number(period["deals_new"]),
            "–" if ratio is None else f"{ratio:.1%}",
        )
    return table


def _period(period: Row) -> str:
    start = period["period_start"]
    if period["period_type"] == "month":
        return say(f"{start:%B %Y}", f"{start:%Y年%-m月}")
    return say(f"Fiscal year {period['fiscal_year']}", f"{period['fiscal_year']}年度")


def _amount() -> str:
    return f"{say('amount', '金額')} ({var('base_currency')})"


WHAT_JA = {"deals more": "増えた案件", "money of months that were over": "終わった月の金額の変化"}


def _changed(changes: list[Row], release_id: str) -> Table:
    table = new_table(
        say(
            f"\nWhat changed since release {release_id}, and why (attribution.restatements names the deals)",
            f"\nリリース {release_id} から変わったこと(案件は attribution.restatements)",
        ),
        ("", "left"),
        (say("deals", "案件"), "right"),
        (_amount(), "right"),
    )
    for change in changes:
        what = change["what"].replace(
            "credit moved in them: ", say("credit moved in them: ", "終わった月の帰属の移動: ")
        )
        table.add_row(say(what, WHAT_JA.get(what, what)), number(change["deals"]), number(change["amount"]))
    return table


def _print_where(console: Console, home: Home, release: Row) -> None:
    database = home.published / "kyoten.duckdb"
    checks = release["checks"]
    warned = f", {number(checks['warned'])} {say('warned', '件の警告')}" if checks["warned"] else ""
    console.print(say("\n[bold]Where it is", "\n[bold]場所"))
    tables, rows = len(release["tables"]), number(sum(release["tables"].values()))
    passed = number(checks["passed"])
    counts = say(
        f"{tables} tables, {rows} rows, {passed} guards passed",
        f"{tables}テーブル、{rows}行、検査{passed}件に合格",
    )
    docs = home.data_docs / "index.html"
    for line in (
        f"{database} {say('and', 'と')} {home.published / 'parquet'}: {counts}{warned}",
        f"{say('Query', '問い合わせ')}:  .venv/bin/python -c "
        f"\"import duckdb; duckdb.connect('{database}', read_only=True)"
        ".sql('select month, deals_won, won_amount, indirect_ratio from kpi.company_monthly').show()\"",
        *([f"{_batch_rules()}:  {docs}"] if docs.exists() else []),
        f"{say('Graph', '処理の図')}:  make dev KYOTEN_HOME={home.root}",
        *filter(None, [slowest(home, release["release_id"])]),
    ):
        console.print(line, soft_wrap=True, markup=False)


def _batch_rules() -> str:
    return say("Batch rules, what was expected of the latest batches and found", "最新バッチの検査結果")


def _seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(value: Decimal | int | None) -> str:
    """Return a whole number with thousands separators; nothing for null."""
    return "" if value is None else f"{value:,.0f}"
