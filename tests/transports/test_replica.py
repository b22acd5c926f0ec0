"""A company with CRM and roster in PostgreSQL gets the same marts as from its contract-shaped files."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import psycopg
import pytest

from orchestration.contract import load_contract
from orchestration.home import Home
from orchestration.sources.transports.fetch import fetch
from tests.conftest import SAMPLE_SIZE, long, run_cli
from tests.transports.conftest import PASSWORD, Postgres
from tools.sample import generate

DAYS = (date(2025, 4, 5), date(2025, 10, 5), date(2026, 4, 5))
SOURCES = """\
sources:
  replica:
    timezone: UTC
    extracted_on: {day}
    sql:
      connection: {url}
      schema: crm
      tables:
        opportunity: {{table: opportunity, cursor: synced_at}}
        customers: customers
        partners: partners
        branches: branches
        reps: {{query: "SELECT rep_id, full_name AS rep_name, rep_email, job_title, left_on FROM crm.people"}}
        assignments: assignments
        contact_points: contact_points
        aliases: aliases
    datasets:
      deals:
        from: opportunity
        mode: delta
        columns: {{deal_id: Id, deal_name: Name, customer_id: customer_id, customer_name: customer_name, amount: Amount,
          currency: currency, stage: Stage, deal_type: deal_type, channel: channel, created_at: Created,
          expected_close_on: expected_close_on, won_on: won_on, closed_on: closed_on, lost_reason: lost_reason,
          owner_staff_id: owner, partner_id: partner_id, branch_id: branch_id, rep_id: rep_id, rep_email: rep_email,
          partner_text: partner_text, branch_text: branch_text, rep_text: rep_text, parent_deal_id: parent_deal_id,
          product_id: product_id, partner_commission: partner_commission, vendor_margin: vendor_margin,
          updated_at: updated_at, is_deleted: is_deleted}}
      customers: {{query: SELECT * FROM customers}}
      partners: {{query: SELECT * FROM partners}}
      branches: {{query: SELECT * FROM branches}}
      reps: {{query: SELECT * FROM reps}}
      rep_assignments: {{query: SELECT * FROM assignments}}
      contact_points: {{query: SELECT * FROM contact_points}}
      aliases: {{query: SELECT * FROM aliases}}
"""
# Dataset of the contract: the database's table, and the database's names of columns that the mapping renames.
TABLES = {
    "deals": ("opportunity", {"deal_id": "Id", "deal_name": "Name", "amount": "Amount", "stage": "Stage",
                              "created_at": "Created", "owner_staff_id": "owner"}),
    "customers": ("customers", {}),
    "partners": ("partners", {}),
    "branches": ("branches", {}),
    "reps": ("people", {"rep_name": "full_name"}),
    "rep_assignments": ("assignments", {}),
    "contact_points": ("contact_points", {}),
    "aliases": ("aliases", {}),
}  # fmt: skip
# Without registrations and activities, more deals lack a branch than a guard allows.
ENVIRONMENT = {"DB_USER": "postgres", "DB_PASSWORD": PASSWORD, "KYOTEN_VARS": '{"max_unresolved_share": 1}'}
TYPES = {"date": "date", "timestamp": "timestamptz", "integer": "bigint", "decimal": "numeric", "boolean": "boolean"}


class Replica:
    """The database in its state after each of the company's extracts."""

    def __init__(self, postgres: Postgres, landing: Path) -> None:
        self.landing = landing
        self.to = psycopg.connect(user="postgres", password=PASSWORD, host=postgres.socket, autocommit=True)
        self.engine = duckdb.connect()
        self.engine.execute("SET TimeZone = 'Asia/Tokyo'")
        for dataset, (table, spelt) in TABLES.items():
            columns = [f'"{spelt.get(c.name, c.name)}" {TYPES.get(c.type, "text")}' for c in self.columns(dataset)]
            more = ", synced_at timestamptz" if dataset == "deals" else ""
            self.to.execute(f"CREATE TABLE crm.{table} ({', '.join(columns)}{more})")

    def columns(self, dataset: str) -> list:
        return list(load_contract().datasets[dataset].columns.values())

    def move_to(self, day: date) -> None:
        """Set the tables to the state of a day's files."""
        for dataset, (table, _) in TABLES.items():
            files = sorted(self.landing.glob(f"{dataset}/*_{day}.*"))
            if not files:
                continue
            select = ", ".join(
                f'CAST("{c.name}" AS TIMESTAMPTZ)' if c.type == "timestamp" else f'"{c.name}"'
                for c in self.columns(dataset)
            )
            rows = self.engine.execute(f"SELECT {select} FROM read_csv('{files[0]}', all_varchar=true)").fetchall()
            if dataset == "deals":  # the newest state of each deal and its time
                self.to.cursor().executemany('DELETE FROM crm.opportunity WHERE "Id" = %s', [row[:1] for row in rows])
                rows = [(*row, f"{day} 03:00:00.{i:06}+09") for i, row in enumerate(rows)]
            else:
                self.to.execute(f"TRUNCATE crm.{table}")
            with self.to.cursor().copy(f"COPY crm.{table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)


@pytest.fixture(scope="module")
def homes(running: Postgres, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Home]:
    """The home of the company's files and the home of its database, each refreshed by the real command."""
    sample = Home(tmp_path_factory.mktemp("company"))
    generate(sample, size=SAMPLE_SIZE, seed=1)
    original, copied = Home(tmp_path_factory.mktemp("original")), Home(tmp_path_factory.mktemp("replica"))
    for dataset in TABLES:
        for day in DAYS:
            for file in (sample.landing / dataset).glob(f"*_{day}.*"):
                (original.landing / dataset).mkdir(parents=True, exist_ok=True)
                shutil.copy(file, original.landing / dataset)
    running.run("DROP SCHEMA IF EXISTS crm CASCADE; CREATE SCHEMA crm")
    replica = Replica(running, original.landing)
    sources = copied.root / "sources.yml"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        for day in DAYS:
            replica.move_to(day)
            sources.write_text(SOURCES.format(day=day, url=running.url), encoding="utf-8")
            if day != DAYS[-1]:
                fetch(copied, sources, say=lambda _: None)
    for home in (original, copied):
        done = run_cli(home, "refresh", **ENVIRONMENT)
        assert done.returncode == 0, done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr
    return original, copied


@pytest.fixture(scope="module")
def releases(homes) -> list[duckdb.DuckDBPyConnection]:
    return [duckdb.connect(str(home.published / "kyoten.duckdb"), read_only=True) for home in homes]


def test_the_mapping_is_short() -> None:
    assert SOURCES.count("\n") < 40


@long
def test_every_mart_is_the_same(releases) -> None:
    original, _ = releases
    query = """SELECT table_schema, table_name FROM information_schema.tables
               WHERE table_schema IN ('core', 'attribution', 'kpi', 'segment', 'plan')"""
    compared = 0
    for schema, table in original.execute(query).fetchall():
        rows = [sorted(map(repr, r.execute(f'FROM "{schema}"."{table}"').fetchall())) for r in releases]
        assert rows[0] == rows[1], f"{schema}.{table}"
        compared += bool(rows[0])
    assert compared >= 20
    assert original.execute("SELECT count(*) FROM core.fct_deals").fetchone()[0] > SAMPLE_SIZE * 0.9


@long
def test_nothing_new_at_the_source_is_nothing_new_here(releases, homes) -> None:
    done = run_cli(homes[1], "refresh", **ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert "Nothing new since release" in done.stdout


@long
def test_later_extracts_contain_only_changes(releases) -> None:
    _, replica = releases
    rows = replica.execute(
        """SELECT extracted_on, rows_read FROM ops.loads
           WHERE file_name LIKE '%opportunity%' AND dataset IS NULL ORDER BY 1"""
    ).fetchall()
    assert [day for day, _ in rows] == list(DAYS)
    assert rows[1][1] < rows[0][1] > rows[2][1]
