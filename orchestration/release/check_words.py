"""What each dbt test checks, in words, for Dagster: a guard's message, or a sentence about a key, values or an id.

The text of a guard is the message of its failure. Dagster also shows it for guards that pass, so the description says
that it is a message.
"""

from collections.abc import Mapping
from typing import Any


def described_checks(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return dbt's manifest in which each test says what it checks, where dagster-dbt looks for it (`meta`)."""
    nodes = {
        key: _described(node) if node["resource_type"] == "test" else node for key, node in manifest["nodes"].items()
    }
    return {**manifest, "nodes": nodes}


def _described(node: Mapping[str, Any]) -> dict[str, Any]:
    message = " ".join((node.get("description") or "").split())
    stops = str(node["config"].get("severity", "error")).lower() == "error"
    outcome = "nothing is published." if stops else "the release is published with a warning."
    said = f"If it fails, the run says: “{message}” Then" if message else f"{_words(node)} If it fails,"
    return {**node, "meta": {**(node.get("meta") or {}), "description": f"{said} {outcome}"}}


def _words(node: Mapping[str, Any]) -> str:
    """Return a sentence about a generic test."""
    test = node.get("test_metadata") or {"name": "", "kwargs": {}}
    given, column = test["kwargs"], node.get("column_name")
    match test["name"]:
        case "unique":
            return f"No two rows have the same {column}."
        case "not_null":
            return f"Every row has a {column}."
        case "unique_combination":
            return f"There is one row per {', '.join(given['columns'])}."
        case "accepted_values":
            return f"{column} has only the values {', '.join(map(str, given['values']))}."
        case "relationships":
            target = str(given["to"]).replace("ref('", "").replace("')", "")
            return f"Every {column} is a {given['field']} of {target}."
        case other:
            return f"Test {other or node['name']} finds no row."
