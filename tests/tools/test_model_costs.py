"""Costs table by table: a model is a cost of the marts that alone need it."""

from typing import Any

from tools.model_costs import OTHERS, Cost, groups, table


def node(name: str, folder: str, *reads: str) -> dict[str, Any]:
    """Return a model of a manifest."""
    return {
        "unique_id": name, "resource_type": "model", "depends_on": {"nodes": list(reads)},
        "original_file_path": f"models/{folder}/{name}.sql",
    }  # fmt: skip


def test_a_model_belongs_to_the_marts_that_need_it() -> None:
    made = [
        node("deals", "deals"),
        node("all_need", "measures", "deals"),
        node("both_need", "measures", "all_need"),
        node("plans_need", "measures", "both_need"),
        node("kpi", "marts/kpi", "all_need"),
        node("map", "marts/segment", "both_need", "kpi"),
        node("plan", "marts/plan", "plans_need", "map"),
        node("nobody_needs", "measures", "deals"),
    ]
    found = groups({one["unique_id"]: one for one in made})
    assert found == {
        "deals": OTHERS, "all_need": OTHERS, "kpi": OTHERS, "nobody_needs": OTHERS, "map": "marts/segment",
        "both_need": "marts/segment", "plans_need": "marts/plan", "plan": "marts/plan",
    }  # fmt: skip


def test_costs_add_up() -> None:
    costs = [
        Cost("plan", "marts/plan", "table", 1.0, 0.5, 10), Cost("kpi", OTHERS, "table", 3.0, 0.0, 7),
        Cost("a guard", "marts/plan", "test", 0.25, 0.0, 0),
    ]  # fmt: skip
    lines = table(costs, top=1).splitlines()
    assert "| marts/plan | 1 | 1.0 | 0.5 | 0.2 | 1.8 |" in lines
    assert "| all | 2 | 4.0 | 0.5 | 0.2 | 4.8 |" in lines
    assert lines[-1] == f"| `kpi` | {OTHERS} | 3.00 | 0.00 | 7 |"
