"""Models are built through a permanent server, by Thrift and by Spark Connect: part of `make spark-test`.

pytest collects this file only by its name, because it needs .venv-spark and Java.
"""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from orchestration import spark
from orchestration.home import Home
from tests.spark.comparison import differences
from tests.spark.running import ADDRESS, Setting, await_, free_port, on_spark, program, set_up

# Seeds, steps, a recursion, and models with contracts.
SELECTED = "+dim_branch"


def by_thrift(port: str) -> tuple[list[str], dict[str, str]]:
    """Return how to start a Thrift server, and the environment of a command that uses it."""
    settings = {"hive.server2.thrift.bind.host": ADDRESS, "hive.server2.thrift.port": port}
    options = [part for name, value in settings.items() for part in ("--hiveconf", f"{name}={value}")]
    given = {"KYOTEN_SPARK_TARGET": "thrift", "KYOTEN_THRIFT_HOST": ADDRESS, "KYOTEN_THRIFT_PORT": port}
    return ["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2", *options], given


def by_connect(port: str) -> tuple[list[str], dict[str, str]]:
    """Return the same for a server with Spark Connect."""
    settings = {"spark.connect.grpc.binding.address": ADDRESS, "spark.connect.grpc.binding.port": port}
    options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    return ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", *options], {
        "SPARK_REMOTE": f"sc://{ADDRESS}:{port}"
    }


@contextmanager
def server(options: list[str], port: str, setting: Setting, folder: Path) -> Iterator[None]:
    """Start a server and wait until it listens; stop it afterwards."""
    folder.mkdir()
    with (folder / "output").open("w+") as output:
        running = subprocess.Popen(
            [program("spark-submit"), *options],
            cwd=folder,
            env=os.environ | setting.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            assert await_(lambda: listens(port) or running.poll() is not None, 300)
            assert running.poll() is None, (folder / "output").read_text()
            yield
        finally:
            running.terminate()
            running.wait()


def listens(port: str) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex((ADDRESS, int(port))) == 0


@pytest.mark.parametrize("kind", [by_thrift, by_connect])
def test_a_server_builds_the_same_tables(
    kind: Callable[[str], tuple[list[str], dict[str, str]]], new_copy: Callable[[], Home], tmp_path: Path
) -> None:
    home, port = new_copy(), str(free_port())
    setting = set_up(home, tmp_path / "conf", {})
    started_with, given = kind(port)
    with server(started_with, port, setting, tmp_path / "server"):
        # Without guards, some of which read more than these models.
        options = ("--select", SELECTED, "--exclude-resource-type", "test", "unit_test")
        done = on_spark(Setting(home, setting.environment | given), "build", *options)
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    tables = {f"{schema}.{name}": path for schema, name, path in spark.built(spark.builds(home)[-1])}
    assert len(tables) > 10
    with duckdb.connect(str(home.database), read_only=True) as built:
        different = {name: text for name, text in differences(built, tables) if name in tables}
    assert different == {}
