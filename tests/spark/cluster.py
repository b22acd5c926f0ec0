"""A refresh on a cluster of Spark, a master and two workers on this machine: `make spark-cluster`.

pytest collects this file only by its name, because it needs .venv-spark and Java.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.home import Home
from tests.conftest import run_cli
from tests.spark.comparison import differences
from tests.spark.running import ADDRESS, await_, free_port, kill, program, refresh, set_up, spark_tables

SIZE = os.environ.get("GIVEN_SIZE") or "10000"
# They hold the step from credit known on DuckDB to credit on Spark, with the cause SOFTWARE: see docs/spark.md. A home
# that Spark alone has built has no such step: `make spark-test` compares them.
OF_THE_STEP = {
    "intermediate.int_branch_log",
    "intermediate.int_change_pairs",
    "intermediate.int_knowledge_step",
    "staging.stg_known_credit",
}


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a master and two workers with one core each; yield the master's address."""
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    address = f"spark://{ADDRESS}:{port}"
    environment = os.environ | {
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_IP": ADDRESS,
        "SPARK_WORKER_DIR": str(folder / "work"),
    }
    commands = [["master.Master", "--host", ADDRESS, "--port", str(port), "--webui-port", "0"]]
    worker = ["worker.Worker", "--host", ADDRESS, "--webui-port", "0", "--cores", "1", "--memory", "1g", address]
    running = []
    log = (folder / "log").open("w")
    try:
        for name, *options in [*commands, worker, worker]:
            running.append(
                subprocess.Popen(
                    [program("spark-class"), f"org.apache.spark.deploy.{name}", *options],
                    cwd=folder,
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
        said = folder / "log"
        assert await_(lambda: said.read_text().count("Successfully registered with master") == 2, 120), said.read_text()
        yield address
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()
        log.close()


def test_the_cluster_builds_the_same_tables(master: str, tmp_path: Path, show: Callable[[str], None]) -> None:
    on_duckdb = Home(tmp_path / "duckdb")
    # The second refresh compares the same day with itself, so that both engines start from the same knowledge.
    for command in (("demo", "--size", SIZE), ("refresh", "--force")):
        done = run_cli(on_duckdb, *command)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    cluster = {
        "spark.cores.max": "2",
        "spark.driver.bindAddress": ADDRESS,
        "spark.driver.host": ADDRESS,
        "spark.executor.memory": "700m",
        "spark.master": master,
        "spark.sql.shuffle.partitions": "2",
    }
    setting = set_up(Home(tmp_path / "home"), tmp_path / "conf", {}, **cluster)
    shutil.copytree(on_duckdb.root, setting.home.root, symlinks=True)
    kill(setting, lambda: len(list((setting.home.build / "spark_tables").glob("*/*/*"))) > 120)
    spent = refresh(setting)
    tables = spark_tables(setting.home)
    with duckdb.connect(str(on_duckdb.database), read_only=True) as built:
        different = dict(differences(built, tables))
    assert {name: text for name, text in different.items() if name not in OF_THE_STEP} == {}
    equal = len(tables) - len(different)
    show(f"Spark, a master and two workers, {SIZE} deals: {equal} tables equal; refresh and driver: {spent}")
