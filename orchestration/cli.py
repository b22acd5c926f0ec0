"""The command `kyoten`, which the Makefile calls. Each command prints what it did and where the result is.

The work is in other modules, imported by the command that needs them: help, and a refresh that finds nothing new, must
not take as long as dbt takes to start.
"""

import logging
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from orchestration.errors import KyotenError, interrupt, interruptible, printable, room_needed
from orchestration.home import PROJECT, Home
from orchestration.language import translated

DEMO_HOME, CASES_HOME = "data/demo", "data/cases"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status: 0, 1 for an error with a remedy, 2 for wrong arguments."""
    logging.raiseExceptions = False  # a log that cannot be written, as on a full disk, prints no traceback per line
    try:
        with room_needed():
            return kyoten.main(arguments, prog_name="kyoten", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KyotenError as error:
        print(f"\n{printable(translated(str(error)))}", file=sys.stderr)
        return 1
    except click.Abort as error:  # Ctrl-C
        stopped = str(error.__cause__ or "") or "Interrupted. Nothing was published; the release before it stays."
        print(f"\n{translated(stopped)}", file=sys.stderr)
        return 130


MOST = 100_000_000  # deals of the largest sample


def positive(text: str) -> int:
    """Return a whole number of 1 or more, which may be written as 10_000 or 10,000."""
    number = text.replace("_", "").replace(",", "")
    if not number.isdecimal() or not 1 <= int(number[:20]) <= MOST:
        raise click.BadParameter(f"{text!r} is not a whole number from 1 to {MOST:,}.")
    return int(number)


def levels(text: str) -> list[float]:
    """Return numbers separated by commas."""
    try:
        return [float(level) for level in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers such as 0,1,5.") from None


class InOrder(click.Group):
    """Lists its commands in the order in which people need them. An interrupt ends each in the same way."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        with interruptible():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their definitions below."""
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(resolve_path=True), help="Folder of the data [default: KYOTEN_HOME or data].")
@click.option("--sources", type=click.Path(resolve_path=True), help="Mapping file [default: KYOTEN_SOURCES].")
@click.option("--vars", "variables", help="dbt vars as a JSON object [default: KYOTEN_VARS].")
@click.option("--lang", type=click.Choice(["en", "ja"]), help="Language [default: KYOTEN_LANG, else that of LANG].")
def kyoten(home: str | None, sources: str | None, variables: str | None, lang: str | None) -> None:
    """The warehouse that partner-sales teams run on."""
    stated = {"KYOTEN_HOME": home, "KYOTEN_SOURCES": sources, "KYOTEN_VARS": variables, "KYOTEN_LANG": lang}
    os.environ.update({name: value for name, value in stated.items() if value is not None})


@kyoten.command()
@click.option("--size", type=positive, default="10000", show_default=True, help="Number of deals.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed makes another company.")
@click.option("--noise", type=float, default=1.0, show_default=True, help="Damage to evidence; 20: as a first load.")
@click.option("--alike", is_flag=True, help="A company in which no branch, rep or action differs.")
def demo(size: int, seed: int, noise: float, alike: bool) -> None:
    """Make the sample company, refresh, and show the summary."""
    _show_sample(Home.from_environment(DEMO_HOME), size=size, seed=seed, noise=noise, alike=alike)


@kyoten.command()
def cases() -> None:
    """Make the small company of cases whose answers are known, refresh, and show the summary."""
    from tools.sample import CASES

    _show_sample(Home.from_environment(CASES_HOME), size=CASES, cases=True)


def _show_sample(home: Home, **wanted: Any) -> None:
    """Make a sample company in a home, refresh, and show the summary."""
    from orchestration.lock import write_lock
    from orchestration.refresh import refresh as refresh_home
    from orchestration.summary import print_summary
    from tools.sample import generate

    with write_lock(home):
        # If the process dies between making a new sample and clearing, this file remains and the next demo clears.
        replacing = home.build / "replacing-sample"
        interrupted = replacing.exists()
        replacing.touch()
        try:
            sample = generate(home, **wanted)
        except KyotenError:
            replacing.unlink()
            raise
        if sample.replaced or interrupted:
            _clear(home)
        replacing.unlink(missing_ok=True)
        refresh_home(home)
    print_summary(home)


def _clear(home: Home) -> None:
    """Delete everything that was made from an earlier sample."""
    for folder in (home.lake, home.published, home.worklist, home.data_docs, home.dagster, home.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for path in home.build.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


@kyoten.command()
@click.option("--force", is_flag=True, help="Refresh even if nothing is new.")
@click.option("--no-fetch", is_flag=True, help="Use only files that have landed already.")
@click.option("--profile", is_flag=True, help="Print CPU seconds, seconds and peak memory of each step.")
def refresh(force: bool, no_fetch: bool, profile: bool) -> None:
    """Turn landing files into a published release."""
    from orchestration.refresh import refresh as refresh_home

    home = Home.from_environment()
    if refresh_home(home, force=force, fetches=not no_fetch, profile=profile):
        from orchestration.summary import print_summary

        print_summary(home)


@kyoten.command()
@click.option("--full", is_flag=True, help="Fetch everything, not only the changes.")
def fetch(full: bool) -> None:
    """Fetch extracts from databases, APIs and remote folders."""
    from orchestration.lock import write_lock
    from orchestration.sources.transports.fetch import fetch as fetch_sources
    from orchestration.warehouse import var

    home = Home.from_environment()
    with write_lock(home):
        fetched = fetch_sources(home, home.sources, timezone=var("business_timezone"), is_full=full)
    print("\n".join(f"Fetched {folder}" for folder in fetched) or "Nothing new was fetched.")


@kyoten.command()
def summary() -> None:
    """Show what the current release contains."""
    from orchestration.summary import print_summary

    print_summary(Home.from_environment())


@kyoten.command()
def report() -> None:
    """Write the pages of the current release again, and show where they are."""
    from orchestration.lock import write_lock
    from orchestration.report.pages import rebuild

    home = Home.from_environment()
    with write_lock(home):
        rebuild(home, print)


@kyoten.command()
@click.argument("deal")
@click.option("--lang", type=click.Choice(["en", "ja"]), help="Language; default: that of the other commands.")
def why(deal: str, lang: str | None) -> None:
    """Explain in plain words why a deal is at its branch."""
    from orchestration.language import language
    from orchestration.why import explain

    print(explain(Home.from_environment(), deal, lang or language()))


@kyoten.command()
@click.argument("release", default="current")
def verify(release: str) -> None:
    """Compare every file of a release with its hash."""
    from orchestration.release.verify import verify as verify_release

    number = verify_release(Home.from_environment(), release)
    print(f"Release {release}: all {number} files are as they were published.")


@kyoten.command()
def releases() -> None:
    """List the kept releases, with what changed in the headline figures."""
    from orchestration.release.listing import print_releases
    from orchestration.warehouse import var

    print_releases(Home.from_environment(), var("business_timezone"))


@kyoten.command()
@click.argument("release")
@click.option("--reason", default="", help="Why readers must see this release.")
def rollback(release: str, reason: str) -> None:
    """Let readers see an earlier release; `latest` lets them see each new one again."""
    from orchestration.release import postgres
    from orchestration.release.releases import notice_of_rollback, roll_back

    home = Home.from_environment()
    shown = roll_back(home, release, reason)
    print(notice_of_rollback(home) or f"Readers see release {shown}, the latest, and each new one from now on.")
    if address := postgres.wanted():
        postgres.load(home, address)
        print("PostgreSQL has this release, too.")


@kyoten.command()
@click.argument("release")
@click.option("--reason", default="", help="What it is kept for.")
@click.option("--undo", is_flag=True, help="Let retention decide about it again.")
def pin(release: str, reason: str, undo: bool) -> None:
    """Keep a release until it is unpinned."""
    from orchestration.release import releases as kept

    home = Home.from_environment()
    if undo:
        kept.unpin(home, release)
    else:
        kept.pin(home, release, reason)
    print(f"Release {release} is {'no longer pinned' if undo else 'pinned: retention does not delete it'}.")


@kyoten.command()
@click.argument("rep")
def forget(rep: str) -> None:
    """Remove names and addresses of a rep from the home; the deals stay credited to a pseudonym."""
    from orchestration.forget import forget as forget_person

    print("\n".join(forget_person(Home.from_environment(), rep)))


@kyoten.command()
def worklist() -> None:
    """Write the deals that a person has to decide as a CSV to fill in."""
    from orchestration.worklist import print_worklist

    print_worklist(Home.from_environment())


@kyoten.command()
def potential() -> None:
    """Propose weights of the potential score from what branches won after past halves; nothing is changed."""
    from orchestration.potential import print_proposal

    print_proposal(Home.from_environment())


@kyoten.command()
@click.argument("batch", default="")
@click.option("--by", default="", help="Who accepts it.")
@click.option("--reason", default="", help="Why.")
def accept(batch: str, by: str, reason: str) -> None:
    """Accept a batch that is held; without BATCH: list the held batches."""
    from orchestration.lake.acceptance import accept as accept_batch
    from orchestration.lake.acceptance import print_waiting

    home = Home.from_environment()
    if not batch:
        print_waiting(home)
        return
    accepted = accept_batch(home, batch, by, reason)
    print(
        f"{accepted.batch} was accepted by {accepted.accepted_by} ({home.acceptances}).\n"
        f"make refresh KYOTEN_HOME={home.root} loads it."
    )


@kyoten.command("what-if")
@click.option("--ladder", type=click.Path(path_type=Path), help="Another attribution_ladder.csv.")
@click.option("--vars", "variables", default="", help="dbt vars as a JSON object.")
def what_if(ladder: Path | None, variables: str) -> None:
    """Show which deals another ladder or other vars would move."""
    from orchestration.warehouse import checked_vars
    from orchestration.what_if import what_if as compare

    compare(Home.from_environment(), ladder, checked_vars(variables, "VARS"))


@kyoten.command()
@click.option("--from", "from_on", required=True, help="Earlier day, YYYY-MM-DD.")
@click.option("--to", "to_on", required=True, help="Later day, YYYY-MM-DD.")
def changes(from_on: str, to_on: str) -> None:
    """Explain why figures changed between two days."""
    from orchestration.changes import explain_changes

    explain_changes(Home.from_environment(), from_on, to_on)


@kyoten.command()
@click.option("--size", type=positive, default="2000", show_default=True, help="Deals per sample.")
@click.option("--seeds", type=positive, default="3", show_default=True, help="Number of samples per level.")
@click.option("--noise", type=levels, default="0,1,5", show_default=True, help="Levels of noise.")
@click.option("--markdown", is_flag=True, help="Print the table in Markdown.")
def accuracy(size: int, seeds: int, noise: list[float], markdown: bool) -> None:
    """Measure how often attribution is right, on samples."""
    from tools.accuracy import run

    run(Home.from_environment(), size, seeds, noise, as_markdown=markdown)


@kyoten.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dbt(arguments: tuple[str, ...]) -> int:
    """Run any dbt command with the settings of this home."""
    from orchestration.dbt_command import run

    return run(Home.from_environment(), list(arguments))


@kyoten.command("try")
@click.argument("model")
@click.option("--limit", type=positive, default="5", show_default=True, help="Number of rows shown.")
def try_(model: str, limit: int) -> int:
    """Build and test one model and show its rows."""
    from orchestration.dbt_command import try_model

    return try_model(Home.from_environment(), model, limit)


@kyoten.command()
def docs() -> None:
    """Write dbt's documentation as one page."""
    from orchestration.release.dbt_docs import write_docs

    page = write_docs(Home.from_environment())
    print(f"Every model, column, test and metric, with its dependencies: open {page}")


@kyoten.command()
def site() -> None:
    """Write the documentation of the release as a static site in English and Japanese."""
    from orchestration.docs_site import write_site

    print(f"Tables, metrics, questions, terms and guides: open {write_site(Home.from_environment())}")


@kyoten.command()
@click.option("--port", type=positive, default="3000", show_default=True, help="Port of the UI on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the UI; it has no log-in.")
def dev(port: int, host: str) -> None:
    """Open the Dagster UI."""
    from orchestration.refresh import prepare_dagster
    from orchestration.warehouse import compiled

    home = Home.from_environment()
    prepare_dagster(home)
    compiled(home)
    dagster = Path(sys.executable).parent / "dagster"
    print(f"Dagster for {home.root}: http://{host}:{port}. Stop it with Ctrl-C.", flush=True)
    os.chdir(PROJECT)  # where pyproject.toml names the definitions
    os.execv(dagster, [str(dagster), "dev", "--host", host, "--port", str(port)])


@kyoten.command("sources-check")
def sources_check() -> int:
    """Try the mapping without loading anything."""
    from orchestration.sources_check import check_sources
    from orchestration.warehouse import var

    return 1 if check_sources(Home.from_environment().sources, var("business_timezone")) else 0


@kyoten.command()
@click.argument("names", default="")
@click.option("--by", default="", help="Dimensions, separated by commas.")
@click.option(
    "--only", multiple=True, metavar="DIMENSION=VALUE", help="Keep one value of a dimension; may be repeated."
)
@click.option("--since", help="First day, YYYY-MM-DD.")
@click.option("--until", help="Last day, YYYY-MM-DD.")
@click.option("--limit", type=positive, help="Number of rows.")
def metrics(
    names: str, by: str, only: tuple[str, ...], since: str | None, until: str | None, limit: int | None
) -> None:
    """Print metrics by any dimension as CSV; without NAMES the metrics, without --by the dimensions of NAMES."""
    from orchestration.metrics import print_metrics

    print_metrics(Home.from_environment(), names, by, only, since=since, until=until, limit=limit)


@kyoten.command()
@click.option(
    "--port", type=positive, help="Serve over HTTP on this port of this machine instead of standard input and output."
)
def mcp(port: int | None) -> None:
    """Serve the release to assistants by the Model Context Protocol."""
    from orchestration.mcp_server import serve

    with suppress(KeyboardInterrupt):  # how a person stops it
        serve(Home.from_environment(), port)


@kyoten.command()
def postgres() -> None:
    """Load the release into the PostgreSQL that KYOTEN_POSTGRES names."""
    from orchestration.release.postgres import load, wanted

    if not (address := wanted()):
        raise KyotenError(
            "KYOTEN_POSTGRES is not set. Set it to an address such as postgresql://loader:…@host/warehouse."
        )
    print(f"PostgreSQL has the release: {load(Home.from_environment(), address)} tables.")


@kyoten.command()
@click.option("--address", help="SQLAlchemy address of a PostgreSQL [default: the published DuckDB file, read-only].")
def superset(address: str | None) -> None:
    """Write datasets, charts and a dashboard for Superset."""
    from orchestration.superset import write_superset

    home = Home.from_environment()
    folder = home.root / "superset" / "kyoten"
    print(f"{len(write_superset(home, folder, address))} files: {folder}")
    print(f"superset import-directory --overwrite {folder}")


@kyoten.command()
def workbook() -> None:
    """Write the main tables of the release as an Excel workbook with Japanese headers."""
    from orchestration.workbook import write_workbook

    home = Home.from_environment()
    path = home.root / "workbook" / "kyoten.xlsx"
    print(f"{len(write_workbook(home, path))} sheets: {path}")


@kyoten.command()
def doctor() -> None:
    """Show versions, disk, lock and settings."""
    from orchestration.doctor import print_report

    print_report(Home.from_environment())


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupt)
    sys.exit(main())
