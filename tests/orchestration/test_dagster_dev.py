"""Dagster as people run it: a refresh next to it, a kill in the middle of a run, a restart, and the run after it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from orchestration.home import PROJECT, Home
from orchestration.lock import holder
from orchestration.release.releases import current_release
from orchestration.release.verify import verify
from tests.conftest import long, run_cli
from tests.orchestration.test_killed_refreshes import children, deliver_fewer_deals, differences

LAUNCH = """
mutation { launchRun(executionParams: {runConfigData: {}, selector: {
    repositoryName: "__repository__", repositoryLocationName: "kyoten", jobName: "refresh"
}}) { __typename ... on LaunchRunSuccess { run { runId } } } }
"""
STATUS = '{ runOrError(runId: "%s") { ... on Run { status } } }'


class Dagster:
    """A running `kyoten dev`."""

    def __init__(self, home: Home, port: int) -> None:
        self.port = port
        ours = ("KYOTEN_", "DBT_", "DAGSTER_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "dev", "--port", str(port)],
            cwd=PROJECT,
            env=environment | {"KYOTEN_HOME": str(home.root)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        within(180, lambda: self.ask("{ version }"))

    def ask(self, query: str) -> Any:
        """Return the answer of the API, or None if there is none yet."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(request, timeout=300) as answer:
            return json.loads(answer.read())["data"]
        return None

    def launch(self) -> str:
        """Start the job refresh and return the id of the run."""
        answer = self.ask(LAUNCH)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def status(self, run_id: str) -> str:
        """Return the status of a run."""
        return str((self.ask(STATUS % run_id) or {}).get("runOrError", {}).get("status"))


@contextmanager
def dagster(home: Home) -> Iterator[Dagster]:
    """Run Dagster for a home until the block ends, then stop it as Ctrl-C does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Dagster(home, port)
    try:
        yield running
        with suppress(ProcessLookupError):  # the test has killed it
            os.killpg(running.process.pid, signal.SIGINT)
        running.process.wait(60)
        within(60, lambda: not children(running.process.pid))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def within(seconds: float, condition: Callable[[], Any]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.5)


@long
def test_a_run_that_a_kill_ends_blocks_no_other_and_the_next_equals_an_undisturbed_one(
    built_home: Home, tmp_path: Path
) -> None:
    homes = [Home(tmp_path / name) for name in ("undisturbed", "killed")]
    for home in homes:
        shutil.copytree(built_home.root, home.root, symlinks=True)
        deliver_fewer_deals(home)
    undisturbed, killed = homes
    assert run_cli(undisturbed, "refresh").returncode == 0
    before = current_release(killed)

    with dagster(killed) as running:
        lost = running.launch()
        within(120, lambda: running.status(lost) == "STARTED" and holder(killed))
        beside = run_cli(killed, "refresh", "--force")
        assert beside.returncode == 1 and "is being written by process" in beside.stderr
        time.sleep(8)
        assert running.status(lost) == "STARTED"
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
        within(30, lambda: not children(running.process.pid) and not holder(killed))
    assert current_release(killed) == before

    with dagster(killed) as running:
        run_id = running.launch()  # it waits in the queue
        within(180, lambda: running.status(lost) == "FAILURE")
        within(400, lambda: running.status(run_id) == "SUCCESS")
    assert (current_release(killed) or {}) != before
    assert differences(undisturbed.published / "parquet", killed.published / "parquet") == []
    assert verify(killed, "current") > 70
    assert "Nothing new" in run_cli(killed, "refresh").stdout
