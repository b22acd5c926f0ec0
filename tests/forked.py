"""Runs the project's commands in separate processes that need not import Dagster, dbt and similar packages each time.

A server imports the heavy packages, but nothing of the project, and forks for every command. The command gets its own
arguments, environment, folder and output, as if started normally. Those imports would be most of its cost.
Tests with real starts cover the imports themselves: see test_refresh.py and test_makefile.py.
"""

import atexit
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

HEAVY = (
    "dagster",
    "dagster_dbt",
    "dbt.cli.main",
    "dbt_metricflow.cli.main",
    "dlt",
    "great_expectations",
    "rich.console",
)
BIN = Path(sys.executable).parent


def run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command and return its exit status and output.

    command: `-m` and a module, or the path of a Python script next to this Python; then its arguments.
    """
    server = _server()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        job = {
            "command": [str(part) for part in command],
            "cwd": str(cwd),
            "env": dict(env),
            "output": [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)],
        }
        assert server.stdin and server.stdout
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        status = server.stdout.readline()
        assert status, f"the server that forks commands ended: {server.wait()}"
        texts = [(file.seek(0), file.read().decode())[1] for file in (out, err)]
    return subprocess.CompletedProcess(job["command"], int(status), *texts)


@cache
def _server() -> "subprocess.Popen[str]":
    server = subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=Path(__file__).parent.parent,
        # The project sets the same before it imports these packages.
        env={**os.environ, "DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def stop() -> None:  # waited for, so that its time counts as that of the tests
        assert server.stdin
        server.stdin.close()
        server.wait()

    atexit.register(stop)
    return server


def _serve() -> dict[str, Any] | None:
    """Fork for each job; return the job in the child, and None in the server after the last job."""
    for name in HEAVY:
        importlib.import_module(name)
    assert "duckdb" not in sys.modules, "an engine that was imported before the fork aborts when the child ends"
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return json.loads(line)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def _become(job: dict[str, Any]) -> None:
    """Run the job in this process, which then ends as any Python program does."""
    for number, path in enumerate([os.devnull, *job["output"]]):
        file = os.open(path, os.O_RDWR)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    option, *arguments = job["command"]
    sys.stdin = open(0)  # noqa: SIM115
    try:
        if option == "-m":
            sys.argv = arguments
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [option, *arguments]
            runpy.run_path(option, run_name="__main__")
    except SystemExit:
        raise
    except BaseException:
        traceback.print_exc()
        sys.exit(1)


if __name__ == "__main__" and (job := _serve()):
    _become(job)
