"""A public sample in three states, from raw to clean, gives the same lake and the known figures."""

import os
from pathlib import Path

import pytest

from orchestration.home import PROJECT

DATA = Path(os.environ.get("MAVEN_CRM_DATA", PROJECT.parent / "shared" / "data" / "maven_crm"))
COPIES = ("clean", "excel_mangled", "crlf")
DATASETS = ("deals", "customers", "products", "partners", "branches", "reps", "rep_assignments", "staff")

pytestmark = pytest.mark.skipif(
    not DATA.exists() and os.environ.get("CI") != "true",
    reason="the sample data is not in the folder next to the project",
)


@pytest.fixture
def desks(new_desk, monkeypatch):
    desks = {}
    for copy in COPIES:
        monkeypatch.setenv("MAVEN_CRM_DIR", str(DATA / copy))
        desks[copy] = new_desk()
        result = desks[copy].load(PROJECT / "examples" / "maven_crm" / f"{copy}.yml")
        assert result.batches and not result.refused and not result.held
    return desks


def test_three_copies_give_the_same_lake_with_the_known_figures(desks):
    for dataset in DATASETS:
        clean, mangled, crlf = (desks[copy].lake(dataset) for copy in COPIES)
        assert clean
        assert mangled == clean
        assert crlf == clean
    desk = desks["clean"]
    stages = desk.query("SELECT stage, count(*) FROM raw_deals GROUP BY 1 ORDER BY 1")
    assert stages == [("Engaging", 1589), ("Lost", 2473), ("Prospecting", 500), ("Won", 4238)]
    assert desk.query("SELECT sum(amount)::int FROM raw_deals WHERE stage = 'Won'") == [(10005534,)]
    assert desk.query("SELECT count(*) FROM raw_deals WHERE closed_on < created_at + INTERVAL 9 HOUR") == [(0,)]
    assert desk.query("SELECT count(*) FROM raw_deals WHERE created_at IS NULL") == [(500,)]
    offices = desk.query(
        """SELECT a.branch_id, sum(d.amount)::int FROM raw_deals d JOIN raw_rep_assignments a USING (rep_id)
        WHERE d.stage = 'Won' GROUP BY 1 ORDER BY 1"""
    )
    assert offices == [("Central", 3346293), ("East", 3090594), ("West", 3568647)]
    median = "SELECT median(won_on - (created_at + INTERVAL 9 HOUR)::date) FROM raw_deals WHERE stage = 'Won'"
    assert desk.query(median) == [(57,)]
    assert desk.query("SELECT count(DISTINCT owner_staff_id) FROM raw_deals") == [(6,)]
    assert desk.rejected() == []
