"""The tables that publishing adds to a release: what it is, what its tables mean, and what it changed.

own_tables.yml has their columns and texts. The modules that fill them are publish.py, labels.py and schema_changes.py.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from orchestration import sql

if TYPE_CHECKING:
    import duckdb

SCHEMA, FILE = "ops", Path(__file__).with_suffix(".yml")


@functools.cache
def own_tables() -> dict[str, dict[str, Any]]:
    """Return the description of each table by its name, in the form of a node of dbt's manifest."""
    found: dict[str, dict[str, Any]] = yaml.load(FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    for described in (*found.values(), *(column for table in found.values() for column in table["columns"].values())):
        described["meta"] = {name: described[name] for name in ("label_ja", "description_ja")}
    return found


def create_own_tables(connection: "duckdb.DuckDBPyConnection") -> None:
    """Create the tables, empty, in the attached database `release`."""
    statements = [f"create schema if not exists release.{SCHEMA}"]
    for name, table in own_tables().items():
        columns = ", ".join(f"{sql.name(column)} {words['type']}" for column, words in table["columns"].items())
        statements.append(f"create table release.{SCHEMA}.{name} ({columns})")
    connection.execute("; ".join(statements))
