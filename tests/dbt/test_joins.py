"""No join compares all rows of one side with all rows of the other, which is slow only with many rows."""

import duckdb

from orchestration.home import Home
from orchestration.scratch import Plan, compiled_sql
from orchestration.warehouse import read_manifest

# One side has few rows in a company of any size: today, a calendar's months, quarters or halves, a ladder, or a list
# of steps, ages, measures, features, products or columns that the model itself names.
FEW_ROWS = {
    "branch_facts",
    "int_actions",
    "int_budget_proposals",
    "int_change_pairs",
    "int_change_parts",
    "int_change_totals",
    "int_deal_lookups",
    "int_deal_windows",
    "int_decisions",
    "int_kpi_values",
    "int_plan_actions",
    "int_plan_goals",
    "int_plan_versions",
    "int_play_uses",
    "int_review_figures",
    "int_status_spells",
    "int_step_passages",
    "int_target_months",
    "partner_alternatives",
    "pipeline",
    "status_today",
}


def is_pairwise(connection: duckdb.DuckDBPyConnection, query: str) -> bool:
    # As JSON, because the drawn plan omits wide parts.
    ((_, plan),) = connection.execute(f"explain (format json) {query}").fetchall()
    return "BLOCKWISE_NL_JOIN" in plan


def test_a_condition_on_one_side_alone_is_found() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table a as select i, i as k from range(9) as t (i); create table b as from a")
        assert is_pairwise(connection, "from a left join b on a.i = b.i and a.k > 3")
        assert not is_pairwise(connection, "from a left join b on a.i = b.i and b.k > 3")


def test_no_model_joins_pairwise(built_home: Home) -> None:
    plan = Plan.of(read_manifest(built_home), built_home)
    models = [node for node in plan.nodes if node["config"]["materialized"] == "table"]
    assert len(models) > 50
    with duckdb.connect(str(built_home.database), read_only=True) as built:
        pairwise = {node["name"] for node in models if is_pairwise(built, compiled_sql(node, built_home))}
    # The engine estimates rows from samples, so a plan near the limit can change from one home to another.
    assert pairwise <= FEW_ROWS
    assert {node["name"] for node in models} >= FEW_ROWS
