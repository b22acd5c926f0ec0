"""The findings of the Monday page in one line each, for the terminal: the landing of the year, and three decisions."""

from typing import TYPE_CHECKING, Any

from orchestration.language import say
from orchestration.report.pages import REPORTS
from orchestration.report.queries import Row, parse, run

if TYPE_CHECKING:
    import duckdb

WANTED = ("landing", "quiet", "bottlenecks", "levers")


def findings(connection: "duckdb.DuckDBPyConnection") -> list[str]:
    """Return the lines; one that has no evidence states that."""
    queries = {query.name: query for query in parse(REPORTS / "monday.sql")}
    found = {name: run(connection, queries[name]).items for name in WANTED}
    lines = [_landing(row) for row in found["landing"][-1:]]
    quiet, bottleneck, lever = (next(iter(found[name]), None) for name in WANTED[1:])
    return [*lines, "1. " + _quiet(quiet), "2. " + _bottleneck(bottleneck), "3. " + _lever(lever)]


def _landing(row: Row) -> str:
    low, middle, high = (f"{row[f'landing_{name}']:,.0f}" for name in ("p10", "p50", "p90"))
    target = say("no target", "目標なし") if row["target"] is None else f"{say('target', '目標')} {row['target']:,.0f}"
    return say(
        f"Won by {row['ends_on']}, as forecast: {middle} ({low} to {high}), {target}",
        f"{row['ends_on']} の受注額の見込み: {middle}({low}〜{high})、{target}",
    )


def _quiet(row: Row | None) -> str:
    if row is None:
        return say("Nobody is quieter than chance explains.", "偶然では説明できないほど静かになった相手はいません。")
    name, expected = _named(row["entity_name"], row), f"{row['expected_deals']:.1f}"
    days, deals = row["window_days"], row["recent_deals"]
    return say(
        f"About to be lost: {name}. {deals} new deals in {days} days; "
        f"the earlier rhythm would have brought {expected}.",
        f"失いかけている相手: {name}。直近{days}日の新規商談は{deals}件、これまでのペースなら{expected}件。",
    )


def _bottleneck(row: Row | None) -> str:
    if row is None:
        return say(
            "No step loses more deals than chance explains.", "偶然では説明できないほど詰まっている段階はありません。"
        )
    name, lost = _named(row["branch_name"], row), f"{row['lost_amount']:,.0f}"
    return say(
        f"Stuck at {row['step']}: {name}. {row['passed']} of {row['entered']} moved on, about {lost} lost. "
        f"{row['recommended_play']}.",
        f"詰まっている段階: {name}。{row['entered']}件中{row['passed']}件が次へ進み、損失はおよそ{lost}。"
        f"{row['recommended_play_ja']}。",
    )


def _lever(row: Row | None) -> str:
    if row is None:
        return say(
            "No branch is behind comparable ones by more than chance explains.",
            "比較できる拠点より、偶然では説明できないほど遅れている拠点はありません。",
        )
    name = _named(row["branch_name"], row)
    return say(f"Room to grow: {name}. {row['lever_reason']}", f"伸びしろ: {name}。{row['lever_reason_ja']}")


def _named(name: str, row: dict[str, Any]) -> str:
    manager = row["account_manager"]
    partner = "" if row["partner_name"] in (None, name) else f"{row['partner_name']} "
    return f"{partner}{name}" + (say(f" ({manager})", f"(担当 {manager})") if manager else "")
