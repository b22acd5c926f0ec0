"""What a reader needs besides the figures: a label for each code, keys, references, texts in the Parquet files."""

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from orchestration import warehouse
from orchestration.contract import load_contract
from orchestration.home import Home
from orchestration.release.keys import held_references, keys, references

# Columns of codes that are no codes of Kyoten: names of datasets, columns and models, and words of the source.
NOT_LABELLED = {
    "check_name", "column_name", "currency", "dataset", "lost_reason", "mission", "model",
    "git_commit", "inputs_fingerprint", "project_fingerprint",
    "names_dataset", "source_name", "table_schema", "references_schema", "references_table", "references_column",
    "branch_kind", "lever_peer_basis", "unit",
    "reasons",  # a list of codes
    "version",  # which people name
}  # fmt: skip
WORDS = ("label_en", "label_ja", "description_en", "description_ja")
NO_CODE = r"(^|_)(id|id_current|name|label|ja|en|text|hash)$|meaning|definition"


@pytest.fixture(scope="module")
def release(built_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def manifest(built_home: Home) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KYOTEN_VARS", raising=False)
        return warehouse.read_manifest(built_home)


def labelled(release: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    rows = release.execute("select table_name, column_name, code from ops.labels").fetchall()
    assert len(rows) == len(set(rows)) > 500
    return set(rows)


def test_each_accepted_value_has_a_label(release: duckdb.DuckDBPyConnection, manifest: dict[str, Any]) -> None:
    published = {node["unique_id"]: node["alias"] for node in warehouse.published_models(manifest)}
    wanted = set()
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "accepted_values" and node["attached_node"] in published:
            table = published[node["attached_node"]]
            wanted |= {(table, node["column_name"], value) for value in test["kwargs"]["values"]}
    assert len(wanted) > 120
    assert sorted(wanted - labelled(release)) == []


def test_each_value_of_an_enum_of_the_contract_has_a_label(release: duckdb.DuckDBPyConnection) -> None:
    """Columns that keep the name of the contract's column keep its codes; `horizon` here is another."""
    known: dict[str, set[str]] = {}
    for _, column, code in labelled(release):
        known.setdefault(column, set()).add(code)
    enums = [one for dataset in load_contract().datasets.values() for one in dataset.columns.values() if one.values]
    checked = [one for one in enums if one.name in known and one.name not in ("status", "kind", "horizon")]
    assert {"channel", "role", "event_type", "activity_type", "partner_type"} <= {one.name for one in checked}
    assert [(one.name, set(one.values) - known[one.name]) for one in checked if set(one.values) - known[one.name]] == []


def codes(release: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str]]:
    """Yield the values of each column whose few values all look like codes."""
    columns = release.execute(
        "select table_schema, table_name, column_name from ops.catalog where data_type = 'VARCHAR' order by all"
    ).fetchall()
    for schema, table, column in columns:
        if column in NOT_LABELLED or re.search(NO_CODE, column):
            continue
        query = f'select distinct "{column}" from "{schema}"."{table}" where "{column}" is not null limit 31'
        values = [value for (value,) in release.execute(query).fetchall()]
        if 0 < len(values) <= 30 and all(re.fullmatch(r"[a-z][a-z0-9_]*|[A-Z][A-Z0-9_]*", value) for value in values):
            yield from ((table, column, value) for value in values)


def test_each_code_in_the_data_has_a_label(release: duckdb.DuckDBPyConnection) -> None:
    found = set(codes(release))
    assert len({(table, column) for table, column, _ in found}) > 80
    assert sorted(found - labelled(release)) == []


def test_labels_are_of_both_languages(release: duckdb.DuckDBPyConnection) -> None:
    empty = "select * from ops.labels where coalesce(label_en, '') = '' or coalesce(label_ja, '') = ''"
    assert release.execute(empty).fetchall() == []
    words = "select table_name, label_en, label_ja from ops.labels where column_name = 'status' and code = 'held'"
    assert release.execute(f"{words} order by 1").fetchall() == [
        ("fct_activities", "Held", "実施"),
        ("loads", "Held by a batch rule", "保留"),
    ]


def test_the_catalogue_describes_every_table_and_column(release: duckdb.DuckDBPyConnection) -> None:
    there = "from duckdb_columns() where not internal and schema_name != 'semantic'"
    present = release.execute(f"select schema_name, table_name, column_name, data_type {there}").fetchall()
    described = "select table_schema, table_name, column_name, data_type from ops.catalog where column_name is not null"
    assert set(release.execute(described).fetchall()) == set(present)
    missing = " or ".join(f"coalesce({word}, '') = ''" for word in WORDS)
    assert release.execute(f"select table_name, column_name from ops.catalog where {missing}").fetchall() == []
    assert release.execute(f"select table_name, column_name {there} and comment is null").fetchall() == []


def test_keys_are_unique_and_references_resolve(release: duckdb.DuckDBPyConnection) -> None:
    key_columns: dict[tuple[str, str], list[str]] = {}
    rows = release.execute(
        "select table_schema, table_name, column_name from ops.catalog where key_position is not null"
        " order by table_schema, table_name, key_position"
    ).fetchall()
    for schema, table, column in rows:
        key_columns.setdefault((schema, table), []).append(column)
    tables = release.execute("select table_schema, table_name from ops.catalog where ordinal = 0").fetchall()
    without = [table for table in tables if table not in key_columns]
    assert without == [("attribution", "attribution_ladder"), ("kpi", "kpi_sets")]  # which people maintain
    for (schema, table), names in key_columns.items():
        of = ", ".join(f'"{name}"' for name in names)
        query = f'select {of} from "{schema}"."{table}" group by all having count(*) > 1'
        assert release.execute(query).fetchall() == [], (table, names)
    refers = release.execute(
        "select table_schema, table_name, column_name, references_schema, references_table, references_column"
        " from ops.catalog where references_table is not null"
    ).fetchall()
    assert len(refers) > 200
    lost = {}
    for schema, table, column, to_schema, to_table, to_column in refers:
        query = (
            f'select distinct "{column}" from "{schema}"."{table}" where "{column}" is not null'
            f' except select "{to_column}" from "{to_schema}"."{to_table}" limit 3'
        )
        if missing := release.execute(query).fetchall():
            lost[f"{table}.{column}"] = missing
    assert lost == {}


def test_references_follow_names_and_tests() -> None:
    columns = {
        ("core", "dim_branch"): ["branch_id", "current_branch_id"],
        ("core", "dim_entity"): ["scope", "entity_id"],
        ("kpi", "plans"): ["scope", "entity_id", "reason", "customer_id"],
        ("kpi", "reasons"): ["reason"],
    }
    assert references(columns, {("plans", "reason"): ("reasons", "reason")}) == {
        ("core", "dim_branch", "current_branch_id"): ("core", "dim_branch", "branch_id"),
        ("kpi", "plans", "scope"): ("core", "dim_entity", "scope"),
        ("kpi", "plans", "entity_id"): ("core", "dim_entity", "entity_id"),
        ("kpi", "plans", "reason"): ("kpi", "reasons", "reason"),
    }


def test_only_what_guards_hold_is_a_key(manifest: dict[str, Any]) -> None:
    found = keys(manifest)
    assert found["model.kyoten.dim_entity"] == ("scope", "entity_id")
    assert held_references(manifest)["people_worklist", "reason"] == ("people_reasons", "reason")
    test = next(node for node in manifest["nodes"].values() if node.get("attached_node") == "model.kyoten.dim_entity"
                and (node.get("test_metadata") or {}).get("name") == "unique_combination")  # fmt: skip
    where = {**test, "config": {**test["config"], "where": "is_sentinel"}}
    assert keys({"nodes": {"test": where}}) == {}


def test_parquet_files_have_their_texts(built_home: Home) -> None:
    files = sorted((built_home.published / "parquet").rglob("*.parquet"))
    metadata = {}
    for file in files:
        rows = duckdb.execute("select key, value from parquet_kv_metadata(?)", [str(file)]).fetchall()
        metadata[file.stem] = {key.decode(): value.decode() for key, value in rows}
    assert metadata["fct_deals"]["label_ja"] == "案件"
    assert len(metadata) > 130
    for file in files:
        texts, columns = metadata[file.stem], json.loads(metadata[file.stem].get("columns", "{}"))
        assert all(texts.get(name) for name in WORDS), file.stem
        found = duckdb.execute("select * from read_parquet(?) limit 0", [str(file)]).description or []
        assert [column[0] for column in found] == list(columns), file.stem
        assert [name for name, words in columns.items() if set(WORDS) - set(words)] == [], file.stem
