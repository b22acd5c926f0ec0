"""Small files with the troubles that people report, from a folder next to the project; skipped where it is missing.

field_cases.csv has the right result of each case: a figure of the lake, the branch of each deal, or a part of the
refusal.
"""

import csv
import os
import shutil
from pathlib import Path

import pytest

from orchestration import engine, sql
from orchestration.contract import load_contract
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.lake.ingest import ingest
from orchestration.names.lake import write_names
from tests.property.workshop import Workshop

FOLDER = Path(os.environ.get("KYOTEN_FIELD_CASES") or PROJECT.parent / "shared" / "data" / "field_cases")
FIGURES = {
    "amount": "SELECT CAST(CAST(sum(amount) AS BIGINT) AS VARCHAR) FROM deals",
    "branches": "SELECT string_agg(branch_id, ' ' ORDER BY row_number) FROM deals",
    "created": "SELECT string_agg(created_at, ' ' ORDER BY row_number) FROM deals",
    "deals": "SELECT string_agg(DISTINCT deal_id, ' ' ORDER BY deal_id) FROM deals",
    "extracted": "SELECT CAST(max(extracted_on) AS VARCHAR) FROM branches",
    "focus": "SELECT string_agg(CAST(is_focus AS VARCHAR), ' ' ORDER BY row_number) FROM partners",
    "lines": "SELECT string_agg(product_id || ' ' || CAST(amount AS BIGINT), ', ') FROM deal_lines",
    "partner_text": "SELECT string_agg(partner_text, ' ' ORDER BY row_number) FROM deals",
    "won_on": "SELECT string_agg(won_on, ' ' ORDER BY row_number) FROM deals",
}
ATTRIBUTED = "SELECT string_agg(deal_id || ' ' || branch_id, ', ' ORDER BY deal_id) FROM attribution.deal_attribution"
with (Path(__file__).parent / "field_cases.csv").open(encoding="utf-8", newline="") as file:
    CASES = [(row["case"], row["result"], row["expected"]) for row in csv.DictReader(file)]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder of the cases is not there")
@pytest.mark.parametrize(("case", "result", "expected"), CASES)
def test_field_case(workshop: Workshop, tmp_path: Path, case: str, result: str, expected: str) -> None:
    home = Home(tmp_path / "home")
    home.landing.mkdir(parents=True)
    sources = None
    if (FOLDER / case / "landing").is_dir():
        shutil.copytree(FOLDER / case / "landing", home.landing, dirs_exist_ok=True)
    if (FOLDER / case / "sources.yml").is_file():
        sources = tmp_path / "sources.yml"
        mapping = (FOLDER / case / "sources.yml").read_text(encoding="utf-8")
        sources.write_text(mapping.replace("../shared/data/field_cases", str(FOLDER)), encoding="utf-8")
    try:
        loaded = ingest(home, sources, progress=lambda _: None)
    except KyotenError as error:
        assert (result, expected in str(error)) == ("refused", True), error
        return
    with engine.connect(home) as connection:
        read = "SELECT * FROM read_parquet({}, union_by_name=true)"
        for dataset in load_contract().datasets:
            lake = sql.text(f"{home.lake}/raw/{dataset}/*.parquet")
            connection.execute(f"CREATE VIEW {sql.name(dataset)} AS {read.format(lake)}")
        rejected = connection.execute(read.format(sql.text(f"{home.lake}/rejected/*.parquet"))).fetchall()
        if result == "refused":
            said = [file.message for file in loaded.refused] + [" ".join(map(str, row)) for row in rejected]
            assert any(expected in message for message in said), said
            return
        assert not loaded.refused and not loaded.held and not rejected
        if result in FIGURES:
            assert connection.execute(FIGURES[result]).fetchone() == (expected,)
            return
    write_names(home)
    assert result == "attributed"
    found: list[tuple[str, ...]] = []
    with workshop.deciding().plan.build(tmp_path / "build", ["deal_attribution"], home=home) as connection:
        found = connection.execute(ATTRIBUTED).fetchall()
    assert found == [(expected,)]
