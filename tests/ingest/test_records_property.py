"""Whatever is in a file, every record of it is accepted or rejected, and every line belongs to one of them."""

import csv
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.ingest import records
from tests.ingest.conftest import Desk

CELL = st.text(st.sampled_from(list('ab1,"\n\r \tあ')), max_size=5)
SOUND = st.sampled_from(["D1", "won", "5", "2026-04-01", "", '"a, b"', '"x ""y"""', '"two\nlines"', "2025-02-30", "１"])
LINE = st.one_of(
    st.lists(SOUND, min_size=4, max_size=4).map(",".join),
    st.lists(CELL, min_size=1, max_size=6).map(",".join),
    st.just(""),
)
FILE = st.tuples(st.lists(LINE, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
RELAXED = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@RELAXED
@given(FILE)
def test_read_is_accepted_plus_rejected(file):
    lines, end, closed = file
    text = end.join(["deal_id,stage,amount,won_on", *lines]) + (end if closed else "")
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        desk.land("deals/a_2026-04-01.csv", text)
        result = desk.only()
        assert result.status == "loaded", result.message
        assert result.read == result.accepted + result.rejected
        numbers = desk.query("SELECT row_number FROM raw_deals UNION ALL SELECT row_number FROM rejected ORDER BY 1")
        assert [row[0] for row in numbers] == list(range(1, result.read + 1))


@RELAXED
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n")), min_size=3, max_size=3)
    )
)
def test_sound_records_come_back_as_they_were_written(rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
        with path.open(encoding="utf-8", newline="") as file:
            found = list(records.split(file, 3, ",", '"'))
    assert [record.fields for record in found] == [tuple(value or None for value in row) for row in rows]
    assert [record.number for record in found] == list(range(1, len(rows) + 1))


@RELAXED
@given(st.lists(CELL.map(lambda cell: cell + "\n"), max_size=20))
def test_every_line_belongs_to_one_record(lines):
    physical = "".join(lines).splitlines(keepends=True)
    found = list(records.split(physical, 2, ",", '"'))
    used = sum(1 + sum((value or "").count("\n") for value in r.fields or ()) for r in found)
    blank = sum(1 for line in physical if not line.strip())
    assert sum(1 for line in physical if line.strip()) <= used + blank
    assert [record.number for record in found] == list(range(1, len(found) + 1))
