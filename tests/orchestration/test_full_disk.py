"""Refreshes on a disk that is full from a stage on: one message, readers keep their release, the next run is whole."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestration.cli import main
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.release.releases import current_release
from orchestration.release.verify import verify
from tests.conftest import long, run_cli
from tests.orchestration.test_killed_refreshes import deliver_fewer_deals, differences

# The functions of orchestration/steps.py, and the kilobytes that are free when they begin: nothing, or a part of what
# the stage writes. `_build` begins after the working database of the build before was deleted.
STAGES = [("load", 0), ("name", 0), ("know", 0), ("_build", 0), ("_build", 20_000), ("release", 20_000)]
# Runs a command that makes the disk as small as its content when a stage begins.
FULL_FROM = """
import shutil, subprocess, sys
from orchestration import cli, steps
disk, stage, room = sys.argv[1:]
begin = getattr(steps, stage)
def on_a_full_disk(*arguments):
    used = shutil.disk_usage(disk).used // 1024
    subprocess.run(["mount", "-o", f"remount,size={used + int(room)}k", disk], check=True)
    print("The disk is full.", flush=True)
    return begin(*arguments)
setattr(steps, stage, on_a_full_disk)
sys.exit(cli.main(["refresh", "--no-fetch"]))
"""


def test_a_full_disk_is_one_message(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/home/log")

    monkeypatch.setattr("orchestration.summary.print_summary", full)
    assert main(["summary"]) == 1
    assert "No space is left on the disk: /home/log. Make room" in capsys.readouterr().err


@pytest.mark.parametrize(("free", "is_named"), [(0, True), (10**9, False)])
def test_a_full_disk_is_named_where_an_engine_takes_its_file_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free: int, is_named: bool
) -> None:
    def damaged(*_: object) -> None:
        raise KyotenError("dbt could not start: kyoten.duckdb is not a valid DuckDB database file")

    monkeypatch.setenv("KYOTEN_HOME", str(tmp_path))
    monkeypatch.setattr("orchestration.refresh.prepare_dagster", lambda _: None)
    monkeypatch.setattr("orchestration.refresh._run", damaged)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    assert main(["refresh", "--no-fetch"]) == 1
    said = capsys.readouterr().err
    assert "is not a valid DuckDB database file" in said and ("No space is left on the disk." in said) is is_named


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True, check=False).returncode:
        pytest.skip("this account may not mount a file system")
    yield place
    subprocess.run(["umount", place], check=True)


def refresh_on_a_disk_that_becomes_full(home: Home, disk: Path, stage: str, room: int) -> str:
    """Return what the refresh says; afterwards the disk is still full."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KYOTEN_", "DBT_"))}
    done = subprocess.run(
        [sys.executable, "-c", FULL_FROM, str(disk), stage, str(room)],
        cwd=PROJECT,
        env=environment | {"KYOTEN_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    print(stage, room, done.stdout[-300:], done.stderr)
    assert done.returncode == 1 and "The disk is full." in done.stdout, "the stages before were as ever"
    return done.stderr


@long
def test_after_a_full_disk_at_each_stage_the_next_refresh_equals_an_undisturbed_one(
    built_home: Home, small_disk: Path, tmp_path: Path
) -> None:
    home, undisturbed = Home(small_disk / "home"), Home(tmp_path / "undisturbed")
    for place in (home, undisturbed):
        shutil.copytree(built_home.root, place.root, symlinks=True)
        deliver_fewer_deals(place)
    before = current_release(home)
    for stage, room in STAGES:
        said = refresh_on_a_disk_that_becomes_full(home, small_disk, stage, room)
        assert "Not published" in said and "No space" in said and "Traceback" not in said, (stage, room)
        assert current_release(home) == before and verify(home, "current") > 70, "readers have the release before"
        subprocess.run(["mount", "-o", "remount,size=4g", small_disk], check=True)
    for place in (home, undisturbed):
        assert run_cli(place, "refresh", "--no-fetch").returncode == 0
    assert current_release(home) != before and verify(home, "current") > 70
    assert differences(home.published / "parquet", undisturbed.published / "parquet") == []
