"""The contract as Python values, old lake files under a newer contract, and the check for new files."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration import contract as contracts
from orchestration.contract import load_contract
from orchestration.errors import KyotenError
from orchestration.home import CONTRACT, PROJECT
from orchestration.sources import landing
from orchestration.sources.landing import fingerprint


def test_contract_is_read_completely():
    contract = load_contract()
    deals = contract.datasets["deals"]
    assert deals.key == ("deal_id",)
    assert (deals.columns["stage"].required, deals.columns["amount"].required) == (True, False)
    assert deals.columns["amount"].duckdb_type == "DECIMAL(18,4)"
    assert contract.datasets["fx_rates"].columns["base_per_unit"].duckdb_type == "DECIMAL(18,8)"
    assert deals.columns["deal_type"].values == ("new", "renewal", "upsell")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 4", "version: one", "version"),
        ("key: [deal_id]", "key: [deal_idd]", "did you mean deal_id?"),
        ("amount: decimal", "amount: number", "unknown type 'number'"),
        ("extract: delta", "extract: some", "full or delta"),
        ("deal_id: text!", "file_name: text!", "the lake adds"),
        ("datasets:", "dataset:", "no `datasets:`"),
        ("version: 4", "version: [", "not valid YAML"),
    ],
)
def test_contract_errors_have_a_place(tmp_path, old, new, expected):
    path = tmp_path / "contract.yml"
    path.write_text(CONTRACT.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KyotenError, match=r"contract\.yml") as error:
        load_contract(path)
    assert expected in str(error.value)


def test_lake_files_of_an_older_contract_stay_readable(desk, monkeypatch):
    desk.land("deals/a_2026-04-01.csv", "deal_id,stage,region\nD1,won,北\n")
    desk.load()
    old = load_contract()
    deals = old.datasets["deals"]
    wider = replace(deals, columns={**deals.columns, "region": contracts.Column("region", "text")})
    new = replace(old, version=old.version + 1, datasets={**old.datasets, "deals": wider})
    monkeypatch.setattr(contracts, "load_contract", lambda *_: new)
    monkeypatch.setattr(landing, "load_contract", lambda *_: new)
    desk.land("deals/b_2026-05-01.csv", "deal_id,stage,region\nD2,won,南\n")
    desk.load()
    rows = desk.query("SELECT deal_id, region, extra_columns FROM raw_deals ORDER BY 1")
    assert rows == [("D1", None, '{"region":"北"}'), ("D2", "南", None)]
    assert desk.query("SELECT contract_version FROM loads ORDER BY loaded_at") == [(old.version,), (new.version,)]


def test_every_dataset_is_an_empty_table_before_anything_is_loaded(desk):
    desk.load()
    for dataset in load_contract().datasets:
        assert desk.query(f"SELECT count(*) FROM raw_{dataset}") == [(0,)]
    assert desk.query("SELECT (SELECT count(*) FROM loads), (SELECT count(*) FROM rejected)") == [(0, 0)]


def test_fingerprint_changes_when_and_only_when_something_changes(desk, tmp_path):
    seen = [fingerprint(desk.home)]

    def is_new(sources: Path | None = None) -> bool:
        seen.append(fingerprint(desk.home, sources))
        return seen[-1] not in seen[:-1]

    assert not is_new()
    desk.land("deals/a_2026-04-01.csv", "x", seconds=1)
    assert is_new()
    desk.land("deals/.DS_Store", "x")
    desk.load()
    assert not is_new()
    desk.land("deals/a_2026-04-01.csv", "x", seconds=2)
    assert is_new()
    desk.land("deals/a_2026-04-01.csv", "xy", seconds=2)
    assert is_new()
    (tmp_path / "crm").mkdir()
    mapping = tmp_path / "sources.yml"
    mapping.write_text(f"sources: {{crm: {{path: {tmp_path}/crm, files: {{a: a.csv}}, datasets: {{}}}}}}")
    assert is_new(mapping)
    (tmp_path / "crm" / "a.csv").write_text("x")
    assert is_new(mapping)
    (tmp_path / "crm" / "other.csv").write_text("x")
    assert not is_new(mapping)
    mapping.write_text(mapping.read_text() + "\n")
    assert is_new(mapping)
    mapping.write_text("sources: [")
    assert is_new(mapping)


def test_fingerprint_does_not_import_duckdb():
    code = (
        "import sys, pathlib; from orchestration.home import Home; "
        "from orchestration.sources.landing import fingerprint; "
        "fingerprint(Home(pathlib.Path('nowhere')), pathlib.Path('examples/maven_crm/clean.yml')); "
        "print(sorted({'duckdb', 'dagster', 'dbt', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, env=os.environ)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("name", "day", "revision"),
    [
        ("deals/a_2026-04-01.csv", "2026-04-01", 1),
        ("deals/a_20260401_r3.csv.gz", "2026-04-01", 3),
        ("deals/20260401093000.csv", "2026-04-01", 1),
        ("deals/2026-04-01/part-20269999.csv", "2026-04-01", 1),
        ("deals/rep_r2d2.csv", "1970-01-02", 1),
    ],
)
def test_extract_date_and_revision(desk, name, day, revision):
    desk.land(name, "x", seconds=60_000)  # 1970-01-01 16:40 UTC is the next day in Tokyo
    (file,) = landing.scan(desk.home)
    assert (str(file.extracted_on), file.revision, file.problem) == (day, revision, "")
