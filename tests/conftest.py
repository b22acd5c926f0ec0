"""Shared by tests of several packages: a home with a refreshed sample company, and functions that run commands."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock
from hypothesis import HealthCheck, Phase, settings

from orchestration import scratch
from orchestration.home import PROJECT, Home
from tests import forked


@cache
def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file, read once and with the fast loader; callers must not change it."""
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)


SAMPLE_SIZE = 1_000
PROJECT_VARS = read_yaml(PROJECT / "dbt_project.yml")["vars"]

Cli = Callable[..., subprocess.CompletedProcess[str]]

# The only Hypothesis profile. PROPERTY_SCALE=20 tries twenty times as many examples, different ones in every run: for
# a night, not for every push. Many examples are whole builds, so that Hypothesis's time limits do not fit.
SCALE = int(os.environ.get("PROPERTY_SCALE", "1"))
# For tests that need minutes and seldom find what the others do not: `make long-test` runs them.
long = pytest.mark.skipif(SCALE == 1, reason="make long-test runs it")
settings.register_profile(
    "kyoten",
    max_examples=100 * SCALE,
    derandomize=SCALE == 1,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("kyoten")


def examples(number: int) -> settings:
    """Return settings with this number of examples, if the profile's number does not fit."""
    return settings(max_examples=number * SCALE)


def run_cli(home: Home, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the Makefile does, in a process of its own."""
    ours = ("KYOTEN_", "DBT_", "DAGSTER_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return forked.run(
        ["-m", "orchestration.cli", *arguments],
        cwd=PROJECT,
        env={**inherited, "KYOTEN_HOME": str(home.root), **environment},
    )


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this run of the tests, one for all workers of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def built_home(shared_folder: Path) -> Iterator[Home]:
    """A home with the company of planted cases, refreshed and published by the real command, once for all workers.

    Read it, never write to it: take `home_copy` for that.
    """
    home = Home(shared_folder / "sample" / "home")
    done = home.root / "demo.out"
    with FileLock(shared_folder / "sample.lock"):
        if not done.exists():
            shutil.rmtree(home.root, ignore_errors=True)
            demo = run_cli(home, "cases")
            assert demo.returncode == 0, f"{demo.stdout}\n{demo.stderr}"
            (home.root / "files.json").write_text(json.dumps(_files(home)))
            done.write_text(demo.stdout)
    yield home
    assert _files(home) == json.loads((home.root / "files.json").read_text()), "a test wrote to the shared home"


def _files(home: Home) -> dict[str, int]:
    """Return when each file of what a run loads, builds and publishes was changed."""
    folders = (home.landing, home.lake, home.build, home.published, home.worklist)
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(home.root)): path.stat().st_mtime_ns for path in files}


@pytest.fixture(scope="session")
def new_copy(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Home]:
    """Return a function that copies the built home, in place of the copy before: a test can use only one at a time."""
    home = Home(tmp_path_factory.mktemp("copy") / "home")

    def make() -> Home:
        shutil.rmtree(home.root, ignore_errors=True)
        shutil.copytree(built_home.root, home.root, symlinks=True)
        return home

    return make


@pytest.fixture
def home_copy(new_copy: Callable[[], Home]) -> Home:
    """A copy of the built home that a test may break. Every test gets the same path, so close its databases."""
    return new_copy()


@pytest.fixture(scope="session")
def compiled(shared_folder: Path) -> Home:
    """An empty home for which the project has been compiled, once for all workers: see orchestration/scratch.py."""
    home = Home(shared_folder / "compiled")
    with FileLock(shared_folder / "compiled.lock"):
        scratch.compile_models(home, {})
    return home
