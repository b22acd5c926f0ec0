"""dbt's documentation as one page that opens without a server: tables, tests, metrics, exposures, lineage.

Types and numbers of rows come from the current release. No database of a refresh is opened, so the page can be written
while a refresh runs.
"""

import json
from pathlib import Path
from typing import Any

from orchestration.home import Home, write_whole
from orchestration.reading import release, release_folder, rows
from orchestration.warehouse import published_models, read_manifest


def write_docs(home: Home, page: Path | None = None) -> Path:
    """Write dbt_docs/index.html of the home, or another page; return its path.

    Raises:
        KyotenError: if nothing is published.
    """
    from dbt.task.docs import DOCS_INDEX_FILE_PATH

    release_folder(home)  # fails early, before the project is compiled
    manifest = read_manifest(home)
    text = Path(DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8")
    for name, document in (("MANIFEST", manifest), ("CATALOG", _catalog(home, manifest))):
        mark = f'"{name}.JSON INLINE DATA"'
        assert mark in text, f"dbt's page has no place for {name}"
        # A text of the project must not end the script that contains it.
        text = text.replace(mark, json.dumps(document, ensure_ascii=False).replace("</", "<\\/"))
    page = page or home.root / "dbt_docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    write_whole(page, text)
    return page


def _catalog(home: Home, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the types and numbers of rows of the release in the form of dbt's catalog.json."""
    recorded = json.loads((release_folder(home) / "manifest.json").read_text(encoding="utf-8"))["tables"]
    columns: dict[tuple[str, str], dict[str, Any]] = {}
    with release(home) as connection:
        for row in rows(connection, "from ops.catalog where column_name is not null order by ordinal"):
            columns.setdefault((row["table_schema"], row["table_name"]), {})[row["column_name"]] = {
                "name": row["column_name"], "type": row["data_type"], "index": row["ordinal"], "comment": None,
            }  # fmt: skip
    nodes = {}
    for node in published_models(manifest):
        schema, name = node["schema"], node["alias"]
        if (schema, name) in columns:
            stats = {"num_rows": {"id": "num_rows", "label": "Rows", "value": recorded[f"{schema}.{name}"],
                                  "include": True, "description": "Number of rows in the release"},
                     "has_stats": {"id": "has_stats", "label": "Has Stats?", "value": True, "include": False,
                                   "description": ""}}  # fmt: skip
            nodes[node["unique_id"]] = {
                "metadata": {"type": "BASE TABLE", "schema": schema, "name": name, "database": "kyoten",
                             "comment": None, "owner": None},
                "columns": columns[schema, name], "stats": stats, "unique_id": node["unique_id"],
            }  # fmt: skip
    return {"metadata": {}, "nodes": nodes, "sources": {}, "errors": None}
