"""The asset graph: landing files → lake → dbt's models and guards → release. The work itself is in other modules.

`dagster dev` loads this module; a headless refresh runs the job `refresh` of the same definitions.
"""

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetSelection,
    AssetSpec,
    Backoff,
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    Definitions,
    Failure,
    FreshnessPolicy,
    Jitter,
    MaterializeResult,
    MetadataValue,
    Output,
    RetryPolicy,
    RunFailureSensorContext,
    RunRequest,
    RunStatusSensorContext,
    ScheduleDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    asset,
    asset_check,
    define_asset_job,
    in_process_executor,
    multi_asset,
    run_failure_sensor,
    run_status_sensor,
    sensor,
)
from dagster_dbt import DagsterDbtCliRuntimeError, DagsterDbtTranslator, DbtCliInvocation, DbtCliResource, dbt_assets

from orchestration import costs, notices, steps, warehouse
from orchestration.contract import load_contract
from orchestration.errors import KyotenError
from orchestration.freshness import late
from orchestration.home import Home
from orchestration.knowledge import known_rows
from orchestration.lake.expectations import load_expectations
from orchestration.lake.ingest import IngestResult
from orchestration.lock import holder
from orchestration.release import checks, postgres
from orchestration.release.check_words import described_checks
from orchestration.release.fingerprint import inputs_fingerprint, nothing_new
from orchestration.release.listing import changes
from orchestration.release.releases import Kept, kept_releases, newest_release, notice_of_rollback, rolled_back_to
from orchestration.resources import Workspace, dbt_resource, end_lost_runs, prune_releases, start_dbt
from orchestration.settings import settings_of
from orchestration.sources.transports.fetch import FetchError, fetch, has_transports

HOME = Home.from_environment()
SETTINGS = settings_of(HOME)
OWNERS = [SETTINGS.owner] if SETTINGS.owner else None
warehouse.configure(HOME)
MANIFEST = described_checks(warehouse.read_manifest(HOME))
EXTRACTS = AssetKey(["landing", "extracts"])
ALL_DATASETS = (["lake", "loads"], ["lake", "rejected"], ["lake", "drift"])
# What the schedule makes every day is stale two hours later. Without a schedule nobody has said when it should run.
DAILY = FreshnessPolicy.time_window(fail_window=timedelta(hours=26)) if SETTINGS.schedule else None


IN_LAKE: dict[str, Any] = {"group_name": "ingest", "kinds": {"parquet"}, "owners": OWNERS}
RECENT, BATCH_RULES = "is_recent", "batch_rules"


def _landing_specs() -> Iterator[AssetSpec]:
    for name, dataset in load_contract().datasets.items():
        yield AssetSpec(
            ["raw", name],
            description=f"{dataset.description} Tier {dataset.tier}, {dataset.extract} extracts.",
            tags={"tier": dataset.tier, "extract": dataset.extract, "source": dataset.group},
            skippable=True,
            deps=[EXTRACTS],
            freshness_policy=DAILY,
            **IN_LAKE,
        )
    for key, description in (
        (ALL_DATASETS[0], "One row per landed file: how many rows were read, accepted and rejected."),
        (ALL_DATASETS[1], "One row per rejected record, whole, with file, row number, reason and remedy."),
        (ALL_DATASETS[2], "One row per load, file and column that is new or missing."),
    ):
        yield AssetSpec(key, description=description, skippable=True, deps=[EXTRACTS], **IN_LAKE)


def _landing_check_specs() -> Iterator[AssetCheckSpec]:
    for name, dataset in load_contract().datasets.items():
        if not dataset.worklist:  # what a person decides has no usual time
            yield AssetCheckSpec(
                RECENT,
                asset=["raw", name],
                description="No source is without an extract for longer than usual (late_after in settings.yml). "
                "If it fails, the release is published with a warning.",
            )
    for name in load_expectations(load_contract()).datasets:
        yield AssetCheckSpec(
            BATCH_RULES,
            asset=["raw", name],
            description="Each whole batch meets its expectations (expectations.yml). A batch that misses one is held. "
            "If it fails, nothing is published.",
            blocking=True,
        )


def _batch_checks(result: IngestResult, wanted: set[AssetCheckKey], docs: Path) -> Iterator[AssetCheckResult]:
    """Return a result for each dataset: its batches were held, accepted by a person, or within their bounds."""
    for key in sorted(one for one in wanted if one.name == BATCH_RULES):
        batches = [one for one in result.batches if one.dataset == key.asset_key.path[1]]
        missed = [one for one in batches if one.missed]
        is_held = any(one.is_held for one in missed)
        yield AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=not missed,
            severity=AssetCheckSeverity.ERROR if is_held else AssetCheckSeverity.WARN,
            description="\n".join(one.message for one in missed) or None,
            metadata={"batches": len(batches)} | ({"data_docs": MetadataValue.path(docs)} if batches else {}),
        )


def recency_checks(home: Home, wanted: set[AssetCheckKey]) -> Iterator[AssetCheckResult]:
    """Return a result for each dataset: whether each source has delivered within its usual time."""
    today = datetime.now(ZoneInfo(warehouse.var("business_timezone"))).date()
    texts: dict[str, list[str]] = {}
    for one in late(home, today, SETTINGS.notices.late_after):
        texts.setdefault(one.dataset, []).append(one.text)
    for key in sorted(one for one in wanted if one.name == RECENT):
        found = texts.get(key.asset_key.path[1])
        yield AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=not found,
            severity=AssetCheckSeverity.WARN,
            description="\n".join(found or []) or None,
        )


@contextlib.contextmanager
def step_failure() -> Iterator[None]:
    """Turn a KyotenError into the failure of a step. Only what may pass by itself is tried again: a transport."""
    try:
        yield
    except FetchError as error:
        raise Failure(str(error), allow_retries=error.may_pass) from error
    except KyotenError as error:
        raise Failure(str(error), allow_retries=False) from error


@asset(
    key=EXTRACTS,
    group_name="ingest",
    kinds={"file"},
    owners=OWNERS,
    retry_policy=RetryPolicy(max_retries=3, delay=60, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS),
)
def extracts(workspace: Workspace) -> MaterializeResult[None]:
    """Dated, immutable extracts from the mapping's databases, APIs and remote folders.

    A source that cannot be fetched stops the run, as a refused file does, but only after all others were fetched.
    """
    home, fetched = workspace.home, []
    if workspace.fetches:
        with step_failure():
            fetched = fetch(home, home.sources, timezone=warehouse.var("business_timezone"), say=workspace.say)
    names = "\n".join(f"- {path.relative_to(home.extracts)}" for path in fetched)
    shown = {"fetched": MetadataValue.md(names)} if fetched else {}
    return MaterializeResult(metadata={"extracts": len(fetched), **shown})


@multi_asset(name="ingest", specs=list(_landing_specs()), check_specs=list(_landing_check_specs()), can_subset=True)
def landing(
    context: AssetExecutionContext, workspace: Workspace
) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
    """Load the landed files into the lake. A bad row is rejected and the run continues.

    A refused file or a held batch stops the run, but only after all others were loaded. A release without its rows
    would change totals for no visible reason.
    """
    home = workspace.home
    whole = not context.selected_asset_keys.isdisjoint(map(AssetKey, ALL_DATASETS))
    selected = {key.path[1] for key in context.selected_asset_keys if key.path[0] == "raw"}
    with step_failure():
        result = steps.load(home, workspace.say, datasets=None if whole else selected)
        for key in sorted(context.selected_asset_keys):
            files = [file for file in result.files if key.path in (["raw", file.dataset], *ALL_DATASETS)]
            held = [one for one in result.batches if one.is_held and key.path in (["raw", one.dataset], *ALL_DATASETS)]
            yield MaterializeResult(
                asset_key=key,
                metadata={
                    "files": len(files),
                    "rows_read": sum(file.read for file in files),
                    "rows_accepted": sum(file.accepted for file in files),
                    "rows_rejected": sum(file.rejected for file in files),
                    "batches_held": len(held),
                },
            )
        yield from _batch_checks(result, context.selected_asset_check_keys, home.data_docs / "index.html")
        yield from recency_checks(home, context.selected_asset_check_keys)
        if stopped := steps.stops(result):
            raise KyotenError("\n".join(stopped))


def _name_specs() -> Iterator[AssetSpec]:
    deps = [["raw", dataset] for dataset in ("deals", "partners", "branches", "reps", "aliases")]
    for table, description in (
        ("texts", "One row per distinct text that names a partner, branch or rep, with its normalised form."),
        ("readings", "One row per way to read a deal's partner or branch text."),
        ("similar_names", "One row per suggestion for a text that matches no registered name."),
    ):
        yield AssetSpec(["lake", table], deps=deps, description=description, **IN_LAKE)


@multi_asset(name="names", specs=list(_name_specs()), can_subset=True)
def names(context: AssetExecutionContext, workspace: Workspace) -> Iterator[MaterializeResult[None]]:
    """Normalise every distinct name of the lake, once for all deals that contain it; also if one table is selected."""
    with step_failure():
        rows = steps.name(workspace.home, workspace.say)
    for key in sorted(context.selected_asset_keys):
        yield MaterializeResult(asset_key=key, metadata={"rows": rows[key.path[-1]]})


def _knowledge_specs() -> Iterator[AssetSpec]:
    deps = [*landing.keys, *names.keys]
    for table, description in (
        ("known_credit", "One row per deal and month, credit as it was known before the latest extract."),
        ("known_restatements", "One row per deal, month and change, restatements up to that knowledge."),
        ("known_deals", "One row per deal, step and event of money, records of deals up to that knowledge."),
        ("known_branches", "One row per branch, step and successor, where branches belonged up to that knowledge."),
    ):
        yield AssetSpec(["lake", table], deps=deps, description=description, **IN_LAKE)


@multi_asset(name="knowledge", specs=list(_knowledge_specs()), can_subset=True)
def knowledge(context: AssetExecutionContext, workspace: Workspace) -> Iterator[MaterializeResult[None]]:
    """Write the credit known before this build into the lake, for restatements; first build earlier dates it lacks."""
    with step_failure():
        steps.know(workspace.home, workspace.say)
    rows = known_rows(workspace.home)
    for key in sorted(context.selected_asset_keys):
        yield MaterializeResult(asset_key=key, metadata={"rows": rows[key.path[-1]]})


class LayerTranslator(DagsterDbtTranslator):
    """dbt's nodes as assets, grouped by layer."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the layer, or the group that dbt_project.yml sets; for other nodes than models their resource type."""
        if dbt_resource_props["resource_type"] != "model":
            return f"{dbt_resource_props['resource_type']}s"
        folders = dbt_resource_props["fqn"][1:-1]
        layer = "_".join(folders[: 2 if folders[0] == "marts" else 1])
        return super().get_group_name(dbt_resource_props) or layer

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """Return the owner that settings.yml names."""
        return OWNERS

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """Return dbt's tags, and whether the table has names or addresses of persons."""
        columns = dbt_resource_props.get("columns", {}).values()
        is_personal = any((column.get("config") or {}).get("meta", {}).get("personal") for column in columns)
        return {**super().get_tags(dbt_resource_props), **({"personal": "true"} if is_personal else {})}


TRANSLATOR = LayerTranslator()


@dbt_assets(name="dbt", manifest=MANIFEST, dagster_dbt_translator=TRANSLATOR)
def models(context: AssetExecutionContext, dbt: DbtCliResource, workspace: Workspace) -> Iterator[Any]:
    """Build and test with one dbt process; a guard that fails stops what is downstream of it and the release."""
    home = workspace.home
    # Not context.assets_def: in a run that selects some assets, it contains only these.
    whole = (context.selected_asset_keys, context.selected_asset_check_keys) == (models.keys, models.check_keys)
    with step_failure():
        if warehouse.on_spark() and not whole:
            raise KyotenError("Spark always builds everything. Run the job refresh.")
        if not whole and not home.database.exists():
            raise KyotenError("There are no tables yet that this part could read. Run the job refresh once.")
        project = steps.prepare(home, discard=whole)
        target = warehouse.target(home)
        if whole:
            build = start_dbt(dbt, steps.build_arguments(), context, MANIFEST, TRANSLATOR, target)
        else:
            build = dbt.cli(steps.build_arguments(), context=context, target_path=target)
        try:
            yield from _with_progress(build, workspace, len(context.selected_asset_keys))
        except DagsterDbtCliRuntimeError as error:
            raise KyotenError("\n".join(checks.causes(home) or [checks.dbt_message(error)])) from error
        finally:
            steps.expose(home)
            steps.list_decisions(home, workspace.say)
        if whole:
            steps.finish(home, project)
        else:
            workspace.say("Built a part, for a look. Readers see it after the job refresh, which builds everything.")


def _with_progress(build: DbtCliInvocation, workspace: Workspace, total: int) -> Iterator[Any]:
    built, tested, text = 0, 0, "dbt: nothing to build"
    say = steps.limited(workspace.say)
    for event in build.stream():
        built += isinstance(event, Output)
        tested += isinstance(event, AssetCheckResult)
        say(text := f"dbt: {built} of {total} tables and views, {tested} guards")
        yield event
    workspace.say(text)


def _published_keys() -> list[AssetKey]:
    ids = {node["unique_id"] for node in warehouse.published_models(MANIFEST)}
    return [spec.key for spec in models.specs if spec.metadata["dagster_dbt/unique_id"] in ids]


RELEASE, PAGES = AssetKey(["published", "release"]), AssetKey(["published", "pages"])


def _release_specs() -> Iterator[AssetSpec]:
    yield AssetSpec(
        RELEASE,
        deps=_published_keys(),
        description="A release: database, Parquet files, manifest. Readers see it, unless one was brought back. "
        "Materialize publishes the last build, if that was of everything. The job refresh builds and publishes.",
        group_name="published",
        skippable=True,
        kinds={"duckdb", "parquet"},
        owners=OWNERS,
        freshness_policy=DAILY,
    )
    yield AssetSpec(
        PAGES,
        deps=[RELEASE],
        description="The pages that people open, made from the release's tables and swapped in with them.",
        group_name="published",
        skippable=True,
        kinds={"html"},
        owners=OWNERS,
    )


@multi_asset(name="release", specs=list(_release_specs()), can_subset=True)
def release(context: AssetExecutionContext, workspace: Workspace) -> Iterator[MaterializeResult[None]]:
    """Publish the tables with their pages, also if only one of the two is selected."""
    with step_failure():
        made = steps.release(workspace.home, workspace.say)
    first = workspace.home.first_page
    began = context.instance.get_run_stats(context.run_id).start_time
    results = {
        RELEASE: release_metadata(made, time.time() - began if began else None),
        PAGES: {"first": MetadataValue.path(first)} if first.exists() else {},
    }
    for key in context.selected_asset_keys:
        yield MaterializeResult(asset_key=key, metadata=results[key])


@asset_check(
    asset=RELEASE,
    description="Readers see the latest release. After a rollback this check fails: "
    "new releases are kept, readers do not see them, and the run ends with a warning.",
)
def readers_see_the_latest() -> AssetCheckResult:
    """Return whether no rollback holds, and if one does, since when, by whom, why, and how to end it."""
    notice = notice_of_rollback(HOME)
    return AssetCheckResult(passed=notice is None, severity=AssetCheckSeverity.WARN, description=notice)


def release_metadata(made: Mapping[str, Any], seconds: float | None) -> dict[str, Any]:
    """Return what a run page shows of a release: a report of what is published, how it differs, and where it is."""
    release_id = str(made["release_id"])
    folder, kept = HOME.published / "releases" / release_id, kept_releases(HOME)
    before = next((one for one in reversed(kept) if one.release_id < release_id), None)
    rows_before = before.manifest["tables"] if before else {}
    rows = [
        f"| {table} | {count:,} | {f'{count - rows_before[table]:+,}' if table in rows_before else 'new'} |"
        for table, count in sorted(made["tables"].items())
    ]
    first = {"page": MetadataValue.path(HOME.first_page)} if HOME.first_page.exists() else {}
    return {
        "release_id": release_id,
        "published_at": MetadataValue.timestamp(datetime.fromisoformat(made["published_at"])),
        "readers_see": rolled_back_to(HOME) or release_id,
        "as_of": str(made["as_of"]),
        "changed": MetadataValue.md("\n".join(f"- {one}" for one in changes(before, Kept(folder, dict(made))))),
        "tables": len(made["tables"]),
        "rows": sum(made["tables"].values()),
        "rows_by_table": MetadataValue.md("\n".join(["| table | rows | change |", "|---|--:|--:|", *rows])),
        **{f"sum_of_{name}": float(money) for name, money in (made.get("money") or {}).items() if money},
        "guards_passed": made["checks"]["passed"],
        "guards_warned": made["checks"]["warned"],
        **({"seconds": round(seconds)} if seconds else {}),
        **first,
        "data_docs": MetadataValue.path(HOME.data_docs / "index.html"),
        "worklist": MetadataValue.path(HOME.worklist / "quarantine.csv"),
        "folder": MetadataValue.path(folder),
        "go_back": f"make rollback RELEASE=… REASON=… KYOTEN_HOME={HOME.root} (make releases lists them)",
    }


refresh = define_asset_job("refresh", AssetSelection.all(), description="Landing files → published release.")
GROUPS = sorted({dataset.group for dataset in load_contract().datasets.values()})
loads = [
    define_asset_job(
        f"load_{group}",
        AssetSelection.assets(
            EXTRACTS, *(["raw", name] for name, dataset in load_contract().datasets.items() if dataset.group == group)
        ),
        description=f"Landing files of the datasets of {group} → lake. Publishes nothing: the next refresh does.",
    )
    for group in GROUPS
]
marts = define_asset_job(
    "marts",
    AssetSelection.groups(*sorted({name for name in models.group_names_by_key.values() if name.startswith("marts_")})),
    description="Builds and tests the marts again, from the tables of the last build. Publishes nothing: refresh does.",
)

HOUR, MINUTE = map(int, (SETTINGS.schedule or "05:00").split(":"))

daily = ScheduleDefinition(
    name="daily",
    job=refresh,
    cron_schedule=f"{MINUTE} {HOUR} * * *",
    execution_timezone=warehouse.var("business_timezone"),
    default_status=DefaultScheduleStatus.RUNNING if SETTINGS.schedule else DefaultScheduleStatus.STOPPED,
    should_execute=lambda _: has_transports(HOME) or nothing_new(HOME) is None or postgres.is_expected(HOME),
    description="Once a day, unless nothing is new. `schedule` in settings.yml switches it on and says when.",
)


@sensor(
    name="landed",
    job=refresh,
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING if SETTINGS.watch_landing else DefaultSensorStatus.STOPPED,
)
def landed(context: SensorEvaluationContext) -> RunRequest | SkipReason:
    """Refresh once when files have landed and have stopped changing. `watch_landing` in settings.yml switches it on."""
    now, before = inputs_fingerprint(HOME), json.loads(context.cursor or "{}")
    context.update_cursor(json.dumps({"seen": now, "asked": before.get("asked")}))
    if now == before.get("asked"):
        return SkipReason("Nothing has landed since the run that this sensor started.")
    if nothing_new(HOME):
        return SkipReason("The release has all that has landed.")
    if now != before.get("seen"):
        return SkipReason("Files are landing. The next look refreshes, if they have stopped changing.")
    if process := holder(HOME):
        return SkipReason(f"Process {process} is writing in the home.")
    context.update_cursor(json.dumps({"seen": now, "asked": now}))
    return RunRequest(run_key=now)


@run_failure_sensor(name="tell_failure", monitored_jobs=[refresh], default_status=DefaultSensorStatus.RUNNING)
def tell_failure(context: RunFailureSensorContext) -> None:
    """Send a notice with the causes of a failed run, if settings.yml names receivers."""
    if SETTINGS.notices.to:
        messages = [event.step_failure_data.error for event in context.get_step_failure_events()]
        causes = [cause for error in messages if error for cause in step_causes(error.message)]
        notices.failed(HOME, causes or [context.failure_event.message or "The run failed."], context.log.info)


@run_status_sensor(
    name="tell_success",
    run_status=DagsterRunStatus.SUCCESS,
    monitored_jobs=[refresh],
    default_status=DefaultSensorStatus.RUNNING,
)
def tell_success(context: RunStatusSensorContext) -> None:
    """Send a notice after a recovery, of late data, and once a week; if settings.yml names receivers."""
    if SETTINGS.notices.to:
        notices.succeeded(HOME, context.log.info)


def step_causes(message: str) -> list[str]:
    """Return the lines of a step's failure without the names of Dagster's and Python's classes."""
    lines = [re.sub(r"^(dagster\S*?|orchestration\S*?)(Failure|Error): ", "", line) for line in message.splitlines()]
    return [line for line in map(str.strip, lines) if line and not line.startswith("Stack Trace")]


@sensor(name="releases", minimum_interval_seconds=30, default_status=DefaultSensorStatus.RUNNING)
def releases(context: SensorEvaluationContext) -> SensorResult:
    """Record releases that a refresh without Dagster published (`make refresh`), with all tables that it built."""
    manifest = newest_release(HOME)
    if manifest is None or manifest["release_id"] == context.cursor:
        return SensorResult()
    latest = context.instance.get_latest_materialization_event(RELEASE)
    made_here = latest and latest.asset_materialization and latest.asset_materialization.metadata.get("release_id")
    is_known = made_here and made_here.value == manifest["release_id"]
    seconds = costs.seconds(HOME, manifest["release_id"])
    prune_releases(context.instance, RELEASE)
    events = [] if is_known else list(built_for(manifest, release_metadata(manifest, seconds)))
    return SensorResult(asset_events=events, cursor=manifest["release_id"])


def built_for(manifest: Mapping[str, Any], of_release: Mapping[str, Any]) -> Iterator[AssetMaterialization]:
    """Yield a materialization of each asset that a refresh brings up to date, upstream first.

    Dagster takes an asset for outdated if one upstream of it was materialized later.
    """
    delivered = {file["dataset"] for file in manifest["inputs"]}
    for key in defs.resolve_asset_graph().toposorted_asset_keys:
        if key.path[0] != "raw" or key.path[1] in delivered:
            rows = manifest["tables"].get(".".join(key.path))
            counted = {} if rows is None else {"dagster/row_count": rows}
            of_table = {"release_id": manifest["release_id"], **counted}
            yield AssetMaterialization(key, metadata=of_release if key == RELEASE else of_table)


@sensor(name="rollbacks", minimum_interval_seconds=30, default_status=DefaultSensorStatus.RUNNING)
def rollbacks(context: SensorEvaluationContext) -> SensorResult:
    """Record that a person has brought an earlier release back, or has ended that: `make rollback` starts no run."""
    seen = rolled_back_to(HOME) or ""
    if seen == (context.cursor or ""):
        return SensorResult()
    (key,) = readers_see_the_latest.check_keys
    notice = notice_of_rollback(HOME)
    result = AssetCheckEvaluation(
        key.asset_key,
        key.name,
        passed=notice is None,
        severity=AssetCheckSeverity.WARN,
        description=notice,
        metadata={},
    )
    return SensorResult(asset_events=[result], cursor=seen)


@sensor(name="lost_runs", minimum_interval_seconds=60, default_status=DefaultSensorStatus.RUNNING)
def lost_runs(context: SensorEvaluationContext) -> SkipReason:
    """End runs whose process has ended, by a restart or a power cut: as long as one seems to run, no other starts."""
    ended = end_lost_runs(context.instance, HOME)
    return SkipReason(f"Ended {', '.join(ended)}." if ended else "The process of each run is there.")


defs = Definitions(
    assets=[extracts, landing, names, knowledge, models, release],
    asset_checks=[readers_see_the_latest],
    jobs=[refresh, *loads, marts],
    schedules=[daily],
    sensors=[releases, rollbacks, landed, lost_runs, tell_failure, tell_success],
    resources={"workspace": Workspace(root=str(HOME.root)), "dbt": dbt_resource(HOME)},
    executor=in_process_executor,
)
