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
                written = re.search(r"/\d+/(\w+)/(\w+), ", plan["simpleString"])
                yield (".".join(written.groups()) if written else f"query {event['executionId']}"), plan


def dangers(log: Path, known: Collection[str] = ()) -> dict[str, set[str]]:
    """Name, by table, what the plans of an event log have that grows worse than its rows.

    A join of each row with each, and a window over all rows, may be where one side has few rows in a company of any
    size. These are literals, seeds, totals of all rows such as today, a calendar of months, the tables that are `known`
    to be small, and tables that are made of such tables alone.
    """
    found: dict[str, set[str]] = {}
    few = set(known)
    for name, plan in plans(log):
        if problems := {danger for node in _nodes(plan) if (danger := _danger(node, few))}:
            found[name] = found.get(name, set()) | problems
        if _has_few_rows(plan, few):
            few.add(name.rpartition(".")[2])
    return found


def _danger(node: Plan, few: Collection[str]) -> str | None:
    name, text = node["nodeName"], node["simpleString"]
    if name.startswith("BroadcastHashJoin") and re.search(r"LeftAnti, BuildRight,.* true", text):
        return "all keys of `not in (select …)` on one machine"
    if name.startswith(PAIRS):
        sides = node["children"][:2]
        if not any(_has_few_rows(side, few) for side in sides):
            return f"each row with each: {' × '.join(map(_named, sides))}"
    if name == "Window" and _is_on_one_machine(node["children"][0]) and not _has_few_rows(node, few):
        return f"all rows in one window: {text[:120]}"
    return None


def _has_few_rows(node: Plan, few: Collection[str]) -> bool:
    """Whether what a node gives has few rows in a company of any size."""
    name, text = node["nodeName"].strip(), node["simpleString"]
    if table := _table(node):
        return table in few
    if name in ("LocalTableScan", "Scan OneRowRelation", "Subquery", "ReusedSubquery"):
        return True  # literals, or one value
    if re.match(r"\w+Aggregate\(keys?=\[\]", text):
        return True  # totals of all rows
    if not node["children"] or (name == "Generate" and "INTERVAL '1' MONTH" not in text):
        return False
    kept = node["children"][:1] if "Join" in name and "LeftSemi" in text else node["children"]
    return all(_has_few_rows(child, few) for child in kept)


def _named(side: Plan) -> str:
    return ", ".join(sorted({table for node in _nodes(side) if (table := _table(node))})) or side["nodeName"]


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
