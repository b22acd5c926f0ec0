"""Refreshes on a disk that is full from a stage on: one message, readers keep their release, the next run is whole."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.cli import main
from orchestration.home import PROJECT, Home
from orchestration.release.releases import current_release
from orchestration.release.verify import verify
from tests.conftest import long, run_cli
from tests.orchestration.test_killed_refreshes import deliver_fewer_deals, differences

# The functions of orchestration/steps.py, and the kilobytes that are free when they begin. Nothing is free at the
# start of a stage, or a part of what it writes.
STAGES = [("load", 0), ("name", 0), ("know", 0), ("build", 0), ("build", 20_000), ("release", 0), ("release", 20_000)]
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True, check=False).returncode:
        pytest.skip("this account may not mount a file system")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.fixture(scope="module")
def undisturbed(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("undisturbed") / "home")
    shutil.copytree(built_home.root, home.root, symlinks=True)
    deliver_fewer_deals(home)
    assert run_cli(home, "refresh", "--no-fetch").returncode == 0
    return home


@long
@pytest.mark.parametrize(("stage", "room"), STAGES)
def test_after_a_full_disk_at_any_stage_the_next_refresh_equals_an_undisturbed_one(
    built_home: Home, undisturbed: Home, small_disk: Path, stage: str, room: int
) -> None:
    home = Home(small_disk / "home")
    shutil.copytree(built_home.root, home.root, symlinks=True)
    deliver_fewer_deals(home)
    before = current_release(home)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KYOTEN_", "DBT_"))}
    failed = subprocess.run(
        [sys.executable, "-c", FULL_FROM, str(small_disk), stage, str(room)],
        cwd=PROJECT,
        env=environment | {"KYOTEN_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    print(failed.stdout, failed.stderr)
    assert failed.returncode == 1 and "The disk is full." in failed.stdout
    assert "Not published" in failed.stderr and "No space" in failed.stderr
    assert "Traceback" not in failed.stderr + failed.stdout
    assert current_release(home) == before and verify(home, "current") > 70, "readers have the release before"
    subprocess.run(["mount", "-o", "remount,size=4g", small_disk], check=True)
    assert run_cli(home, "refresh", "--no-fetch").returncode == 0
    assert current_release(home) != before and verify(home, "current") > 70
    assert differences(home.published / "parquet", undisturbed.published / "parquet") == []
