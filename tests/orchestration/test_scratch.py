"""The scratch build equals dbt's build, and the build of a past day contains nothing from later extracts."""

import json
import os
import pickle
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration import scratch, warehouse
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.ladder import LADDER
from orchestration.lake.ingest import ingest
from orchestration.names.lake import write_names
from orchestration.scratch import Plan, compile_models

LAYERS = ("seeds", "intermediate", "core", "attribution")
DAY = date(2025, 10, 5)


@pytest.fixture(scope="module")
def plan(compiled: Home) -> Plan:
    return compile_models(compiled)


def differences(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> int:
    """Count the rows that only one of two relations has."""
    count = f"select count(*) from (from {one} except all from {other})"
    back = f"select count(*) from (from {other} except all from {one})"
    return sum((connection.execute(query).fetchone() or (0,))[0] for query in (count, back))


def test_a_scratch_build_equals_the_build_of_dbt(plan: Plan, built_home: Home, tmp_path: Path) -> None:
    nodes = [node for node in plan.nodes if node["schema"] in LAYERS and node["config"]["materialized"] != "view"]
    assert len(nodes) > 30
    plan.build(tmp_path / "scratch", [node["name"] for node in nodes], home=built_home).close()
    with duckdb.connect() as connection:
        connection.execute(f"attach '{tmp_path}/scratch/kyoten.duckdb' as scratch (read_only)")
        connection.execute(f"attach '{built_home.database}' as built (read_only)")
        for node in nodes:
            relation = f"{node['schema']}.{node['alias']}"
            if node["name"] != "restatements":  # the lake now has this build as the state before
                assert differences(connection, f"scratch.{relation}", f"built.{relation}") == 0, relation


def test_the_build_of_a_past_day_uses_only_its_extracts(plan: Plan, built_home: Home, tmp_path: Path) -> None:
    """The result is the same as without the files of later days."""
    then = Home(tmp_path / "then")
    for path in built_home.landing.rglob("*_????-??-??.*"):
        if path.name.split("_")[-1][:10] <= str(DAY):
            copy = then.landing / path.relative_to(built_home.landing)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    ingest(then, progress=lambda _: None)
    write_names(then)

    models = [
        "int_deals",
        "fct_deals",
        "fct_revenue",
        "fct_stage_entries",
        "dim_rep_assignment",
        "dim_branch_history",
        "int_known_credit",
    ]
    plan.build(tmp_path / "looked_back", models, known_on=DAY, home=built_home).close()
    plan.build(tmp_path / "that_day", models, home=then).close()
    plan.build(tmp_path / "today", models, home=built_home).close()
    with duckdb.connect() as connection:
        for name in ("looked_back", "that_day", "today"):
            connection.execute(f"attach '{tmp_path}/{name}/kyoten.duckdb' as {name} (read_only)")
        for node in plan.nodes:
            if node["name"] in models:
                relation = f"{node['schema']}.{node['alias']}"
                assert differences(connection, f"looked_back.{relation}", f"that_day.{relation}") == 0, relation
        assert differences(connection, "looked_back.core.fct_deals", "today.core.fct_deals") > 0
        # Suggestions of similar names may use names of later days, because they decide nothing.
        evidence = "(select * from {}.attribution.deal_evidence where evidence_code != 'E17')"
        assert differences(connection, evidence.format("looked_back"), evidence.format("that_day")) == 0


def test_a_partner_named_by_a_later_extract_is_not_used(plan: Plan, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for day, partner in (("2025-04-05", ""), ("2026-04-05", "P")):
        path = home.landing / "deals" / f"deals_{day}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"deal_id,stage,partner_id\nD,open,{partner}\n")
    ingest(home, progress=lambda _: None)
    write_names(home)
    flags = []
    for known_on in (DAY, None):
        with plan.build(tmp_path / str(known_on), ["int_deals"], known_on=known_on, home=home) as connection:
            flags += connection.execute("select ever_named_a_partner from intermediate.int_deals").fetchall()
    assert flags == [(False,), (True,)]


def test_a_seed_can_be_another_file(plan: Plan, built_home: Home, tmp_path: Path) -> None:
    other = tmp_path / "ladder.csv"
    other.write_text(LADDER.read_text().replace("L4,E06,rep,resolve", "L4,E06,rep,off"))
    rungs = "select count(*) from attribution.deal_attribution where rung = 'L4'"
    counts = []
    for number, seeds in enumerate(({}, {"attribution_ladder": other})):
        models = ["deal_attribution"]
        with plan.build(tmp_path / str(number), models, seeds=seeds, home=built_home) as connection:
            counts += connection.execute(rungs).fetchone() or ()
    assert counts[0] > counts[1]


def test_seeds_are_read_as_dbt_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "seed.csv"
    path.write_text('word,size\n007,1\n"a, b",\nnull,2\nnone,3\n')
    rows = duckdb.sql(scratch.seed_rows(path, {"word": "varchar", "size": "integer"})).fetchall()
    assert rows == [("007", 1), ("a, b", None), (None, 2), ("none", 3)]


def test_a_model_that_does_not_build_is_named(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(KyotenError, match="no model fct_dreams"):
        plan.build(tmp_path / "scratch", ["fct_dreams"])
    broken = [
        node | {"compiled_code": "select 1 / nothing"} if node["name"] == "stg_extracts" else node
        for node in plan.nodes
    ]
    with pytest.raises(KyotenError, match=r"staging\.stg_extracts could not be built"):
        replace(plan, nodes=tuple(broken)).build(tmp_path / "scratch", ["stg_extracts"])


def test_the_project_is_compiled_once(plan: Plan, compiled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("dbt was run again")

    monkeypatch.setattr(warehouse, "_compile", refuse)
    assert compile_models(compiled).nodes == plan.nodes
    with pytest.raises(AssertionError):
        compile_models(compiled, {"assignment_gap_days": 1})
    assert not compiled.database.exists(), "compiling opens no database"


def test_what_a_killed_compilation_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "_compiled_folder", lambda home, values: tmp_path / "now")
    monkeypatch.setattr(warehouse, "_compile", lambda folder, values, parsed: (folder / "manifest.json").touch())
    for name, age in (("unfinished-old", 4_000), ("unfinished-running", 100)):
        (tmp_path / name).mkdir()
        then = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (then, then))
    warehouse.compiled(Home(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"now", "unfinished-running"}


@pytest.mark.parametrize(
    ("path", "before", "is_read"),
    [
        ("models/marts/kpi/bottlenecks.sql", "select 1\n-- {{ ref('int_rates') }}", False),
        ("models/marts/kpi/bottlenecks.yml", "", False),
        ("macros/dates.sql", "", False),
        ("models/marts/kpi/bottlenecks.sql", None, True),
    ],
)
def test_an_edit_of_sql_alone_needs_no_parse(
    compiled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, before: str | None, is_read: bool
) -> None:
    """The compiled folder is of an earlier state of one file: other hash, and other text where it is a model."""
    folder = tmp_path / "earlier"
    shutil.copytree(warehouse.compiled(compiled), folder)
    monkeypatch.setattr(warehouse, "_compiled_place", lambda home: tmp_path)
    present = (warehouse.PROJECT / path).read_text().strip()
    record = json.loads((folder / warehouse.COMPILED_FROM).read_text())
    record["files"][path] = "earlier"
    (folder / warehouse.COMPILED_FROM).write_text(json.dumps(record))
    manifest = pickle.loads((folder / warehouse.PARSED).read_bytes())
    for node in manifest.nodes.values():
        if node.original_file_path == path:
            node.raw_code = present.replace("select", "select /* earlier */") if before is None else before
    (folder / warehouse.PARSED).write_bytes(pickle.dumps(manifest))
    found = warehouse.edited_project(compiled)
    assert (found is not None) == is_read
    if found:
        assert found.nodes["model.kyoten.bottlenecks"].raw_code == present
