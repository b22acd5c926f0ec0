"""Builds the same models on Spark, or on Sail, which speaks Spark's protocol: `python -m orchestration.spark build`.

Runs in an environment of its own (setup.sh spark, setup.sh sail). The environment names the engine, see profiles.yml.
Driver and workers read the lake from the same paths. Everything before and after the models stays on DuckDB.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine
from orchestration.errors import KyotenError, printable
from orchestration.home import Home
from orchestration.sql import parquet
from orchestration.warehouse import configure, vars_arguments

if TYPE_CHECKING:
    import duckdb

# All other types have the same name.
TYPES = {"VARCHAR": "string", "TIMESTAMP": "timestamp_ntz", "HUGEINT": "decimal(38, 0)"}


def lake_tables(home: Home) -> Iterator[dict[str, Any]]:
    """Yield each table of the lake as the macro register_lake takes it.

    The columns are stated, because Spark ignores files whose name begins with `_`, and a dataset may have no other.

    Raises:
        KyotenError: if nothing was loaded.
    """
    schemas = sorted(home.lake.glob("**/_schema.parquet"))
    if not schemas:
        raise KyotenError(f"{home.lake} holds no data. Run make refresh KYOTEN_HOME={home.root} first.")
    with engine.connect(home) as connection:
        for path in schemas:
            schema = "raw" if path.parent.parent.name == "raw" else "lake"
            yield table(connection, schema, path.parent.name, path)


def table(connection: "duckdb.DuckDBPyConnection", schema: str, name: str, file: Path) -> dict[str, Any]:
    """Return the table over the folder of a Parquet file, with the file's columns."""
    described = connection.execute(f"describe from {parquet([file])}").fetchall()
    columns = {column: TYPES.get(kind, kind) for column, kind, *_ in described}
    return {"schema": schema, "name": name, "columns": columns, "location": str(file.parent)}


def register(home: Home, tables: Iterable[dict[str, Any]]) -> bool:
    """Make files readable as tables; return whether that succeeded."""
    given = json.dumps({"tables": list(tables)})
    return dbt(home, ["--quiet", "run-operation", "register_lake", "--args", given])


def dbt(home: Home, arguments: list[str]) -> bool:
    """Run one dbt command on Spark; return whether it succeeded."""
    from dbt.cli.main import dbtRunner

    configure(home)
    target = os.environ.get("KYOTEN_SPARK_TARGET", "spark")
    shared = ["--target", target, "--target-path", str(home.build / "spark"), *vars_arguments()]
    return dbtRunner().invoke([*arguments, *shared]).success


def run(home: Home, arguments: list[str]) -> bool:
    """Run one dbt command on Spark, after the lake's tables are registered; return whether it succeeded."""
    return register(home, lake_tables(home)) and dbt(home, arguments)


if __name__ == "__main__":
    try:
        sys.exit(not run(Home.from_environment(), sys.argv[1:]))
    except KyotenError as error:
        sys.exit(printable(f"kyoten: {error}"))
