"""PostgreSQL holds what the release holds, with keys, references and comments, and a reader never sees two releases."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from orchestration import steps
from orchestration.errors import KyotenError, NotLoadedError
from orchestration.home import PROJECT, Home
from orchestration.release import postgres
from orchestration.release.releases import current_release
from orchestration.warehouse import PUBLISHED_SCHEMAS
from tests.conftest import long, run_cli
from tests.orchestration.test_publish import _build, _publish

QUESTIONS = {
    f"{page} {title}": query
    for page in ("questions", "bi")
    for title, query in re.findall(
        r"^### (.*?)\n.*?```sql\n(.*?)```",
        (PROJECT / "docs" / f"{page}.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
}


@pytest.fixture(scope="module")
def loaded(built_home: Home, server: str) -> str:
    assert postgres.load(built_home, server) > 80
    return server


@pytest.fixture(scope="module")
def release(built_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        yield connection


def ask(server: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def has_the_rows(connection: psycopg.Connection[Any], release: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Return whether a table has the same rows in PostgreSQL as in the release: every value, the money exactly."""
    found = connection.execute(f"select * from {table}").fetchall()  # type: ignore[arg-type]
    return Counter(found) == Counter(release.execute(f"from {table}").fetchall())


def unequal_tables(server: str, release: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the tables of the release that have other rows in PostgreSQL."""
    tables = release.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name != 'semantic' order by all"
    ).fetchall()
    assert len(tables) > 80
    with psycopg.connect(server) as connection:
        return [table for (table,) in tables if not has_the_rows(connection, release, table)]


def test_every_table_is_equal(loaded: str, release: duckdb.DuckDBPyConnection) -> None:
    assert unequal_tables(loaded, release) == []
    with psycopg.connect(loaded) as connection:
        one = "branch_id = (select max(branch_id) from core.dim_branch)"
        connection.execute(f"update core.dim_branch set branch_name = branch_name || ' ' where {one}")
        assert not has_the_rows(connection, release, "core.dim_branch")
        connection.rollback()


def test_types_keys_and_references_are_declared(loaded: str, release: duckdb.DuckDBPyConnection) -> None:
    (kind,) = ask(
        loaded,
        "select data_type, numeric_precision, numeric_scale from information_schema.columns"
        " where table_name = 'fct_revenue' and column_name = 'amount'",
    )
    assert kind == ("numeric", 18, 2)
    ours = "connamespace in (select oid from pg_namespace where nspname = any(%s))"
    with psycopg.connect(loaded) as connection:
        query = f"select contype::text, count(*) from pg_constraint where {ours} group by 1"
        keys = dict(connection.execute(query, [list(PUBLISHED_SCHEMAS)]).fetchall())  # type: ignore[arg-type]
    stated = release.execute(
        "select count(distinct table_schema || table_name) from ops.catalog where key_position is not null"
    ).fetchone()
    assert (keys.get("p", 0) + keys.get("u", 0),) == stated
    assert keys["f"] > 150
    assert ask(loaded, "select conname from pg_constraint where contype = 'f' and not convalidated") == []
    (label,) = ask(loaded, "select obj_description('kpi.branch_monthly'::regclass)")
    assert "拠点" in label[0] and "branch" in label[0]
    with psycopg.connect(loaded) as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("update core.fct_deals set branch_id = 'nowhere' where deal_id = 'TRAP01-A'")


def test_the_reader_reads_and_cannot_write(loaded: str) -> None:
    with psycopg.connect(loaded) as connection:
        connection.execute("set role kyoten_reader")
        assert connection.execute("select count(*) from core.fct_deals").fetchone() != (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from core.fct_deals")


def canonical(rows: list[tuple[Any, ...]]) -> list[str]:
    """Return rows in one order and spelling, numbers to nine digits."""

    def plain(value: Any) -> Any:
        if isinstance(value, float | Decimal | int) and not isinstance(value, bool):
            return f"{float(value):.9g}"
        return value.date() if isinstance(value, datetime) else value

    return sorted(repr([plain(value) for value in row]) for row in rows)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_questions_have_the_same_answers(loaded: str, release: duckdb.DuckDBPyConnection, question: str) -> None:
    query = QUESTIONS[question]
    expected, found = release.execute(query).fetchall(), ask(loaded, query)
    assert len(found) == len(expected) > 0
    if "\nlimit" not in query:  # equal ranks may be cut elsewhere
        assert canonical(found) == canonical(expected)


def test_hostile_texts_arrive_whole(built_home: Home, server: str, tmp_path: Path) -> None:
    home = copied(built_home, tmp_path)
    texts = [r"\N", "", 'a"b,c', "line\nbreak", r"back\slash", "'; drop table x; --", None]
    with duckdb.connect(str(home.published / "current" / "kyoten.duckdb")) as connection:
        ids = [
            i for (i,) in connection.execute("select customer_id from core.dim_customer order by 1 limit 7").fetchall()
        ]
        for customer, text in zip(ids, texts, strict=True):
            connection.execute("update core.dim_customer set customer_name = ? where customer_id = ?", [text, customer])
    postgres.load(home, server)
    found = ask(server, 'select customer_name from core.dim_customer order by customer_id collate "C" limit 7')
    assert [text for (text,) in found] == texts


def copied(home: Home, place: Path) -> Home:
    """Return a home with a release of a few tables."""
    copy = Home(place)
    (copy.published / "current").mkdir(parents=True)
    shutil.copyfile(home.published / "kyoten.duckdb", copy.published / "current" / "kyoten.duckdb")
    edit(copy, [f"drop schema {schema} cascade" for schema in ("attribution", "kpi", "segment", "semantic")])
    return copy


def edit(home: Home, statements: list[str]) -> None:
    with duckdb.connect(str(home.published / "current" / "kyoten.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_reader_sees_one_release_and_a_view_on_a_table_stops_the_next(
    built_home: Home, loaded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(built_home, tmp_path)
    edit(home, ["update ops.release set release_id = 'next'"])
    before = ask(loaded, "select release_id from ops.release")
    monkeypatch.setattr(postgres, "LOCK_SECONDS", 0.0)
    with psycopg.connect(loaded) as reader:
        reader.execute("select count(*) from core.fct_deals")
        with pytest.raises(KyotenError, match="PostgreSQL has the one before"):
            postgres.load(home, loaded)
        assert reader.execute("select release_id from ops.release").fetchall() == before
    with psycopg.connect(loaded, autocommit=True) as owner:
        owner.execute("create schema if not exists mine; create view mine.deals as select deal_id from core.fct_deals")
        with pytest.raises(KyotenError, match=r"mine\.deals"):
            postgres.load(home, loaded)
        assert ask(loaded, "select release_id from ops.release") == before
        owner.execute("drop view mine.deals")
    # An id that the source does not list stays, and its reference is declared without being held.
    edit(
        home,
        [
            "update core.fct_activities set staff_id = 'not listed'"
            " where activity_id = (select min(activity_id) from core.fct_activities)"
        ],
    )
    postgres.load(home, loaded)
    assert ask(loaded, "select release_id from ops.release") == [("next",)]
    unheld = ask(loaded, "select conname from pg_constraint where contype = 'f' and not convalidated")
    assert unheld == [("fct_activities__staff_id",)]


def test_a_server_that_is_not_there_is_named_without_the_password(built_home: Home, tmp_path: Path) -> None:
    home = copied(built_home, tmp_path)
    with pytest.raises(KyotenError) as raised:
        postgres.load(home, "postgresql://loader:secretword@127.0.0.1:1/x")  # pragma: allowlist secret
    assert "secretword" not in str(raised.value) and "kyoten postgres" in str(raised.value)


@pytest.mark.parametrize("step", ["_load_table", "_declare", "_swap", "_swap_at_once"])
def test_a_connection_that_is_lost_leaves_the_release_before(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    address = make_conninfo(server, dbname=f"lost{step}")
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(f"create database lost{step}")  # type: ignore[arg-type]
    home = Home(tmp_path / "home")
    for edition in (1, 2):
        _build(home, edition)
        _publish(home)
        if edition == 1:
            postgres.load(home, address)
    real = getattr(postgres, step)

    def losing(*arguments: Any) -> None:
        ask(server, f"select pg_terminate_backend(pid) from pg_stat_activity where datname = 'lost{step}'")
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(postgres, step, losing)
        with pytest.raises(NotLoadedError, match="is published, and PostgreSQL has the one before: "):
            postgres.load(home, address)
    edition_of = "select min(edition), max(edition) from (table core.fct_deals union all table core.fct_revenue) as e"
    assert ask(address, edition_of) == [(1, 1)]
    postgres.load(home, address)
    assert ask(address, edition_of) == [(2, 2)]


@long
def test_a_server_that_was_away_is_loaded_by_the_next_refresh(
    home_copy: Home, loaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = "postgresql://loader:secretword@127.0.0.1:1/x"  # pragma: allowlist secret
    before = (current_release(home_copy) or {})["release_id"]
    monkeypatch.setenv("KYOTEN_POSTGRES", away)
    monkeypatch.setattr(steps, "build_pages", lambda *_: None)
    said: list[str] = []
    with pytest.raises(NotLoadedError, match="is published, and PostgreSQL has the one before"):
        steps.release(home_copy, said.append)
    release = (current_release(home_copy) or {})["release_id"]
    assert release != before, "the release does not wait for PostgreSQL"
    assert postgres.is_expected(home_copy)

    still_away = run_cli(home_copy, "refresh", KYOTEN_POSTGRES=away)
    assert still_away.returncode == 1
    assert f"The release {release} is published, and PostgreSQL has the one before" in still_away.stderr
    assert "Not published" not in still_away.stderr and "secretword" not in still_away.stderr + still_away.stdout

    back = run_cli(home_copy, "refresh", KYOTEN_POSTGRES=loaded)
    assert back.returncode == 0 and "Loading PostgreSQL, which lacks the release" in back.stdout
    assert f"Nothing new since release {release}" in back.stdout
    assert ask(loaded, "select release_id from ops.release") == [(release,)]
    assert "Loading PostgreSQL" not in run_cli(home_copy, "refresh", KYOTEN_POSTGRES=loaded).stdout

    earlier = run_cli(home_copy, "rollback", before, "--reason", "prices were wrong", KYOTEN_POSTGRES=loaded)
    assert earlier.returncode == 0 and "PostgreSQL has this release, too." in earlier.stdout
    assert ask(loaded, "select release_id from ops.release") == [(before,)]
