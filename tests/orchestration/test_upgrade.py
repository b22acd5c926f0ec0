"""A home that an earlier version wrote is refreshed by this one, and nothing in it is lost or misread.

tests/fixtures/ has a small home of each released version: `python -m tools.fixture` packs one (CONTRIBUTING.md).
tests/fixtures/home_0.1.0.tar.gz is the home of version 0.1.0 after `demo --size 1000 --seed 1`: landing files, the
lake with its ledger and knowledge, the worklist, and the release without its Parquet files. The working database and
the logs are left out, because a refresh does not read them.
"""

import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import KyotenError
from orchestration.forget import forget
from orchestration.home import PROJECT, Home
from orchestration.knowledge import State, stored_states
from orchestration.release.releases import Kept, current_release, kept_releases, roll_back
from orchestration.release.verify import verify
from tests.conftest import long, run_cli

FIXTURES = sorted((PROJECT / "tests" / "fixtures").glob("home_*.tar.*"))
# A release and a load contain their time, and a first release has none before it to be compared with.
NOT_COMPARED = {"ops.release", "ops.loads", "ops.rejected_rows", "ops.schema_changes"}


def unpack(archive: Path, root: Path) -> Home:
    """Return the home that an archive contains."""
    home = Home(root)
    with tarfile.open(archive) as packed:
        packed.extractall(home.root, filter="data")
    # An archive stores no nanoseconds, and a file with another time would be read again.
    times = duckdb.sql(f"select file_name, file_mtime_ns from '{home.lake}/loads/2*.parquet'").fetchall()
    for name, mtime_ns in times:
        os.utime(home.landing / name, ns=(mtime_ns, mtime_ns))
    return home


def ledger(home: Home) -> list[tuple[object, ...]]:
    """Return the loads of the lake: file, content, time and rows."""
    files = home.lake / "loads" / "*.parquet"
    return duckdb.sql(
        "select loaded_at, dataset, source_name, file_name, file_sha256, extracted_on, status, rows_read,"
        f" rows_accepted, rows_rejected from read_parquet('{files}', union_by_name = true) order by all"
    ).fetchall()


@dataclass(frozen=True)
class Upgrade:
    """A home that an earlier version wrote, after its refresh by this one, and what it had before."""

    home: Home
    loads_before: list[tuple[object, ...]]
    old_release: Kept
    states_before: list[State]


@pytest.fixture(scope="module", params=FIXTURES, ids=lambda path: path.name)
def old_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home of an earlier version."""
    return unpack(request.param, tmp_path_factory.mktemp("upgrade") / "home")


@pytest.fixture(scope="module")
def upgrade(old_home: Home, request: pytest.FixtureRequest) -> Upgrade:
    """The same home, refreshed."""
    loads, states = ledger(old_home), stored_states(old_home.lake / "knowledge")
    (release,) = kept_releases(old_home)
    done = run_cli(old_home, "refresh", "--force")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return Upgrade(old_home, loads, release, states)


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


def test_a_home_of_an_earlier_version_is_upgraded_by_a_refresh(upgrade: Upgrade) -> None:
    home, old = upgrade.home, upgrade.old_release
    assert f"home_{old.manifest['project_version']}.tar" in ", ".join(path.name for path in FIXTURES)
    assert len(upgrade.loads_before) > 50
    assert ledger(home) == upgrade.loads_before  # the loads are unchanged, and no file was loaded a second time
    assert next(kept.release_id for kept in kept_releases(home)) == old.release_id  # the old release still exists
    assert (current_release(home) or {})["release_id"] != old.release_id
    assert "Nothing new" in run_cli(home, "refresh").stdout


@long
def test_an_upgraded_home_has_the_rows_of_a_fresh_one(upgrade: Upgrade, fresh_home: Home) -> None:
    assert differences(upgrade.home, fresh_home) == {}


def test_states_of_knowledge_that_lack_something_are_built_again(upgrade: Upgrade) -> None:
    states = stored_states(upgrade.home.lake / "knowledge")
    assert upgrade.states_before and {state.known_on for state in states} >= {
        one.known_on for one in upgrade.states_before
    }
    assert all(state.is_whole() for state in states)


def test_an_earlier_release_is_listed_verified_and_comes_back(upgrade: Upgrade) -> None:
    home, old = upgrade.home, upgrade.old_release
    listed = run_cli(home, "releases").stdout
    assert old.release_id in listed and "as of 2026-04-05" in listed
    if "files" in old.manifest:
        assert verify(home, old.release_id)
    else:
        with pytest.raises(KyotenError, match="which did not keep hashes"):
            verify(home, old.release_id)
    assert roll_back(home, old.release_id, "the new one looks odd") == old.release_id
    with duckdb.connect(str(home.published / "kyoten.duckdb"), read_only=True) as connection:
        for table, rows in old.manifest["tables"].items():
            assert connection.execute(f"select count(*) from {table}").fetchone() == (rows,), table
    roll_back(home, "latest", "")
    assert "Nothing new" in run_cli(home, "refresh").stdout


@pytest.mark.parametrize("archive", FIXTURES, ids=lambda path: path.name)
def test_a_person_is_removed_from_a_home_that_was_not_refreshed_yet(archive: Path, tmp_path: Path) -> None:
    home = unpack(archive, tmp_path / "home")
    (release,) = kept_releases(home)
    database = release.folder / "kyoten.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute(
            "select rep_id, rep_name from core.dim_rep where rep_name is not null and rep_id <> 'NONE'"
            " qualify count(*) over (partition by rep_name) = 1 order by 1 limit 1"
        ).fetchone()
        assert row
        tables = "select schema_name || '.' || table_name from duckdb_tables() where not internal"
        names = [name for (name,) in connection.execute(tables).fetchall()]
    forget(home, row[0])
    with duckdb.connect(str(database), read_only=True) as connection:
        assert not [name for name in names if row[1] in str(connection.sql(f"from {name}").fetchall())]
    assert kept_releases(home)[0].manifest["forgotten"]


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


def test_a_lost_row_is_a_difference(built_home: Home, tmp_path: Path) -> None:
    damaged = Home(tmp_path)
    damaged.published.mkdir()
    copied = damaged.published / "kyoten.duckdb"
    copied.write_bytes((built_home.published / "kyoten.duckdb").read_bytes())
    with duckdb.connect(str(copied)) as connection:
        connection.execute("delete from core.dim_branch where branch_id = 'DIRECT'")
    assert differences(damaged, built_home) == {"core.dim_branch": 1}
