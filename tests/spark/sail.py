"""The models build the same tables on Sail, an engine with Spark's SQL: `make sail-test`.

pytest collects this file only by its name, because it needs .venv-sail.
"""

import csv
import json
import os
import subprocess
from collections.abc import Callable
from datetime import date, timedelta

import duckdb

from orchestration.home import PROJECT, Home
from tests.conftest import run_cli
from tests.spark.comparison import differences
from tests.spark.record import record, seconds_of

# Longer than the 100 levels of recursion that Spark would allow by default.
RENEWALS, CONTESTED = 150, 101


def land_long_chains(home: Home) -> None:
    """Add a deal with a long chain of renewals, and one customer and product that two partners register in turn."""
    deals, registrations = [], []
    for n in range(RENEWALS + 1):
        deals.append(
            {"deal_id": f"CHAIN{n:03}", "stage": "受注", "won_on": "2026-04-02", "customer_id": "C0000001"}
            | {"partner_id": "P0001", "product_id": "PR01", "created_at": "2026-04-01 09:00:00", "amount": "900000"}
            | ({"deal_type": "renewal", "parent_deal_id": f"CHAIN{n - 1:03}"} if n else {"branch_id": "B00002"})
        )
    for n in range(CONTESTED):
        deal = {"deal_id": f"CONTEST{n:03}", "customer_id": "C0000002", "product_id": "PR02"}
        day = date(2026, 4, 1) - timedelta(days=CONTESTED - n)
        deals.append(deal | {"stage": "商談", "created_at": f"{day} 09:00:00", "amount": "900000", "deal_type": "new"})
        registrations.append(
            deal
            | {"registration_id": f"CONTEST{n:03}-RG", "partner_id": f"P000{1 + n % 2}", "status": "approved"}
            | {"submitted_at": f"{day} 10:00:00", "approved_at": f"{day} 11:00:00"}
        )
    for dataset, rows in (("deals", deals), ("deal_registrations", registrations)):
        path = max((home.landing / dataset).iterdir())
        with path.open("r+", encoding="utf-8", newline="") as file:
            columns = next(csv.reader(file))
            file.seek(0, os.SEEK_END)
            csv.DictWriter(file, columns, restval="").writerows(rows)


def chain_lengths(home: Home) -> tuple[int, int]:
    """Return how many renewals took the branch of their parent, and how many registered deals were contested."""
    with duckdb.connect(str(home.database), read_only=True) as built:
        inherited, contested = built.execute(
            "select count(*) filter (deal_id like 'CHAIN%' and parent_branch_id is not null),"
            " (select count(*) from intermediate.int_duplicate_deals where deal_id like 'CONTEST%')"
            " from intermediate.int_deal_outcomes"
        ).fetchone() or (0, 0)
    return inherited, contested


def test_all_tables_are_equal(new_copy: Callable[[], Home], show: Callable[[str], None]) -> None:
    home = new_copy()
    land_long_chains(home)
    variables = '{"max_unresolved_share": 1}'  # the chains are not meant to have branches
    refreshed = run_cli(home, "refresh", KYOTEN_VARS=variables)
    assert refreshed.returncode == 0, f"{refreshed.stdout}\n{refreshed.stderr}"
    done = subprocess.run(
        [PROJECT / ".venv-sail/bin/python", "-m", "tests.spark.on_sail"],
        cwd=PROJECT,
        env=os.environ | {"KYOTEN_HOME": str(home.root), "KYOTEN_VARS": variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    outcome = json.loads((home.build / "on_sail.json").read_text())
    messages = {name: result["message"] for name, result in outcome["models"].items() if result["status"] != "success"}
    place = home.build / "spark_tables" / "0"
    with duckdb.connect(str(home.database), read_only=True) as built:
        names = built.execute("select table_schema, table_name from information_schema.tables").fetchall()
        # Sail makes no folder for a table without rows.
        tables = {f"{schema}.{name}": place / schema / name for schema, name in names if name not in messages}
        different = dict(differences(built, tables))
    assert {name: messages.get(name.split(".")[1], text) for name, text in different.items()} == {}
    assert chain_lengths(home) == (RENEWALS, CONTESTED // 2)
    seconds = {name: result["execution_time"] for name, result in outcome["models"].items()}
    record("sail", seconds, {}, outcome["costs"]["CPU seconds"])
    steps = json.loads((home.build / "costs.json").read_text())["steps"]
    dbt = sum(step["cpu"] for step in steps if step["name"] == "dbt")
    record("duckdb", seconds_of(home.build / "target" / "run_results.json"), {}, dbt)
    costs = ", ".join(f"{number} {unit}" for unit, number in outcome["costs"].items())
    show(f"Sail: {len(tables)} tables equal; {costs}")
