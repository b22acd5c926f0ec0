"""What grows worse than its rows is found in a plan. `make spark-test` plants the same in queries that Spark runs."""

import json
from pathlib import Path

import pytest

from tests.spark.plans import Plan, dangers, plans

TEXT = "Execute InsertIntoHadoopFsRelationCommand file:/home/build/spark_tables/17/{}, false, Parquet"


def node(name: str, *children: Plan, text: str = "") -> Plan:
    return {"nodeName": name, "simpleString": text or name, "children": list(children)}


def scan(table: str) -> Plan:
    return node(f"Scan parquet spark_catalog.kyoten_core.{table}")


def written(table: str, plan: Plan) -> Plan:
    return node("Execute", plan, text=TEXT.format(table))


TODAY = node("HashAggregate", scan("extracts"), text="HashAggregate(keys=[], functions=[max(day#1)])")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def ran(log: Path, *queries: Plan) -> Path:
    kind = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart"
    events = [{"Event": kind, "executionId": n, "sparkPlanInfo": plan} for n, plan in enumerate(queries, start=1)]
    log.write_text("\n".join(json.dumps(event, separators=(",", ":")) for event in [*events, {"Event": "TaskEnd"}]))
    return log


MONTHS = written("core/months", node("Generate", TODAY, text="Generate explode(… Some(INTERVAL '1' MONTH), …)"))


def found(log: Path, *queries: Plan) -> set[str]:
    return {danger for problems in dangers(ran(log, MONTHS, *queries)).values() for danger in problems}


def test_a_join_of_all_with_all_needs_a_small_side(log: Path) -> None:
    for name in ("CartesianProduct", "BroadcastNestedLoopJoin"):
        assert found(log, node("Project", node(name, node("Filter", scan("deals")), scan("months")))) == set()
        assert found(log, node(name, scan("deals"), scan("days"))) == {"each row with each: deals × days"}
    assert dangers(ran(log, node("CartesianProduct", scan("deals"), scan("periods"))), {"periods"}) == {}
    for literal in ("LocalTableScan", "Scan OneRowRelation"):
        assert found(log, node("CartesianProduct", scan("deals"), node(literal))) == set()
    for unknown in ("ReusedExchange", "Scan ExistingRDD"):
        assert found(log, node("CartesianProduct", scan("deals"), node(unknown))) != set()


def test_a_table_of_small_tables_and_totals_is_small(log: Path) -> None:
    by_key = node("HashAggregate", scan("deals"), text="HashAggregate(keys=[k#1], functions=[max(day#1)])")
    kept = node("SortMergeJoin", scan("months"), scan("deals"), text="SortMergeJoin [m#1], [m#2], LeftSemi")
    joined = node("CartesianProduct", scan("deals"), scan("made"))
    for plan, is_small in (
        (TODAY, True),
        (by_key, False),
        (node("Filter", scan("months"), node("Subquery", by_key)), True),
        (node("Union", scan("months"), TODAY), True),
        (node("SortMergeJoin", scan("months"), scan("deals")), False),
        (kept, True),
        (node("Generate", TODAY, text="Generate explode(… Some(INTERVAL '1' DAY), …)"), False),
    ):
        assert bool(found(log, written("steps/made", plan), joined)) is not is_small, plan


def test_not_in_is_found(log: Path) -> None:
    text = "BroadcastHashJoin [a#1], [b#2], LeftAnti, BuildRight, true"
    assert found(log, node("BroadcastHashJoin", scan("a"), scan("b"), text=text))
    assert not found(log, node("BroadcastHashJoin", scan("a"), scan("b"), text=text.replace(", true", ", false")))


def test_a_window_over_all_rows_is_found(log: Path) -> None:
    def window(distribution: str) -> Plan:
        moved = node("Exchange", scan("a"), text=f"Exchange {distribution}, ENSURE_REQUIREMENTS, [plan_id=1]")
        return node("Window", node("Sort", moved))

    assert found(log, window("SinglePartition"))
    assert not found(log, node("Window", node("Exchange", scan("months"), text="Exchange SinglePartition")))
    assert not found(log, window("hashpartitioning(a#1, 1)"))


def test_plans_are_named_by_the_table_that_they_write(log: Path) -> None:
    queries = written("core/fct_deals", node("Project")), node("Project")
    assert [name for name, _ in plans(ran(log, *queries))] == ["core.fct_deals", "query 2"]
