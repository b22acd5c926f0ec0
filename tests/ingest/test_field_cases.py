"""Small files with the troubles that people report, from a folder next to the project; skipped where it is missing.

field_cases.csv has the right result of each case: a figure of its deals, or a part of the refusal.
"""

import csv
import os
from pathlib import Path
from typing import Any

import pytest

from orchestration.home import PROJECT

FOLDER = Path(os.environ.get("KYOTEN_FIELD_CASES") or PROJECT.parent / "shared" / "data" / "field_cases")
FIGURES = {
    "amount": "CAST(CAST(sum(amount) AS BIGINT) AS VARCHAR)",
    "deals": "CAST(count(*) AS VARCHAR)",
    "branches": "string_agg(branch_id, ' ' ORDER BY row_number)",
    "created": "CAST(min(created_at) AS VARCHAR)",
}
with (Path(__file__).parent / "field_cases.csv").open(encoding="utf-8", newline="") as file:
    CASES = [(row["case"], row["result"], row["expected"]) for row in csv.DictReader(file)]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder of the cases is not there")
@pytest.mark.parametrize(("case", "result", "expected"), CASES)
def test_field_case(desk: Any, tmp_path: Path, case: str, result: str, expected: str) -> None:
    mapping = (FOLDER / case / "sources.yml").read_text(encoding="utf-8")
    (tmp_path / "s.yml").write_text(mapping.replace("../shared/data/field_cases", str(FOLDER)), encoding="utf-8")
    loaded = desk.load(tmp_path / "s.yml")
    if result == "refused":
        said = [file.message for file in loaded.refused] + [remedy for *_, remedy in desk.rejected()]
        assert any(expected in message for message in said), said
    else:
        assert not loaded.refused and not loaded.held
        assert desk.rejected() == []
        assert desk.query(f"SELECT {FIGURES[result]} FROM raw_deals") == [(expected,)]
