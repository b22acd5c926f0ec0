"""Refreshes of a home on a disk that is too small: each stage ends with one message, and the next run is as ever."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.cli import main
from orchestration.home import Home
from orchestration.release.verify import verify
from tests.conftest import long, run_cli
from tests.orchestration.test_killed_refreshes import differences

# Kilobytes for what the refresh writes, by the stage at which they do not suffice.
ROOM = {"ingest": 500, "knowledge": 3_000, "log": 30_000, "build": 60_000, "release": 150_000}


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


@long
def test_after_a_full_disk_at_any_stage_the_next_refresh_equals_an_undisturbed_one(
    built_home: Home, small_disk: Path
) -> None:
    for stage, room in ROOM.items():
        home = Home(small_disk / stage)
        shutil.copytree(built_home.landing, home.landing)
        used = shutil.disk_usage(small_disk).used // 1024
        subprocess.run(["mount", "-o", f"remount,size={used + room}k", small_disk], check=True)
        failed = run_cli(home, "refresh", "--no-fetch")
        assert failed.returncode == 1, stage
        assert "Not published" in failed.stderr and "Traceback" not in failed.stderr + failed.stdout, stage
        assert "No space" in failed.stderr, (stage, failed.stderr)
        subprocess.run(["mount", "-o", "remount,size=4g", small_disk], check=True)
        assert run_cli(home, "refresh", "--no-fetch").returncode == 0, stage
        assert verify(home, "current") > 70
        parquet = "published/current/parquet"
        assert differences(home.root / parquet, built_home.root / parquet) == [], stage
        shutil.rmtree(home.root)
