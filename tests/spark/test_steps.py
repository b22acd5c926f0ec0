"""Which CTEs become tables on Spark, and that the rewritten query gives the same rows. DuckDB runs both."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import pytest
import sqlglot
from sqlglot import exp

from orchestration.home import PROJECT, Home
from orchestration.warehouse import read_manifest

Split = Callable[[str], dict[str, Any]]


class ReturnedError(Exception):
    """What dbt's return() gives, and ends the macro."""


@pytest.fixture(scope="module")
def split() -> Split:
    def give_back(value: dict[str, Any]) -> None:
        raise ReturnedError(value)

    text = (PROJECT / "macros" / "materializations" / "spark.sql").read_text(encoding="utf-8")
    names = {"return": give_back, "modules": SimpleNamespace(re=re)}
    macros: Any = jinja2.Environment(extensions=["jinja2.ext.do"]).from_string(text, globals=names).module

    def call(query: str) -> dict[str, Any]:
        with pytest.raises(ReturnedError) as returned:
            macros.split_steps(query, "steps.m__")
        given: dict[str, Any] = returned.value.args[0]
        return given

    return call


TWICE = "select * from a as x inner join a as y on x.n = y.n"
# Query → the CTEs that become steps.
SHAPES: dict[str, list[str]] = {
    "select 1 as n": [],
    "with a as (select 1 as n) select * from a": [],
    f"with a as (select 1 as n) {TWICE}": ["a"],
    f"with a as (select * from t) {TWICE}": [],
    f"with a as (select * from t where n > 1) {TWICE}": ["a"],
    f"with b as (select 2 as n), a as (select n from b) {TWICE}": ["a"],
    "with b as (select 2 as n), a as (select n from b union all select n + 1 from b) select * from a": ["b"],
    f"-- with x as (\nwith a as (select 1 as n /* ) */ -- )\n) {TWICE}": ["a"],
    f"with a as (select 1 as n, ') from a it''s' as o) {TWICE}": ["a"],
    'with a as (select 1 as "from ("), b as (select * from a) select x.* from b as x inner join b using ("from (")': [],
    f"with a as (with c as (select 3 as n) select x.n from c as x inner join c as y on x.n = y.n) {TWICE}": ["a"],
    "select * from (with a as (select 1 as n) select x.n from a as x inner join a as y on x.n = y.n) as q": [],
    "with recursive a as (select 1 as n union all select n + 1 as n from a where n < 4) select * from a": ["a"],
    "with recursive b as (select 2 as n), c as (select 4 as m), a as ("
    "select n from b union all select n + 1 as n from a inner join c on a.n < c.m) select * from a": ["b", "c", "a"],
    "with recursive b as (select 2 as n), a as (select n from b union all select n + 1 as n from a where n < 4) "
    f"{TWICE}": ["b", "a"],
    "with recursive a as (select 1 as n UNION  ALL select n + 1 as n from a where n < 4) select * from a": ["a"],
    "with recursive a as (select 1 as n union all select x.n + 1 as n from a as x where x.n < 4) select * from a": [
        "a"
    ],
    "with recursive a as (select 1 as n /* union */ union all select 9 union all select m as n from ("
    "select a.n + t.n as m from t inner join a on a.n < 4) as x) select sum(n) from a": ["a"],
    "with recursive a as (select 1 as n union all select n + 1 as n from a where n < 4), b as ("
    "select 2 as n union all select b.n + a.n as n from b inner join a on b.n < a.n) select * from b": ["a", "b"],
    "with recursive a as (select n from t where n > 5 union all select n + 1 as n from a where n < 9) "
    "select * from a": ["a"],
    "with a as (select 1 as n) select a.n from a where exists (select 1 from a as y where y.n = a.n)": ["a"],
    "with a as (select 1 as n) select a.n from a where 2 is distinct from a.n": [],
    "with a as (select 1 as n) SELECT x.n FROM A as x INNER JOIN a as y ON x.n = y.n": ["a"],
}


def make(engine: duckdb.DuckDBPyConnection, step: dict[str, str]) -> None:
    """Make the table of a step as the macros do: one that is recursive, level by level."""
    table = step["table"]
    if "level" not in step:
        engine.execute(f"create table {table} as {step['query']}")
        return
    engine.execute(f"create table {table}__0 as {step['query']}; create table {table} as from {table}__0")
    for number in range(1, 10):
        query = step["level"].replace(step["before"], f"{table}__{number - 1}")
        engine.execute(f"create table {table}__{number} as {query}")
        if not engine.execute(f"insert into {table} from {table}__{number}").fetchall()[0][0]:
            return
    raise AssertionError(f"{table} has no end")


@pytest.mark.parametrize("query", SHAPES)
def test_a_shape(split: Split, query: str) -> None:
    given = split(query)
    assert [step["table"].removeprefix("steps.m__") for step in given["steps"]] == SHAPES[query]
    with duckdb.connect() as engine:
        engine.execute("create schema steps; create table t as select unnest([1, 2, 3]) as n")
        expected = engine.execute(query).fetchall()
        for step in given["steps"]:
            make(engine, step)
        assert sorted(engine.execute(given["query"]).fetchall()) == sorted(expected)


def names_read(tree: exp.Expr) -> list[str]:
    return [table.name.lower() for table in tree.find_all(exp.Table) if not table.db]


def read_twice(sql: str) -> set[str]:
    """Return the CTEs that are read twice or by a recursive CTE, and do not only name a table, by sqlglot."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    ctes = tree.args["with_"].expressions if tree.args.get("with_") else []
    reads = names_read(tree)
    for cte in ctes:
        if cte.alias.lower() in (within := names_read(cte.this)):  # recursive
            reads += within
    return {
        cte.alias.lower()
        for cte in ctes
        if reads.count(cte.alias.lower()) > 1
        and not re.fullmatch(r"SELECT \* FROM [\w.\"]+", cte.this.sql(comments=False))
    }


def test_all_models_have_the_steps_that_a_parser_finds(split: Split, built_home: Home) -> None:
    queries = {
        node["name"]: node["compiled_code"]
        for node in read_manifest(built_home)["nodes"].values()
        if node["resource_type"] == "model"
    }
    found = {
        name: {step["table"].removeprefix("steps.m__") for step in split(query)["steps"]}
        for name, query in queries.items()
    }
    assert found == {name: read_twice(query) for name, query in queries.items()}
    assert sum(map(len, found.values())) > 40


def test_levels_of_a_recursion_have_the_same_columns(built_home: Home) -> None:
    found = 0
    for node in read_manifest(built_home)["nodes"].values():
        if node["resource_type"] != "model" or "with recursive" not in node["compiled_code"]:
            continue
        for cte in sqlglot.parse_one(node["compiled_code"], dialect="duckdb").args["with_"].expressions:
            if cte.alias.lower() in names_read(cte.this):
                found += 1
                assert cte.this.left.named_selects == cte.this.right.named_selects, node["name"]
    assert found >= 5
