"""One company in the form of Salesforce, HubSpot and kintone gives the same marts as its contract-shaped original."""

import os
from pathlib import Path

import duckdb
import pytest

from orchestration.home import PROJECT, Home
from orchestration.lake.ingest import ingest
from orchestration.names.lake import write_names
from orchestration.sources_check import check_sources
from tests.conftest import long
from tests.ingest import shapes
from tests.property.workshop import Workshop
from tools.sample import generate

SYSTEMS = {"salesforce": shapes.salesforce, "hubspot": shapes.hubspot, "kintone": shapes.kintone}
# The smallest number of deals of a shape.
DEALS_BY_SHAPE = """
    select min(deals) from (
        select shape, count(distinct deal_id) as deals from partner_shapes
        left join branch_shapes using (partner_id, shape)
        left join deals on deals.branch_id = branch_shapes.branch_id or (shape = 3 and branch_text = branch_name)
        group by shape
    )"""
EXAMPLES = PROJECT / "examples"
MAVEN = PROJECT.parent / "shared" / "data" / "maven_crm" / "clean"
MAVEN_DATASETS = {
    "deals": """
        select opportunity_id as deal_id, account as customer_id, account as customer_name, product as product_id,
            sales_agent as rep_id, manager as owner_staff_id, deal_stage as stage, engage_date as created_at,
            if(deal_stage = 'Won', close_date, null) as won_on, close_date as closed_on, close_value as amount,
            'resale' as channel
        from sales_pipeline left join sales_teams using (sales_agent)""",
    "customers": """
        select account as customer_id, account as customer_name, sector as industry, employees as employee_count
        from accounts""",
    "products": "select distinct product as product_id, product as product_name from sales_pipeline",
    "partners": "select 'maven' as partner_id, 'Maven' as partner_name, 'reseller' as partner_type",
    "branches": """
        select distinct regional_office as branch_id, 'maven' as partner_id, regional_office as branch_name
        from sales_teams""",
    "reps": "select sales_agent as rep_id, sales_agent as rep_name from sales_teams",
    "rep_assignments": "select sales_agent as rep_id, regional_office as branch_id from sales_teams",
    "staff": "select distinct manager as staff_id, manager as staff_name from sales_teams",
}


@pytest.fixture(scope="module")
def workshop(compiled, tmp_path_factory):
    return Workshop.opened(compiled, tmp_path_factory.mktemp("marts")).unguarded()


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("sample"))
    generate(home, 1_000, 7, lambda _: None, cases=True)
    return home


def build(workshop: Workshop, home: Home, sources: Path | None) -> dict[str, list[str]]:
    home.landing.mkdir(parents=True, exist_ok=True)
    result = ingest(home, sources, progress=lambda _: None)
    assert not result.refused, [file.message for file in result.refused]
    write_names(home)
    return dict(workshop.build_lake(home).published())


def assert_same(marts: dict[str, list[str]], original: dict[str, list[str]]) -> None:
    assert marts.keys() == original.keys()
    for table, rows in original.items():
        here, there = set(marts[table]), set(rows)
        assert (sorted(there - here)[:3], sorted(here - there)[:3]) == ([], []), table
        assert len(marts[table]) == len(rows), table


@pytest.mark.parametrize(
    "mapping", sorted(EXAMPLES.glob("*/*.yml")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_a_mapping_of_a_whole_company_is_short(mapping):
    assert len(mapping.read_text(encoding="utf-8").splitlines()) < 40


@long
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_gives_the_marts_of_the_original(workshop, sample, system, monkeypatch):
    mapping = EXAMPLES / "presets" / f"{system}.yml"
    contract, shaped = Home(workshop.folder / "contract" / system), Home(workshop.folder / system)
    with shapes.cut_company(sample, system) as company:
        assert company.execute(DEALS_BY_SHAPE).fetchone()[0] >= 10
        shapes.land(company, contract)
        shapes.land_roster(company, shaped)
        SYSTEMS[system](company, shaped.root / "delivery")
    monkeypatch.setenv("CRM_EXPORTS", str(shaped.root / "delivery"))
    original, marts = build(workshop, contract, None), build(workshop, shaped, mapping)
    assert_same(marts, original)
    assert len(original["attribution.deal_attribution"]) > 900


@pytest.mark.skipif(not MAVEN.exists() and os.environ.get("CI") != "true", reason="the public CRM sample is not here")
def test_the_maven_sample_gives_the_marts_of_contract_shaped_files(workshop, monkeypatch):
    """The other two copies give the tables of this one: see tests/dbt/test_maven_marts.py."""
    contract, mapped = Home(workshop.folder / "contract" / "maven"), Home(workshop.folder / "maven")
    with duckdb.connect() as con:
        for table in ("accounts", "sales_pipeline", "sales_teams"):
            con.execute(f"create view {table} as from read_csv('{MAVEN}/{table}.csv', all_varchar = true)")
        for dataset, query in MAVEN_DATASETS.items():
            (contract.landing / dataset).mkdir(parents=True)
            con.execute(f"copy ({query}) to '{contract.landing}/{dataset}/{dataset}_2017-12-31.csv' (header)")
    monkeypatch.setenv("MAVEN_CRM_DIR", str(MAVEN))
    original = build(workshop, contract, None)
    assert_same(build(workshop, mapped, EXAMPLES / "maven_crm" / "clean.yml"), original)
    assert len(original["core.fct_deals"]) == 8800


def test_exports_of_an_unknown_crm_become_marts(workshop):
    """Names find the branch, one by its beginning; a deal of 70O yen on a 30 February is rejected."""
    home = Home(workshop.folder / "exports")
    result = ingest(home, EXAMPLES / "excel_exports" / "crm.yml", progress=lambda _: None, expectations=None)
    assert {f.dataset: f.rejected for f in result.files if f.rejected} == {"deals": 1}
    write_names(home)
    built = workshop.build_lake(home)
    deals = [[d[c] for c in ("deal_id", "branch_id", "rep_id", "amount")] for d in built.tables["core.fct_deals"]]
    assert sorted(deals, key=str) == [
        ["00012", "S01", "E1", 1_200_000],
        ["00013", "S02", "E2", -300_000],
        ["00014", "S02", "NONE", 900_000],
        ["00015", "S03", "E3", 2_500_000],
        ["00016", "DIRECT", "NONE", 800_000],
    ]
    months = built.tables["kpi.company_monthly"]
    assert sum(month["won_amount"] for month in months) == 1_700_000
    assert not built.red_guards


def test_a_distributors_sales_become_marts(workshop):
    """February is delivered again with a larger order and without another; March has a return of February's goods."""
    home = Home(workshop.folder / "pos")
    result = ingest(home, EXAMPLES / "distributor_pos" / "pos.yml", progress=lambda _: None, expectations=None)
    assert not result.refused
    assert sum(f.rejected for f in result.files) == 0
    write_names(home)
    built = workshop.build_lake(home)
    deals = [[d[c] for c in ("deal_id", "branch_id", "amount")] for d in built.tables["core.fct_deals"]]
    assert sorted(deals) == [
        ["PO-001", "T1", 150_000],
        ["PO-002", "T2", 110_000],
        ["PO-003", "Y1", 60_000],
        ["PO-005", "T2", 30_000],
    ]
    revenue = [(r["deal_id"], r["event_type"], r["amount"]) for r in built.tables["core.fct_revenue"]]
    assert ("PO-001", "return", -30_000) in revenue
    assert sum(amount for *_, amount in revenue) == 320_000
    assert ("PO-001", "D01", "distributor") in [
        (i["deal_id"], i["partner_id"], i["role"]) for i in built.tables["attribution.influence"]
    ]
    assert not built.red_guards


def test_a_ledger_of_partners_branches_and_customers_becomes_marts(workshop):
    home = Home(workshop.folder / "ledger")
    mapping = EXAMPLES / "account_ledger" / "crm.yml"
    result = ingest(home, mapping, progress=lambda _: None, expectations=None)
    assert not result.refused
    assert sum(f.rejected for f in result.files) == 0
    assert check_sources(mapping, "Asia/Tokyo") == 0
    write_names(home)
    built = workshop.build_lake(home)
    deals = [[d[c] for c in ("deal_id", "branch_id", "rep_id", "amount")] for d in built.tables["core.fct_deals"]]
    (implicit,) = [
        b["branch_id"]
        for b in built.tables["core.dim_branch"]
        if b["partner_id"] == "1004" and not b["branch_id"].startswith("UNKNOWN")
    ]
    assert sorted(deals) == [
        ["A-001", "1002", "M1", 1_500_000],
        ["A-002", "1003", "M2", -200_000],
        ["A-003", "1003", "NONE", 800_000],
        ["A-004", implicit, "NONE", 2_300_000],
        ["A-005", "DIRECT", "NONE", 500_000],
    ]
    entries = {(e["deal_id"], e["stage"], str(e["entered_on"])) for e in built.tables["core.fct_stage_entries"]}
    assert entries >= {
        ("A-001", "qualified", "2025-04-05"), ("A-001", "proposed", "2025-05-20"), ("A-001", "won", "2025-06-30"),
        ("A-003", "qualified", "2025-09-01"), ("A-003", "proposed", "2025-12-01"),
    }  # fmt: skip
    assert not built.red_guards


def test_stages_without_a_log_come_from_daily_extracts(workshop):
    """A CRM without a stage log, delivered daily: the funnel comes from the extracts. Stages in the first extract have
    no date until the deal reaches its next stage."""
    home = Home(workshop.folder / "unlogged")
    changes = {
        "2026-03-01": ("D1,商談,,", "D2,案件化,,"),
        "2026-03-02": ("D1,案件化,,", "D2,案件化,,"),
        "2026-03-04": ("D1,提案,,", "D2,提案,,", "D3,提案,,"),
        "2026-03-05": ("D1,受注,2026-03-05,", "D2,失注,,2026-03-05", "D3,商談,,"),
    }
    for day, rows in changes.items():
        folder = home.landing / "deals"
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["deal_id,stage,won_on,closed_on,created_at,partner_id", *(f"{row},2026-02-20,P1" for row in rows)]
        (folder / f"deals_{day}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home.landing / "partners").mkdir()
    (home.landing / "partners" / "partners_2026-03-01.csv").write_text(
        "partner_id,partner_name\nP1,山田商事\n", "utf-8"
    )
    assert not ingest(home, progress=lambda _: None, expectations=None).refused
    write_names(home)
    built = workshop.build_lake(home)
    entries = sorted(
        (e["deal_id"], str(e["entered_on"]), e["stage"])
        for e in built.tables["core.fct_stage_entries"]
        if e["stage"] != "open"
    )
    assert entries == [
        ("D1", "2026-03-02", "qualified"), ("D1", "2026-03-04", "proposed"), ("D1", "2026-03-05", "won"),
        ("D2", "2026-03-04", "proposed"), ("D2", "2026-03-04", "qualified"), ("D2", "2026-03-05", "lost"),
        ("D3", "2026-03-04", "proposed"), ("D3", "2026-03-04", "qualified"),
    ]  # fmt: skip
    assert not built.red_guards
