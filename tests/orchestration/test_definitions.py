"""The asset graph is complete: every source is loaded, every guard is a check, and one release is at the end."""

import graphlib
import importlib.util
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from threading import Timer
from types import ModuleType

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    Failure,
    RunRequest,
    SkipReason,
    asset,
    asset_check,
    build_sensor_context,
    job,
    materialize,
    op,
)
from dagster_dbt import get_asset_key_for_model

from orchestration import resources
from orchestration.contract import load_contract
from orchestration.errors import KyotenError
from orchestration.freshness import Late
from orchestration.home import PROJECT, Home
from orchestration.lake.acceptance import accept
from orchestration.lock import holder, write_lock
from orchestration.release.releases import LATEST, current_release, roll_back
from orchestration.resources import Workspace, prune_releases, prune_runs
from orchestration.sources.transports.fetch import FetchError
from orchestration.sources.transports.job import LATER
from orchestration.warehouse import published_models, read_manifest
from tools import asset_graph


@pytest.fixture(scope="module")
def definitions(built_home: Home) -> Iterator[ModuleType]:
    """The definitions for the built home; importing them sets environment variables that other tests must not see."""
    with pytest.MonkeyPatch.context() as patch:
        before = dict(os.environ)
        patch.setenv("KYOTEN_HOME", str(built_home.root))
        from orchestration import definitions

        yield definitions
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def defs(definitions: ModuleType) -> Definitions:
    Definitions.validate_loadable(definitions.defs)
    return definitions.defs


def test_ingest_has_an_asset_for_every_source_of_dbt_and_every_dataset(
    definitions: ModuleType, built_home: Home
) -> None:
    sources = {AssetKey([s["source_name"], s["name"]]) for s in read_manifest(built_home)["sources"].values()}
    assert definitions.landing.keys | definitions.names.keys | definitions.knowledge.keys == sources
    assert {key.path[1] for key in sources if key.path[0] == "raw"} == set(load_contract().datasets)


def test_every_dbt_test_is_an_asset_check(definitions: ModuleType, built_home: Home) -> None:
    manifest = read_manifest(built_home)
    tests = {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    guards = {name for name in tests if name.startswith("assert_")}
    checks = {key.name for key in definitions.models.check_keys}
    assert guards, "tests/data holds no guard"
    assert tests - checks == set(), "dagster-dbt drops a singular test with several refs without meta.dagster.ref"


def test_guards_block_the_release(definitions: ModuleType, built_home: Home) -> None:
    manifest = read_manifest(built_home)
    severities = {
        n["name"]: n["config"]["severity"] for n in manifest["nodes"].values() if n["resource_type"] == "test"
    }
    for spec in definitions.models.check_specs:
        assert spec.blocking == (severities[spec.name].lower() == "error")
        if spec.name.startswith("assert_"):
            assert spec.blocking, spec.name


def test_batch_rules_block_models_that_read_the_lake(definitions: ModuleType, tmp_path: Path) -> None:
    rules, recent = definitions.BATCH_RULES, definitions.RECENT
    specs = {spec.asset_key: spec for spec in definitions.landing.check_specs if spec.name == rules}
    assert {spec.asset_key for spec in definitions.landing.check_specs if spec.name == recent} == set(specs)
    assert all(spec.blocking for spec in specs.values())
    assert {key.path[1] for key in specs} == {
        name for name, one in load_contract().datasets.items() if not one.worklist
    }
    home = Home(tmp_path)
    whole = [f"B{i},P,{i}" for i in range(40)]
    outcomes = []
    for day, rows in (("2026-04-01", whole), ("2026-04-02", whole[:20])):
        path = home.landing / "branches" / f"branches_{day}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(["branch_id,partner_id,branch_name", *rows]) + "\n")
        for _ in range(2):
            run = materialize(
                [definitions.landing], resources={"workspace": Workspace(root=str(home.root))}, raise_on_error=False
            )
            checks = {one.asset_key: one for one in run.get_asset_check_evaluations() if one.check_name == rules}
            assert set(checks) == set(specs)
            of_branches = checks.pop(AssetKey(["raw", "branches"]))
            assert all(one.passed for one in checks.values())
            outcomes.append((run.success, of_branches.passed, of_branches.severity.value))
            if day == "2026-04-02" and len(outcomes) == 3:
                assert "is held" in (of_branches.description or "")
                accept(home, "landing/branches/2026-04-02", "鈴木", "統廃合")
    assert outcomes == [(True, True, "WARN"), (True, True, "WARN"), (False, False, "ERROR"), (True, False, "WARN")]


@pytest.mark.parametrize(("chosen", "loaded"), [("raw/branches", 1), ("lake/loads", 2)])
def test_materializing_one_asset_loads_what_its_name_says(
    definitions: ModuleType, tmp_path: Path, chosen: str, loaded: int
) -> None:
    home, key = Home(tmp_path), AssetKey(chosen.split("/"))
    texts = {"branches": "branch_id,partner_id,branch_name\nB1,P,x\n", "partners": "partner_id,partner_name\nP,x\n"}
    for name, text in texts.items():
        path = home.landing / name / f"{name}_2026-04-01.csv"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    workspace = Workspace(root=str(home.root))
    run = materialize([definitions.landing], selection=[key], resources={"workspace": workspace})
    (made,) = run.get_asset_materialization_events()
    assert made.asset_key == key and made.materialization.metadata["rows_accepted"].value == loaded
    one_of_three = AssetKey(["lake", "texts"])  # which are written together
    run = materialize([definitions.names], selection=[one_of_three], resources={"workspace": workspace})
    assert [one.asset_key for one in run.get_asset_materialization_events()] == [one_of_three]


def test_the_release_comes_after_every_published_model(definitions: ModuleType, built_home: Home) -> None:
    release = next(spec for spec in definitions.release.specs if spec.key.path[-1] == "release")
    published = {
        get_asset_key_for_model([definitions.models], node["name"])
        for node in published_models(read_manifest(built_home))
        if node["resource_type"] == "model"
    }
    assert AssetKey(["core", "fct_deals"]) in published
    assert published <= {dep.asset_key for dep in release.deps}


def test_the_graph_runs_from_landing_to_release_in_groups(defs: Definitions) -> None:
    graph = defs.resolve_asset_graph()
    upstream = graph.get(AssetKey(["published", "release"])).parent_keys
    seen = set(upstream)
    while upstream:
        upstream = {parent for key in upstream for parent in graph.get(key).parent_keys} - seen
        seen |= upstream
    assert AssetKey(["raw", "deals"]) in seen
    groups = Counter(graph.get(key).group_name for key in graph.get_all_asset_keys())
    layers = {"staging", "organisation", "deals", "attribution", "facts", "measures", "marts", "ops"}
    assert {group.partition("_")[0] for group in groups} == {"ingest", "seeds", *layers, "published"}
    assert len(groups) < 20, "more groups than a person sees in one picture"
    assert max(groups.values()) < 60, "more assets than a person sees in one picture"
    assert all(graph.get(key).description for key in graph.get_all_asset_keys())


def test_the_groups_point_one_way(defs: Definitions) -> None:
    assert list(graphlib.TopologicalSorter(group_reads(defs)).static_order())[-1] == "published"
    turned = group_reads(defs)
    turned["staging"].add("facts")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(turned).prepare()


def group_reads(defs: Definitions) -> dict[str, set[str]]:
    """Return for each group of assets the other groups that it reads."""
    graph = defs.resolve_asset_graph()
    found: dict[str, set[str]] = {}
    for key in graph.get_all_asset_keys():
        group, parents = graph.get(key).group_name or "", graph.get(key).parent_keys
        found.setdefault(group, set()).update(graph.get(parent).group_name or "" for parent in parents)
    return {group: parents - {group} for group, parents in found.items()}


def test_the_graph_is_the_reviewed_snapshot(defs: Definitions) -> None:
    reviewed = asset_graph.FILE.read_text(encoding="utf-8").splitlines()
    assert asset_graph.text(defs).splitlines() == reviewed, "python -m tools.asset_graph writes it; review the diff"


def test_the_schedule_is_daily_in_tokyo_and_off(definitions: ModuleType) -> None:
    daily = definitions.daily
    assert (daily.cron_schedule, daily.execution_timezone) == ("0 5 * * *", "Asia/Tokyo")
    assert daily.default_status == DefaultScheduleStatus.STOPPED
    assert daily.job_name == "refresh"


def test_every_check_says_what_it_checks(defs: Definitions, definitions: ModuleType) -> None:
    graph = defs.resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    words = {spec.name: spec.description or "" for spec in specs}
    assert len(specs) > 300 and [spec.name for spec in specs if not spec.description] == []
    assert all(text.endswith(("nothing is published.", "with a warning.")) for text in words.values())
    assert not [name for name, text in words.items() if text.startswith("Test ")]
    assert words["unique_stage_map_source_stage"].startswith("No two rows have the same source_stage.")
    assert words["relationships_fct_revenue_branch_id__branch_id__ref_dim_branch_"].startswith(
        "Every branch_id is a branch_id of dim_branch."
    )
    assert len(words["assert_money_is_the_ledger"]) > 60
    assert words["assert_money_is_the_ledger"].startswith("If it fails, the run says: “")


def evaluate(definitions: ModuleType, cursor: str | None) -> tuple[object, str]:
    context = build_sensor_context(definitions=definitions.defs, cursor=cursor)
    found = definitions.landed(context)
    return found, str(context.cursor)


def test_landed_files_are_refreshed_once_when_they_have_stopped_changing(
    definitions: ModuleType, home_copy: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "HOME", home_copy)
    found, cursor = evaluate(definitions, None)
    assert isinstance(found, SkipReason) and "The release has all" in str(found)
    file = home_copy.landing / "deals" / "deals_2026-11-01.csv"
    file.write_text("deal_id,stage\nD1,")
    found, cursor = evaluate(definitions, cursor)
    assert isinstance(found, SkipReason) and "are landing" in str(found)
    file.write_text("deal_id,stage\nD1,won\n")  # it has grown
    found, cursor = evaluate(definitions, cursor)
    assert isinstance(found, SkipReason) and "are landing" in str(found)
    with write_lock(home_copy):
        found, cursor = evaluate(definitions, cursor)
    found, cursor = evaluate(definitions, cursor)
    assert isinstance(found, RunRequest) and found.run_key
    found, cursor = evaluate(definitions, cursor)
    assert isinstance(found, SkipReason) and "since the run that this sensor started" in str(found)


def test_only_transports_are_tried_again_and_only_where_it_may_help(definitions: ModuleType) -> None:
    policies = {definition.node_def.name: definition.node_def.retry_policy for definition in DEFINED(definitions)}
    assert policies.pop("landing__extracts").max_retries == 3
    assert set(policies.values()) == {None}
    for error, retries in (
        (FetchError(f"no answer. {LATER}."), True),
        (FetchError("401. Check the credentials."), False),
        (KyotenError("a guard"), False),
    ):
        with pytest.raises(Failure) as raised, definitions.step_failure():
            raise error
        assert raised.value.allow_retries is retries


def DEFINED(definitions: ModuleType) -> list:  # noqa: N802
    return [definitions.extracts, definitions.landing, definitions.names, definitions.knowledge, definitions.release]


@pytest.mark.parametrize(
    "message",
    [
        "dagster._core.definitions.events.Failure: Guard assert_x: 3 rows. Correct it.\nStack Trace:\n",
        "orchestration.errors.KyotenError: Guard assert_x: 3 rows. Correct it.",
    ],
)
def test_a_failed_run_has_the_causes_of_a_refresh(definitions: ModuleType, message: str) -> None:
    assert definitions.step_causes(message) == ["Guard assert_x: 3 rows. Correct it."]


def test_the_job_refresh_contains_everything(defs: Definitions, definitions: ModuleType) -> None:
    refresh = defs.resolve_job_def("refresh")
    assert refresh.executor_def.name == "in_process"
    assert set(refresh.asset_layer.executable_asset_keys) == {
        definitions.extracts.key,
        *definitions.landing.keys,
        *definitions.names.keys,
        *definitions.knowledge.keys,
        *definitions.models.keys,
        AssetKey(["published", "release"]),
        AssetKey(["published", "pages"]),
    }


def test_old_runs_are_deleted(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Home(tmp_path_factory.mktemp("pruned"))
    home.dagster.mkdir()

    @op
    def nothing() -> None: ...

    @job
    def idle() -> None:
        nothing()

    with DagsterInstance.local_temp(str(home.dagster)) as instance:
        ids = [idle.execute_in_process(instance=instance).run_id for _ in range(4)]
        prune_runs(instance, home, keep=2)
        assert [run.run_id for run in instance.get_runs()] == [ids[3], ids[2]]
        logs = {path.name.split(".")[0] for path in (home.dagster / "history" / "runs").glob("*.db")}
        assert logs & set(ids) == {ids[2], ids[3]}


def test_results_of_checks_are_deleted_with_their_run(tmp_path: Path) -> None:
    @asset
    def thing() -> None: ...

    @asset_check(asset=thing)
    def holds() -> AssetCheckResult:
        return AssetCheckResult(passed=True)

    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        ids = [materialize([thing, holds], instance=instance).run_id for _ in range(3)]
        prune_runs(instance, Home(tmp_path), keep=1)
        with closing(sqlite3.connect(tmp_path / "history" / "runs" / "index.db")) as database:
            assert database.execute("select run_id from asset_check_executions").fetchall() == [(ids[2],)]


def test_records_of_old_releases_without_a_run_are_deleted(tmp_path: Path) -> None:
    release, table = AssetKey(["published", "release"]), AssetKey("table")
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        for number in range(5):
            for key in (table, release):
                instance.report_runless_asset_event(AssetMaterialization(key, metadata={"number": number}))
        prune_releases(instance, release, keep=2)
        for key in (table, release):
            records = instance.fetch_materializations(key, limit=9).records
            made = [record.asset_materialization for record in records]
            assert [one and one.metadata["number"].value for one in made] == [4, 3]
        for file in ("index.db", ".db"):
            with closing(sqlite3.connect(tmp_path / "history" / "runs" / file)) as database:
                assert database.execute("select count(*) from event_logs where run_id = ''").fetchone() == (4,)


def test_a_release_of_a_refresh_without_dagster_is_recorded_once(
    definitions: ModuleType, built_home: Home, tmp_path: Path
) -> None:
    release = current_release(built_home)
    assert release
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        first = definitions.releases(build_sensor_context(instance=instance, definitions=definitions.defs))
        by_key = {one.asset_key: one.metadata for one in first.asset_events}
        event = next(one for one in first.asset_events if one.asset_key == AssetKey(["published", "release"]))
        assert by_key[AssetKey(["core", "fct_deals"])]["dagster/row_count"].value == release["tables"]["core.fct_deals"]
        keys = definitions.defs.resolve_asset_graph().get_all_asset_keys()
        empty = load_contract().datasets.keys() - {one["dataset"] for one in release["inputs"]}
        assert {tuple(key.path) for key in keys - by_key.keys()} == {("raw", name) for name in empty}
        order = list(by_key)
        assert order.index(AssetKey(["staging", "stg_deals"])) < order.index(AssetKey(["core", "fct_deals"]))
        assert event.metadata["release_id"].value == first.cursor == release["release_id"]
        assert event.metadata["guards_passed"].value == release["checks"]["passed"]
        again = build_sensor_context(instance=instance, definitions=definitions.defs, cursor=first.cursor)
        assert not definitions.releases(again).asset_events
        instance.report_runless_asset_event(event)  # as if a run of Dagster had made this release
        afresh = build_sensor_context(instance=instance, definitions=definitions.defs)
        assert not definitions.releases(afresh).asset_events


def test_a_rollback_is_a_warning_of_the_release(
    definitions: ModuleType, home_copy: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(definitions, "HOME", home_copy)
    with DagsterInstance.local_temp(str(tmp_path)) as instance:

        def tick(cursor: str | None) -> tuple[list[AssetCheckEvaluation], str | None]:
            context = build_sensor_context(instance=instance, definitions=definitions.defs, cursor=cursor)
            found = definitions.rollbacks(context)
            return list(found.asset_events), found.cursor or cursor

        assert tick(None) == ([], None)
        roll_back(home_copy, (current_release(home_copy) or {})["release_id"], "prices were wrong")
        (warning,), cursor = tick(None)
        assert not warning.passed and "prices were wrong" in (warning.description or "")
        assert tick(cursor) == ([], cursor)
        assert not definitions.readers_see_the_latest().passed
        roll_back(home_copy, LATEST, "they are right")
        (ended,), cursor = tick(cursor)
        assert ended.passed and ended.description is None
        assert definitions.readers_see_the_latest().passed


def test_jobs_for_everything_for_one_source_and_for_the_marts(defs: Definitions) -> None:
    graph = defs.resolve_asset_graph()
    contract = load_contract().datasets
    jobs = {one.name: one for one in defs.resolve_all_job_defs() if not one.name.startswith("__")}
    assert set(jobs) == {"refresh", "marts"} | {f"load_{dataset.group}" for dataset in contract.values()}
    assert all(one.description for one in jobs.values())
    crm = {tuple(key.path) for key in jobs["load_crm"].asset_layer.executable_asset_keys}
    assert crm == {("landing", "extracts"), *(("raw", name) for name, one in contract.items() if one.group == "crm")}
    groups = {graph.get(key).group_name for key in jobs["marts"].asset_layer.executable_asset_keys}
    assert groups == {"marts_attribution", "marts_kpi", "marts_plan", "marts_segment"}


@pytest.fixture(scope="module")
def with_settings(definitions: ModuleType, built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The definitions of a home whose settings.yml has a schedule and an owner."""
    home = Home(tmp_path_factory.mktemp("settings"))
    (home.root / "settings.yml").write_text('schedule: "06:30"\nwatch_landing: true\nowner: team:sales_ops\n')
    found = importlib.util.spec_from_file_location("definitions_with_settings", definitions.__file__)
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KYOTEN_HOME", str(home.root))
        found.loader.exec_module(module)
        os.environ["KYOTEN_HOME"] = str(built_home.root)
    return module


def test_settings_switch_on_schedule_sensor_freshness_and_owners(with_settings: ModuleType, defs: Definitions) -> None:
    daily = with_settings.daily
    assert (daily.cron_schedule, daily.default_status) == ("30 6 * * *", DefaultScheduleStatus.RUNNING)
    assert with_settings.landed.default_status == DefaultSensorStatus.RUNNING
    graph = with_settings.defs.resolve_asset_graph()
    nodes = {key: graph.get(key) for key in graph.get_all_asset_keys()}
    assert [key for key, node in nodes.items() if node.owners != ["team:sales_ops"]] == []
    assert [key for key, node in nodes.items() if not node.kinds] == []
    fresh = {key for key, node in nodes.items() if node.freshness_policy}
    assert fresh == {AssetKey(["raw", name]) for name in load_contract().datasets} | {
        AssetKey(["published", name]) for name in ("release",)
    }
    unset = defs.resolve_asset_graph()
    assert not [key for key in nodes if unset.get(key).freshness_policy or unset.get(key).owners]


def test_a_source_that_is_late_is_a_warning(
    definitions: ModuleType, built_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {one.key for one in definitions.landing.check_specs}
    text = Late("crm", "deals", date(2026, 1, 1), 7, 30)
    monkeypatch.setattr(definitions, "late", lambda *_: [text])
    found = {one.asset_key.path[1]: one for one in definitions.recency_checks(built_home, keys)}
    assert [name for name, one in found.items() if not one.passed] == ["deals"]
    assert found["deals"].severity.value == "WARN" and found["deals"].description == text.text


def test_a_run_page_reads_as_a_report(definitions: ModuleType, built_home: Home) -> None:
    release = current_release(built_home)
    assert release
    shown = definitions.release_metadata(release, 61.4)
    assert shown["rows"] == sum(release["tables"].values()) and shown["seconds"] == 61
    assert shown["sum_of_core.fct_revenue.amount"] > 0
    assert f"| core.fct_deals | {release['tables']['core.fct_deals']:,} | new |" in shown["rows_by_table"].value
    assert shown["changed"].value == "- the first that is kept"
    assert shown["published_at"].value == datetime.fromisoformat(release["published_at"]).timestamp()
    for name in ("page", "data_docs", "worklist", "folder"):
        assert Path(shown[name].value).exists(), name


def test_a_run_waits_for_a_refresh_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "LOOKS_EVERY", 0.05)
    said: list[str] = []
    monkeypatch.setattr(Workspace, "say", lambda _self, text: said.append(text))
    home = Home(tmp_path)
    writes = (
        "import sys; from pathlib import Path; from orchestration.home import Home; "
        "from orchestration.lock import write_lock\n"
        f"with write_lock(Home(Path({str(tmp_path)!r}))): print('locked', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", writes], cwd=PROJECT, **pipes) as writer:
        assert writer.stdin and writer.stdout and writer.stdout.readline() == "locked\n"
        with (
            pytest.raises(KyotenError, match=f"written by process {writer.pid}"),
            Workspace(root=str(tmp_path), waits=0.1).lock(),
        ):
            pass
        Timer(0.3, writer.stdin.close).start()
        with Workspace(root=str(tmp_path), waits=30).lock():
            assert holder(home) == str(os.getpid())
    assert f"Waiting for process {writer.pid}, which is writing in {tmp_path}" in said


def test_a_run_whose_process_has_ended_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would count as running for ever, and no other run would start."""
    home = Home(tmp_path)
    home.dagster.mkdir()

    @op
    def nothing() -> None: ...

    @job
    def idle() -> None:
        nothing()

    with DagsterInstance.local_temp(str(home.dagster)) as instance:
        lost, lives, starts = (
            instance.create_run_for_job(idle, status=DagsterRunStatus.STARTED).run_id for _ in range(3)
        )
        (home.dagster / "running").mkdir()
        (home.dagster / "running" / lost).touch()  # a kill leaves it
        resources.mark_alive(home, lives)
        assert resources.end_lost_runs(instance, home) == [lost]
        monkeypatch.setattr(resources, "STARTS_WITHIN", -1)
        assert resources.end_lost_runs(instance, home) == [starts]
        states = {run.run_id: run.status.value for run in instance.get_runs()}
        assert states == {lost: "FAILURE", lives: "STARTED", starts: "FAILURE"}
        assert [path.name for path in (home.dagster / "running").iterdir()] == [lives]
