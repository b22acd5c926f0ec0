"""The ten questions of docs/bi.md by an assistant over standard input and output: figures of the marts, with sources.

An assistant has no SQL. So each question is one or a few calls of tools, whose rows are compared with the query of the
page on the same release.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from orchestration import mcp_server
from orchestration.home import PROJECT, Home
from tests.dbt.test_bi_page import QUERIES, answer

Row = dict[str, Any]
LAST = "2026-03-01"
YEARS = {2024: ("2024-04-01", "2025-03-31"), 2025: ("2025-04-01", "2026-03-31")}
# The calls that answer a question, by words of its title.
CALLS: dict[str, list[tuple[str, Row]]] = {
    "year before": [
        ("query_metrics", {
            "metric_codes": ["won_amount_as_is"], "by": ["branch"], "only": {"branch__is_sentinel": ["false"]},
            "since": since, "until": until, "order_by": "won_amount_as_is", "limit": 200,
        })
        for since, until in YEARS.values()
    ],
    "never brought": [("worklist", {"name": "people_to_call", "only": {"reason": ["no_deal"]}, "limit": 200})],
    "hang on one": [("read_table", {
        "table": "kpi.rep_concentration", "only": {"scope": ["partner"], "month": [LAST]},
        "order_by": "top_rep_share", "limit": 200,
    })],
    "on its path": [("read_table", {
        "table": "kpi.target_path", "only": {"metric": ["indirect_ratio"], "scope": ["company"]}, "order_by": "month",
        "descending": False, "limit": 200,
    })],
    "by channel": [("query_metrics", {"metric_codes": ["deals_won", "deals_lost"], "by": ["deal__channel"]})],
    "How few branches": [("read_table", {
        "table": "kpi.performance", "only": {"scope": ["branch"], "month": [LAST]}, "order_by": "won_amount_t12m",
        "fields": ["entity_id", "won_amount_t12m"], "limit": 200,
    })],
    "nobody contact": [("worklist", {"name": "branches_without_contact", "limit": 200})],
    "slipped": [("worklist", {"name": "slipped_deals", "limit": 200})],
    "sibling": [("read_table", {"table": "segment.branch_products", "limit": 200})],
    "KPI tree": [("read_table", {
        "table": "kpi.revenue_decomposition",
        "only": {"scope": ["company"], "period_type": ["year"], "is_complete": ["true"]}, "order_by": "fiscal_year",
        "descending": False,
    })],
}  # fmt: skip


@pytest.fixture(scope="module")
def release(built_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def answers(built_home: Home) -> dict[str, list[Row]]:
    """What the server of the command line answers to all calls, in one session."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KYOTEN_")}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "orchestration.cli", "--home", str(built_home.root), "mcp"],
        env={**inherited, "PYTHONPATH": str(PROJECT)},
    )

    async def ask() -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        async with Client(server) as client:
            for words, calls in CALLS.items():
                for tool, arguments in calls:
                    result = await client.call_tool(tool, arguments)
                    assert not result.is_error, (words, result.content)
                    found.setdefault(words, []).append(result.structured_content)
        return found

    return asyncio.run(ask())


def test_each_question_has_calls() -> None:
    assert len(CALLS) == len(QUERIES) == 10
    assert all(sum(words in question for question in QUERIES) == 1 for words in CALLS)


def test_each_answer_has_its_sources(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    expected = release.execute("select release_id, as_of::varchar from ops.release").fetchone()
    for words, found in answers.items():
        for one in found:
            assert (one["release_id"], one["as_of"]) == expected, words
            assert one["definitions"] and one["evidence"], words
            assert one["rows"] and not one["is_cut"], words


def same_rows(found: list[Row], expected: list[Row], names: dict[str, str]) -> None:
    """Compare columns of two lists of rows, whose order may differ; `names` maps the query's names to the tool's."""
    assert expected

    def values(row: Row, wanted: Callable[[str, str], str]) -> tuple[str, ...]:
        picked = (row[wanted(ours, theirs)] for ours, theirs in names.items())
        return tuple(
            f"{float(one):.9g}" if isinstance(one, int | float) or hasattr(one, "as_tuple") else str(one)[:300]
            for one in picked
        )

    assert sorted(values(row, lambda _, theirs: theirs) for row in found) == sorted(
        values(row, lambda ours, _: ours) for row in expected
    )


def test_branches_year_on_year(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    before, now = ({row["branch"]: row["won_amount_as_is"] for row in one["rows"]} for one in answers["year before"])
    names = dict(
        release.execute("select entity_id, entity_name from core.dim_entity where scope = 'branch'").fetchall()
    )
    top = [(names[branch], now[branch] or 0, before.get(branch) or 0) for branch in list(now)[:10]]
    expected = answer(release, "year before")
    assert [row[1:] for row in top] == [(row["this_year"], row["year_before"]) for row in expected]
    assert sorted(row[0] for row in top) == sorted(row["branch"] for row in expected)


def test_people(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    expected = answer(release, "never brought")
    (found,) = answers["never brought"]
    same_rows(found["rows"], expected, {"branch_name": "branch_name", "last_contact_on": "last_contact_on"})
    assert {row["rep_name"] for row in found["rows"]} == {None}, "names of people are hidden"


def test_concentration(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    (found,) = answers["hang on one"]
    kept = [row for row in found["rows"] if row["top_rep_share"] is not None and row["top_rep_share"] >= 0.5]
    names = {"top_rep_share": "top_rep_share", "effective_reps": "effective_reps", "producing_reps": "producing_reps"}
    same_rows(kept, answer(release, "hang on one"), names)
    (curve,) = answers["How few branches"]
    amounts = [row["won_amount_t12m"] for row in curve["rows"] if row["won_amount_t12m"] and row["won_amount_t12m"] > 0]
    expected = answer(release, "How few branches")
    assert amounts == [row["won_amount_t12m"] for row in expected]
    assert sum(amounts[:5]) / sum(amounts) == pytest.approx(expected[4]["cumulative_share"])


def test_indirect_ratio_and_path(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    (found,) = answers["on its path"]
    names = {name: name for name in ("month", "actual", "path", "path_gap", "required_growth", "outcome")}
    same_rows([row for row in found["rows"] if row["actual"] is not None], answer(release, "on its path"), names)


def test_conversion_by_channel(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    (found,) = answers["by channel"]
    counted = release.execute(
        "select channel, sum(deals_won), sum(deals_lost) from kpi.branch_channel_monthly group by channel"
    ).fetchall()
    # The mart has the code none where the source names no channel, and the metric null.
    expected = {None if channel == "none" else channel: (won, lost) for channel, won, lost in counted if won or lost}
    assert {row["deal__channel"]: (row["deals_won"] or 0, row["deals_lost"] or 0) for row in found["rows"]} == expected


def test_branches_without_contact(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    (found,) = answers["nobody contact"]
    same_rows(found["rows"], answer(release, "nobody contact"), {"branch": "entity_name"})
    assert all("account_manager_id" in row for row in found["rows"])


def test_slipped_deals(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    (found,) = answers["slipped"]
    names = {name: name for name in ("deal_id", "stage", "expected_close_on", "amount")}
    same_rows(found["rows"], answer(release, "slipped"), names)


def test_siblings(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    (found,) = answers["sibling"]
    expected = release.execute("from segment.branch_products")
    names = [column[0] for column in expected.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in expected.fetchall()]
    same_rows(found["rows"], rows, {name: name for name in ("branch_id", "product_id", "branch_won_amount")})


def test_kpi_tree(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    (found,) = answers["KPI tree"]
    names = {name: name for name in ("fiscal_year", "won_amount", "active_branches", "wins_per_rep", "average_deal")}
    same_rows(found["rows"], answer(release, "KPI tree"), names)


def test_a_wrong_figure_is_seen(release: duckdb.DuckDBPyConnection, answers: dict[str, list[Row]]) -> None:
    (found,) = answers["KPI tree"]
    wrong = [{**row, "won_amount": (row["won_amount"] or 0) + 1} for row in found["rows"]]
    with pytest.raises(AssertionError):
        same_rows(wrong, answer(release, "KPI tree"), {"won_amount": "won_amount"})


def test_largest_first_names_a_metric_of_the_question(built_home: Home) -> None:
    tools = mcp_server.Server(built_home)
    with pytest.raises(Exception, match="no metric 'won_amount'"):
        tools.query_metrics(["deals_won"], order_by="won_amount")
