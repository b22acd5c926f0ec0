"""A release is complete or absent: its content, what readers see during a publish, and the files after a crash."""

import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from orchestration import sql
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.release import publish as publishing
from orchestration.release.publish import publish
from orchestration.release.releases import current_release
from orchestration.release.schema_changes import write_schema_changes
from orchestration.release.verify import verify
from tests.ingest.killing import STEP, kills

CHECKS = {"passed": 3, "warned": 0, "failed": 0, "warnings": []}
FINGERPRINT = {"inputs": "i", "project": "p"}


def _node(schema: str, name: str, **properties: object) -> dict:
    return {
        "unique_id": f"model.kyoten.{name}",
        "resource_type": "model",
        "schema": schema,
        "alias": name,
        "name": name,
        "config": {"materialized": "table", "meta": {"label_ja": "案件", "description_ja": "案件ごとに一行"}},
        "description": "One row per deal. It's all of them.",
        "columns": {},
        **properties,
    }


def _manifest() -> dict:
    columns = {
        "deal_id": {"description": "The deal's id.", "config": {"meta": {"label_ja": "案件ID", "personal": True}}},
        "amount": {"description": "Money.", "config": {"meta": {}}, "doc_blocks": ["doc.kyoten.amount"]},
    }
    return {
        "docs": {"doc.kyoten.amount__ja": {"block_contents": "金額\n計上した金額。"}},
        "nodes": {
            "a": _node("core", "fct_deals", columns=columns),
            "b": _node("core", "fct_revenue"),
            "c": _node("intermediate", "int_as_of"),
        },
    }


def _build(home: Home, edition: int, rows: int = 1_000) -> None:
    """Make a working database with the number of its edition in every row."""
    home.build.mkdir(parents=True, exist_ok=True)
    home.database.unlink(missing_ok=True)
    with duckdb.connect(str(home.database)) as connection:
        connection.execute("create schema core; create schema intermediate")
        for name in ("fct_deals", "fct_revenue"):
            connection.execute(
                f"create table core.{name} as select 'D' || (range * 7 % {rows}) as deal_id, {edition} as edition, "
                f"range::decimal(18, 0) as amount from range({rows})"
            )
        connection.execute("create view intermediate.int_as_of as select date '2026-03-31' as as_of")


def _publish(home: Home) -> dict:
    return publish(home, _manifest(), checks=CHECKS, fingerprint=FINGERPRINT)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "it's a home")
    _build(home, 1)
    return home


def _editions(home: Home) -> tuple[int, int]:
    with duckdb.connect(str(home.published / "kyoten.duckdb"), read_only=True) as connection:
        row = connection.execute(
            "select (select min(edition) from core.fct_deals), (select max(edition) from core.fct_revenue)"
        ).fetchone()
    assert row
    return row


@pytest.mark.parametrize(("config", "first"), [({}, ["D0", "D7", "D14"]), ({"where": "1 = 1"}, ["D0", "D1", "D10"])])
def test_a_table_is_sorted_by_the_key_that_a_guard_holds_unique(home: Home, config: dict, first: list[str]) -> None:
    """Otherwise by all columns: a guard of some rows only is no key of all."""
    guard = {
        "resource_type": "test",
        "config": config,
        "column_name": "amount",
        "attached_node": "model.kyoten.fct_deals",
        "test_metadata": {"name": "unique"},
    }
    manifest = _manifest()
    manifest["nodes"]["guard"] = guard
    publish(home, manifest, checks=CHECKS, fingerprint=FINGERPRINT)
    with duckdb.connect() as connection:
        rows = connection.execute(
            "from read_parquet(?) limit 3", [str(home.published / "parquet/core/fct_deals.parquet")]
        )
        assert [row[0] for row in rows.fetchall()] == first


def test_a_release_has_tables_texts_parquet_and_manifest(home: Home) -> None:
    release = _publish(home)

    with duckdb.connect(str(home.published / "kyoten.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by 1"
        ).fetchall()
        assert [name for (name,) in tables] == [
            "core.fct_deals",
            "core.fct_revenue",
            "ops.catalog",
            "ops.labels",
            "ops.release",
            "ops.schema_changes",
        ]
        assert connection.execute("select deal_id from core.fct_deals limit 3").fetchall() == [
            ("D0",),
            ("D1",),
            ("D10",),
        ]
        assert connection.execute("select comment from duckdb_tables() where table_name = 'fct_deals'").fetchone() == (
            "One row per deal. It's all of them.",
        )
        assert connection.execute(
            "select label_en, label_ja, description_en, is_personal from ops.catalog where column_name = 'deal_id' "
            "and table_name = 'fct_deals'"
        ).fetchall() == [("Deal id", "案件ID", "The deal's id.", True)]
        assert connection.execute(
            "select label_ja, description_en, description_ja from ops.catalog where column_name = 'amount' "
            "and table_name = 'fct_deals'"
        ).fetchall() == [("金額", "Money.", "計上した金額。")]
        assert connection.execute("select release_id, as_of::varchar from ops.release").fetchall() == [
            (release["release_id"], "2026-03-31")
        ]
    parquet = home.published / "parquet" / "core" / "fct_revenue.parquet"
    assert duckdb.execute("select count(*) from read_parquet(?)", [str(parquet)]).fetchone() == (1_000,)
    written = json.loads((home.published / "releases" / release["release_id"] / "manifest.json").read_text())
    assert written == current_release(home)
    assert written["tables"]["core.fct_deals"] == 1_000
    assert written["money"] == {"core.fct_revenue.amount": "499500", "core.fct_deals.amount": "499500"}
    assert written["fingerprint"] == FINGERPRINT


def test_a_release_lists_what_it_changed_for_analysts(home: Home) -> None:
    first = _publish(home)

    def changes() -> list[tuple[str | None, ...]]:
        with duckdb.connect(str(home.published / "current" / "kyoten.duckdb"), read_only=True) as connection:
            names = "previous_release_id, table_name, column_name, change, property, was, now"
            return connection.execute(f"select {names} from ops.schema_changes order by all").fetchall()

    assert changes() == []
    _publish(home)
    assert changes() == []
    with duckdb.connect(str(home.database)) as connection:
        connection.execute(
            "alter table core.fct_deals add column stage varchar; alter table core.fct_deals drop edition"
        )
        connection.execute("alter table core.fct_deals alter amount type decimal(18, 2)")
        connection.execute("create table core.dim_new as select 1 as id")
    manifest = _manifest()
    del manifest["nodes"]["b"]
    manifest["nodes"]["d"] = _node("core", "dim_new")
    manifest["nodes"]["a"]["columns"]["deal_id"]["description"] = "Another meaning."
    before = current_release(home)
    assert before and before != first
    publish(home, manifest, checks=CHECKS, fingerprint=FINGERPRINT)
    since = before["release_id"]
    assert changes() == [
        (since, "dim_new", None, "added", None, None, None),
        (since, "fct_deals", "amount", "changed", "data_type", "DECIMAL(18,0)", "DECIMAL(18,2)"),
        (since, "fct_deals", "deal_id", "changed", "description_en", "The deal's id.", "Another meaning."),
        (since, "fct_deals", "edition", "removed", None, None, None),
        (since, "fct_deals", "stage", "added", None, None, None),
        (since, "fct_revenue", None, "removed", None, None, None),
    ]


def test_a_description_that_came_later_is_no_change(home: Home, tmp_path: Path) -> None:
    """Releases of before did not describe their own catalogue and labels."""
    _publish(home)
    before, after = tmp_path / "before.duckdb", tmp_path / "after.duckdb"
    for copy in (before, after):
        shutil.copyfile(home.published / "kyoten.duckdb", copy)
    with duckdb.connect(str(before)) as connection:
        connection.execute("delete from ops.catalog where table_schema = 'ops'; alter table ops.labels drop label_en")
    with duckdb.connect() as connection:
        connection.execute(f"attach {sql.text(str(after))} as release")
        write_schema_changes(connection, before)
        changes = connection.execute(
            "select table_name, column_name, change from release.ops.schema_changes"
        ).fetchall()
    assert changes == [("labels", "label_en", "added")]


def test_a_release_is_read_by_duckdb_from_1_0_on(home: Home) -> None:
    _publish(home)
    # The storage version is at byte 12 of the header; DuckDB 0.10 to 1.1 wrote 64.
    header = (home.published / "kyoten.duckdb").read_bytes()[:24]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64


def test_every_release_is_kept_and_the_links_are_made_once(home: Home) -> None:
    first = _publish(home)
    links = {name: os.lstat(home.published / name).st_ino for name in ("kyoten.duckdb", "parquet")}
    second = _publish(home)
    assert first["release_id"] < second["release_id"]
    assert {path.name for path in (home.published / "releases").iterdir()} == {
        first["release_id"],
        second["release_id"],
    }
    assert (home.published / "current").readlink() == Path("releases") / second["release_id"]
    assert links == {name: os.lstat(home.published / name).st_ino for name in links}


def _publish_editions(home: Home, editions: range) -> None:
    for edition in editions:
        _build(home, edition)
        _publish(home)


def test_readers_never_fail_and_never_see_a_mix(home: Home) -> None:
    _publish(home)
    publisher = multiprocessing.get_context("spawn").Process(target=_publish_editions, args=(home, range(2, 10)))
    publisher.start()
    seen = []
    while publisher.is_alive():
        seen.append(_editions(home))
        parquet = duckdb.execute(
            "select min(edition), max(edition) from read_parquet(?)",
            [str(home.published / "parquet" / "core" / "fct_deals.parquet")],
        ).fetchone()
        assert parquet and parquet[0] == parquet[1]
    publisher.join()
    assert publisher.exitcode == 0
    assert all(deals == revenue for deals, revenue in seen)
    assert seen == sorted(seen), "an older release came back"
    assert len(set(seen)) > 2, "the readers did not run at the same time as the publisher"
    assert _editions(home) == (9, 9)


KILLED = """
import os, signal, sys
from pathlib import Path
from orchestration.release import publish
from tests.orchestration.test_publish import Home, _publish
name = sys.argv[2]
owner = Path if name == "rename" else publish
real, calls = getattr(owner, name), 0
def dying(*arguments, **named):
    global calls
    calls += 1
    if calls == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)
setattr(owner, name, dying)
_publish(Home(Path(sys.argv[1])))
"""


@pytest.mark.parametrize(
    ("function", "call"),
    [("copy_table", 2), ("_write_catalog", 1), ("_read_back", 1), ("_persist", 1), ("rename", 1), ("switch", 1)],
)
def test_a_kill_in_the_middle_leaves_the_old_release(home: Home, function: str, call: int) -> None:
    old = _publish(home)
    _build(home, 2)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(home.root), function, str(call)], cwd=PROJECT, check=False
    )

    assert killed.returncode == -signal.SIGKILL
    assert current_release(home) == old
    assert _editions(home) == (1, 1)
    _publish(home)
    assert _editions(home) == (2, 2)
    assert not list((home.published / "releases").glob("*.tmp"))


@pytest.mark.parametrize("is_full", [False, True], ids=["killed", "full"])
def test_a_kill_or_a_full_disk_before_any_change_leaves_the_old_or_the_new_release(
    home: Home, tmp_path: Path, is_full: bool
) -> None:
    old = _publish(home)
    _build(home, 2)
    before = shutil.copytree(home.root, tmp_path / "before", symlinks=True)

    def prepare() -> None:
        shutil.rmtree(home.root)
        shutil.copytree(before, home.root, symlinks=True)

    killed = 0
    for _ in kills(home.root, lambda: _publish(home), prepare, STEP, is_full):
        killed += 1
        is_old = current_release(home) == old
        assert _editions(home) == ((1, 1) if is_old else (2, 2))
        verify(home, "current")
        _publish(home)
        assert _editions(home) == (2, 2)
        verify(home, "current")
        assert [path for path in home.root.rglob("*") if path.name.endswith((".tmp", ".unfinished"))] == []
    assert killed > 15 // STEP


def test_kills_at_any_moment_leave_one_whole_release(home: Home) -> None:
    _publish(home)
    _build(home, 2, rows=20_000)
    for delay in (0.25, 0.3, 0.35, 0.4, 0.5):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(home.root), "copy_table", "99"], cwd=PROJECT, stderr=subprocess.DEVNULL
        )
        time.sleep(delay)
        child.kill()
        child.wait()
        assert _editions(home) in ((1, 1), (2, 2))


def test_a_full_disk_gives_one_message(home: Home) -> None:
    old = _publish(home)
    _build(home, 2, rows=200_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with pytest.raises(
            KyotenError, match=r"could not be written to .*releases: .*The release before it stays"
        ) as raised:
            _publish(home)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(raised.value)
    assert current_release(home) == old
    assert not list((home.published / "releases").glob("*.tmp"))


def test_a_release_is_read_back_and_compared_with_the_build(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    old = _publish(home)
    copy = publishing.copy_table

    def losing(connection: duckdb.DuckDBPyConnection, table: publishing.Table) -> None:
        copy(connection, table)
        connection.execute(f"delete from release.{table.sql} where deal_id = 'D10'")

    monkeypatch.setattr(publishing, "copy_table", losing)
    with pytest.raises(KyotenError, match=r"core.fct_deals has 1,000 rows in the build, 999 in the database"):
        _publish(home)
    assert current_release(home) == old
