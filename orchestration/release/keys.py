"""The key of each published table, and the column of another table that a column refers to.

DuckDB's file declares neither, because its indexes cost memory and are not safe. They are in ops.catalog, and
PostgreSQL declares them. A key is what a guard holds unique. A column refers to a table by its name, as in
`branch_id` and `from_branch_id`, unless a `relationships` test names another table.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class Reference(NamedTuple):
    """A column of a published table."""

    schema: str
    table: str
    column: str


# By the end of the column's name.
BY_NAME = {
    r"(.*_)?branch_id(_current)?": Reference("core", "dim_branch", "branch_id"),
    r"(.*_)?division_id": Reference("core", "dim_division", "division_id"),
    r"(.*_)?partner_id|distributor_id": Reference("core", "dim_partner", "partner_id"),
    r"(.*_)?rep_id": Reference("core", "dim_rep", "rep_id"),
    r"(.*_)?deal_id": Reference("core", "fct_deals", "deal_id"),
    r"(.*_)?activity_id": Reference("core", "fct_activities", "activity_id"),
    r"customer_id": Reference("core", "dim_customer", "customer_id"),
    r"product_id": Reference("core", "dim_product", "product_id"),
    r"(.*_)?staff_id|account_manager_id": Reference("core", "dim_staff", "staff_id"),
    r"metric|instead_of": Reference("kpi", "metrics", "metric"),
    r"play_id": Reference("kpi", "plays", "play_id"),
}
# What an entity is follows from its scope, so both columns together refer to dim_entity.
PAIRS = (("scope", "entity_id"), ("entity_type", "entity_id"), ("member_type", "member_id"))
# These metrics include parts of metrics, such as a numerator, which kpi.metrics lacks.
OWN = {
    (table, "metric"): Reference("kpi", "change_metrics", "metric") for table in ("change_explained", "change_deals")
}
NONE = {
    ("change_metrics", "metric"),
    ("exclusions", "deal_id"),  # lists deals that were deleted
    ("exclusions", "related_deal_id"),
    ("phase_rules", "metric"),  # compares deals of twelve months, too
    ("plan_progress", "metric"),  # a goal may count activities of one type
    ("plan_review_goals", "metric"),
    ("manager_productivity", "staff_id"),  # NONE: branches without a manager
    ("rollout_success", "product_id"),  # ALL: all products
}


def keys(dbt_manifest: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the columns that a guard holds unique in all rows, by the id of the model."""
    found: dict[str, tuple[str, ...]] = {}
    for node in dbt_manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if node["config"].get("where") or node["config"].get("severity", "error").lower() != "error":
            continue
        if test.get("name") == "unique" and node["column_name"]:
            found.setdefault(node["attached_node"], (node["column_name"],))
        elif test.get("name") == "unique_combination":
            found.setdefault(node["attached_node"], tuple(test["kwargs"]["columns"]))
    return found


def held_references(dbt_manifest: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return what `relationships` tests hold: (model, column) to (model, column)."""
    found = {}
    for node in dbt_manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "relationships" and not node["config"].get("where"):
            of = dbt_manifest["nodes"].get(node["attached_node"])
            to = re.search(r"ref\('(\w+)'\)", test["kwargs"]["to"])
            if of and to:
                found[of["alias"], node["column_name"]] = (to[1], test["kwargs"]["field"])
    return found


def references(
    columns: Mapping[tuple[str, str], list[str]], tested: Mapping[tuple[str, str], tuple[str, str]]
) -> dict[tuple[str, str, str], Reference]:
    """Return what each column refers to, by schema, table and column; `columns` lists the columns of each table."""
    schemas = {table: schema for schema, table in columns}
    found: dict[tuple[str, str, str], Reference] = {}
    for (schema, table), names in columns.items():
        for name in names:
            to = OWN.get((table, name)) or _by_name(name, names)
            if (table, name) in tested:
                other, field = tested[table, name]
                to = Reference(schemas.get(other, ""), other, field)
            known = to and to.column in columns.get((to.schema, to.table), ())
            if to and known and to != (schema, table, name) and (table, name) not in NONE:
                found[schema, table, name] = to
    return found


def _by_name(name: str, names: list[str]) -> Reference | None:
    for pair in PAIRS:
        if name in pair and set(pair) <= set(names):
            return Reference("core", "dim_entity", ("scope", "entity_id")[pair.index(name)])
    return _named_so(name)


@functools.cache
def _named_so(name: str) -> Reference | None:
    return next((to for pattern, to in BY_NAME.items() if re.fullmatch(pattern, name)), None)
