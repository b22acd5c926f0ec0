"""What the semantic layer reads, inside the release: its tables and its definitions.

The semantic models of models/marts/kpi/_semantic_models.yml read published tables and some intermediate ones.
Publishing copies the intermediate ones into the schema `semantic` of the release, and writes the definitions as
semantic_manifest.json next to the database. An intermediate model that is a view is kept as its query, because it has
many rows and follows from the others.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import sql
from orchestration.home import Home
from orchestration.warehouse import HOME_MARK, PUBLISHED_SCHEMAS, compiled

if TYPE_CHECKING:
    import duckdb

SCHEMA, DEFINITIONS = "semantic", "semantic_manifest.json"


def write_semantics(
    connection: "duckdb.DuckDBPyConnection", home: Home, dbt_manifest: dict[str, Any], folder: Path, build: str
) -> None:
    """Copy the tables from the attached working database `build`; write nothing if it lacks one, as after Spark."""
    models = _models(dbt_manifest)
    present = {
        name
        for (name,) in connection.execute(
            f"select schema_name || '.' || table_name from duckdb_tables() where database_name = {sql.text(build)}"
        ).fetchall()
    }
    tables = [node for node in models if node["config"]["materialized"] != "view"]
    if not models or any(f"{node['schema']}.{node['alias']}" not in present for node in tables):
        return
    connection.execute(f"create schema release.{SCHEMA}")
    for node in tables:
        source = f'{build}."{node["schema"]}"."{node["alias"]}"'
        connection.execute(f'create table release.{SCHEMA}."{node["alias"]}" as from {source} order by all')
    document = json.loads((compiled(home) / DEFINITIONS).read_text(encoding="utf-8"))
    views = {node["alias"]: _moved(node["compiled_code"], models) for node in models if node not in tables}
    names = {node["relation_name"]: f'"{build}"."{SCHEMA}"."{node["alias"]}"' for node in models}
    names |= {node["relation_name"]: f'temp.main."{node["alias"]}"' for node in models if node["alias"] in views}
    _rename(document, names)
    document["views"] = views
    (folder / DEFINITIONS).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def _models(dbt_manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the intermediate models that semantic models and time spines read, and those behind a view among them."""
    nodes = dbt_manifest["nodes"]
    waiting = [
        key for model in dbt_manifest.get("semantic_models", {}).values() for key in model["depends_on"]["nodes"]
    ]
    waiting += [key for key, node in nodes.items() if node.get("time_spine")] if waiting else []
    found: dict[str, dict[str, Any]] = {}
    while waiting:
        key = waiting.pop()
        node = nodes[key]
        if key in found or node["schema"] in PUBLISHED_SCHEMAS:
            continue
        found[key] = node
        if node["config"]["materialized"] == "view":
            waiting += node["depends_on"]["nodes"]
    return [found[key] for key in sorted(found)]


def _moved(query: str, models: list[dict[str, Any]]) -> str:
    """Return the query of a view with the tables where the release has them."""
    assert HOME_MARK not in query, "a view of the semantic layer reads files"
    for node in models:
        query = query.replace(
            node["relation_name"], node["relation_name"].replace(f'"{node["schema"]}"', f'"{SCHEMA}"')
        )
    return query


def _rename(part: Any, names: dict[str, str]) -> None:
    """Replace the names of relations anywhere in the definitions."""
    if isinstance(part, dict):
        if part.get("relation_name") in names:
            part["relation_name"] = names[part["relation_name"]]
        for value in part.values():
            _rename(value, names)
    elif isinstance(part, list):
        for value in part:
            _rename(value, names)
