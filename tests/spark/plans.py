"""Finds, in the plans that Spark has run, what would not end or not fit on a cluster: read from Spark's event log.

Joins may not broadcast in these runs (spark.sql.autoBroadcastJoinThreshold=-1), because a table that is small in a
sample may be large elsewhere.
"""

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

Plan = dict[str, Any]

PAIRS = ("CartesianProduct", "BroadcastNestedLoopJoin")


def plans(log: Path) -> Iterator[tuple[str, Plan]]:
    """Yield each plan of an event log, with the table that it writes, or a query's number."""
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            if '"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart"' in line:
                event = json.loads(line)
                plan = event["sparkPlanInfo"]
                written = re.search(r"/spark_tables/\d+/(\w+)/(\w+), ", plan["simpleString"])
                yield (".".join(written.groups()) if written else f"query {event['executionId']}"), plan


def dangers(plan: Plan, few: Collection[str]) -> set[str]:
    """Name what a plan has that grows worse than its rows; few: tables that have few rows in a company of any size."""
    return {danger for node in _nodes(plan) if (danger := _danger(node, few))}


def _danger(node: Plan, few: Collection[str]) -> str | None:
    name, text = node["nodeName"], node["simpleString"]
    if name.startswith("BroadcastHashJoin") and re.search(r"LeftAnti, BuildRight,.* true", text):
        return "all keys of `not in (select …)` on one machine"
    if name.startswith(PAIRS):
        sides = [{table for node in _nodes(side) if (table := _table(node))} for side in node["children"][:2]]
        if not any(side <= set(few) for side in sides):
            return f"each row with each: {' × '.join(', '.join(sorted(side)) for side in sides)}"
    if name == "Window" and _is_on_one_machine(node["children"][0]):
        return f"all rows in one window: {text[:120]}"
    return None


def _is_on_one_machine(node: Plan) -> bool:
    """Whether all rows are brought together for what is above this node."""
    if node["nodeName"] in ("Sort", "WindowGroupLimit", "Project", "Filter"):
        return _is_on_one_machine(node["children"][0])
    return bool(node["simpleString"].startswith("Exchange SinglePartition"))


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan["children"]:
        yield from _nodes(child)


def _table(node: Plan) -> str | None:
    """Return the name of the table that a node reads, without its schema."""
    read = re.match(r"Scan \w+ \S+?\.(\w+)\.(\w+)$", node["nodeName"].strip())
    return read[2] if read else None
