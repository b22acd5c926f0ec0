"""What settings.yml says about names and addresses is true of every published file, for each reader."""

import os
import subprocess
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.release.fingerprint import nothing_new
from orchestration.release.publish import publish
from orchestration.release.releases import current_release
from orchestration.release.verify import verify
from orchestration.warehouse import read_manifest
from tests.orchestration.test_publish import CHECKS, FINGERPRINT, _build, _publish

PERSONS = """
    select rep_name from core.dim_rep where rep_id <> 'NONE' union select rep_email from core.dim_rep
    union select staff_name from core.dim_staff
"""
READER, GROUP, OTHER = 54321, 54322, 54323


def texts(database: Path) -> str:
    """Return all rows of a database as text."""
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.sql("select schema_name, table_name from duckdb_tables() order by all").fetchall()
        return "\n".join(str(connection.sql(f'from "{schema}"."{name}"').fetchall()) for schema, name in names)


def republished(home: Home, settings: str) -> Path:
    """Publish the working database again with these settings; return the folder that readers see."""
    (home.root / "settings.yml").write_text(settings)
    publish(home, read_manifest(home), checks=CHECKS, fingerprint=FINGERPRINT)
    return home.published / "current"


def test_no_name_or_address_is_published(home_copy: Home) -> None:
    with duckdb.connect(str(home_copy.published / "kyoten.duckdb"), read_only=True) as connection:
        persons = {name for (name,) in connection.sql(PERSONS).fetchall() if name and len(name) > 3}
        same = "select count(*), count(distinct rep_name) from core.dim_rep"
        counts = connection.sql(same).fetchall()
    before = texts(home_copy.published / "kyoten.duckdb")
    assert len(persons) > 50 and all(name in before for name in persons)
    assert nothing_new(home_copy)

    current = republished(home_copy, "personal: pseudonymise\n")

    after = texts(current / "kyoten.duckdb")
    assert {name for name in persons if name in after} == set()
    for path in current.rglob("*.parquet"):
        rows = str(duckdb.execute("from read_parquet(?)", [str(path)]).fetchall())
        assert {name for name in persons if name in rows} == set(), path
    manifest = (current / "manifest.json").read_text()
    assert {name for name in persons if name in manifest} == set()
    with duckdb.connect(str(current / "kyoten.duckdb"), read_only=True) as connection:
        assert connection.sql(same).fetchall() == counts, "one pseudonym for each name"
        joined = "select count(*) from kpi.people_worklist as w join core.dim_rep as r using (rep_id, rep_name)"
        assert connection.sql(f"select (from ({joined})) = (select count(*) from kpi.people_worklist)").fetchall() == [
            (True,)
        ]
    assert nothing_new(home_copy) is None, "a refresh publishes again after the setting changed"
    key = home_copy.lake / ".pseudonyms"
    assert key.stat().st_mode & 0o077 == 0 and key.read_text() not in after + manifest
    assert not (current / "personal.duckdb").exists()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    _build(home, 1)
    return home


def test_pseudonyms_are_the_same_in_each_release_and_different_in_each_home(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    _build(other, 1)
    found = []
    for place in (home, home, other):
        (place.root / "settings.yml").write_text("personal: pseudonymise\n")
        _publish(place)
        with duckdb.connect(str(place.published / "kyoten.duckdb"), read_only=True) as connection:
            found.append(connection.sql("select deal_id from core.fct_deals order by amount").fetchall())
    assert found[0] == found[1] != found[2]
    assert all(value.startswith("P-") for (value,) in found[0])


def ids(database: Path) -> set[str]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return {value for (value,) in connection.sql("select deal_id from core.fct_deals").fetchall()}


def can_read(path: Path, groups: list[int]) -> bool:
    done = subprocess.run(
        ["head", "-c", "4", str(path)], user=READER, group=OTHER, extra_groups=groups, capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a command as another user")
def test_only_the_group_reads_the_file_with_names(home: Home, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    (home.root / "settings.yml").write_text(f"personal: separate\npersonal_group: '{GROUP}'\n")
    _publish(home)
    published = home.published
    assert can_read(published / "kyoten.duckdb", [])
    assert can_read(published / "parquet" / "core" / "fct_deals.parquet", [])
    assert not can_read(published / "personal.duckdb", [])
    assert can_read(published / "personal.duckdb", [GROUP])
    whole, masked = ids(published / "personal.duckdb"), ids(published / "kyoten.duckdb")
    assert "D5" in whole and not whole & masked and len(masked) == len(whole)
    with duckdb.connect(str(published / "personal.duckdb"), read_only=True) as connection:
        names = connection.sql("select table_name from duckdb_tables()").fetchall()
    assert names == [("fct_deals",)], "only tables with names or addresses"
    verify(home, "current")

    (home.root / "settings.yml").write_text("personal: publish\n")
    _publish(home)
    assert not (published / "personal.duckdb").is_symlink() and ids(published / "kyoten.duckdb") == whole


def test_a_group_that_does_not_exist_stops_publishing(home: Home) -> None:
    _publish(home)
    before = current_release(home)
    (home.root / "settings.yml").write_text("personal: separate\npersonal_group: no-such-group\n")
    with pytest.raises(KyotenError, match=r"the group no-such-group of personal_group cannot be used"):
        _publish(home)
    assert current_release(home) == before and not list((home.published / "releases").glob("*.tmp"))
    (home.root / "settings.yml").write_text("personal: hide\n")
    with pytest.raises(KyotenError, match=r"personal is 'hide'. Write one of publish, pseudonymise, separate"):
        _publish(home)
