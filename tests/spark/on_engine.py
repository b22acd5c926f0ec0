"""Builds the models on Sail, or on a Spark session of this process: `python -m tests.spark.on_engine sail`.

Further arguments name tables, such as core.dim_date, that are taken from DuckDB's build of the home for the models that
read them. Runs in .venv-sail or .venv-spark, so it imports no test library. The outcome is build/on_ENGINE/made.json of
the home.
"""

import json
import os
import shutil
import sys
import traceback
from pathlib import Path

import duckdb

from orchestration import spark
from orchestration.home import Home

SERVERS = []  # a server ends when nothing refers to it


def session(engine: str, folder: Path):  # type: ignore[no-untyped-def]  # pyspark is in another environment
    """Start an engine on this machine, with the settings that suit two cores and a thousand deals."""
    if engine == "sail":
        os.environ["RUST_LOG"] = "error"
        from pysail.spark import SparkConnectServer

        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        SERVERS.append(server)
        os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{server.listening_address[1]}"
    from pyspark.sql import SparkSession

    settings = {"spark.sql.warehouse.dir": str(folder / "warehouse")}
    if engine == "spark":
        # Planning dominates: no compiled code, one partition, and a JVM that starts fast.
        settings |= {
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "spark.driver.memory": "2g",
            "spark.log.level": "ERROR",
            "spark.master": "local[2]",
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.shuffle.partitions": "1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }
    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def locations(started) -> dict[str, str]:  # type: ignore[no-untyped-def]
    """Return the folder of each table, by schema and name."""
    found = {}
    for schema, *_ in started.sql("show databases").collect():
        if schema not in ("raw", "lake", "steps", "default"):
            for table in started.sql(f"show tables in {schema}").collect():
                name = f"{schema}.{table['tableName']}"
                described = {row[0]: row[1] for row in started.sql(f"describe extended {name}").collect()}
                if "Location" in described:  # a view has none
                    found[name] = described["Location"].removeprefix("file:")
    return found


def give(home: Home, folder: Path, names: list[str]) -> None:
    """Make DuckDB's tables of the same home readable, in place of models that the engine cannot build."""
    tables = []
    with duckdb.connect(str(home.database), read_only=True) as built:
        for name in names:
            file = folder / "given" / name / "rows.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            built.execute(f"copy {name} to '{file}' (format parquet)")
            tables.append(spark.table(built, *name.split("."), file))
    if not spark.register(home, tables):
        raise SystemExit("DuckDB's tables could not be registered")


def main(engine: str, given: list[str]) -> None:
    """Build all seeds and models in an empty warehouse, the given ones last; write results, tables and costs."""
    home = Home.from_environment()
    folder = home.build / f"on_{engine}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = session(engine, folder)
    models = [name.split(".")[1] for name in given]
    kinds = ["--exclude-resource-type", "test", "unit_test", "saved_query", "exposure"]
    results = {}
    if given:
        give(home, folder, given)
    spark.run(home, ["build", *kinds, *(["--exclude", *models] if given else [])])
    results |= statuses(home)
    if given:
        spark.dbt(home, ["run", "--select", *models])
        results |= statuses(home)
    cpu, memory = costs()
    made_by = {"models": results, "tables": locations(started), "costs": {"CPU seconds": cpu, "GB": memory}}
    (folder / "made.json").write_text(json.dumps(made_by, indent=1))


def costs() -> tuple[int, float]:
    """Return the CPU seconds and the gigabytes at their peak of this process and its children, such as Spark's JVM."""
    group, seconds, kilobytes = os.getpgrp(), 0.0, 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            status = (path / "status").read_text()
        except OSError:  # it ended
            continue
        if int(fields[2]) == group:
            seconds += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
            kilobytes += int(status.partition("VmHWM:")[2].split()[0]) if "VmHWM:" in status else 0
    return round(seconds), round(kilobytes / 2**20, 1)


def statuses(home: Home) -> dict[str, dict[str, object]]:
    """Return status, message and seconds of each model and seed of the last dbt command, by schema and name."""
    results = json.loads((home.build / "spark" / "run_results.json").read_text())["results"]
    return {
        result["relation_name"]: {key: result[key] for key in ("status", "message", "execution_time")}
        for result in results
    }


if __name__ == "__main__":
    status = 1
    os.setpgid(0, 0)  # so that `costs` finds its children
    try:
        main(sys.argv[1], sys.argv[2:])
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)  # Sail's threads would keep the process
