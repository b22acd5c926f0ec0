"""The resources of a Dagster run: the home that it writes, locked for this run, and dbt."""

import contextlib
import importlib.metadata
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster import (
    AssetExecutionContext,
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
from orchestration.lock import write_lock
from orchestration.warehouse import on_spark

RUNS_KEPT = 30


class Workspace(ConfigurableResource["Workspace"]):
    """The home of a run. Its write lock is held from the first step to the last, also when the UI started the run."""

    root: str
    fetches: bool = True  # false if remote sources have just been fetched

    @property
    def home(self) -> Home:
        """Return the folders."""
        return Home(Path(self.root))

    @contextlib.contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Generator["Workspace", None, None]:
        """Lock the home for this run and delete the oldest finished runs."""
        with write_lock(self.home):
            if context.instance and not context.instance.is_ephemeral:
                prune_runs(context.instance, self.home)
            yield self

    def say(self, text: str) -> None:
        """Report progress to the person who watches."""
        get_dagster_logger().info(text)


def prune_runs(instance: DagsterInstance, home: Home, keep: int = RUNS_KEPT) -> None:
    """Delete the logs of all except the latest finished runs; Dagster itself keeps every event of every run."""
    finished = RunsFilter(statuses=[Status.SUCCESS, Status.FAILURE, Status.CANCELED])
    for run in instance.get_runs(filters=finished)[keep:]:
        instance.delete_run(run.run_id)
        for file in (home.dagster / "history" / "runs").glob(f"{run.run_id}.db*"):
            file.unlink()


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
