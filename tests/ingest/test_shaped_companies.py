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

SYSTEMS = {"salesforce": shapes.salesforce}
MAPPINGS = PROJECT / "examples" / "presets"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pandas", None)
        yield Workshop.opened(tmp_path_factory.mktemp("marts")).unguarded()


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("company"))
    generate(home, 1_000, 7, lambda _: None)
    with shapes.cut_company(home) as con:
        yield con


@pytest.fixture(scope="module")
def original(workshop, company):
    home = Home(workshop.folder / "original")
    shapes.land(company, home)
    return build(workshop, home, None)


def build(workshop: Workshop, home: Home, sources: Path | None) -> dict[str, list[str]]:
    home.landing.mkdir(parents=True, exist_ok=True)
    result = ingest(home, sources, progress=lambda _: None)
    assert not result.refused, [file.message for file in result.refused]
    write_names(home)
    return dict(workshop.build_lake(home).published())


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_gives_the_marts_of_the_original(workshop, company, original, system, monkeypatch):
    mapping = MAPPINGS / f"{system}.yml"
    assert len(mapping.read_text(encoding="utf-8").splitlines()) < 40
    home = Home(workshop.folder / system)
    shapes.land_roster(company, home)
    SYSTEMS[system](company, home.root / "delivery")
    monkeypatch.setenv("CRM_EXPORTS", str(home.root / "delivery"))
    marts = build(workshop, home, mapping)
    assert marts.keys() == original.keys()
    assert len(original["attribution.deal_attribution"]) > 900
    for table, rows in original.items():
        here, there = set(marts[table]), set(rows)
        assert (sorted(there - here)[:3], sorted(here - there)[:3]) == ([], []), table
        assert marts[table] == rows, table
