"""Any bytes in a file or in the mapping give a load or a message, and no record is lost."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.errors import KyotenError
from orchestration.sources.mapping import load_mapping
from orchestration.spreadsheet import safe_cell
from tests.conftest import SCALE, examples
from tests.fuzz import fuzz
from tests.ingest.conftest import Desk

PARTS = [
    b"deal_id", b"stage", b"amount", b"1", b"won", b",", b",", b"\n", b"\n", b"\r\n", b'"', b"'", b"\0", b"\xff",
    "合計".encode(), "㈱".encode("cp932"), b"\xef\xbb\xbf", b"=cmd|'/C calc'!A0", b"'; DROP TABLE rejects; --", b"\t",
]  # fmt: skip
BYTES = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PARTS), max_size=40).map(b"".join))
ENDINGS = st.sampled_from(["csv", "tsv", "json", "jsonl", "csv.gz", "parquet", "xlsx"])
YAML = """sources:
  crm:
    path: {path}
    settings: {{won: [受注]}}
    files:
      d: {{pattern: [d, "d.csv"], encoding: cp932, skip_rows: 1, footer: 合計, columns: {{a, b: [c]}}, prefixes: p_}}
    tables: {{t: SELECT * FROM d}}
    datasets:
      deals: {{from: d, columns: {{deal_id: a, stage: b}}, amounts: {{amount: 円}}, dates: {{won_on: [era, ymd]}}}}
"""
QUICK = settings(examples(80), deadline=5000)


@QUICK
@given(content=BYTES, ending=ENDINGS, with_header=st.booleans())
def test_any_bytes_are_loaded_rejected_or_refused(content: bytes, ending: str, with_header: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder) / "home")
        desk.land(f"deals/a_2026-04-01.{ending}", (b"deal_id,stage,amount\n" if with_header else b"") + content)
        (result,) = desk.load(expectations=None).files
        assert result.message or result.status == "loaded"
        assert result.read == result.accepted + result.rejected
        assert desk.query("SELECT count(*) FROM raw_deals") == [(result.accepted,)]
        assert desk.query("SELECT count(*) FROM rejected") == [(result.rejected,)]
        assert {path.name for path in Path(folder).iterdir()} == {"home"}


@QUICK
@given(
    at=st.integers(0, len(YAML)),
    cut=st.integers(0, 12),
    put=st.text(alphabet="{}[]:,&*!|>-#'\"%@= \n\t\0aé合1", max_size=6),
)
def test_any_mapping_is_read_or_gets_a_message(at: int, cut: int, put: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = YAML.format(path=folder)
        path = Path(folder) / "sources.yml"
        path.write_text(text[:at] + put + text[at + cut :], encoding="utf-8")
        try:
            load_mapping(path)
        except KyotenError as error:
            assert "sources.yml" in str(error)


@pytest.mark.parametrize("start", list("=+-@\t\r"))
def test_exported_cells_are_no_formulas(start: str) -> None:
    assert not safe_cell(f"{start}cmd|'/C calc'!A0").startswith(tuple("=+-@\t\r"))


def test_files_that_were_spoilt_by_structure() -> None:
    """`make fuzz` tries more of them; see docs/reliability.md."""
    total, wrong = fuzz(40 * SCALE, seed=1, sizes=(40, 20))
    assert wrong == []
    assert total.formats.total() + total.mappings.total() >= 40 * SCALE


def test_a_file_that_is_lost_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows that the rules can fail: a reader that keeps no rejected row, and a process that ends."""
    monkeypatch.setattr("orchestration.lake.landed.reject", lambda *_: None)
    _, (wrong,) = fuzz(40, seed=1, sizes=(40, 10))
    assert "Error" in wrong
    monkeypatch.setattr("orchestration.lake.landed.reject", lambda *_: os._exit(6))
    _, (wrong,) = fuzz(40, seed=1, sizes=(40, 10))
    assert "the process was lost (exit status 6)" in wrong
