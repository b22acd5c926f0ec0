"""The SQL of models keeps to what DuckDB and Spark understand alike: their words, their order of rows, their types.

Words are looked for in the files. Order and types are read from the compiled SQL of a built home, whose tables give the
types of columns. A macro that is written for one engine (default__, duckdb__, spark__) may use that engine's own words.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from orchestration.home import PROJECT, Home
from orchestration.warehouse import read_manifest
from tests.conftest import long

Schema = dict[str, object]  # catalog → schema → table → column → type

WORDS = {
    r"\bvarchar\b": "string",
    r"\bdbt\.dateadd\b": "add_days or add_months",
    r"\bdbt\.datediff\b": "days_between",
    r"\bdbt\.listagg\b": "joined_texts",
    r"\bgenerate_series\b": "range and make_date",
    r"\w''\w": "dbt.escape_single_quotes, because Spark takes two quotes for two texts",
}
RANKINGS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead)
# Columns without nulls where they order a ranking: keys of their rows, and days that are always filled in.
NEVER_NULL = frozenset(
    {
        "age_days",
        "as_of",
        "boundary",
        "branch_id",
        "branch_id_current",
        "currency",
        "deadline",
        "deal_id",
        "depth",
        "entered_at",
        "entity_id",
        "extracted_on",
        "file_name",
        "happened_on",
        "inquiry_id",
        "legal_form_rank",
        "line_id",
        "month",
        "name_rank",
        "narrowing_order",
        "organisation",
        "partner_id",
        "preference",
        "reason",
        "registration_id",
        "rep_id",
        "row_number",
        "scope",
        "source_name",
        "started_on",
        "step_order",
        "valid_from",
        "valid_to",
    }
)
INTEGERS = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT", "INT128", "UINT", "UBIGINT"})


class _NullsSmall(DuckDB):
    """Render SQL for an engine that puts nulls first, so that `nulls last` stays in the text where it was written."""

    NULL_ORDERING = "nulls_are_small"


class _NullsLarge(DuckDB):
    """The same for `order by a desc`."""

    NULL_ORDERING = "nulls_are_large"


def engine_words(text: str) -> list[str]:
    """Name each word of one engine alone, with what to write."""
    return [f"{found.group()}: write {better}" for word, better in WORDS.items() for found in re.finditer(word, text)]


def not_in_queries(sql: str) -> list[str]:
    """Name each `not in (select …)`, which compares every row with all others as soon as one is null."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    return [
        found.sql("duckdb")[:80]
        for found in tree.find_all(exp.Not)
        if isinstance(found.this, exp.In) and found.this.args.get("query")
    ]


def unsure_orders(sql: str) -> list[str]:
    """Name each key of a ranking that may be null and does not say where nulls go, and rankings without an order."""
    problems = []
    trees = [sqlglot.parse_one(sql, dialect=dialect) for dialect in (_NullsSmall, _NullsLarge)]
    for small, large in zip(*(tree.find_all(exp.Window, exp.Ordered) for tree in trees), strict=True):
        if isinstance(small, exp.Window):
            named = small.args.get("alias")
            if isinstance(small.this, RANKINGS) and not small.args.get("order") and not named:
                problems.append(f"no order: {small.sql('duckdb')[:80]}")
            continue
        if _ranks(small) and not _says_nulls_last(small, large) and not _is_never_null(small.this):
            problems.append(f"nulls last? {small.this.sql('duckdb')[:80]}")
    return problems


def _ranks(key: exp.Expr) -> bool:
    """Whether a key orders a ranking; running sums and the like take ties as they come."""
    window = key.find_ancestor(exp.Window)
    return window is not None and (isinstance(window.this, RANKINGS) or not isinstance(window.this, exp.Func))


def _says_nulls_last(small: exp.Expr, large: exp.Expr) -> bool:
    return not (large if small.args.get("desc") else small).args.get("nulls_first")


def _is_never_null(key: exp.Expr) -> bool:
    if isinstance(key, exp.Column):
        return key.name in NEVER_NULL
    if isinstance(key, exp.Coalesce):
        parts = [key.this, *key.expressions]
        return any(isinstance(part, exp.Literal | exp.Cast) or _is_never_null(part) for part in parts)
    if isinstance(key, exp.Case):
        return all(isinstance(branch, exp.Literal) for branch in _branches(key)) and "default" in key.args
    return False


def unclear_havings(sql: str) -> list[str]:
    """Name each column of a `having` that could also be the aggregate of that name: Sail takes it for the aggregate."""
    problems = []
    for query in sqlglot.parse_one(sql, dialect="duckdb").find_all(exp.Select):
        aggregates = {part.alias for part in query.expressions if part.alias and part.find(exp.AggFunc)}
        if having := query.args.get("having"):
            problems += [
                f"{column.name}: {having.sql('duckdb')[:80]}"
                for column in having.find_all(exp.Column)
                if not column.table and column.name in aggregates
            ]
    return problems


def typed(sql: str, schema: Schema) -> exp.Expr:
    """Parse a query and give each of its parts its type; 0.5 is a decimal, as on Spark."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    for number in list(tree.find_all(exp.Literal)):
        if number.is_number and not number.is_int and not isinstance(number.parent, exp.Cast):
            number.replace(exp.cast(number.copy(), "decimal(18, 8)"))
    qualified = qualify(tree, schema=schema, dialect="duckdb", validate_qualify_columns=False, quote_identifiers=False)
    return annotate_types(qualified, schema=schema, dialect="duckdb")


def untyped_divisions(tree: exp.Expr) -> list[str]:
    """Name each division of which no side is a double: Spark divides decimals to few digits, DuckDB as doubles."""
    return [
        division.sql("duckdb")[:80]
        for division in tree.find_all(exp.Div)
        if "DOUBLE" not in {_kind(division.this), _kind(division.expression)}
    ]


def mixed_cases(tree: exp.Expr) -> list[str]:
    """Name each case whose branches have several types."""
    problems = []
    for case in tree.find_all(exp.Case):
        kinds = {_kind(branch) for branch in _branches(case) if not isinstance(branch, exp.Null)} - {"UNKNOWN", "NULL"}
        if len(kinds) > 1:
            problems.append(f"{sorted(kinds)}: {case.sql('duckdb')[:80]}")
    return problems


def untyped_columns(tree: exp.Expr) -> list[str]:
    """Name each column of days, parts of dates and ranks: contracts see whole numbers of another width on Spark."""
    found = []
    for column in tree.selects:
        part = column.unalias()
        part = part.this if isinstance(part, exp.Window) else part
        if isinstance(part, (exp.DateDiff, exp.Extract, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.Length)):
            found.append(column.alias)
    return found


def negated_decimals(tree: exp.Expr) -> list[str]:
    """Name each minus before a column of decimals: what Sail computes has another type than Sail says."""
    return [
        part.sql("duckdb")[:80]
        for part in tree.find_all(exp.Neg)
        if isinstance(part.this, exp.Column) and _kind(part.this) == "DECIMAL"
    ]


def _branches(case: exp.Expr) -> list[exp.Expr]:
    return [branch.args["true"] for branch in case.args["ifs"]] + [case.args["default"]] * bool(
        case.args.get("default")
    )


def _kind(part: exp.Expr) -> str:
    name = part.type.this.name if part.type and isinstance(part.type.this, exp.DataType.Type) else "UNKNOWN"
    return "INTEGER" if name in INTEGERS else "VARCHAR" if name == "TEXT" else name


def project_files() -> Iterator[Path]:
    """Files that hold SQL or types of every engine."""
    for folder in ("models", "seeds", "macros", "tests/data", "tests/generic"):
        yield from (file for suffix in ("sql", "yml") for file in (PROJECT / folder).rglob(f"*.{suffix}"))


def shared_text(file: Path) -> str:
    """The text of a file without the macros that are written for one engine."""
    return re.sub(r"(?s){% macro (default|duckdb|spark)__.*?{%-? endmacro", "", file.read_text(encoding="utf-8"))


def test_no_word_of_one_engine_alone() -> None:
    found = {
        str(file.relative_to(PROJECT)): words for file in project_files() if (words := engine_words(shared_text(file)))
    }
    assert found == {}


@pytest.fixture(scope="module")
def queries(built_home: Home) -> dict[str, str]:
    """The compiled SQL of every model."""
    nodes = read_manifest(built_home)["nodes"].values()
    return {node["name"]: node["compiled_code"] for node in nodes if node["resource_type"] == "model"}


@pytest.fixture(scope="module")
def schema(built_home: Home) -> Schema:
    """Types of every column of the built home, by database, schema and table."""
    columns: dict[str, Any] = {}
    with duckdb.connect(str(built_home.database), read_only=True) as built:
        for catalog, folder, table, column, kind in built.execute(
            "select table_catalog, table_schema, table_name, column_name, data_type from information_schema.columns"
        ).fetchall():
            columns.setdefault(catalog, {}).setdefault(folder, {}).setdefault(table, {})[column] = kind
    return columns


def test_no_not_in_query(queries: dict[str, str]) -> None:
    assert {name: found for name, sql in queries.items() if (found := not_in_queries(sql))} == {}


def test_rankings_say_where_nulls_go(queries: dict[str, str]) -> None:
    assert {name: found for name, sql in queries.items() if (found := unsure_orders(sql))} == {}


def test_havings_name_a_table_where_an_aggregate_has_the_name(queries: dict[str, str]) -> None:
    assert {name: found for name, sql in queries.items() if (found := unclear_havings(sql))} == {}


@long
def test_parts_have_the_type_of_all_engines(queries: dict[str, str], schema: Schema, built_home: Home) -> None:
    trees = {name: typed(sql, schema) for name, sql in queries.items()}
    assert len(trees) > 100
    assert {name: found for name, tree in trees.items() if (found := untyped_divisions(tree))} == {}
    assert {name: found for name, tree in trees.items() if (found := mixed_cases(tree))} == {}
    assert {name: found for name, tree in trees.items() if (found := negated_decimals(tree))} == {}
    under_contract = {
        node["name"]
        for node in read_manifest(built_home)["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["contract"]["enforced"]
    }
    assert {name: found for name in under_contract if (found := untyped_columns(trees[name]))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "cast(a as varchar)",
        "data_type: varchar",
        "dbt.dateadd('day', 1, a)",
        "dbt.datediff(a, b, 'day')",
        "dbt.listagg(a)",
        "from generate_series(1, 2)",
        "select 'nobody''s'",
    ],
)
def test_a_planted_word_is_found(text: str) -> None:
    assert engine_words(text)
    assert not engine_words("cast(a as string), dbt.date_trunc('month', a)")


def test_a_planted_not_in_is_found() -> None:
    assert not_in_queries("select 1 from a where b not in (select b from c)")
    assert not not_in_queries(
        "select 1 from a where b not in ('x', 'y') and not exists (select 1 from c where c.b = a.b)"
    )


@pytest.mark.parametrize(
    ("order", "is_sure"),
    [
        ("submitted_at", False),
        ("amount desc, deal_id", False),
        ("submitted_at nulls first", False),
        ("submitted_at nulls last, deal_id", True),
        ("amount desc nulls last, deal_id", True),
        ("coalesce(amount, 0) desc, deal_id", True),
        ("case when is_open then 0 else 1 end, deal_id", True),
    ],
)
def test_a_planted_order_is_judged(order: str, is_sure: bool) -> None:
    for ranking in ("row_number()", "rank()", "lag(a)"):
        assert bool(unsure_orders(f"select {ranking} over (partition by b order by {order}) from t")) is not is_sure
    named = f"select lag(a) over steps from t window steps as (partition by b order by {order})"
    assert bool(unsure_orders(named)) is not is_sure
    assert not unsure_orders(f"select sum(a) over (partition by b order by {order}) from t")
    assert unsure_orders("select row_number() over (partition by b) from t")


def test_a_planted_having_is_judged() -> None:
    query = "select a, min(b) as b from t group by a having min({}) = 1"
    assert unclear_havings(query.format("b"))
    assert not unclear_havings(query.format("t.b"))
    assert not unclear_havings(query.format("c"))


PLANTED: Schema = {"kyoten": {"core": {"t": {"i": "INTEGER", "m": "DECIMAL(18,2)", "d": "DOUBLE", "x": "VARCHAR"}}}}


@pytest.mark.parametrize(
    ("division", "is_typed"),
    [("1 / i", False), ("m / 365.25", False), ("m / m", False), ("cast(m as double) / i", True), ("m / d", True)],
)
def test_a_planted_division_is_judged(division: str, is_typed: bool) -> None:
    tree = typed(f"with t as (select * from kyoten.core.t) select {division} as ratio from t", PLANTED)
    assert bool(untyped_divisions(tree)) is not is_typed


@pytest.mark.parametrize(("minus", "is_of_one_type"), [("-m", False), ("0 - m", True), ("-d", True), ("-1.5", True)])
def test_a_planted_minus_is_judged(minus: str, is_of_one_type: bool) -> None:
    assert bool(negated_decimals(typed(f"select {minus} as n from kyoten.core.t", PLANTED))) is not is_of_one_type


@pytest.mark.parametrize(
    ("column", "is_stated"),
    [
        ("date_diff('day', a, b)", False),
        ("extract(year from a)", False),
        ("row_number() over (order by a)", False),
        ("cast(date_diff('day', a, b) as bigint)", True),
        ("count(*)", True),
    ],
)
def test_a_planted_column_is_judged(column: str, is_stated: bool) -> None:
    assert untyped_columns(sqlglot.parse_one(f"select {column} as n from t", dialect="duckdb")) == ["n"] * (
        not is_stated
    )


@pytest.mark.parametrize(
    ("branches", "is_of_one_type"),
    [
        ("1 else m", False),
        ("m else d", False),
        ("i else x", False),
        ("m else cast(0 as decimal(18, 2))", True),
        ("null else m", True),
    ],
)
def test_a_planted_case_is_judged(branches: str, is_of_one_type: bool) -> None:
    tree = typed(
        f"with t as (select * from kyoten.core.t) select case when i > 0 then {branches} end as v from t", PLANTED
    )
    assert bool(mixed_cases(tree)) is not is_of_one_type
