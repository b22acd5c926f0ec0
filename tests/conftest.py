"""What tests of several parts share: a home with a refreshed sample company, and dbt to run against a copy of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from orchestration.home import PROJECT, Home

SAMPLE_SIZE, SAMPLE_SEED = 1_000, 1
PROJECT_VARS = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]

Cli = Callable[..., subprocess.CompletedProcess[str]]


def run_cli(home: Home, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the Makefile does, in a process of its own."""
    ours = ("KYOTEN_", "DBT_", "DAGSTER_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=PROJECT,
        env={**inherited, "KYOTEN_HOME": str(home.root), **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def run_dbt(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one dbt command against a home, in a process of its own so that no database stays open in this one."""
    environment = {
        **os.environ,
        "KYOTEN_HOME": str(home.root),
        "DBT_TARGET_PATH": str(home.build / "target"),
        "DBT_LOG_PATH": str(home.logs),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DO_NOT_TRACK": "1",
    }
    return subprocess.run(
        [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the sample company, refreshed and published by the real command. Read it, never write to it."""
    home = Home(tmp_path_factory.mktemp("sample") / "home")
    done = run_cli(home, "demo", "--size", str(SAMPLE_SIZE), "--seed", str(SAMPLE_SEED))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (home.root / "demo.out").write_text(done.stdout)
    return home


@pytest.fixture
def home_copy(built_home: Home, tmp_path: Path) -> Home:
    """A copy of the built home that a test may break."""
    copy = Home(tmp_path / "home")
    shutil.copytree(built_home.root, copy.root, symlinks=True)
    return copy
