"""Files that grow or vanish while they are read, and a clock that jumps: the next run equals an undisturbed one."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.lake import batch, readers
from tests.ingest.conftest import Desk

PARTNERS = "partner_id,partner_name\nP1,A\n"
HEADER = "deal_id,stage\n"
FIRST, WHOLE = HEADER + "D1,won\nD2,won\n", HEADER + "D1,won\nD2,won\nD3,open\n"


@pytest.mark.parametrize("moment", ["examine", "open_scan", "balances"])
@pytest.mark.parametrize("how", ["grows", "vanishes", "is replaced"])
def test_a_file_that_changes_while_it_is_read_is_loaded_by_the_next_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: str, how: str
) -> None:
    """Before its hash is taken, before it is opened, and after it was read."""
    path = desk.land("deals/deals_2026-04-01.csv", FIRST)
    desk.land("partners/partners_2026-04-01.csv", PARTNERS)
    real = getattr(readers, moment)

    def disturbed(*arguments: Any, **named: Any) -> Any:
        if (Path(path).exists() and path.read_text() == FIRST and path in arguments) or moment == "balances":
            if how == "vanishes":
                path.unlink(missing_ok=True)
            else:
                path.write_text(WHOLE if how == "grows" else WHOLE.replace("won", "open"))
        return real(*arguments, **named)

    monkeypatch.setattr(readers, moment, disturbed)
    result = desk.load(expectations=None)
    assert desk.query("SELECT count(*) FROM raw_deals") == [(0,)], "no part of it"
    assert desk.query("SELECT partner_id FROM raw_partners") == [("P1",)], "the other file is loaded"
    assert len(result.refused) == 1
    monkeypatch.undo()
    content = WHOLE.replace("won", "open") if how == "is replaced" else WHOLE
    desk.land("deals/deals_2026-04-01.csv", content, seconds=1_800_000_000)
    assert desk.load(expectations=None).refused == []
    undisturbed = Desk(desk.home.root.parent / "undisturbed")
    undisturbed.land("deals/deals_2026-04-01.csv", content, seconds=1_800_000_000)
    undisturbed.load(expectations=None)
    assert desk.lake() == undisturbed.lake() != []


def test_a_clock_that_was_set_back_does_not_bring_replaced_rows_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger is replayed by time, so each load has a later time than those before it."""
    start = datetime(2026, 5, 1)
    for day, rows in ((0, "D1,won\n"), (-1, "D1,lost\n"), (-2, "D1,open\n")):

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None, moment: datetime = start + timedelta(days=day)) -> datetime:
                return moment

        monkeypatch.setattr(batch, "datetime", Clock)
        desk.land("deals/deals_2026-04-01.csv", HEADER + rows, seconds=1_800_000_000 + abs(day))
        assert desk.load(expectations=None).refused == []
        assert desk.query("SELECT deal_id || ',' || stage || chr(10) FROM raw_deals") == [(rows,)]
        assert not desk.load(expectations=None).files, "nothing is new or lost"
