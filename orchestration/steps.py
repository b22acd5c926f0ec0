"""The steps from landing files to a release. definitions.py makes assets of them, refresh.py runs them headless."""

import gc
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from orchestration import spark, warehouse
from orchestration.errors import KyotenError
from orchestration.home import Home, write_whole
from orchestration.knowledge import Knowledge
from orchestration.lake.ingest import IngestResult, ingest
from orchestration.names.lake import lacks_suffixes, write_names
from orchestration.release import checks, postgres
from orchestration.release.fingerprint import inputs_fingerprint, lake_fingerprint, project_fingerprint, recorded_inputs
from orchestration.release.known_on import write_catalogue
from orchestration.release.publish import PAGES, publish
from orchestration.release.releases import delete_expired
from orchestration.report.pages import build as build_pages
from orchestration.settings import settings_of
from orchestration.worklist import export_worklist

Say = Callable[[str], None]
Measure = Callable[[str], AbstractContextManager[None]]
LOGGED = ("info", "warn", "error")
# dbt's command. `make test` runs the unit tests: they run the SQL on rows of their own, not on the lake.
BUILD = ("build", "--exclude-resource-type", "unit_test")


def no_measure(_step: str) -> AbstractContextManager[None]:
    """Measure nothing."""
    return nullcontext()


def load(home: Home, say: Say, datasets: Iterable[str] | None = None) -> IngestResult:
    """Load landing files into the lake; datasets: only these. A bad row is rejected and the others are loaded.

    What `stops` returns for the result must stop the run: a release without these rows would change totals for no
    visible reason.
    """
    home.require_whole()
    before = inputs_fingerprint(home)
    zone = warehouse.var("business_timezone")
    wanted = None if datasets is None else set(datasets)
    result = ingest(home, home.sources, datasets=wanted, timezone=zone, progress=limited(say))
    say(
        f"ingest: {len(result.files):,} new files, {sum(file.accepted for file in result.files):,} rows accepted, "
        f"{sum(file.rejected for file in result.files):,} rejected, {len(result.refused):,} files refused, "
        f"{len(result.held):,} batches held"
    )
    for note in result.notes:
        say(f"ingest: {note}")
    for warning in result.warnings:
        say(f"note: {warning}")
    if result.batches:
        page = home.data_docs / "index.html"
        say(f"ingest: expectations and results of {len(result.batches):,} batches: {page}")
    if wanted is None and not stops(result):
        write_whole(recorded_inputs(home), before)
    return result


def stops(result: IngestResult) -> list[str]:
    """Return a message per refused file and held batch."""
    refused = [
        file.message if file.message.startswith(file.file_name) else f"{file.file_name}: {file.message}"
        for file in result.refused
    ]
    return refused + [one.message for one in result.held]


def name(home: Home, say: Say) -> dict[str, int]:
    """Normalise every distinct name of the lake, once for all deals that contain it; return the rows by table."""
    rows = write_names(home)
    say(f"names: {rows['texts']:,} texts, {rows['readings']:,} readings")
    if notice := lacks_suffixes(home):
        say(notice)
    return rows


def know(home: Home, say: Say) -> None:
    """Write the credit known before this build into the lake; first build the earlier dates that are missing."""
    Knowledge(home).prepare(say)


def build(home: Home, say: Say) -> None:
    """Build and test every table with dbt.

    Raises:
        KyotenError: with a line per failed model and guard.
    """
    project = prepare(home)
    warehouse.configure(home)
    problem = _build_on_spark(home, say) if warehouse.on_spark() else _build(home, say)
    list_decisions(home, say)
    if problem:
        raise KyotenError("\n".join(checks.causes(home) or [problem]))
    finish(home, project)


def _build_on_spark(home: Home, say: Say) -> str | None:
    """Build and test with dbt on Spark; return what dbt says if it failed."""
    report = limited(say)
    problem: str | None = None
    try:
        spark.build(home, BUILD, say=lambda line: report(f"dbt: {line}"))
    except KyotenError as error:
        problem = str(error)
    expose(home)
    return problem


def _build(home: Home, say: Say) -> str | None:
    """Build and test with dbt in this process; return what dbt says if it failed."""
    gc.disable()  # it would take a fifth of dbt's time, for objects that live until the end
    compiled = warehouse.compiled_project(home)

    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    counted, report = {"model": 0, "test": 0}, limited(say)
    log = RotatingFileHandler(home.logs / "dbt.log", maxBytes=10_000_000, backupCount=2, encoding="utf-8")

    def progress(event: Any) -> None:
        if event.info.level in LOGGED:
            moment = event.info.ts.ToDatetime().isoformat(timespec="milliseconds")
            log.emit(logging.makeLogRecord({"msg": f"{moment} {event.info.level:5} {event.info.msg}"}))
        if event.info.name == "NodeFinished":
            kind = event.data.node_info.resource_type
            if kind in counted:
                counted[kind] += 1
            report(f"dbt: {counted['model']} tables and views, {counted['test']} guards")

    # dbt's own log file prepares each debug message before it leaves it out: a tenth of the build.
    quiet = ["--log-level", "none", "--log-level-file", "none"]
    options = ["--no-write-json", "--no-populate-cache", "--target-path", str(warehouse.target(home))]
    try:
        done = dbtRunner(manifest=compiled, callbacks=[progress]).invoke([*quiet, *build_arguments(), *options])
    finally:
        log.close()
        gc.freeze()  # else the next collection, and the one at the end of the process, would visit all that dbt made
        gc.enable()
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]  # dbt leaves the database open
    if isinstance(done.exception, KeyboardInterrupt):  # dbt returns it
        raise done.exception
    if isinstance(done.result, RunExecutionResult):
        done.result.write(str(warehouse.target(home) / "run_results.json"))
    say(f"dbt: {counted['model']} tables and views, {counted['test']} guards")
    return None if done.success else checks.dbt_message(done.exception)


def prepare(home: Home, *, discard: bool = True) -> str:
    """Prepare the database for a build; return the fingerprint of the project, taken before dbt reads it.

    Raises:
        KyotenError: if an ingest was interrupted, or another process has the database open.
    """
    home.require_whole()
    if home.commit_mark.exists():
        raise KyotenError("An ingest was interrupted. Load the files again first: make refresh completes or undoes it.")
    checks.unverify(home)
    warehouse.prepare_database(home, discard=discard)
    return project_fingerprint()


def build_arguments() -> list[str]:
    """Return dbt's command with the vars of this run."""
    return [*BUILD, *warehouse.vars_arguments()]


def expose(home: Home) -> None:
    """Make the tables that Spark has built readable as the working database; nothing to do on DuckDB."""
    if warehouse.on_spark():
        for folder in spark.builds(home)[-1:]:
            spark.expose(home, home.database, folder)


def list_decisions(home: Home, say: Say) -> None:
    """Write the worklist, also after a guard failed: its rows may be the remedy."""
    if (decisions := export_worklist(home)) is not None:
        say(f"{decisions:,} deals for a person to look at: {home.worklist / 'quarantine.csv'}")


def finish(home: Home, project: str) -> None:
    """Mark the working database as built and tested whole, and keep its state of credit."""
    inputs = recorded_inputs(home)
    known = inputs.read_text() if inputs.exists() else None
    checks.verify(home, {"inputs": known, "project": project, "lake": lake_fingerprint(home)})
    Knowledge(home).save()


def release(home: Home, say: Say, measure: Measure = no_measure) -> dict[str, Any]:
    """Publish the working database with its pages and return the release's manifest.

    Pages that cannot be built do not keep the tables from their readers. measure: counts the costs of the pages.
    """

    def write_pages(folder: Path, manifest: Mapping[str, Any]) -> None:
        try:
            with measure("pages"):
                build_pages(home, folder, manifest, say)
        except Exception as error:
            shutil.rmtree(folder / PAGES, ignore_errors=True)
            say(f"The pages could not be built, and the release has none: {error}. See it again: make report")

    fingerprint = checks.verified(home)
    if fingerprint is None:
        raise KyotenError("The working database was not built and tested whole. Run the job refresh.")
    say("Publishing")
    if address := postgres.wanted():
        postgres.expect(home)
    made = publish(
        home,
        warehouse.read_manifest(home),
        checks=checks.counts(home),
        fingerprint=fingerprint,
        pages=write_pages,
        measure=measure,
    )
    tidy(home, say)
    if address:
        say("Loading PostgreSQL")
        postgres.load(home, address)
    return made


def tidy(home: Home, say: Say) -> None:
    """Delete the releases that nothing keeps, and list the others for queries about what was known on a day.

    It stops nothing: the new release is published already.
    """
    import duckdb

    try:
        for release_id in delete_expired(home, settings_of(home).releases):
            say(f"Release {release_id} was deleted, as settings.yml (releases) says")
        write_catalogue(home)
    except (OSError, duckdb.Error) as error:
        say(f"note: the kept releases in {home.published} could not be tidied: {' '.join(str(error).split())}")


def limited(say: Say, seconds: float = 2.0) -> Say:
    """Return `say`, limited to one message every few seconds: enough to show progress."""
    last = time.monotonic()

    def pass_on(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            say(text)

    return pass_on
