"""For any file, every record is accepted or rejected, and every line belongs to one record."""

import csv
import io
import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.lake import records
from tests.conftest import examples
from tests.ingest.conftest import Desk

CELL = st.text(st.sampled_from(list('ab1,"\n\r \tあ')), max_size=5)
SOUND = st.sampled_from(["D1", "won", "5", "2026-04-01", "", '"a, b"', '"x ""y"""', '"two\nlines"', "2025-02-30", "１"])
LINE = st.one_of(
    st.lists(SOUND, min_size=4, max_size=4).map(",".join),
    st.lists(CELL, min_size=1, max_size=6).map(",".join),
    st.just(""),
)
FILE = st.tuples(st.lists(LINE, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
SPACES = " \u3000\u00a0\u2003\u1680\u205f"
FEW, MANY = examples(25), examples(300)


@FEW
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


@FEW
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n")), min_size=3, max_size=3)
    )
)
def test_valid_records_are_read_unchanged(rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
        with path.open(encoding="utf-8", newline="") as file:
            found = list(records.split(file, 3, ",", '"'))
    assert [record.fields for record in found] == [tuple(value or None for value in row) for row in rows]
    assert [record.number for record in found] == list(range(1, len(rows) + 1))


@FEW
@given(st.lists(CELL.map(lambda cell: cell + "\n"), max_size=20))
def test_every_line_belongs_to_one_record(lines):
    physical = "".join(lines).splitlines(keepends=True)
    found = list(records.split(physical, 2, ",", '"'))
    used = sum(1 + sum((value or "").count("\n") for value in r.fields or ()) for r in found)
    blank = sum(1 for line in physical if not line.strip())
    assert sum(1 for line in physical if line.strip()) <= used + blank
    assert [record.number for record in found] == list(range(1, len(found) + 1))


@MANY
@given(FILE, st.integers(1, 4), st.integers(1, 40), st.booleans())
def test_repairing_in_blocks_equals_reading_line_by_line(file, columns, chunk, returns):
    """Reading in blocks of any size has the same result as reading line by line."""
    lines, end, closed = file
    text = (end.join(lines) + (end if closed else "")).replace("b", "\r" if returns else "b")
    expected = list(records.split(io.StringIO(text, newline=""), columns, ",", '"'))
    mended = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_CHUNK", chunk)
        broken, longest = records.mend(io.BytesIO(text.encode()), mended, columns, ",", '"', "MARK")
    assert broken == [record for record in expected if record.fields is None]
    assert longest >= max((len(line) for line in mended.getvalue().splitlines()), default=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_bytes(mended.getvalue())
        names = {f"c{i}": "VARCHAR" for i in range(columns)}
        options = "auto_detect=false, header=false, strict_mode=true, delim=',', quote='\"', escape='\"'"
        read = f"FROM read_csv('{path}', columns={names}, {options}, new_line='\\n')"
        found = duckdb.sql(read).fetchall() if expected else []
    mark = ("MARK", *[None] * (columns - 1))
    assert found == [record.fields or mark for record in expected]


@MANY
@given(st.lists(st.lists(st.text(st.sampled_from(["a", "あ", ",", '"', "\n", "\r", *SPACES]), max_size=4), min_size=2)))
def test_no_value_that_needs_trimming_is_missed(rows):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    needs = any(value != value.strip() for row in rows for value in row)
    assert records.has_padding(b"\n" + text.getvalue().encode() + b"\n") >= needs


def test_space_within_values_needs_no_trimming():
    assert not records.has_padding('\nD1,山田\u3000太郎,2026-04-01 10:00:00,"a,b"\n'.encode())
