"""The resources of a Dagster run: the home that it writes, locked for this run, and dbt."""

import contextlib
import fcntl
import importlib.metadata
import os
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import sqlalchemy
from dagster import (
    AssetExecutionContext,
    AssetKey,
    ConfigurableResource,
    DagsterInstance,
    InitResourceContext,
    RunsFilter,
    get_dagster_logger,
)
from dagster import DagsterRunStatus as Status
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, DbtCliResource
from packaging.version import Version

from orchestration import spark
from orchestration.home import PROJECT, Home
from orchestration.lock import holder, write_lock
from orchestration.warehouse import on_spark

RUNS_KEPT = 30
LOOKS_EVERY = 5  # seconds
STARTS_WITHIN = 300  # seconds within which the process of a run starts


class Workspace(ConfigurableResource["Workspace"]):
    """The home of a run. Its write lock is held from the first step to the last, also when the UI started the run."""

    root: str
    fetches: bool = True  # false if remote sources have just been fetched
    waits: float = 1_800  # seconds to wait for a writer that Dagster has not started

    @property
    def home(self) -> Home:
        """Return the folders."""
        return Home(Path(self.root))

    @contextlib.contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Generator["Workspace", None, None]:
        """Lock the home for this run and delete the oldest finished runs."""
        if context.run:
            mark_alive(self.home, context.run.run_id)
        with self.lock():
            if context.instance and not context.instance.is_ephemeral:
                prune_runs(context.instance, self.home)
            yield self

    @contextlib.contextmanager
    def lock(self) -> Generator[None, None, None]:
        """Wait for another process that writes in the home, such as a refresh by command, then hold its lock."""
        deadline = time.monotonic() + self.waits
        while (process := holder(self.home)) and process != str(os.getpid()) and time.monotonic() < deadline:
            self.say(f"Waiting for process {process}, which is writing in {self.home.root}")
            time.sleep(LOOKS_EVERY)
        with write_lock(self.home):
            yield

    def say(self, text: str) -> None:
        """Report progress to the person who watches."""
        get_dagster_logger().info(text)


def prune_runs(instance: DagsterInstance, home: Home, keep: int = RUNS_KEPT) -> None:
    """Delete the logs of all except the latest finished runs; Dagster itself keeps every event of every run.

    It keeps the results of checks even if a run is deleted, and has no function to delete them.
    """
    finished = RunsFilter(statuses=[Status.SUCCESS, Status.FAILURE, Status.CANCELED])
    old = [run.run_id for run in instance.get_runs(filters=finished)[keep:]]
    storage: Any = instance.event_log_storage
    if old:
        with storage.index_connection() as connection:
            results = sqlalchemy.table("asset_check_executions", sqlalchemy.column("run_id"))
            connection.execute(sqlalchemy.delete(results).where(results.c.run_id.in_(old)))
    for run_id in old:
        instance.delete_run(run_id)
        for file in (home.dagster / "history" / "runs").glob(f"{run_id}.db*"):
            file.unlink()


def prune_releases(instance: DagsterInstance, release: AssetKey, keep: int = RUNS_KEPT) -> None:
    """Delete the materializations that the sensor `releases` recorded, but keep the latest releases.

    Dagster has no retention for them.
    """
    storage: Any = instance.event_log_storage
    columns = ("run_id", "dagster_event_type", "asset_key", "timestamp")
    events = sqlalchemy.table("event_logs", *map(sqlalchemy.column, columns))
    ours = sqlalchemy.and_(events.c.run_id == "", events.c.dagster_event_type == "ASSET_MATERIALIZATION")
    of_releases = sqlalchemy.select(events.c.timestamp).where(ours, events.c.asset_key == release.to_string())
    newest_old = of_releases.order_by(events.c.timestamp.desc()).offset(keep).limit(1)
    for opened in (storage.index_connection(), storage.run_connection("")):  # with SQLite two files
        with opened as connection:
            if until := connection.execute(newest_old).scalar():
                connection.execute(sqlalchemy.delete(events).where(ours, events.c.timestamp <= until))


_marks: dict[Path, IO[str]] = {}


def mark_alive(home: Home, run_id: str) -> None:
    """Hold a lock until this process ends, regardless of how, so that others know that it works on the run."""
    path = home.dagster / "running" / run_id
    if path not in _marks:  # a run has a process of its own, which ends after the end of the run is recorded
        path.parent.mkdir(parents=True, exist_ok=True)
        _marks[path] = path.open("w")
        fcntl.flock(_marks[path], fcntl.LOCK_EX)


def end_lost_runs(instance: DagsterInstance, home: Home) -> list[str]:
    """Record runs as failed whose process has ended, and return their ids.

    Dagster itself notices this only while the process lives that started the run. Until then it starts no other run,
    because a home has one writer.
    """
    ended, places = [], home.dagster / "running"
    for record in instance.get_run_records(RunsFilter(statuses=[Status.STARTING, Status.STARTED, Status.CANCELING])):
        run, path = record.dagster_run, places / record.dagster_run.run_id
        may_start = not path.exists() and _is_new(record.update_timestamp.timestamp())
        if may_start or _is_locked(path):
            continue
        instance.report_run_failed(
            run,
            "The process of this run ended before the run did, such as by a restart. Nothing is lost: run it again.",
        )
        ended.append(run.run_id)
    for path in places.glob("*"):
        if not _is_new(path.stat().st_mtime) and not _is_locked(path):
            path.unlink()
    return ended


def _is_new(moment: float) -> bool:
    return time.time() - moment < STARTS_WITHIN


def _is_locked(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def dbt_resource(home: Home) -> DbtCliResource:
    """Return the dbt that is installed with this Python, with its log below the home."""
    return DbtCliResource(
        project_dir=str(PROJECT),
        profiles_dir=str(PROJECT),
        dbt_executable=str(Path(sys.executable).parent / "dbt"),
        global_config_flags=[
            "--log-path",
            str(home.logs),
            "--log-level-file",
            "info",
            "--log-format-file",
            "text",
            "--no-use-colors-file",
        ],
    )


def start_dbt(
    dbt: DbtCliResource,
    arguments: Sequence[str],
    context: AssetExecutionContext,
    manifest: Mapping[str, Any],
    translator: DagsterDbtTranslator,
    target: Path,
) -> DbtCliInvocation:
    """Start a dbt command for the whole project.

    `dbt.cli` would start a second dbt to find its version, and open an adapter to fetch row counts that are not used
    here: together 3.8 CPU seconds, more than dbt's own start. Only a partial run needs `dbt.cli`, which computes the
    selection.
    """
    command, environment = [dbt.dbt_executable], dict(os.environ)
    if on_spark():
        command, environment = spark.command(), spark.environment()
    return DbtCliInvocation.run(
        args=[*command, *dbt.global_config_flags, *arguments],
        env={**environment, "DBT_LOG_FORMAT": "json", "DBT_TARGET_PATH": str(target), "PYTHONUNBUFFERED": "1"},
        manifest=manifest,
        dagster_dbt_translator=translator,
        project_dir=PROJECT,
        target_path=target,
        raise_on_error=True,
        context=context,
        adapter=None,
        cli_version=Version(importlib.metadata.version("dbt-core")),
    )
