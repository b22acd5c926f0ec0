"""A release whose files were changed, cut short or removed is named, and a refresh publishes it again."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.release.fingerprint import nothing_new
from orchestration.release.verify import damage, verify
from tests.conftest import long, run_cli

PARQUET = "parquet/kpi/branch_monthly.parquet"


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


CHANGES = [
    ("kyoten.duckdb", cut_short, "kyoten.duckdb has "),
    ("kyoten.duckdb", flip, "kyoten.duckdb has another content"),
    (PARQUET, Path.unlink, f"{PARQUET} is missing"),
    ("parquet/kpi/mine.parquet", Path.touch, "parquet/kpi/mine.parquet does not belong to it"),
]


def test_an_unchanged_release_is_verified(built_home: Home) -> None:
    done = run_cli(built_home, "verify")
    assert done.returncode == 0 and "files are as they were published" in done.stdout
    assert damage(built_home) == [] and nothing_new(built_home)


@pytest.mark.parametrize(("name", "change", "message"), CHANGES)
def test_a_change_is_named_and_noticed(
    home_copy: Home, name: str, change: Callable[[Path], None], message: str
) -> None:
    change(home_copy.published / "current" / name)
    with pytest.raises(KyotenError, match=r"is not as it was published\. make refresh publishes again") as error:
        verify(home_copy, "current")
    assert message in str(error.value)
    assert damage(home_copy) and nothing_new(home_copy) is None


def test_a_change_with_the_old_time_is_found_by_its_hash(home_copy: Home) -> None:
    path = home_copy.published / "current" / PARQUET
    status = path.stat()
    flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert damage(home_copy) == []
    with pytest.raises(KyotenError, match=f"{PARQUET} has another content"):
        verify(home_copy, (home_copy.published / "current").resolve().name)


@long
def test_a_refresh_publishes_again(home_copy: Home) -> None:
    cut_short(home_copy.published / "current" / "kyoten.duckdb")
    cut_short(home_copy.published / "current" / "manifest.json")
    done = run_cli(home_copy, "refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "manifest.json cannot be read. It will be published again" in done.stdout
    assert verify(home_copy, "current") > 70
    assert "Nothing new" in run_cli(home_copy, "refresh").stdout


def test_a_release_that_is_not_there(built_home: Home) -> None:
    done = run_cli(built_home, "verify", "20200101T000000Z")
    assert done.returncode == 1 and "There is no release 20200101T000000Z" in done.stderr
