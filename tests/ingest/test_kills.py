"""An ingest that is killed loses nothing, also if landing/ changes before the next one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.lake import batch, ledger
from orchestration.names.lake import write_names
from tests.ingest.conftest import Desk
from tests.ingest.killing import STEP, kills

OLD = "deal_id,stage,amount\nD1,won,1\nD2,won,2\nD3,won,3\nD4,won,4\nD5,won,x\nD6,open,6\n"
NEW = "deal_id,stage,amount\nD1,won,10\nD2,won,20\nD7,won,y\n"
# One row is also in the other file, which is not delivered again: its lake file is written again.
OTHER = "deal_id,stage,amount\nD8,won,8\nD9,won,9\n"
REPEATING = "deal_id,stage,amount\nD8,lost,8\n"


def before(desk: Desk) -> None:
    desk.land("deals/deals_2026-04-01.csv", OLD)
    desk.land("deals/other_2026-04-01.csv", OTHER)
    desk.load(expectations=None)


def change(desk: Desk) -> None:
    desk.land("deals/deals_2026-04-01.csv", NEW, seconds=1_800_000_000)
    (desk.home.landing / "deals" / "other_2026-04-01.csv").unlink()
    desk.land("deals/repeating_2026-04-01.csv", REPEATING)
    desk.land("partners/partners_2026-04-01.csv", "partner_id,partner_name\nP1,A\n")


def nothing(desk: Desk) -> None:
    pass


def take_away(desk: Desk) -> None:
    for path in desk.home.landing.rglob("*.csv"):
        path.unlink()


def put_back(desk: Desk) -> None:
    desk.land("deals/deals_2026-04-01.csv", OLD, seconds=1_900_000_000)
    (desk.home.landing / "deals" / "repeating_2026-04-01.csv").unlink()


def content(desk: Desk) -> tuple[Any, ...]:
    """Return the accepted and the rejected rows, and check that ledger and lake agree and nothing is left over."""
    rows = tuple(desk.lake(dataset, "loaded_at, file_sha256") for dataset in ("deals", "partners"))
    rejected = desk.query("SELECT file_name, row_number, column_name, value FROM rejected ORDER BY ALL")
    with duckdb.connect() as connection:
        entries = [e for e in batch.State.of(ledger.read(connection, desk.home)).loaded.values() if e.dataset]
        of_ledger = {ledger.lake_file(desk.home, entry): entry.rows_accepted for entry in entries}
        of_lake = {
            path: connection.execute(f"SELECT count(*) FROM '{path}'").fetchone()[0]  # type: ignore[index]
            for path in (desk.home.lake / "raw").rglob("*.parquet")
            if path.name != "_schema.parquet"
        }
    left = [path for path in desk.home.root.rglob("*") if path.name.endswith(".unfinished") or path.name == ".commit"]
    assert left == [] and not (desk.home.lake / ".staging").exists()
    return *rows, rejected, of_lake == of_ledger


def kill_everywhere(folder: Path, then: Callable[[Desk], None], step: int) -> tuple[int, list[int]]:
    """Kill an ingest before each change; return how many kills there were, and those after which rows are wrong."""
    start = Desk(folder / "start")
    before(start)
    whole = []
    for loads in (True, False):  # the next run may find the killed one done or not begun
        desk = Desk(folder / f"whole{loads}")
        before(desk)
        change(desk)
        if loads:
            desk.load(expectations=None)
        then(desk)
        desk.load(expectations=None)
        whole.append(content(desk))
        assert whole[-1][-1], "ledger and lake agree"
    killed = Desk(folder / "killed")

    def prepare() -> None:
        shutil.rmtree(killed.home.root)
        shutil.copytree(start.home.root, killed.home.root)
        change(killed)

    number, wrong = 0, []
    for number in kills(killed.home.root, lambda: killed.load(expectations=None), prepare, step):
        then(killed)
        killed.load(expectations=None)
        if content(killed) not in whole:
            wrong.append(number)
    return number, wrong


@pytest.mark.parametrize("then", [nothing, take_away, put_back])
def test_a_kill_at_any_change_of_a_file_loses_nothing(tmp_path: Path, then: Callable[[Desk], None]) -> None:
    number, wrong = kill_everywhere(tmp_path, then, STEP)
    assert number > 20 and wrong == []


def test_the_kills_find_a_commit_that_deletes_before_the_ledger_is_written(tmp_path, monkeypatch):
    write = ledger.write

    def delete_and_write(connection, home, entries):
        for name in json.loads(home.commit_mark.read_text())["obsolete"]:
            (home.lake / name).unlink()
        write(connection, home, entries)

    monkeypatch.setattr(ledger, "write", delete_and_write)
    # What was deleted is not delivered any more: the next run refuses, and its rows differ.
    _, wrong = kill_everywhere(tmp_path, take_away, 2)
    assert wrong


def test_a_kill_while_names_are_written_is_undone_by_the_next_run(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    before(desk)
    desk.land("partners/partners_2026-04-01.csv", "partner_id,partner_name\nP1,みなと商会\n")
    desk.load(expectations=None)
    write_names(desk.home)

    def names() -> list[bytes]:
        return [path.read_bytes() for path in sorted(desk.home.lake.glob("*/names.parquet"))]

    def prepare() -> None:
        for path in desk.home.lake.glob("*/names.parquet"):
            path.write_bytes(older[path]) if older else path.unlink()

    older: dict[Path, bytes] = {}
    found = 0
    for _ in range(2):  # names for the first time, and in place of older ones
        whole, others = names(), {path: path.read_bytes() for path in desk.home.lake.glob("*/names.parquet")}
        assert len(whole) > 2
        for _ in kills(desk.home.root, lambda: write_names(desk.home), prepare, STEP):
            write_names(desk.home)
            assert names() == whole
            assert list(desk.home.root.rglob("*.unfinished")) == [] and not (desk.home.build / "names").exists()
            found += 1
        older = others
        desk.land("partners/partners_2026-04-02.csv", "partner_id,partner_name\nP1,みなと商事\n")
        desk.load(expectations=None)
        write_names(desk.home)
    assert found > 20 // STEP
