"""Builds the models on Spark, or on Sail, which speaks Spark's protocol, in an environment of their own.

With `KYOTEN_ENGINE=spark` a refresh calls `build`. `.venv-spark/bin/python -m orchestration.spark` runs one dbt
command: `build` makes all tables; others, such as `test`, find the tables of the last build. profiles.yml and
Spark's own configuration (SPARK_CONF_DIR, SPARK_REMOTE) name the server. Driver and workers see the home under the same
path.

    build/spark_tables/<time>/<schema>/<table>/*.parquet    each build has a folder of its own
    build/kyoten.duckdb                                     views on these files, for all that reads a build
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine, sql
from orchestration.errors import KyotenError, printable
from orchestration.home import PROJECT, Home
from orchestration.lock import write_lock
from orchestration.warehouse import configure, overrides, target

if TYPE_CHECKING:
    import duckdb

PYTHON = PROJECT / ".venv-spark" / "bin" / "python"
# All other types have the same name.
TYPES = {"VARCHAR": "string", "TIMESTAMP": "timestamp_ntz", "HUGEINT": "decimal(38, 0)"}
# Schemas that only the build itself reads.
INNER = ("raw", "lake", "steps")


def command() -> list[str]:
    """Return the start of the command that runs dbt on Spark.

    Raises:
        KyotenError: if Spark is not installed.
    """
    if not PYTHON.exists():
        raise KyotenError("KYOTEN_ENGINE=spark needs Spark's packages. Install them once: ./setup.sh spark")
    return [str(PYTHON), "-m", "orchestration.spark"]


def environment() -> dict[str, str]:
    """Return the environment of that command. The process ends if this one does."""
    return {**os.environ, "KYOTEN_ENGINE": "spark", "KYOTEN_PARENT": str(os.getpid())}


def build(
    home: Home,
    arguments: Iterable[str],
    *,
    say: Callable[[str], None] = lambda _: None,
    folder: Path | None = None,
    variables: Mapping[str, Any] | None = None,
) -> None:
    """Run one dbt command on Spark.

    say: gets each line of dbt. folder: for the tables, in place of the home's. variables: more than the run has.

    Raises:
        KyotenError: if dbt fails, with what it said last.
    """
    given = environment() | {"KYOTEN_HOME": str(home.root)}
    if folder:
        given["KYOTEN_SPARK_TABLES"] = str(folder)
    values = json.dumps({**overrides(), **(variables or {})}, sort_keys=True)
    lines: list[str] = []
    with subprocess.Popen(
        [*command(), *arguments, "--vars", values],
        cwd=PROJECT,
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout
        for line in process.stdout:
            lines = [*lines[-40:], line]
            say(line.strip())
    if process.returncode:
        raise KyotenError(f"Spark: dbt ended with {process.returncode}: {' '.join(''.join(lines).split())[-2000:]}")


def builds(home: Home, place: Path | None = None) -> list[Path]:
    """Return the folders with the tables of builds; a build deletes those before it."""
    return sorted((place or _place(home)).glob("[0-9]*"))


def _place(home: Home) -> Path:
    return Path(os.environ.get("KYOTEN_SPARK_TABLES") or home.build / "spark_tables")


def expose(home: Home, database: Path, folder: Path) -> None:
    """Make a database with a view on each table that Spark has written into a folder."""
    with engine.connect(home, database) as connection:
        for schema, name, path in built(folder):
            if not any(path.glob("*.parquet")):  # dbt stopped here
                continue
            relation = f"{sql.name(schema)}.{sql.name(name)}"
            connection.execute(f"create schema if not exists {sql.name(schema)}")
            connection.execute(f"create view {relation} as from read_parquet({sql.text(str(path / '*.parquet'))})")


def built(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield schema, name and folder of each table that was built."""
    for path in sorted(folder.glob("*/*")):
        if path.parent.name not in INNER:
            yield path.parent.name, path.name, path


def lake_tables(home: Home) -> Iterator[dict[str, Any]]:
    """Yield each table of the lake as the macro prepare_schemas takes it.

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


def built_tables(home: Home, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield each table of a build in the same way."""
    with engine.connect(home) as connection:
        for schema, name, path in built(folder):
            if file := min(path.glob("*.parquet"), default=None):
                yield table(connection, schema, name, file)


def table(connection: "duckdb.DuckDBPyConnection", schema: str, name: str, file: Path) -> dict[str, Any]:
    """Return the table over the folder of a Parquet file, with the file's columns."""
    described = connection.execute(f"describe from {sql.parquet([file])}").fetchall()
    columns = {column: TYPES.get(kind, kind) for column, kind, *_ in described}
    return {"schema": schema, "name": name, "columns": columns, "location": str(file.parent)}


def prepare(home: Home, folder: Path, readable: Iterable[dict[str, Any]], variables: Iterable[str] = ()) -> bool:
    """Make empty schemas below a folder and files readable as tables; return whether that succeeded.

    variables: dbt's option with the vars of the next command, which would otherwise parse the project again.
    """
    given = json.dumps({"folder": str(folder), "tables": list(readable)})
    return dbt(home, ["--quiet", "--no-write-json", "run-operation", "prepare_schemas", "--args", given, *variables])


def dbt(home: Home, arguments: list[str]) -> bool:
    """Run one dbt command on Spark in this process; return whether it succeeded."""
    from dbt.cli.main import dbtRunner

    configure(home)
    named = os.environ.get("KYOTEN_SPARK_TARGET", "spark")
    given = [] if "--vars" in arguments else ["--vars", json.dumps(overrides(), sort_keys=True)]
    return dbtRunner().invoke([*arguments, *given, "--target", named, "--target-path", str(target(home))]).success


def run(home: Home, arguments: list[str]) -> bool:
    """Run one dbt command after the tables that it reads are there; return whether it succeeded."""
    if "build" in arguments:
        shutil.rmtree(_place(home), ignore_errors=True)
        # A new name: a worker of a build that was killed may still write to the folder before.
        folder, readable = _place(home) / str(time.time_ns()), list(lake_tables(home))
    else:
        if not (found := builds(home)):
            raise KyotenError(f"{_place(home)} holds no tables. Run make refresh KYOTEN_ENGINE=spark first.")
        last = found[-1]
        folder, readable = last / INNER[-1], [*lake_tables(home), *built_tables(home, last)]
        shutil.rmtree(folder, ignore_errors=True)  # the steps of that build, and what a command before has left
    variables = arguments[arguments.index("--vars") :][:2] if "--vars" in arguments else []
    return prepare(home, folder, readable, variables) and dbt(home, arguments)


def start_session(home: Home) -> None:
    """Start Spark in this process, or connect to a server. dbt, if it did that, would start a database of Hive's."""
    from pyspark.sql import SparkSession  # type: ignore[import-not-found]  # in another environment

    builder = SparkSession.builder
    if "SPARK_REMOTE" not in os.environ:
        builder = builder.config("spark.sql.warehouse.dir", str(home.build / "spark" / "default"))
    builder.getOrCreate()


def end_with(parent: int) -> None:
    """End this process when its parent has ended, so that no build goes on that nobody waits for."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str]) -> int:
    """Run one dbt command; return 0 if it succeeded."""
    home = Home.from_environment()
    os.environ["KYOTEN_ENGINE"] = "spark"
    if parent := os.environ.get("KYOTEN_PARENT"):
        end_with(int(parent))  # it holds the lock
    with contextlib.nullcontext() if parent else write_lock(home):
        if os.environ.get("KYOTEN_SPARK_TARGET", "spark") == "spark":
            start_session(home)
        return 0 if run(home, arguments) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KyotenError as error:
        sys.exit(printable(f"kyoten: {error}"))
