"""The asset graph: landing files → lake → dbt's models and guards → release. The work itself is in other modules.

`dagster dev` loads this module; a headless refresh runs the job `refresh` of the same definitions.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetSelection,
    AssetSpec,
    DefaultScheduleStatus,
    Definitions,
    Failure,
    MaterializeResult,
    MetadataValue,
    Output,
    ScheduleDefinition,
    asset,
    define_asset_job,
    in_process_executor,
    multi_asset,
)
from dagster_dbt import DagsterDbtCliRuntimeError, DagsterDbtTranslator, DbtCliInvocation, DbtCliResource, dbt_assets

from orchestration import warehouse
from orchestration.contract import load_contract
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.knowledge import Knowledge
from orchestration.lake.expectations import load_expectations
from orchestration.lake.ingest import IngestResult, ingest
from orchestration.names.lake import write_names
from orchestration.release import checks
from orchestration.release.fingerprint import inputs_fingerprint, nothing_new, project_fingerprint, recorded_inputs
from orchestration.release.publish import publish
from orchestration.resources import Workspace, dbt_resource, start_dbt
from orchestration.sources.transports.fetch import fetch, has_transports
from orchestration.worklist import export_worklist

HOME = Home.from_environment()
MANIFEST = warehouse.prepare_manifest(HOME)
EXTRACTS = AssetKey(["landing", "extracts"])
ALL_DATASETS = (["lake", "loads"], ["lake", "rejected"], ["lake", "drift"])


def _landing_specs() -> Iterator[AssetSpec]:
    for name, dataset in load_contract().datasets.items():
        yield AssetSpec(
            ["raw", name],
            description=f"{dataset.description} Tier {dataset.tier}, {dataset.extract} extracts.",
            group_name="ingest",
            kinds={"parquet"},
            skippable=True,
            deps=[EXTRACTS],
        )
    for key, description in (
        (ALL_DATASETS[0], "One row per landed file: how many rows were read, accepted and rejected."),
        (ALL_DATASETS[1], "One row per rejected record, whole, with file, row number, reason and remedy."),
        (ALL_DATASETS[2], "One row per load, file and column that is new or missing."),
    ):
        yield AssetSpec(
            key, description=description, group_name="ingest", kinds={"parquet"}, skippable=True, deps=[EXTRACTS]
        )


def _batch_check_specs() -> Iterator[AssetCheckSpec]:
    for name in load_expectations(load_contract()).datasets:
        yield AssetCheckSpec(
            "batch_rules",
            asset=["raw", name],
            description="Expectations of each whole batch, from expectations.yml. A batch that misses one is held.",
            blocking=True,
        )


def _batch_checks(result: IngestResult, wanted: set[AssetCheckKey], docs: Path) -> Iterator[AssetCheckResult]:
    """Return a result for each dataset: its batches were held, accepted by a person, or within their bounds."""
    for key in sorted(wanted):
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


@contextlib.contextmanager
def _step_failure() -> Iterator[None]:
    """Turn a KyotenError into the failure of a step, without a retry."""
    try:
        yield
    except KyotenError as error:
        raise Failure(str(error), allow_retries=False) from error


def _limited(say: Callable[[str], None], seconds: float = 2.0) -> Callable[[str], None]:
    """Return `say`, limited to one message every few seconds: enough to show progress."""
    last = time.monotonic()

    def pass_on(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            say(text)

    return pass_on


@asset(key=EXTRACTS, group_name="ingest")
def extracts(workspace: Workspace) -> MaterializeResult[None]:
    """Dated, immutable extracts from the mapping's databases, APIs and remote folders.

    A source that cannot be fetched stops the run, as a refused file does, but only after all others were fetched.
    """
    home, fetched = workspace.home, []
    if workspace.fetches:
        with _step_failure():
            fetched = fetch(home, home.sources, timezone=warehouse.var("business_timezone"), say=workspace.say)
    return MaterializeResult(metadata={"extracts": len(fetched)})


@multi_asset(name="ingest", specs=list(_landing_specs()), check_specs=list(_batch_check_specs()), can_subset=True)
def landing(
    context: AssetExecutionContext, workspace: Workspace
) -> Iterator[MaterializeResult[None] | AssetCheckResult]:
    """Load the landed files into the lake. A bad row is rejected and the run continues.

    A refused file or a held batch stops the run, but only after all others were loaded. A release without its rows
    would change totals for no visible reason.
    """
    home = workspace.home
    whole = context.selected_asset_keys == landing.keys
    selected = {key.path[1] for key in context.selected_asset_keys if key.path[0] == "raw"}
    before = inputs_fingerprint(home)
    with _step_failure():
        result = ingest(
            home,
            home.sources,
            datasets=None if whole else selected,
            timezone=warehouse.var("business_timezone"),
            progress=_limited(workspace.say),
        )
        workspace.say(
            f"ingest: {len(result.files):,} new files, {sum(file.accepted for file in result.files):,} rows accepted, "
            f"{sum(file.rejected for file in result.files):,} rejected, {len(result.refused):,} files refused, "
            f"{len(result.held):,} batches held"
        )
        docs = home.data_docs / "index.html"
        if result.batches:
            workspace.say(f"ingest: expectations and results of {len(result.batches):,} batches: {docs}")
        for key in sorted(context.selected_asset_keys):
            files = [file for file in result.files if key.path in (["raw", file.dataset], *ALL_DATASETS)]
            yield MaterializeResult(
                asset_key=key,
                metadata={
                    "files": len(files),
                    "rows_read": sum(file.read for file in files),
                    "rows_accepted": sum(file.accepted for file in files),
                    "rows_rejected": sum(file.rejected for file in files),
                },
            )
        yield from _batch_checks(result, context.selected_asset_check_keys, docs)
        stopped = [_refusal(file.file_name, file.message) for file in result.refused]
        if stopped := stopped + [one.message for one in result.held]:
            raise KyotenError("\n".join(stopped))
    if whole:
        recorded_inputs(home).write_text(before)


def _name_specs() -> Iterator[AssetSpec]:
    deps = [["raw", dataset] for dataset in ("deals", "partners", "branches", "reps", "aliases")]
    for table, description in (
        ("texts", "One row per distinct text that names a partner, branch or rep, with its normalised form."),
        ("readings", "One row per way to read a deal's partner or branch text."),
        ("similar_names", "One row per suggestion for a text that matches no registered name."),
    ):
        yield AssetSpec(["lake", table], deps=deps, description=description, group_name="ingest", kinds={"parquet"})


@multi_asset(name="names", specs=list(_name_specs()))
def names(workspace: Workspace) -> Iterator[MaterializeResult[None]]:
    """Normalise every distinct name of the lake, once for all deals that contain it."""
    with _step_failure():
        rows = write_names(workspace.home)
    workspace.say(f"names: {rows['texts']:,} texts, {rows['readings']:,} readings")
    for table, count in rows.items():
        yield MaterializeResult(asset_key=["lake", table], metadata={"rows": count})


def _knowledge_specs() -> Iterator[AssetSpec]:
    deps = [*landing.keys, *names.keys]
    for table, description in (
        ("known_credit", "One row per deal and month, credit as it was known before the latest extract."),
        ("known_restatements", "One row per deal, month and change, restatements up to that knowledge."),
    ):
        yield AssetSpec(["lake", table], deps=deps, description=description, group_name="ingest", kinds={"parquet"})


@multi_asset(name="knowledge", specs=list(_knowledge_specs()))
def knowledge(workspace: Workspace) -> Iterator[MaterializeResult[None]]:
    """Write the credit known before this build into the lake, for restatements; first build earlier dates it lacks."""
    with _step_failure():
        Knowledge(workspace.home).prepare(workspace.say)
    for key in knowledge.keys:
        yield MaterializeResult(asset_key=key)


def _refusal(file_name: str, message: str) -> str:
    return message if message.startswith(file_name) else f"{file_name}: {message}"


class LayerTranslator(DagsterDbtTranslator):
    """dbt's nodes as assets, grouped by the folder of their layer; marts by their subject."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the folder below models/ (below models/marts/ for a mart); for other nodes their resource type."""
        if dbt_resource_props["resource_type"] != "model":
            return f"{dbt_resource_props['resource_type']}s"
        layer, *rest = dbt_resource_props["fqn"][1:-1]
        return f"{layer}_{rest[0]}" if layer == "marts" and rest else layer


TRANSLATOR = LayerTranslator()


@dbt_assets(name="dbt", manifest=MANIFEST, dagster_dbt_translator=TRANSLATOR)
def models(context: AssetExecutionContext, dbt: DbtCliResource, workspace: Workspace) -> Iterator[Any]:
    """Build and test with one dbt process; a guard that fails stops what is downstream of it and the release."""
    home = workspace.home
    checks.unverify(home)
    # Not context.assets_def: in a run that selects some assets, it contains only these.
    whole = (context.selected_asset_keys, context.selected_asset_check_keys) == (models.keys, models.check_keys)
    project = project_fingerprint()
    with _step_failure():
        warehouse.prepare_database(home, discard=whole)
        # Unit tests run the SQL on rows of their own, not on landed data: `make test` runs them, a refresh need not.
        arguments = ["build", "--exclude-resource-type", "unit_test", *warehouse.vars_arguments()]
        target = warehouse.target(home)
        if whole:
            build = start_dbt(dbt, arguments, context, warehouse.read_manifest(home), TRANSLATOR, target)
        else:
            build = dbt.cli(arguments, context=context, target_path=target)
        try:
            yield from _with_progress(build, workspace, len(context.selected_asset_keys))
        except DagsterDbtCliRuntimeError as error:
            raise KyotenError("\n".join(checks.causes(home) or [checks.dbt_message(error)])) from error
        finally:
            if (decisions := export_worklist(home)) is not None:
                workspace.say(f"{decisions:,} deals for a person to look at: {home.worklist / 'quarantine.csv'}")
    if whole:
        inputs = recorded_inputs(home)
        checks.verify(home, {"inputs": inputs.read_text() if inputs.exists() else None, "project": project})
        with _step_failure():
            Knowledge(home).save()


def _with_progress(build: DbtCliInvocation, workspace: Workspace, total: int) -> Iterator[Any]:
    built, tested, text = 0, 0, "dbt: nothing to build"
    say = _limited(workspace.say)
    for event in build.stream():
        built += isinstance(event, Output)
        tested += isinstance(event, AssetCheckResult)
        say(text := f"dbt: {built} of {total} tables and views, {tested} guards")
        yield event
    workspace.say(text)


def _published_keys() -> list[AssetKey]:
    ids = {node["unique_id"] for node in warehouse.published_models(warehouse.read_manifest(HOME))}
    return [spec.key for spec in models.specs if spec.metadata["dagster_dbt/unique_id"] in ids]


@asset(key=["published", "release"], deps=_published_keys(), group_name="published", kinds={"duckdb", "parquet"})
def release(workspace: Workspace) -> MaterializeResult[None]:
    """The release that readers see: a database, Parquet files and a manifest, swapped in at once."""
    home = workspace.home
    with _step_failure():
        fingerprint = checks.verified(home)
        if fingerprint is None:
            raise KyotenError("The working database was not built and tested whole. Run the job refresh.")
        workspace.say("Publishing")
        made = publish(home, warehouse.read_manifest(home), checks=checks.counts(home), fingerprint=fingerprint)
    return MaterializeResult(
        metadata={
            "release_id": made["release_id"],
            "as_of": str(made["as_of"]),
            "tables": len(made["tables"]),
            "rows": sum(made["tables"].values()),
        }
    )


refresh = define_asset_job("refresh", AssetSelection.all(), description="Landing files → published release.")

daily = ScheduleDefinition(
    name="daily",
    job=refresh,
    cron_schedule="0 5 * * *",
    execution_timezone="Asia/Tokyo",
    default_status=DefaultScheduleStatus.STOPPED,
    should_execute=lambda _: has_transports(HOME) or nothing_new(HOME) is None,
    description="Every morning before work, unless nothing is new. Off until somebody switches it on.",
)

defs = Definitions(
    assets=[extracts, landing, names, knowledge, models, release],
    jobs=[refresh],
    schedules=[daily],
    resources={"workspace": Workspace(root=str(HOME.root)), "dbt": dbt_resource(HOME)},
    executor=in_process_executor,
)
