"""What grows worse than its rows is found in a plan. `make spark-test` plants the same in queries that Spark runs."""

import json
from pathlib import Path

from tests.spark.plans import Plan, dangers, plans


def node(name: str, *children: Plan, text: str = "") -> Plan:
    return {"nodeName": name, "simpleString": text or name, "children": list(children)}


def scan(table: str) -> Plan:
    return node(f"Scan parquet spark_catalog.kyoten_core.{table}")


def test_a_join_of_all_with_all_needs_a_small_side() -> None:
    for name in ("CartesianProduct", "BroadcastNestedLoopJoin"):
        joined = node("Project", node(name, node("Filter", scan("deals")), scan("months")))
        assert dangers(joined, {"months"}) == set()
        assert dangers(joined, {"days"}) == {"each row with each: deals × months"}
    literal = node("CartesianProduct", scan("deals"), node("LocalTableScan"))
    assert dangers(literal, set()) == set()


def test_not_in_is_found() -> None:
    text = "BroadcastHashJoin [a#1], [b#2], LeftAnti, BuildRight, true"
    assert dangers(node("BroadcastHashJoin", scan("a"), scan("b"), text=text), set())
    assert not dangers(node("BroadcastHashJoin", scan("a"), scan("b"), text=text.replace(", true", ", false")), set())


def test_a_window_over_all_rows_is_found() -> None:
    def window(distribution: str) -> Plan:
        moved = node("Exchange", scan("a"), text=f"Exchange {distribution}, ENSURE_REQUIREMENTS, [plan_id=1]")
        return node("Window", node("Sort", moved))

    assert dangers(window("SinglePartition"), set())
    assert not dangers(window("hashpartitioning(a#1, 1)"), set())


def test_plans_are_named_by_the_table_that_they_write(tmp_path: Path) -> None:
    text = "Execute InsertIntoHadoopFsRelationCommand file:/home/build/spark_tables/17/core/fct_deals, false, Parquet"
    kind = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart"
    events = [
        {"Event": kind, "executionId": 1, "sparkPlanInfo": node("Execute", text=text)},
        {"Event": kind, "executionId": 2, "sparkPlanInfo": node("Project")},
        {"Event": "SparkListenerTaskEnd"},
    ]
    (tmp_path / "log").write_text("\n".join(json.dumps(event, separators=(",", ":")) for event in events))
    assert [name for name, _ in plans(tmp_path / "log")] == ["core.fct_deals", "query 2"]
