"""A refresh without the UI: if anything is new, runs the job `refresh` of definitions.py in this process."""

import contextlib
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.ladder import LADDER, check_ladder
from orchestration.lock import write_lock
from orchestration.release.fingerprint import nothing_new
from orchestration.release.publish import current_release
from orchestration.sources.transports.fetch import FetchError, fetch
from orchestration.warehouse import configure, overrides, var

LOGS_KEPT = 20

DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
# Output of runs goes to logs/ and to the terminal of `dagster dev`; captured by Dagster it would pile up per run.
compute_logs:
  module: dagster.core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
# One run at a time: a home has one writer. A second one waits here instead of failing on the lock.
concurrency:
  runs:
    max_concurrent_runs: 1
retention:
  schedule: {purge_after_days: 30}
  sensor: {purge_after_days: 7}
  auto_materialize: {purge_after_days: 7}
"""


@dataclass(frozen=True)
class Clock:
    """Prints each step with the seconds since the start, to the real terminal even where output is redirected."""

    started: float

    def say(self, text: str) -> None:
        """Print one line of progress."""
        print(f"{time.monotonic() - self.started:7.1f} s  {text}", file=sys.__stdout__, flush=True)


def refresh(home: Home, *, force: bool = False, fetches: bool = True) -> str | None:
    """Bring the published release up to date; return the id of the new release, or None if nothing was new."""
    clock = Clock(time.monotonic())
    with write_lock(home):
        overrides()  # a wrong KYOTEN_VARS is reported at once, and so is a wrong ladder
        check_ladder(LADDER)
        if fetches:
            _fetch(home, clock)
        if not force and (release_id := nothing_new(home)):
            print(f"Nothing new since release {release_id}.")
            return None
        clock.say(f"Refreshing {home.root}; starting Dagster and dbt")
        prepare_dagster(home)
        log = _new_log(home)
        with log.open("w") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            causes = _run(home, clock)
        release = current_release(home)
        if causes:
            raise KyotenError(f"{_not_published(home, [*causes, *_rejected(home)])}\nThe whole log: {log}")
        assert release is not None
        clock.say(f"Published release {release['release_id']}")
        return str(release["release_id"])


def _fetch(home: Home, clock: Clock) -> None:
    """Fetch remote sources. If one fails, the others still land, but nothing is published without it."""
    try:
        fetch(home, home.sources, timezone=var("business_timezone"), say=clock.say)
    except FetchError as error:
        remedy = "To publish without it: make refresh FETCH=0"
        raise KyotenError(f"{_not_published(home, str(error).splitlines())}\n{remedy}") from None
    except KyotenError:
        return  # an error in the mapping itself; ingest reports it


def _not_published(home: Home, causes: list[str]) -> str:
    release = current_release(home)
    kept = f"Release {release['release_id']} stays." if release else "There is no earlier release."
    return "\n".join([f"Not published. {kept}", *(f"- {cause}" for cause in causes)])


def _rejected(home: Home) -> list[str]:
    """Return the latest rejected rows as messages; without a release no published table shows them."""
    folder = home.lake / "rejected"
    if not folder.exists():
        return []
    import duckdb

    rows = duckdb.sql(
        f"""with rejected as (from read_parquet('{folder}/*.parquet', union_by_name = true))
            select concat_ws(', ', file_name, 'row ' || row_number, column_name), reason, remedy
            from rejected where loaded_at = (select max(loaded_at) from rejected) order by all limit 5"""
    ).fetchall()
    return [f"Rejected (this alone stops nothing): {place}: {reason}; {remedy}" for place, reason, remedy in rows]


def prepare_dagster(home: Home) -> None:
    """Create Dagster's home with the project's settings."""
    configure(home)
    (home.dagster / "dagster.yaml").write_text(DAGSTER_YAML)


def _run(home: Home, clock: Clock) -> list[str]:
    """Run the job and return why it failed, if it did."""
    from dagster import DagsterInstance

    from orchestration.definitions import defs
    from orchestration.resources import Workspace

    class Terminal(Workspace):
        """The same workspace, reporting its progress to the terminal."""

        def say(self, text: str) -> None:
            clock.say(text)

    with DagsterInstance.get() as instance:
        result = defs.resolve_job_def("refresh").execute_in_process(
            instance=instance,
            resources={"workspace": Terminal(root=str(home.root), fetches=False)},
            raise_on_error=False,
        )
    if result.success:
        return []
    return [line for event in result.all_events for line in _texts(event)] or ["The run ended early."]


def _texts(event: Any) -> list[str]:
    """Return the causes in an event of a failed step or run."""
    if not event.is_step_failure:
        return []
    data = event.step_failure_data
    if data.error and data.error.cls_name == "DagsterExecutionInterruptedError":
        raise KeyboardInterrupt
    if data.user_failure_data:
        return str(data.user_failure_data.description or event.message).splitlines()
    error = data.error
    while error.cause:
        error = error.cause
    return [f"{event.step_key}: {' '.join(error.message.split())}"]


def _new_log(home: Home) -> Path:
    """Return a log file for this run and delete all except the latest ones."""
    home.logs.mkdir(parents=True, exist_ok=True)
    for old in sorted(home.logs.glob("refresh-*.log"))[: 1 - LOGS_KEPT]:
        old.unlink()
    return home.logs / f"refresh-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
