"""The lake depends on the delivered content, not on repeats, order or the number of files."""

import itertools
from datetime import date

import pytest

H = "deal_id,stage,amount,updated_at\n"


def test_same_file_twice_is_loaded_once(desk):
    desk.land("deals/a_2026-04-01.csv", f"{H}D1,won,1,\n")
    assert len(desk.load().files) == 1
    before = desk.lake(apart="loaded_at")
    assert desk.load().files == ()
    desk.land("deals/b_2026-04-01.csv", f"{H}D1,won,1,\n")
    assert [(f.file_name, f.status) for f in desk.load().files] == [("deals/b_2026-04-01.csv", "repeat")]
    assert desk.load().files == ()
    assert desk.lake(apart="loaded_at") == before


def test_same_content_of_another_day_is_another_extract(desk):
    for day in ("2026-04-01", "2026-04-02"):
        desk.land(f"deals/a_{day}.csv", f"{H}D1,won,1,\n")
    desk.load()
    assert desk.query("SELECT extracted_on FROM raw_deals ORDER BY 1") == [(date(2026, 4, 1),), (date(2026, 4, 2),)]


def test_touched_file_with_the_same_content_is_not_loaded_again(desk):
    desk.land("deals/a_2026-04-01.csv", f"{H}D1,won,1,\n", seconds=1_000_000)
    desk.load()
    desk.land("deals/a_2026-04-01.csv", f"{H}D1,won,1,\n", seconds=2_000_000)
    assert [f.status for f in desk.load().files] == ["repeat"]
    assert desk.load().files == ()
    assert len(desk.lake()) == 1


def test_unchanged_file_is_not_read_again(desk):
    path = desk.land("deals/a_2026-04-01.csv", f"{H}D1,won,1,\n", seconds=1_000_000)
    desk.load()
    desk.land("deals/a_2026-04-01.csv", f"{H}D1,won,2,\n", seconds=1_000_000)  # same size and time, so not noticed
    assert path.stat().st_size and desk.load().files == ()


def test_rewritten_file_replaces_its_rows(desk):
    desk.land("deals/a_2026-04-01.csv", f"{H}D1,won,1,\nD2,won,x,\n", seconds=1_000_000)
    desk.load()
    assert len(desk.rejected()) == 1
    desk.land("deals/a_2026-04-01.csv", f"{H}D1,won,5,\nD2,won,2,\n", seconds=2_000_000)
    desk.load()
    assert desk.query("SELECT deal_id, amount::int FROM raw_deals ORDER BY 1") == [("D1", 5), ("D2", 2)]
    assert desk.rejected() == []


def test_revision_is_stored_next_to_the_extract_that_it_corrects(desk):
    desk.land("deals/a_2026-04-01.csv", f"{H}D1,won,1,\n")
    desk.land("deals/a_2026-04-01_r2.csv", f"{H}D1,won,1,\n")
    desk.load()
    assert desk.query("SELECT extract_revision FROM raw_deals ORDER BY 1") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("rows", "accepted", "expected"),
    [
        (["D1,won,1,", "D1,won,1.0,"], [1], "same row again"),
        (["D1,won,1,", "D1,won,2,"], [], "2 rows have this key and differ"),
        (["D1,won,1,2026-01-01", "D1,won,2,2026-01-02"], [2], "older row of this key"),
        (["D1,won,1,2026-01-02", "D1,won,2,"], [1], "older row of this key"),
        (["D1,won,1,2026-01-02", "D1,won,2,2026-01-02"], [], "differ"),
        (["D1,won,1,2026-01-01", "D1,won,2,2026-01-02", "D1,won,2,2026-01-02"], [2], "same row again"),
    ],
)
def test_rule_for_a_repeated_key(desk, rows, accepted, expected):
    desk.land("deals/a_2026-04-01.csv", H + "D0,won,9,\n" + "\n".join(rows) + "\n")
    result = desk.only()
    assert result.read == result.accepted + result.rejected == len(rows) + 1
    found = desk.query("SELECT row_number - 1 FROM raw_deals WHERE deal_id = 'D1' ORDER BY 1")
    assert [row[0] for row in found] == accepted
    assert any(expected in row[3] for row in desk.rejected())
    assert all(row[1] == "deal_id" and row[2] == "deal_id=D1" for row in desk.rejected())


def test_null_equals_null_in_a_key(desk):
    desk.land("rep_assignments/a_2026-04-01.csv", "rep_id,branch_id,valid_from\nR1,B1,\nR1,B1,\n")
    assert desk.only().accepted == 1


PIECES = {
    "deals/a_2026-04-01.csv": f"{H}D1,won,1,\nD2,won,1,2026-01-01\nD3,won,3,\n",
    "deals/b_2026-04-01.csv": f"{H}D1,won,2,\nD2,won,2,2026-01-02\nD4,won,4,\n",
    "deals/c_2026-04-01.csv": f"{H}D1,won,1,\nD2,won,3,2026-01-03\nD3,won,3,\nD5,won,x,\n",
}


@pytest.mark.parametrize("order", list(itertools.permutations(PIECES)))
def test_splitting_a_delivery_over_refreshes_changes_nothing(new_desk, order):
    at_once, split = new_desk(), new_desk()
    for name, content in PIECES.items():
        at_once.land(name, content)
    at_once.load()
    for name in order:
        split.land(name, PIECES[name])
        split.load()
    assert split.lake() == at_once.lake()
    whole = "SELECT * EXCLUDE (loaded_at) FROM rejected ORDER BY ALL"
    assert split.query(whole) == at_once.query(whole)
    kept = """SELECT DISTINCT ON (file_name) file_name, rows_accepted, rows_rejected
        FROM loads ORDER BY file_name, loaded_at DESC"""
    assert split.query(kept) == at_once.query(kept)


def test_rows_of_a_file_that_has_left_landing_still_count(desk):
    path = desk.land("deals/a_2026-04-01.csv", f"{H}D1,won,1,\nD2,won,1,\n")
    desk.load()
    path.unlink()
    desk.land("deals/b_2026-04-01.csv", f"{H}D1,won,2,\nD3,won,1,\n")
    desk.load()
    assert [r[0] for r in desk.query("SELECT deal_id FROM raw_deals ORDER BY 1")] == ["D2", "D3"]
    assert len(desk.rejected()) == 2
    assert desk.load().files == ()


def test_interrupted_run_is_simply_run_again(desk, monkeypatch):
    from orchestration.lake import ledger

    desk.land("deals/a_2026-04-01.csv", PIECES["deals/a_2026-04-01.csv"])
    desk.load()
    desk.land("deals/b_2026-04-01.csv", PIECES["deals/b_2026-04-01.csv"])

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "write", cut)
        with pytest.raises(KeyboardInterrupt):
            desk.load()
    desk.load()
    assert [r[0] for r in desk.query("SELECT deal_id FROM raw_deals ORDER BY 1")] == ["D2", "D3", "D4"]
    assert desk.query("SELECT count(*), count(DISTINCT (file_name, row_number)) FROM rejected") == [(3, 3)]
    assert not list(desk.home.lake.rglob("*.unfinished"))
    assert not (desk.home.lake / ".staging").exists()
