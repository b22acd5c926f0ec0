"""A home that an earlier version wrote is refreshed by this one, and nothing in it is lost.

tests/fixtures/home_0.1.0.tar.gz is the home of version 0.1.0 after `demo --size 1000 --seed 1`: landing files, the
lake with its ledger and knowledge, the worklist, and the release without its Parquet files. The working database and
the logs are left out, because a refresh does not read them.
"""

import json
import os
import tarfile
from pathlib import Path

import duckdb
import pytest

from orchestration.home import PROJECT, Home
from tests.conftest import run_cli

# A release and a load contain their time, and a first release has none before it to be compared with.
NOT_COMPARED = {"ops.release", "ops.loads", "ops.rejected_rows", "ops.schema_changes"}


def ledger(home: Home) -> list[tuple[object, ...]]:
    """Return the loads of the lake: file, content, time and rows."""
    files = home.lake / "loads" / "*.parquet"
    return duckdb.sql(
        "select loaded_at, dataset, source_name, file_name, file_sha256, extracted_on, status, rows_read,"
        f" rows_accepted, rows_rejected from read_parquet('{files}', union_by_name = true) order by all"
    ).fetchall()


@pytest.fixture(scope="module")
def old_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home of version 0.1.0, not yet changed by this version."""
    home = Home(tmp_path_factory.mktemp("upgrade") / "home")
    with tarfile.open(PROJECT / "tests" / "fixtures" / "home_0.1.0.tar.gz") as archive:
        archive.extractall(home.root, filter="data")
    # An archive stores no nanoseconds, and a file with another time would be read again.
    times = duckdb.sql(f"select file_name, file_mtime_ns from '{home.lake}/loads/2*.parquet'").fetchall()
    for name, mtime_ns in times:
        os.utime(home.landing / name, ns=(mtime_ns, mtime_ns))
    return home


@pytest.fixture(scope="module")
def fresh_home(old_home: Home, built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which this version loaded the same files: the shared one, as long as the sample is still the same."""
    if landed(built_home) == landed(old_home):
        return built_home
    home = Home(tmp_path_factory.mktemp("fresh") / "home")
    home.root.mkdir()
    (home.root / "landing").symlink_to(old_home.landing)
    done = run_cli(home, "refresh")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return home


def landed(home: Home) -> dict[Path, bytes]:
    return {path.relative_to(home.landing): path.read_bytes() for path in home.landing.rglob("*") if path.is_file()}


def test_a_home_of_an_earlier_version_is_upgraded_by_a_refresh(old_home: Home, fresh_home: Home) -> None:
    loads_before = ledger(old_home)
    old_manifest = (old_home.published / "current" / "manifest.json").resolve()
    assert json.loads(old_manifest.read_text())["project_version"] == "0.1.0"

    done = run_cli(old_home, "refresh", "--force")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    assert len(loads_before) > 50
    assert ledger(old_home) == loads_before  # the loads are unchanged, and no file was loaded a second time
    assert old_manifest.exists()  # the old release still exists
    assert (old_home.published / "current" / "manifest.json").resolve() != old_manifest
    assert differences(old_home, fresh_home) == {}


def differences(upgraded: Home, fresh: Home) -> dict[str, int]:
    """Return the published tables that differ, with the number of rows that only one of the homes has."""
    with duckdb.connect() as connection:
        for name, place in (("upgraded", upgraded), ("fresh", fresh)):
            connection.execute(f"attach '{place.published / 'kyoten.duckdb'}' as {name} (read_only)")
        listed = "select schema_name || '.' || table_name from duckdb_tables() where database_name = ? order by 1"
        tables = [{name for (name,) in connection.execute(listed, [home]).fetchall()} for home in ("upgraded", "fresh")]
        assert tables[0] == tables[1] and len(tables[0]) > 50
        found = {
            table: connection.sql(
                f"select count(*) from ((from upgraded.{table} except all from fresh.{table})"
                f" union all (from fresh.{table} except all from upgraded.{table}))"
            ).fetchall()[0][0]
            for table in sorted(tables[0] - NOT_COMPARED)
        }
    return {table: rows for table, rows in found.items() if rows}


def test_a_lost_row_is_a_difference(fresh_home: Home, tmp_path: Path) -> None:
    damaged = Home(tmp_path)
    damaged.published.mkdir()
    copied = damaged.published / "kyoten.duckdb"
    copied.write_bytes((fresh_home.published / "kyoten.duckdb").read_bytes())
    with duckdb.connect(str(copied)) as connection:
        connection.execute("delete from core.dim_branch where branch_id = 'DIRECT'")
    assert differences(damaged, fresh_home) == {"core.dim_branch": 1}
