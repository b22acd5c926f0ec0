"""Batch rules on files as they land: what misses an expectation does not go in, and what was there stays."""

from collections.abc import Callable, Iterable
from datetime import date

DAY, NEXT = "2026-04-01", "2026-04-02"


def csv_of(header: str, rows: Iterable[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def branches(ids: Iterable[int]) -> str:
    return csv_of("branch_id,partner_id,branch_name", (f"B{i},P,支店{i}" for i in ids))


def deals(row: Callable[[int], str], header: str = "deal_id,stage,currency,amount,updated_at") -> str:
    return csv_of(header, (row(i) for i in range(40)))


def sound(i: int) -> str:
    return f"D{i},won,JPY,{1000 + i},2026-03-{i % 28 + 1:02} 10:00:00"


def test_a_roster_that_lost_half_its_branches_does_not_go_in(desk):
    desk.land(f"branches/a_{DAY}.csv", branches(range(40)))
    assert not desk.load().held
    desk.land(f"branches/a_{NEXT}.csv", branches(range(20)))

    for _ in range(2):
        (held,) = desk.load().held
        assert desk.query("SELECT extracted_on, count(*) FROM raw_branches GROUP BY 1") == [(date(2026, 4, 1), 40)]
        for words in (
            f"landing/branches/{NEXT} (branches/a_{NEXT}.csv) is held",
            "share of keys vanished is 0.5, expected at most 0.2, against the extract of 2026-04-01 (B20, B21, B22)",
            "rows ÷ rows before is 0.5, expected at least 0.8 and at most 3",
            f"make accept BATCH=landing/branches/{NEXT} BY=",
        ):
            assert words in held.message
    assert desk.query("SELECT count(*) FROM loads WHERE status = 'held' AND rows_read = 0") == [(1,)]  # said once
    assert (desk.home.landing / "branches" / f"a_{NEXT}.csv").exists()
