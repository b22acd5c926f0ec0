"""A refresh on Spark: tables equal to DuckDB's, after a kill, with guards and a release: `make spark-test`.

pytest collects this file only by its name, because it needs .venv-spark and Java.
"""

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import spark
from orchestration.home import Home
from orchestration.knowledge import TABLES
from orchestration.release.releases import current_release
from tests.conftest import SAMPLE_SIZE, run_cli
from tests.dbt.test_unit_tests import DECLARED, verdict
from tests.spark.comparison import HASHES, differences
from tests.spark.plans import dangers, plans
from tests.spark.record import record, seconds_of
from tests.spark.running import DAGSTER_JOB, Setting, kill, logs, on_spark, refresh, set_up, spark_tables
from tests.spark.sail import CONTESTED, RENEWALS, chain_lengths, land_long_chains
from tools.sample import generate

# The chains are not meant to have branches.
VARS = {"max_unresolved_share": 1}
# Tables with few rows in a company of any size, which their plans do not show.
SMALL = {
    "dim_product": "the products of the vendor",
    "int_change_pairs": "the pairs of days that are compared",
    "int_plan_books": "the periods that are closed, and today",
}
# What may be: it grows with the branches or the partners, not with the deals, or one side has few rows.
JUSTIFIED = {
    "intermediate.int_change_pairs": "compares the pairs of days with the extracts",
    "intermediate.int_headrooms": "one side is the row of the company",
    "intermediate.int_plan_books": "compares the closed periods with the extracts",
    "plan.plan_coverage": "one side has a row per quarter",
    "steps.int_action_cases__members": "one side has a row per type of action",
    "intermediate.int_scope_bridge": "numbers the branches, divisions and partners: eight rows per version of a branch",
    "intermediate.int_win_amounts": "has a row for each partner and month",
}
# Another time zone, with summer time, another currency and another fiscal year. `make spark-test SEEDS=3` builds three
# companies with these vars and without.
OTHER_VARS = {"business_timezone": "America/New_York", "base_currency": "USD", "fiscal_year_start_month": 1}
TIES = {
    "contact_points": {"valid_to": ""},
    "deal_lines": {"amount": "100000"},
    "deal_registrations": {"approved_at": "", "submitted_at": "2025-04-01 09:00:00"},
    "deals": {"product_id": ""},
    "targets": {"period_start": "", "baseline_on": ""},
}
SEEDS = range(1, int(os.environ.get("GIVEN_SEEDS") or 0) + 1)


@pytest.fixture(scope="module")
def on_duckdb(new_copy: Callable[[], Home], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A company with long chains, all of whose knowledge and tables DuckDB has made."""
    home = Home(tmp_path_factory.mktemp("duckdb") / "home")
    new_copy().root.rename(home.root)
    land_long_chains(home)
    shutil.rmtree(home.lake / "knowledge")
    done = run_cli(home, "refresh", KYOTEN_VARS=json.dumps(VARS))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert chain_lengths(home) == (RENEWALS, CONTESTED // 2)
    return home


@pytest.fixture(scope="module")
def ran(
    built_home: Home, on_duckdb: Home, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Setting, dict[str, float], list[Path]]:
    """The same company and the release before, refreshed on Spark by Dagster after a `make refresh` that was killed.

    Also the costs, and the logs of the builds.
    """
    folder = tmp_path_factory.mktemp("spark")
    setting = set_up(Home(folder / "home"), folder / "conf", VARS)
    home = setting.home
    shutil.copytree(built_home.root, home.root, symlinks=True)
    for ours, loaded in ((home.landing, on_duckdb.landing), (home.lake, on_duckdb.lake)):
        shutil.rmtree(ours)
        shutil.copytree(loaded, ours)
    shutil.rmtree(home.lake / "knowledge")
    kill(setting, lambda: len(list((home.build / "knowledge").glob("*/*/*"))) > 20)
    spent = refresh(setting, DAGSTER_JOB)
    return setting, spent, logs(setting)


@pytest.fixture(scope="module")
def refreshed(ran: tuple[Setting, dict[str, float], list[Path]]) -> Setting:
    return ran[0]


def test_all_tables_are_equal(
    on_duckdb: Home, ran: tuple[Setting, dict[str, float], list[Path]], show: Callable[[str], None]
) -> None:
    (home, _), spent, _ = ran
    tables = spark_tables(home)
    with duckdb.connect(str(on_duckdb.database), read_only=True) as built:
        different = dict(differences(built, tables))
    record("spark", seconds_of(home.build / "spark" / "run_results.json"), different, spent["CPU seconds"])
    show(f"Spark: the build of {SAMPLE_SIZE} deals with guards took {spent}")
    assert different == {}
    show(f"Spark: {len(tables)} tables equal")


def test_earlier_knowledge_is_equal(on_duckdb: Home, refreshed: Setting) -> None:
    days = {}
    for home in (on_duckdb, refreshed.home):
        days[home] = {path.name.partition("_")[0]: path for path in (home.lake / "knowledge").iterdir()}
    assert days[on_duckdb].keys() == days[refreshed.home].keys()
    assert len(days[on_duckdb]) > 2
    with duckdb.connect() as connection:
        for day, folder in days[on_duckdb].items():
            for name in TABLES:
                hashes = f"exclude ({', '.join(HASHES)})" if name == "credit" else ""
                files = [path / f"{name}.parquet" for path in (folder, days[refreshed.home][day])]
                rows = [f"(select * {hashes} from '{file}')" for file in files]
                for one, other in (rows, rows[::-1]):
                    found = connection.execute(f"from {one} except all from {other} limit 3").fetchall()
                    assert found == [], (day, name)


def test_the_release_is_complete(on_duckdb: Home, refreshed: Setting) -> None:
    releases = {home: current_release(home) or {} for home in (on_duckdb, refreshed.home)}
    ours, theirs = releases.values()
    assert "pyspark" in theirs["versions"]
    assert theirs["checks"] == ours["checks"]
    assert theirs["tables"] == ours["tables"]
    assert theirs["money"] == ours["money"]
    with duckdb.connect() as connection:  # with the types of all columns
        files = [f"'{home.published / 'parquet/ops/catalog.parquet'}'" for home in releases]
        for one, other in (files, files[::-1]):
            assert connection.execute(f"from {one} except all from {other}").fetchall() == []


@pytest.mark.parametrize(
    "command",
    [
        ("summary",),
        ("why", "--", f"CHAIN{RENEWALS:03}"),
        ("what-if", "--vars", '{"assignment_gap_days": 30}'),
        ("worklist",),
    ],
    ids=lambda command: str(command[0]),
)
def test_a_reader_shows_the_same(on_duckdb: Home, refreshed: Setting, command: tuple[str, ...]) -> None:
    variables = refreshed.environment["KYOTEN_VARS"]
    theirs = run_cli(refreshed.home, *command, KYOTEN_ENGINE="spark", KYOTEN_VARS=variables)
    assert theirs.returncode == 0, theirs.stderr
    ours = run_cli(on_duckdb, *command, KYOTEN_VARS=variables)
    assert same(theirs.stdout, refreshed.home) == same(ours.stdout, on_duckdb)


def same(text: str, home: Home) -> list[str]:
    """Return a command's output without what differs between two refreshes: paths, ids of releases and their costs."""
    release = current_release(home) or {}
    text = text.replace(str(home.root), "HOME").replace(release["release_id"], "RELEASE")
    return [
        line
        for line in text.splitlines()
        if "The refresh took" not in line and release["published_at"][:10] not in line
    ]


def test_unit_tests_pass(refreshed: Setting) -> None:
    done = on_spark(refreshed, "test", "--select", "test_type:unit")
    ran = json.loads((refreshed.home.build / "spark" / "run_results.json").read_text())["results"]
    results = {result["unique_id"].split(".")[-1]: result for result in ran}
    assert len(results) == len(DECLARED), f"{done.stdout[-5000:]}{done.stderr[-5000:]}"
    wrong = [problem for test in DECLARED if (problem := verdict(results.get(test[1]), *test))]
    assert wrong == []


def test_no_plan_grows_worse_than_its_rows(ran: tuple[Setting, dict[str, float], list[Path]]) -> None:
    found: dict[str, set[str]] = {}
    tables = set()
    for log in ran[2]:
        tables |= {name for name, _ in plans(log)}
        found |= dangers(log, SMALL)
    assert set(spark_tables(ran[0].home)) <= tables
    assert {name: problems for name, problems in found.items() if name not in JUSTIFIED} == {}
    assert set(JUSTIFIED) <= set(found), "these are no dangers now: take them off the list"


PLANTED = {
    "all keys of `not in (select …)` on one machine": "select * from deals where a not in (select b from deals)",
    "each row with each": "select x.a from deals as x inner join deals as y on x.a < y.b",
    "all rows in one window": "select row_number() over (order by a) as n from deals",
}
RUN_PLANTED = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.sql("create table deals using parquet as select id as a, if(id > 5, id, null) as b from range(9)")
for query in sys.argv[1:]:
    spark.sql(query).collect()
spark.stop()
"""


def test_a_planted_danger_is_found(tmp_path: Path) -> None:
    setting = set_up(Home(tmp_path), tmp_path / "conf", {})
    done = subprocess.run(
        [spark.PYTHON, "-c", RUN_PLANTED, *PLANTED.values()],
        env=os.environ | setting.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {
        danger.partition(":")[0] for log in logs(setting) for problems in dangers(log).values() for danger in problems
    }
    assert found == set(PLANTED)


@pytest.mark.parametrize("variables", [VARS, VARS | OTHER_VARS], ids=["in_tokyo", "in_new_york"])
@pytest.mark.parametrize("seed", SEEDS)
def test_another_company_has_equal_tables(
    seed: int, variables: dict[str, Any], tmp_path: Path, show: Callable[[str], None]
) -> None:
    setting = set_up(Home(tmp_path / "home"), tmp_path / "conf", variables)
    home = setting.home
    generate(home, size=SAMPLE_SIZE, seed=seed)
    make_ties(home)
    if variables.get("base_currency") == "USD":
        state_rates_in_dollars(home)
    # The second refresh compares the same day with itself, so that both engines start from the same knowledge.
    for options in ((), ("--force",)):
        done = run_cli(home, "refresh", *options, KYOTEN_VARS=json.dumps(variables))
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    done = on_spark(setting, "build", "--exclude-resource-type", "test", "unit_test")
    assert done.returncode == 0, done.stdout[-5000:]
    tables = spark_tables(home)
    with duckdb.connect(str(home.database), read_only=True) as built:
        assert dict(differences(built, tables)) == {}
        (day,) = built.execute("select min(date_day) from core.dim_date where fiscal_month = 1").fetchone() or (None,)
        assert day.month == variables.get("fiscal_year_start_month", 4)
    show(f"Spark: seed {seed}, {variables}: {len(tables)} tables equal")


def make_ties(home: Home) -> None:
    """Empty or repeat values by which models put rows in order: each engine has its own order of nulls and of ties."""
    for dataset, values in TIES.items():
        for path in (home.landing / dataset).iterdir():
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            for row in rows[::2]:
                row.update(values)
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)


def state_rates_in_dollars(home: Home) -> None:
    """Turn the sample's exchange rates, which are in yen, into dollars."""
    for path in (home.landing / "fx_rates").iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        yen = {row["rate_on"]: float(row["base_per_unit"]) for row in rows if row["currency"] == "USD"}
        rates = [(row["rate_on"], row["currency"], float(row["base_per_unit"]) / yen[row["rate_on"]]) for row in rows]
        turned = [rate for rate in rates if rate[1] != "USD"] + [(day, "JPY", 1 / rate) for day, rate in yen.items()]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["rate_on", "currency", "base_per_unit"])
            writer.writerows((day, currency, f"{rate:.8f}") for day, currency, rate in turned)
