"""What a person has to decide or do, to be filled in with a spreadsheet and landed again.

worklist/quarantine.csv has the deals without a certain branch, worklist/wins_without_rep.csv the wins without a rep.
They have one row per deal, because a deal is decided once. worklist/activation.csv has the branches to support.

The SQL of the marts chooses the rows. contract.yml (attribution_overrides, worklist_results) and ingest check the files
that come back.
"""

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine
from orchestration.errors import KyotenError
from orchestration.home import Home, write_whole
from orchestration.language import say
from orchestration.spreadsheet import safe_cell
from orchestration.warehouse import var

if TYPE_CHECKING:
    import duckdb

FILE = "quarantine.csv"
WINS_FILE = "wins_without_rep.csv"
ACTIVATION_FILE = "activation.csv"
DATASET, RESULTS = "attribution_overrides", "worklist_results"
# First the columns to fill in (of the dataset attribution_overrides), then the columns of attribution.worklist.
WORKLIST = """
    select
        deal_id, null as branch_id, null as rep_id, null as decided_by, null as decided_on, null as reason,
        evidence_hash, severity, reasons, question, question_ja, deal_name, customer_name, partner_name,
        candidates, credited_branch_id, credited_branch_name, evidence, earlier_decision, status, credit_on,
        amount, currency, amount_in_currency, first_seen_on, age_days
    from attribution.worklist
    order by severity, amount desc nulls last, deal_id
"""
WINS = """
    select
        deal_id, null as branch_id, null as rep_id, null as decided_by, null as decided_on, null as reason,
        evidence_hash, won_on, deal_name, customer_name, partner_name, branch_name, product_name, amount
    from attribution.wins_without_rep
    order by amount desc nulls last, deal_id
"""
# First the columns of the dataset worklist_results.
ACTIVATION = """
    select
        branch_id, listed_on, null as done_by, null as done_on, action_type, rep_id, null as duration_minutes,
        null as note, null as note_audience, null as next_action, null as next_action_due_on,
        account_manager_id, account_manager_name, list_rank, branch_name, partner_name, rep_name, meaning, meaning_ja,
        people_to_call, action_hours, hours_so_far, capacity_hours, expected_amount, amount_per_hour, segment,
        segment_on, running_segment, last_touch_on, last_contact_on, next_action as agreed_action,
        next_action_due_on as agreed_due_on, bring_case_id, bring_from_branch_id, play, play_ja
    from segment.activation_worklist
    order by account_manager_id, list_rank
"""
IDS = ("deal_id", "evidence_hash", "branch_id", "rep_id", "bring_case_id", "bring_from_branch_id")
CANDIDATES = """
    select deal_id, rep_id, rep_name, why from attribution.rep_candidates order by deal_id, candidate_rank
"""
WITHOUT_DEAL = "select distinct deal_id from attribution.exclusions where record_type = 'override' order by all"


@dataclass(frozen=True)
class Exported:
    """A written worklist."""

    path: Path
    deals: int
    errors: int
    amount: Decimal
    oldest_days: int
    kept: tuple[Path, ...]  # the new places of files that somebody had edited in place
    wins: int
    branches: int


def export_worklist(home: Home) -> int | None:
    """Write the worklist of the working database; return its number of deals, or None where it holds none."""
    exported = _export(home, home.database)
    return exported.deals if exported else None


def export_published(home: Home) -> Exported:
    """Write the worklist of the current release."""
    database = home.published / "kyoten.duckdb"
    exported = _export(home, database)
    if exported is None:
        raise KyotenError(f"No release in {home.published} has a worklist yet. Run make refresh, or make demo.")
    return exported


def _export(home: Home, database: Path) -> Exported | None:
    if not database.exists():
        return None
    import duckdb

    try:
        with engine.connect(home, database, read_only=True) as connection:
            columns, rows = worklist_rows(connection)
            wins = win_rows(connection)
            activation = activation_rows(connection)
    except (duckdb.CatalogException, duckdb.IOException):  # not built, or open in a stopped process that built it
        return None

    home.worklist.mkdir(parents=True, exist_ok=True)
    path = home.worklist / FILE
    files = {path: (columns, rows)} | ({home.worklist / WINS_FILE: wins} if wins else {})
    files |= {home.worklist / ACTIVATION_FILE: activation} if activation else {}
    kept = tuple(moved for file in files if (moved := _keep_edited(file)))
    for file, content in files.items():
        _write(file, *content)
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    return Exported(
        path=path,
        deals=len(found),
        errors=sum(row["severity"] == "error" for row in found),
        amount=sum((row["amount"] or Decimal(0) for row in found), Decimal(0)),
        oldest_days=max((row["age_days"] for row in found), default=0),
        kept=kept,
        wins=len(wins[1]) if wins else 0,
        branches=len(activation[1]) if activation else 0,
    )


def worklist_rows(connection: "duckdb.DuckDBPyConnection") -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns of the worklist and its rows, errors first, the most money first."""
    relation = connection.sql(WORKLIST)
    names = _names(connection)
    at = relation.columns.index("candidates")
    rows = [(*row[:at], candidates_text(row[at], names), *row[at + 1 :]) for row in relation.fetchall()]
    return relation.columns, rows


def win_rows(connection: "duckdb.DuckDBPyConnection") -> tuple[list[str], list[tuple[Any, ...]]] | None:
    """Return the columns and rows of the wins without a salesperson, the most money first, each with its candidates.

    None if a guard failed before these tables were built.
    """
    built = "select count(*) from duckdb_tables() where table_name in ('wins_without_rep', 'rep_candidates')"
    if connection.execute(built).fetchone() != (2,):
        return None
    candidates: dict[str, list[str]] = {}
    for deal, rep, name, why in connection.execute(CANDIDATES).fetchall():
        found = candidates.setdefault(deal, [])
        found.append(f"{len(found) + 1}. {name or ''} [{safe_cell(rep, is_id=True)}] {why}")
    relation = connection.sql(WINS)
    rows = [(*row, "; ".join(candidates.get(row[0], []))) for row in relation.fetchall()]
    return [*relation.columns, "candidates"], rows


def activation_rows(connection: "duckdb.DuckDBPyConnection") -> tuple[list[str], list[tuple[Any, ...]]] | None:
    """Return the columns and rows of the activation worklist by account manager; None if it was not built."""
    built = "select count(*) from duckdb_tables() where table_name = 'activation_worklist'"
    if connection.execute(built).fetchone() != (1,):
        return None
    relation = connection.sql(ACTIVATION)
    return relation.columns, relation.fetchall()


def _names(connection: "duckdb.DuckDBPyConnection") -> dict[str, str]:
    """Return the names of branches and partners by id; the branch's name if both have the same id."""
    return dict(
        connection.execute(
            "select partner_id, partner_name from core.dim_partner "
            "union all select branch_id, branch_name from core.dim_branch where not is_sentinel"
        ).fetchall()
    )


def candidates_text(candidates: str, names: dict[str, str]) -> str:
    """Return the ranked candidates for a person to read; the id in brackets is the value to fill in."""
    parts = []
    for number, one in enumerate(json.loads(candidates), start=1):
        branch, partner = one.get("branch_id"), one.get("partner_id")
        partner_name = one.get("partner_name") or names.get(partner or "", partner)
        branch_name = one.get("branch_name") or names.get(branch or "", branch)
        named = f"{branch_name} [{safe_cell(branch, is_id=True)}]" if branch else None
        why = one.get("why") or " ".join(one[key] for key in ("evidence", "value", "reason") if one.get(key))
        parts.append(" ".join(str(text) for text in (f"{number}.", named, partner_name, why) if text))
    return "; ".join(parts)


def _write(path: Path, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write the file under another name and rename it; a hash next to it later shows whether somebody edited it."""
    ids = {i for i, name in enumerate(columns) if name in IDS}
    aside = path.with_suffix(".csv.tmp")
    # Excel takes a CSV for UTF-8 only with a byte order mark.
    with aside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([safe_cell(value, is_id=i in ids) for i, value in enumerate(row)] for row in rows)
    write_whole(_mark(path), _hash(aside))
    aside.replace(path)


def _keep_edited(path: Path) -> Path | None:
    """Rename a file that somebody has filled in at its place, so that an hour's work is not overwritten."""
    mark = _mark(path)
    if not path.exists() or not mark.exists() or mark.read_text() == _hash(path):
        return None
    edited = datetime.fromtimestamp(path.stat().st_mtime)
    kept = path.with_name(f"{path.stem}_edited_{edited:%Y%m%dT%H%M%S}.csv")
    path.replace(kept)
    return kept


def _mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def decisions_without_deal(home: Home) -> list[str]:
    """Return the deal ids of decisions about deals that the current release does not have."""

    with engine.connect(home, home.published / "kyoten.duckdb", read_only=True) as connection:
        return [row[0] for row in connection.execute(WITHOUT_DEAL).fetchall()]


def print_worklist(home: Home) -> None:
    """Write the current release's worklist and print what is in it, where it is and what to do with it."""
    exported = export_published(home)
    for kept in exported.kept:
        print(
            say(
                f"The file had been edited at its place; the edited one is now {kept}\n",
                f"元の場所で編集されたファイルは、次の名前で残しました: {kept}\n",
            )
        )
    if lost := decisions_without_deal(home):
        print(
            say(
                f"Decisions about {len(lost):,} deals that the release lacks: {', '.join(lost[:5])}. Correct deal_id "
                "in the file that attribution.overrides names for them.\n",
                f"リリースにない案件への判定が{len(lost):,}件あります: {', '.join(lost[:5])}。"
                "attribution.overrides に記載のファイルで deal_id を直してください。\n",
            )
        )
    if exported.wins:
        print(
            say(
                f"{exported.wins:,} wins of the last twelve months have no salesperson: fill in rep_id, decided_by and "
                "reason in a copy of",
                f"直近12か月の受注{exported.wins:,}件に営業担当者がありません。次のファイルの写しに "
                "rep_id、decided_by、reason を記入してください",
            )
            + f"\n{home.worklist / WINS_FILE}\n"
        )
    if exported.branches:
        print(
            say(
                f"{exported.branches:,} branches are on the lists of the account managers this week: fill in done_by, "
                "note and what was agreed in a copy of",
                f"今週の支援リストに{exported.branches:,}拠点あります。次のファイルの写しに done_by、note、"
                "合意した次のアクションを記入してください",
            )
            + f"\n{home.worklist / ACTIVATION_FILE}\n"
            + say("and save it as CSV UTF-8 below", "CSV UTF-8 として保存する場所:")
            + f" {home.landing / RESULTS}\n"
        )
    if not exported.deals:
        nothing = say(
            "Nothing to decide: no deal of the current release is in quarantine.",
            "判定する案件はありません。",
        )
        print(f"{nothing}\n{exported.path}")
        return
    landing, warnings = home.landing / DATASET, exported.deals - exported.errors
    money = f"{var('base_currency')} {exported.amount:,.0f}"
    print(
        say(
            f"{exported.deals:,} deals: {exported.errors:,} without a branch, {warnings:,} to check; "
            f"{money} at stake; the oldest is {exported.oldest_days:,} days old.\n"
            f"{exported.path}\n\n"
            "What to do next (docs/worklist.md):\n"
            "1. Copy the file and open the copy in Excel. The candidates show each branch's id in brackets.\n"
            "2. Fill in branch_id, decided_by and reason where you know; leave the other rows as they are.\n"
            f"3. Save it as CSV UTF-8 below {landing}\n"
            f"4. make refresh KYOTEN_HOME={home.root}",
            f"{exported.deals:,}件: 拠点不明{exported.errors:,}件、要確認{warnings:,}件。対象金額 {money}、"
            f"最も古いものは{exported.oldest_days:,}日前。\n"
            f"{exported.path}\n\n"
            "次にすること (docs/worklist.md):\n"
            "1. ファイルの写しをExcelで開きます。候補の拠点IDは角括弧の中にあります。\n"
            "2. 分かる行だけ branch_id、decided_by、reason を記入します。ほかの行はそのままにします。\n"
            f"3. CSV UTF-8 として {landing} の下に保存します\n"
            f"4. make refresh KYOTEN_HOME={home.root}",
        )
    )
