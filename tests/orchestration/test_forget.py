"""A person is removed from every file of a home, and from nothing else; the deals stay credited."""

import gzip
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import openpyxl
import psycopg
import pytest

from orchestration.errors import KyotenError
from orchestration.forget import WHY, forget, remaining
from orchestration.home import Home
from orchestration.lake.ingest import ingest
from orchestration.persons import Person
from orchestration.release import postgres
from orchestration.release.releases import current_release, kept_releases
from orchestration.release.verify import verify
from tests.conftest import long, run_cli
from tests.ingest.killing import kills
from tests.orchestration.test_publish import _publish

NAME, ADDRESS, REP = "鈴木 花子", "Hanako.Suzuki@p1.example", "REP-0001"
REPS = f"""rep_id,rep_name,rep_email,job_title
{REP},{NAME},{ADDRESS},主任
REP-00011,佐藤 次郎,info@p1.example,
REP-0002,鈴木 一郎,x{ADDRESS},
"""


def person(*, rep_id: str = REP, names: tuple[str, ...] = (NAME,), others: tuple[str, ...] = ()) -> Person:
    return Person.of(rep_id, [ADDRESS], names, others)


WRITTEN = [
    *(
        NAME,
        "鈴木　花子",
        "鈴木花子",
        f"担当は{NAME}様",
        ADDRESS.upper(),
        "ｈａｎａｋｏ．ｓｕｚｕｋｉ＠ｐ１．ｅｘａｍｐｌｅ",
    ),
    *(f"a,{REP},b", f'{{"rep_id": "{REP}"}}', f"{REP} {REP}", json.dumps(NAME), f"{REP}|2024-04-01"),
]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_value_is_found_however_it_is_written(text: str) -> None:
    one = person()
    assert one.is_in(text) and not one.is_in(one.in_text(text))
    assert one.pseudonym.casefold() in one.in_text(text).casefold()
    if "\\" in text:  # JSON in plain ASCII is a matter of files
        return
    query = f"select {one.found_in('t')}, {one.in_cell('t', 'false')} from (select ? as t)"
    found, new = duckdb.execute(query, [text]).fetchone()
    assert found and not one.is_in(new)


@pytest.mark.parametrize("text", ["REP-00011", "XREP-0001", "REP-0001-2", "鈴木 一郎", "鈴木商店", "suzuki@p1.example"])
def test_what_is_not_the_person_stays(text: str) -> None:
    one = person()
    assert one.in_text(text) == text
    row = duckdb.execute(f"select {one.found_in('t')}, {one.in_cell('t', 'true')} from (select ? t)", [text]).fetchone()
    assert row == (False, text)


def test_a_shared_name_goes_only_from_records_with_the_id() -> None:
    one = person(names=(NAME, "鈴木"), others=("鈴木　花子", "鈴木商店"))
    assert one.names == () and set(one.shared) == {NAME, "鈴木"}
    text = f"{REP},鈴木 花子,鈴木商店\nREP-0009,鈴木 花子,鈴木商店\n"
    assert one.in_text(text) == f"{one.pseudonym},{one.pseudonym},鈴木商店\nREP-0009,鈴木 花子,鈴木商店\n"
    rows = duckdb.execute(
        f"select {one.in_cell('name', f'id = {chr(39)}{REP}{chr(39)}')} from (values (?, ?), (?, ?)) as t(id, name)",
        [REP, "鈴木花子", "REP-0009", "鈴木花子"],
    ).fetchall()
    assert rows == [(one.pseudonym,), ("鈴木花子",)]


@pytest.mark.parametrize(("rep_id", "is_sure"), [("REP-0001", True), ("12", False), ("2024", False), ("rep", False)])
def test_an_id_that_may_mean_something_else_stays(rep_id: str, is_sure: bool) -> None:
    one = person(rep_id=rep_id)
    assert one.has_sure_id == is_sure
    assert (one.in_text(f"{rep_id},5") == f"{rep_id},5") != is_sure


def test_no_pseudonym_leads_back() -> None:
    first, second = person(), person()
    assert first.pseudonym != second.pseudonym, "chosen by chance, not computed from the person"


def land(home: Home) -> None:
    """Land reps in each format that holds texts, load them, publish a release, and plant the person in other files."""
    files = {"2026-04-01.csv": REPS.encode(), "2026-04-03.csv.gz": gzip.compress(REPS.encode("utf-8-sig"))}
    line = {"rep_id": REP, "rep_name": NAME, "rep_email": ADDRESS}
    files |= {"2026-04-04.jsonl": (json.dumps(line) + "\n").encode()}
    folder = home.landing / "reps"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"reps_{name}").write_bytes(content)
    rows = duckdb.from_query(f"select '{REP}' as rep_id, '{NAME}' as rep_name")
    rows.write_parquet(str(folder / "reps_2026-04-05.parquet"))
    deals = f"deal_id,stage,rep_id,rep_email\nD1,won,{REP},info@p1.example\nD2,won,{REP},private@p2.example\n"
    (home.landing / "deals").mkdir()
    (home.landing / "deals" / "deals_2026-04-01.csv").write_text(deals + "D3,won,,shared@p1.example\n")
    fetched = home.extracts / "crm" / "2026-04-02" / "reps.csv"
    fetched.parent.mkdir(parents=True)
    fetched.write_bytes(REPS.encode("cp932"))
    book = openpyxl.Workbook()
    for row in (["rep_id", "rep_name"], [REP, NAME], ["REP-0002", "鈴木 一郎"]):
        book.active.append(row)
    book.save(folder / "reps_2026-04-06.xlsx")
    result = ingest(home, None, timezone="Asia/Tokyo")
    assert not [file for file in result.files if file.read == 0], "every file was read"
    home.build.mkdir(exist_ok=True)
    with duckdb.connect(str(home.database)) as connection:
        connection.execute("create schema core; create schema intermediate")
        rows = f"select '{REP}' as deal_id, '{NAME}' as note, 5::decimal(18, 0) as amount"
        for name in ("fct_deals", "fct_revenue"):
            connection.execute(f"create table core.{name} as {rows}")
        connection.execute("create view intermediate.int_as_of as select date '2026-03-31' as as_of")
    _publish(home)
    _publish(home)
    for name in ("worklist/quarantine.csv", "logs/dbt.log.1", "data_docs/a.html", "truth/t.csv"):
        file = home.root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{NAME},{ADDRESS}\n")
    home.dagster.mkdir()
    with closing(sqlite3.connect(home.dagster / "runs.db")) as database:
        database.execute("create table event_logs (event text)")
        database.execute("insert into event_logs values (?)", [json.dumps({"message": NAME})])
        database.commit()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "it's a home")
    land(home)
    return home


def everything(home: Home) -> str:
    """Return the content of every file of a home as text, tables with their rows."""
    texts = []
    for path in sorted(home.root.rglob("*")):
        if path.is_file() and path.suffix == ".parquet":
            texts.append(str(duckdb.execute("from read_parquet(?)", [str(path)]).fetchall()))
        elif path.is_file():
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            texts += [content.decode(encoding, errors="ignore") for encoding in ("utf-8", "cp932")]
    for kept in kept_releases(home):
        with duckdb.connect(str(kept.folder / "kyoten.duckdb"), read_only=True) as connection:
            texts.append(str(connection.sql("from core.fct_deals").fetchall()))
    books = [openpyxl.load_workbook(path) for path in home.landing.rglob("*.xlsx")]
    texts += [str([[cell.value for cell in row] for row in book.active]) for book in books]
    return "\n".join(texts)


def test_nothing_of_the_person_remains_and_everything_of_others_does(home: Home) -> None:
    before = everything(home)
    for value in (NAME, ADDRESS, REP):
        assert value in before, "else this test finds nothing"
    others = before.count("鈴木 一郎")
    (home.root / "photo.bin").write_bytes(b"\x00\xff" + NAME.encode())

    lines = forget(home, REP)

    assert [line for line in lines if "photo.bin contains the person" in line], lines
    (home.root / "photo.bin").unlink()
    after = everything(home)
    # x… is the address of another person, and contains this one.
    assert (
        json.dumps(NAME)[1:-1] not in after
        and NAME not in after
        and f"'{REP}'" not in after
        and "鈴木花子" not in after
    )
    assert ADDRESS not in after.replace(f"x{ADDRESS}", "")
    assert "private@p2.example" not in after and "info@p1.example" in after and "shared@p1.example" in after
    assert after.count("鈴木 一郎") == others and "REP-00011" in after
    for kept in kept_releases(home):
        verify(home, kept.release_id)
        assert kept.manifest["forgotten"][0]["why"] == WHY
    assert not home.forget_mark.exists() and not list(home.root.rglob("*.forget"))


def test_the_ledger_has_the_new_hashes_and_nothing_is_read_again(home: Home) -> None:
    def loads() -> list[tuple]:
        columns = "file_name, file_sha256, rows_accepted, message, lake_file"
        path = str(home.lake / "loads" / "2*.parquet")
        return duckdb.execute(f"select {columns} from read_parquet(?) order by 1", [path]).fetchall()

    before = loads()
    forget(home, REP)
    after = loads()
    assert [row[0] for row in after] == [row[0] for row in before]
    for old, new in zip(before, after, strict=True):
        assert new[1] != old[1] and new[2] == old[2] and WHY in new[3]
        assert (home.lake / "raw" / new[0].split("/")[0] / new[4]).exists()
    rows = "select distinct file_name, file_sha256 from read_parquet(?)"
    raw = duckdb.execute(rows, [f"{home.lake}/raw/*/2*.parquet"])
    assert sorted(raw.fetchall()) == sorted((row[0], row[1]) for row in after)
    again = ingest(home, None, timezone="Asia/Tokyo")
    assert not again.files and loads() == after


@long
def test_a_kill_is_completed_by_the_next_run(home: Home, tmp_path: Path) -> None:
    before = shutil.copytree(home.root, tmp_path / "before", symlinks=True)

    def prepare() -> None:
        shutil.rmtree(home.root)
        shutil.copytree(before, home.root, symlinks=True)

    killed = 0
    for _ in kills(home.root, lambda: forget(home, REP), prepare, step=19):
        killed += 1
        if home.forget_mark.exists():
            assert (home.forget_mark.stat().st_mode & 0o077) == 0, "it holds names"
            with pytest.raises(KyotenError, match=f"Complete it: make forget REP={REP}"):
                home.require_whole()
            with pytest.raises(KyotenError, match="Complete it"):
                forget(home, "REP-0002")
            pseudonym = json.loads(home.forget_mark.read_text())["person"]["pseudonym"]
            assert pseudonym in forget(home, REP)[0], "one pseudonym for all"
        for kept in kept_releases(home):
            verify(home, kept.release_id)
        assert not ingest(home, None, timezone="Asia/Tokyo").files
        if killed > 1:
            assert NAME not in everything(home)
    assert killed > 3


def test_what_remains_is_found(home: Home) -> None:
    one = person()
    assert len(remaining(home, one)) > 10, "the search finds the person before"
    forget(home, REP)
    assert remaining(home, one) == []


def test_a_rep_without_a_name_is_not_there(home: Home) -> None:
    with pytest.raises(KyotenError, match="No extract has a name or address of rep REP-77"):
        forget(home, "REP-77")
    assert not home.forget_mark.exists()


def pages(home: Home) -> str:
    """Return the text of the pages of the current release."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (home.published / "pages").rglob("*.html"))


@long
def test_credit_stays(home_copy: Home, server: str) -> None:
    query = """
        select rep_id, rep_name, count(*), sum(amount) from core.fct_deals join core.dim_rep using (rep_id)
        where rep_email is not null group by all order by 4 desc, 1
    """
    totals = "select branch_id, count(*), sum(amount) from core.fct_deals group by all order by all"
    with duckdb.connect(str(home_copy.published / "kyoten.duckdb"), read_only=True) as connection:
        reps = connection.execute(query).fetchall()
        branches = connection.execute(totals).fetchall()
    before = pages(home_copy)
    rep_id, name, deals, amount = next(rep for rep in reps if rep[1] in before)
    in_postgres = "select count(*) from core.dim_rep where rep_name = %s"
    postgres.load(home_copy, server)
    with psycopg.connect(server) as copy:
        assert copy.execute(in_postgres, [name]).fetchone() != (0,)
    done = run_cli(home_copy, "forget", rep_id, KYOTEN_POSTGRES=server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not removed" not in done.stdout and "in PostgreSQL" in done.stdout
    assert name not in pages(home_copy), "a page is a part of the release"
    verify(home_copy, "current")
    with psycopg.connect(server) as copy:
        assert copy.execute(in_postgres, [name]).fetchone() == (0,)
    pseudonym = done.stdout.split()[4].rstrip(".")
    refreshed = run_cli(home_copy, "refresh")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert "ingest: 0 new files" in refreshed.stdout and name not in refreshed.stdout
    with duckdb.connect(str(home_copy.published / "kyoten.duckdb"), read_only=True) as connection:
        mine = f"select count(*), sum(amount) from core.fct_deals where rep_id = '{pseudonym}'"
        assert connection.execute(mine).fetchall() == [(deals, amount)]
        assert connection.execute(totals).fetchall() == branches
    assert (current_release(home_copy) or {})["checks"]["failed"] == 0
