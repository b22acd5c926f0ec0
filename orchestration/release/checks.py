"""Whether the working database may be published, and if not, the reasons as messages.

A build is verified if the whole project was built and tested in one dbt command without an error. Building a part of
it afterwards mixes old and new tables, so that removes the mark.
"""

import json
import textwrap
from pathlib import Path
from typing import Any

from orchestration import engine
from orchestration.home import Home, write_whole
from orchestration.warehouse import HOME_MARK, quoted_root, read_manifest, run_results

FAILED = ("error", "fail", "runtime error")
ROWS_SHOWN, ROW_LENGTH = 3, 160


def counts(home: Home) -> dict[str, Any]:
    """Return the numbers of tests that passed, warned and failed in the last build, and which tests warned."""
    tests = [result for result in run_results(home) if result["unique_id"].startswith(("test.", "unit_test."))]
    warned = [result for result in tests if result["status"] == "warn"]
    return {
        "passed": sum(result["status"] == "pass" for result in tests),
        "warned": len(warned),
        "failed": sum(result["status"] in FAILED for result in tests),
        "warnings": sorted(_name(result["unique_id"]) for result in warned),
    }


def causes(home: Home) -> list[str]:
    """Return one text per failed model, seed or test of the last build."""
    if not (results := run_results(home)):
        return []
    manifest = read_manifest(home)
    nodes = {**manifest["nodes"], **manifest.get("unit_tests", {})}
    failed = [_cause(home, result, nodes[result["unique_id"]]) for result in results if result["status"] in FAILED]
    skipped = sum(result["status"] == "skipped" for result in results)
    return failed + [f"{skipped:,} models and guards downstream were skipped."] * bool(failed and skipped)


def _cause(home: Home, result: dict[str, Any], node: dict[str, Any]) -> str:
    message = " ".join((result["message"] or "").split())[:600]
    if node["resource_type"] == "unit_test":
        return f"Unit test {node['name']} of {node['model']}: {message}"
    if node["resource_type"] != "test":
        return f"{node['resource_type'].capitalize()} {node['schema']}.{node['alias']} did not build: {message}"
    if result["status"] != "fail":
        return f"Guard {node['name']} could not run: {message}"
    found = result["failures"]
    limit = node["config"].get("limit")
    number = f"{found:,} or more" if limit and found >= limit else f"{found:,}"
    parts = [f"Guard {node['name']}: {number} row{'s' * (found != 1)}.", " ".join(node["description"].split())]
    # DuckDB reads what failed, also where Spark built it.
    query = (node.get("compiled_code") or "").replace(HOME_MARK, quoted_root(home))
    if shown := _first_rows(home, query):
        parts.append(f"First: {'; '.join(shown)}.")
    return " ".join(part for part in parts if part)


def _first_rows(home: Home, query: str) -> list[str]:
    """Return the first failing rows as text; empty if the query fails, because the cause is reported without them."""
    if not query or not home.database.exists():
        return []
    import duckdb

    try:
        with engine.connect(home, home.database, read_only=True) as connection:
            rows = connection.sql(f"from ({query}) order by all limit {ROWS_SHOWN}")
            return [_shown(rows.columns, row) for row in rows.fetchall()]
    except duckdb.Error:
        return []


def _shown(columns: list[str], row: tuple[Any, ...]) -> str:
    pairs = [f"{column}={value}" for column, value in zip(columns, row, strict=True) if value is not None]
    return textwrap.shorten(", ".join(pairs), ROW_LENGTH, placeholder=" …")


def _name(unique_id: str) -> str:
    return unique_id.split(".")[2]


def _mark(home: Home) -> Path:
    return home.build / "verified.json"


def verify(home: Home, fingerprint: dict[str, str | None]) -> None:
    """Mark the working database as completely built and tested from inputs and project with this fingerprint."""
    write_whole(_mark(home), json.dumps(fingerprint))


def unverify(home: Home) -> None:
    """Remove the mark; every build starts with this."""
    _mark(home).unlink(missing_ok=True)


def verified(home: Home) -> dict[str, str | None] | None:
    """Return the fingerprint of the verified build, or None."""
    return json.loads(_mark(home).read_text()) if _mark(home).exists() else None


def dbt_message(error: BaseException | None) -> str:
    """Return the message for a dbt that stopped before it had results."""
    return f"dbt could not start: {' '.join(str(error).split())[-600:]}"
