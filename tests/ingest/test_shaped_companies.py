"""One company as Salesforce, HubSpot and kintone deliver it gives the marts of its contract-shaped original."""

import sys
from pathlib import Path

import pytest

from orchestration.home import PROJECT, Home
from orchestration.ingest import ingest
from orchestration.names import write_names
from orchestration.sample import generate
from tests.ingest import shapes
from tests.property.workshop import Workshop

SYSTEMS = {"salesforce": shapes.salesforce, "hubspot": shapes.hubspot, "kintone": shapes.kintone}
# The fewest deals that any shape of a branch has.
DEALS_BY_SHAPE = """
    select min(deals) from (
        select shape, count(distinct deal_id) as deals from partner_shapes
        left join branch_shapes using (partner_id, shape)
        left join deals on deals.branch_id = branch_shapes.branch_id or (shape = 3 and branch_text = branch_name)
        group by shape
    )"""
MAPPINGS = PROJECT / "examples" / "presets"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pandas", None)
        yield Workshop.opened(tmp_path_factory.mktemp("marts")).unguarded()


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("sample"))
    generate(home, 1_000, 7, lambda _: None)
    return home


def build(workshop: Workshop, home: Home, sources: Path | None) -> dict[str, list[str]]:
    home.landing.mkdir(parents=True, exist_ok=True)
    result = ingest(home, sources, progress=lambda _: None)
    assert not result.refused, [file.message for file in result.refused]
    write_names(home)
    return dict(workshop.build_lake(home).published())


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_gives_the_marts_of_the_original(workshop, sample, system, monkeypatch):
    mapping = MAPPINGS / f"{system}.yml"
    assert len(mapping.read_text(encoding="utf-8").splitlines()) < 40
    contract, shaped = Home(workshop.folder / "contract" / system), Home(workshop.folder / system)
    with shapes.cut_company(sample, system) as company:
        assert company.execute(DEALS_BY_SHAPE).fetchone()[0] >= 10
        shapes.land(company, contract)
        shapes.land_roster(company, shaped)
        SYSTEMS[system](company, shaped.root / "delivery")
    monkeypatch.setenv("CRM_EXPORTS", str(shaped.root / "delivery"))
    original, marts = build(workshop, contract, None), build(workshop, shaped, mapping)
    assert marts.keys() == original.keys()
    for table, rows in original.items():
        here, there = set(marts[table]), set(rows)
        assert (sorted(there - here)[:3], sorted(here - there)[:3]) == ([], []), table
        assert len(marts[table]) == len(rows), table
    assert len(original["attribution.deal_attribution"]) > 900
