"""Builds the models on Sail, whose server runs in this process: `python -m tests.spark.on_sail`.

Arguments name tables, such as core.dim_date, that are taken from DuckDB's build of the home for the models that read
them. Runs in .venv-sail, so it imports no test library. The outcome is build/on_sail.json of the home.
"""

import json
import os
import shutil
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import duckdb

from orchestration import spark
from orchestration.home import Home
from tests.spark.costs import costs

KINDS = ("--exclude-resource-type", "test", "unit_test", "saved_query", "exposure")


def give(home: Home, folder: Path, names: list[str]) -> list[dict[str, object]]:
    """Write DuckDB's tables of the same home to a folder, in place of models that Sail cannot build."""
    tables = []
    with duckdb.connect(str(home.database), read_only=True) as built:
        for name in names:
            file = folder / name / "rows.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            built.execute(f"copy {name} to '{file}' (format parquet)")
            tables.append(spark.table(built, *name.split("."), file))
    return tables


def main(given: list[str]) -> None:
    """Build all seeds and models, the given ones last; write results and costs."""
    from pysail.spark import SparkConnectServer

    os.environ |= {"RUST_LOG": "error", "KYOTEN_ENGINE": "spark"}
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{server.listening_address[1]}"
    home = Home.from_environment()
    spark.start_session(home)
    folder = home.build / "spark_tables" / "0"
    shutil.rmtree(folder.parent, ignore_errors=True)
    models, results = [name.split(".")[1] for name in given], {}
    tables = [*spark.lake_tables(home), *give(home, home.build / "given", given)]
    if not spark.prepare(home, folder, tables):
        raise SystemExit("the tables of the lake could not be registered")
    spark.dbt(home, ["build", *KINDS, *(["--exclude", *models] if given else [])])
    results |= statuses(home)
    for group in groups(home, models):
        spark.dbt(home, ["run", "--select", *group])
        results |= statuses(home)
    (home.build / "on_sail.json").write_text(json.dumps({"models": results, "costs": costs(os.getpgrp())}))


def groups(home: Home, models: list[str]) -> Iterator[list[str]]:
    """Yield the given models so that each finds the tables that it reads: a model that fails has none afterwards."""
    children = json.loads((home.build / "spark" / "manifest.json").read_text())["child_map"]
    below: dict[str, set[str]] = {}

    def readers(node: str) -> set[str]:
        if node not in below:
            below[node] = {node}.union(*map(readers, children.get(node, [])))
        return below[node]

    left = {f"model.kyoten.{name}" for name in models}
    while left:
        group = {node for node in left if readers(node) & left == {node}}
        yield sorted(node.split(".")[2] for node in group)
        left -= group


def statuses(home: Home) -> dict[str, dict[str, object]]:
    """Return status, message and seconds of each model and seed of the last dbt command, by its name."""
    results = json.loads((home.build / "spark" / "run_results.json").read_text())["results"]
    return {
        result["unique_id"].split(".")[2]: {key: result[key] for key in ("status", "message", "execution_time")}
        for result in results
    }


if __name__ == "__main__":
    status = 1
    os.setpgid(0, 0)  # so that `costs` finds its children
    try:
        main(sys.argv[1:])
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)  # Sail's threads would keep the process
