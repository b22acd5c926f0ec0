"""What a refresh does around Spark, with a program in place of Spark. `make spark-test` runs Spark itself."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import resources, spark, warehouse
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home

Fake = Callable[[str], None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Return a function that puts a shell script in place of Spark's Python."""

    def put(script: str) -> None:
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(spark, "PYTHON", program)

    return put


def test_an_engine_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOTEN_ENGINE", "sparc")
    with pytest.raises(KyotenError, match=r"KYOTEN_ENGINE is 'sparc'. Write duckdb or spark"):
        warehouse.on_spark()


def test_the_release_names_the_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert warehouse.spark_version() == {}
    assert warehouse.target(Home(tmp_path)).name == "target"
    monkeypatch.setenv("KYOTEN_ENGINE", "spark")
    assert list(warehouse.spark_version()) == ["pyspark"]
    assert warehouse.target(Home(tmp_path)).name == "spark"


def test_without_the_packages_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "PYTHON", tmp_path / "python")
    with pytest.raises(KyotenError, match=r"\./setup\.sh spark"):
        spark.build(Home(tmp_path), ["build"])


def test_the_command_gets_vars_home_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: Fake) -> None:
    monkeypatch.setenv("KYOTEN_VARS", '{"n_min": 7}')
    fake('echo "$*"; echo "$KYOTEN_HOME $KYOTEN_ENGINE $KYOTEN_SPARK_TABLES"; test "$KYOTEN_PARENT" = $PPID')
    said: list[str] = []
    folder = tmp_path / "known"
    spark.build(Home(tmp_path), ["build"], say=said.append, folder=folder, variables={"known_on": "2026-01-01"})
    arguments, environment = said
    assert arguments.startswith("-m orchestration.spark build --vars ")
    assert json.loads(arguments.partition("--vars ")[2]) == {"n_min": 7, "known_on": "2026-01-01"}
    assert environment == f"{tmp_path} spark {folder}"


def test_a_failure_shows_what_dbt_said_last(tmp_path: Path, fake: Fake) -> None:
    fake("seq 100; echo why; exit 3")
    with pytest.raises(KyotenError, match=r"dbt ended with 3: .* 100 why"):
        spark.build(Home(tmp_path), ["build"])


def test_dagster_starts_the_same_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: Fake) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(resources.DbtCliInvocation, "run", lambda **options: given.update(options))
    dbt: Any = resources.dbt_resource(Home(tmp_path))
    unused: Any = None
    for engine in ("duckdb", "spark"):
        monkeypatch.setenv("KYOTEN_ENGINE", engine)
        fake("exit 0")
        resources.start_dbt(dbt, ["build", "--fail-fast"], unused, {}, unused, tmp_path)
        program, *arguments = given["args"]
        assert program == (str(spark.PYTHON) if engine == "spark" else dbt.dbt_executable)
        assert arguments[:2] == (["-m", "orchestration.spark"] if engine == "spark" else dbt.global_config_flags[:2])
        assert arguments[-2:] == ["build", "--fail-fast"]
        assert ("KYOTEN_PARENT" in given["env"]) == (engine == "spark")


def test_the_tables_of_the_last_build_are_views(tmp_path: Path) -> None:
    home, folder = Home(tmp_path), tmp_path / "build" / "spark_tables" / "12"
    for table in ("core/it's a table", "steps/inner", "core/unfinished"):
        (folder / table).mkdir(parents=True)
    for table in ("core/it's a table", "steps/inner"):
        duckdb.sql("select 7 as n").write_parquet(str(folder / table / "part-0.parquet"))
    assert spark.builds(home) == [folder]
    spark.expose(home, home.database, folder)
    with duckdb.connect(str(home.database), read_only=True) as database:
        assert database.execute("select schema_name, view_name from duckdb_views() where not internal").fetchall() == [
            ("core", "it's a table")
        ]
        assert database.execute("""from core."it's a table" """).fetchall() == [(7,)]
    assert [table["name"] for table in spark.built_tables(home, folder)] == ["it's a table"]


PARENT = """
import os, sys, time
from orchestration.spark import end_with
parent = os.getpid()
if os.fork() == 0:
    end_with(parent)
    print(os.getpid(), flush=True)
    time.sleep(300)
time.sleep(1)
os._exit(0)
"""


def test_a_process_ends_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=PROJECT) as parent:
        assert parent.stdout
        child = Path("/proc") / parent.stdout.readline().decode().strip()
        assert child.exists()
        parent.wait()
        begun = time.monotonic()
        parent.stdout.read()  # until the child ends, which would otherwise sleep for minutes
    assert time.monotonic() - begun < 60
