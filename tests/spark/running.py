"""Starts refreshes on Spark with settings for a test, kills them, and finds what they made."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from orchestration import spark
from orchestration.home import PROJECT, Home
from orchestration.release.releases import current_release
from tests.conftest import run_cli
from tests.spark.costs import costs

# A full code cache would stop the compiler after half a build.
JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=200m"
# For one machine and few deals, where planning dominates: no compiled code, one partition, a JVM that starts fast, and
# plans that are not revised while they run. Joins may not broadcast: see plans.py.
SETTINGS = {
    "spark.driver.extraJavaOptions": JVM,
    "spark.driver.memory": "2g",
    "spark.eventLog.compress": "false",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
    "spark.executor.extraJavaOptions": JVM,
    "spark.executor.heartbeatInterval": "10min",  # a busy machine ended a build because heartbeats were late
    "spark.log.level": "ERROR",
    "spark.master": "local[2]",
    "spark.network.timeout": "1h",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.lightweightPlanChangeValidation": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.ui.explainMode": "simple",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
ADDRESS = "127.0.0.1"  # of servers and clusters, which only this machine sees
ENDS = 20  # seconds in which Spark has to end after the refresh that started it


class Setting(NamedTuple):
    """A home and the environment of commands that use Spark."""

    home: Home
    environment: dict[str, str]


def set_up(home: Home, folder: Path, variables: Mapping[str, Any], **others: str) -> Setting:
    """Write Spark's configuration, with other settings, into a folder; return a home with the environment to use it."""
    log = folder / "log"
    log.mkdir(parents=True)
    settings = {**SETTINGS, "spark.eventLog.dir": f"file:{log}", **others}
    lines = [f"{name} {value}" for name, value in settings.items()]
    (folder / "spark-defaults.conf").write_text("\n".join(lines))
    given = {"KYOTEN_ENGINE": "spark", "KYOTEN_VARS": json.dumps(variables), "SPARK_CONF_DIR": str(folder)}
    return Setting(home, given)


def program(name: str) -> Path:
    """Return a program that comes with Spark's package and starts its servers."""
    return next(spark.PYTHON.parent.parent.glob(f"lib/python*/site-packages/pyspark/bin/{name}"))


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind((ADDRESS, 0))
        return int(listening.getsockname()[1])


REFRESH = ("-m", "orchestration.cli", "refresh")
DAGSTER_JOB = ("-m", "dagster", "job", "execute", "-m", "orchestration.definitions", "-j", "refresh")


def start(setting: Setting, *command: str) -> "subprocess.Popen[str]":
    """Start a Python module in a process group of its own."""
    ours = ("KYOTEN_", "DBT_", "DAGSTER_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=PROJECT,
        env={
            **inherited,
            **setting.environment,
            "KYOTEN_HOME": str(setting.home.root),
            "DAGSTER_HOME": str(setting.home.dagster),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )


def group_of(process: int) -> list[str]:
    """Return what still runs in a process group."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in found.splitlines()]
    return [row[2] for row in rows if int(row[0]) == process and not row[1].startswith("Z")]


def await_(condition: Callable[[], Any], seconds: float) -> bool:
    """Wait until something is true; return whether it became so."""
    end = time.monotonic() + seconds
    while not (holds := bool(condition())) and time.monotonic() < end:
        time.sleep(0.2)
    return holds


def on_spark(setting: Setting, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a dbt command on Spark."""
    return subprocess.run(
        [*spark.command(), *arguments],
        cwd=PROJECT,
        env=os.environ | setting.environment | {"KYOTEN_HOME": str(setting.home.root)},
        capture_output=True,
        text=True,
        check=False,
    )


def logs(setting: Setting) -> list[Path]:
    """Return Spark's event logs, oldest first."""
    return sorted(
        (Path(setting.environment["SPARK_CONF_DIR"]) / "log").iterdir(), key=lambda path: path.stat().st_mtime
    )


def kill(setting: Setting, is_underway: Callable[[], bool]) -> None:
    """Start a refresh and kill it when it has come so far: nothing of it goes on, and the release before stays."""
    before = current_release(setting.home)
    killed = start(setting, *REFRESH)
    assert await_(lambda: is_underway() or killed.poll() is not None, 3600)
    killed.kill()
    output = killed.communicate()[0]
    assert is_underway(), output
    assert await_(lambda: not group_of(killed.pid), ENDS), f"still running: {group_of(killed.pid)}\n{output}"
    assert current_release(setting.home) == before
    assert run_cli(setting.home, "verify").returncode == 0


def refresh(setting: Setting, command: tuple[str, ...] = REFRESH) -> dict[str, float]:
    """Refresh; return what its dbt build took, with guards: CPU seconds and gigabytes of all processes at that time."""
    running = start(setting, *command)
    spent: dict[str, float] = {}
    lines = []
    for line in running.stdout or ():
        lines.append(line)
        # Earlier builds, of what was known before, have ended by then.
        spent = {unit: max(number, spent.get(unit, 0)) for unit, number in costs(running.pid).items()}
    assert running.wait() == 0, "".join(lines)[-10_000:]
    return spent


def spark_tables(home: Home) -> dict[str, Path]:
    """Return the folder of each table of the last build."""
    return {f"{schema}.{name}": path for schema, name, path in spark.built(spark.builds(home)[-1])}
