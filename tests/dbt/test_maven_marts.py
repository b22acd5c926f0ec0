"""Three copies of a public CRM sample, from raw to clean, give the same rows and the known figures.

The data is in a folder next to the project and not part of it. Without it the tests are skipped, but not in CI.
"""

import os

import duckdb
import pytest

from orchestration.home import PROJECT, Home
from tests.conftest import SCALE, long, run_cli

DATA = PROJECT.parent / "shared" / "data" / "maven_crm"
COPIES = ("clean", *(("excel_mangled", "crlf") if SCALE > 1 else ()))
SCHEMAS = ("core", "attribution", "kpi", "segment", "plan")

pytestmark = pytest.mark.skipif(
    not DATA.exists() and os.environ.get("CI") != "true",
    reason="the public CRM sample is not here",
)


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, duckdb.DuckDBPyConnection]:
    opened = {}
    for copy in COPIES:
        home = Home(tmp_path_factory.mktemp(copy))
        done = run_cli(
            home,
            "refresh",
            KYOTEN_SOURCES=str(PROJECT / "examples" / "maven_crm" / f"{copy}.yml"),
            MAVEN_CRM_DIR=str(DATA / copy),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        opened[copy] = duckdb.connect(str(home.published / "kyoten.duckdb"), read_only=True)
    return opened


@long
def test_the_three_copies_give_the_same_rows_in_every_table(releases: dict[str, duckdb.DuckDBPyConnection]) -> None:
    tables = releases["clean"].execute(
        "select table_schema, table_name from information_schema.tables where table_schema in ('core', 'attribution',"
        " 'kpi', 'segment', 'plan')"
    )
    compared = 0
    for schema, table in tables.fetchall():
        rows = [
            sorted(map(repr, release.execute(f'from "{schema}"."{table}"').fetchall())) for release in releases.values()
        ]
        assert rows[0] == rows[1] == rows[2], f"{schema}.{table}"
        compared += 1
    assert compared >= 20


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "select status, count(*) from core.fct_deals group by 1 order by 1",
            [("lost", 2473), ("open", 2089), ("won", 4238)],
        ),
        ("select sum(amount)::int, sum(amount)::int = sum(amount) from core.fct_revenue", [(10005534, True)]),
        (
            "select branch_id, sum(won_amount)::int from kpi.branch_monthly"
            " group by 1 having sum(won_amount) != 0 order by 1",
            [("Central", 3346293), ("East", 3090594), ("West", 3568647)],
        ),
        ("select distinct partner_id, rung from attribution.deal_attribution", [("maven", "L4")]),
        ("select sum(deals_won)::int, sum(deals_won + deals_lost)::int from kpi.company_monthly", [(4238, 6711)]),
        ("select median(won_on - created_on) from core.fct_deals where status = 'won'", [(57.0,)]),
        ("select count(*) from core.fct_deals where closed_on < created_on", [(0,)]),
        (
            "select count(*), min(credit_on)::varchar from attribution.deal_attribution where credit_basis = 'extract'",
            [(500, "2017-12-31")],
        ),
        (
            "select owner_staff_id, sum(amount)::int from core.fct_deals"
            " where status = 'won' group by 1 order by 2 desc",
            [
                ("Melvin Marxen", 2251930),
                ("Summer Sewald", 1964750),
                ("Rocco Neubert", 1960545),
                ("Celia Rouche", 1603897),
                ("Cara Losch", 1130049),
                ("Dustin Brinkmann", 1094363),
            ],
        ),
        (
            "select rep_id, sum(won_amount)::int, sum(deals_won)::int from kpi.rep_monthly"
            " group by 1 order by 2 desc limit 1",
            [("Darcel Schlecht", 1153214, 349)],
        ),
        (
            "select quarter(recognized_on), sum(amount)::int from core.fct_revenue"
            " where year(recognized_on) = 2017 group by 1 order by 1",
            [(1, 1134672), (2, 3086111), (3, 2982255), (4, 2802496)],
        ),
        (
            "select count(*), count(producing.rep_id) from core.dim_rep as reps left join"
            " (select distinct rep_id from kpi.rep_monthly where deals_won > 0) as producing using (rep_id)"
            " where not reps.is_sentinel",
            [(35, 30)],
        ),
        (
            "select results.cycle_days, months.reps_known, months.reps_producing_t12m from kpi.performance as results"
            " inner join kpi.company_monthly as months using (month)"
            " where results.scope = 'company' and month = date '2017-12-01'",
            [(57.0, 35, 30)],
        ),
        (
            "select branch_id, producing_reps from kpi.rep_concentration"
            " where scope = 'branch' and month = date '2017-12-01' order by 1",
            [("Central", 10), ("East", 10), ("West", 10)],
        ),
    ],
)
def test_known_figures(releases: dict[str, duckdb.DuckDBPyConnection], query: str, expected: list[tuple]) -> None:
    assert releases["clean"].execute(query).fetchall() == expected
