"""What settings.yml says about names and addresses is true of every published file, for each reader."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

from orchestration import steps
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.refresh import DAGSTER_YAML
from orchestration.release.fingerprint import nothing_new
from orchestration.release.known_on import CATALOGUE
from orchestration.release.publish import publish
from orchestration.release.releases import current_release
from orchestration.release.verify import verify
from orchestration.warehouse import read_manifest
from tests import forked
from tests.conftest import long, run_cli
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


def persons_of(home: Home) -> set[str]:
    """Return the names and addresses of the persons in the release of a home that publishes them."""
    with duckdb.connect(str(home.published / "kyoten.duckdb"), read_only=True) as connection:
        return {name for (name,) in connection.sql(PERSONS).fetchall() if name and len(name) > 3}


def leaks(folders: Iterable[Path], values: Iterable[str]) -> set[tuple[str, str]]:
    """Return the files with one of these values, in plain text or inside Parquet, SQLite and DuckDB's files."""
    found, wanted = set(), list(values)
    for path in sorted(file for folder in folders for file in folder.rglob("*") if file.is_file()):
        if path.suffix == ".parquet":
            content = str(duckdb.execute("from read_parquet(?)", [str(path)]).fetchall())
        elif path.suffix == ".duckdb" and path.name != CATALOGUE:
            content = texts(path)
        else:
            raw = path.read_bytes()
            plain = raw.decode("utf-8", errors="ignore")
            content = plain + re.sub(r"\\u([0-9a-f]{4})", lambda one: chr(int(one[1], 16)), plain)
        found |= {(path.name, value) for value in wanted if value in content}
    return found


def republished(home: Home, settings: str) -> Path:
    """Publish the working database again with these settings; return the folder that readers see."""
    (home.root / "settings.yml").write_text(settings)
    publish(home, read_manifest(home), checks=CHECKS, fingerprint=FINGERPRINT)
    return home.published / "current"


def test_no_name_or_address_is_published(home_copy: Home) -> None:
    persons = persons_of(home_copy)
    with duckdb.connect(str(home_copy.published / "kyoten.duckdb"), read_only=True) as connection:
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


@long
def test_no_page_log_or_message_has_a_name_or_address(home_copy: Home) -> None:
    persons = persons_of(home_copy)
    released = [home_copy.published / "releases"]
    assert leaks(released, persons), "the search finds them before"
    before = current_release(home_copy)
    (home_copy.root / "settings.yml").write_text("personal: pseudonymise\n")
    said: list[str] = []
    made = steps.release(home_copy, said.append)
    assert before and made["release_id"] != before["release_id"]
    shutil.rmtree(home_copy.published / "releases" / before["release_id"])  # earlier ones keep their names
    assert (home_copy.published / "current" / "pages" / "monday.html").exists(), said
    assert leaks([home_copy.published, home_copy.logs], persons) == set()
    assert not [line for line in said if any(name in line for name in persons)]


@long
def test_a_run_of_dagster_leaves_no_name_and_no_secret(home_copy: Home) -> None:
    """Everything again, by Dagster, with secrets in each place that takes one; the receiver and PostgreSQL are away."""
    persons = persons_of(home_copy)
    for folder in ("published", "logs", "dagster", "build"):
        shutil.rmtree(home_copy.root / folder, ignore_errors=True)
    receivers = (
        'to: ["json://u:${TOKEN}@127.0.0.1:1", "mailto://u:plain-5ecret@127.0.0.1:1"]'  # pragma: allowlist secret
    )
    (home_copy.root / "settings.yml").write_text(f"personal: pseudonymise\nnotices: {{{receivers}}}\n")
    home_copy.dagster.mkdir()
    (home_copy.dagster / "dagster.yaml").write_text(DAGSTER_YAML)
    token, password = "t0ken-5ecret", "pass-5ecret"  # pragma: allowlist secret
    done = forked.run(
        [forked.BIN / "dagster", "job", "execute", "-m", "orchestration.definitions", "-j", "refresh"],
        cwd=PROJECT,
        env={
            **os.environ,
            "KYOTEN_HOME": str(home_copy.root),
            "DAGSTER_HOME": str(home_copy.dagster),
            "TOKEN": token,
            "KYOTEN_POSTGRES": f"postgresql://loader:{password}@127.0.0.1:1/x",
        },
    )
    assert "PostgreSQL has the one before" in done.stderr
    tell = run_cli(home_copy, "refresh", TOKEN=token, KYOTEN_POSTGRES=f"postgresql://loader:{password}@127.0.0.1:1/x")
    assert "a notice did not reach receiver 1" in tell.stdout
    printed = done.stdout + done.stderr + tell.stdout + tell.stderr
    folders = [home_copy.published, home_copy.logs, home_copy.dagster]
    assert leaks([home_copy.dagster], [(current_release(home_copy) or {})["release_id"]]), (
        "the search reads the event log"
    )
    assert leaks(folders, persons) == set() and not [name for name in persons if name in printed]
    assert leaks([*folders, home_copy.build, home_copy.lake], [token, password, "plain-5ecret"]) == set()
    assert "5ecret" not in printed


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
