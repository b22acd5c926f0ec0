"""The commands behind the Makefile. Each prints what it did and where the result is; the work is in other modules.

Heavy packages are imported by the command that needs them: to notice that nothing is new must not take as long as dbt.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home

DEMO_HOME = "data/demo"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    home = Home.from_environment(DEMO_HOME if options.command == "demo" else "data")
    try:
        status: int = options.run(home, options)
        return status
    except KyotenError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Nothing was published; the release before it stays.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kyoten", description="The warehouse that partner-sales teams run on.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="make the sample company, refresh, and show the summary")
    demo.add_argument("--size", type=number_of_deals, default=10_000, help="number of deals (default 10000)")
    demo.add_argument("--seed", type=int, default=1, help="another seed, another company (default 1)")
    demo.set_defaults(run=_demo)
    refresh = commands.add_parser("refresh", help="landing files to published release")
    refresh.add_argument("--force", action="store_true", help="also where nothing is new")
    refresh.add_argument("--no-fetch", dest="fetches", action="store_false", help="only what has landed already")
    refresh.set_defaults(run=_refresh)
    fetch = commands.add_parser("fetch", help="fetch what lies elsewhere into extracts/")
    fetch.add_argument("--full", action="store_true", help="all of it, also where only what changed is due")
    fetch.set_defaults(run=_fetch)
    commands.add_parser("summary", help="what the current release holds").set_defaults(run=_summary)
    why = commands.add_parser("why", help="why a deal is at its branch, in plain words")
    why.add_argument("deal", help="id of the deal")
    why.add_argument("--lang", choices=("en", "ja"), help="language (default: ja where LANG is Japanese, else en)")
    why.set_defaults(run=_why)
    commands.add_parser("worklist", help="what a person has to decide, as a CSV to fill in").set_defaults(run=_worklist)
    accept = commands.add_parser("accept", help="let in a batch that is held; without one, what is held and why")
    accept.add_argument("batch", nargs="?", help="name of the batch")
    accept.add_argument("--by", default="", help="who lets it in")
    accept.add_argument("--reason", default="", help="why")
    accept.set_defaults(run=_accept)
    what_if = commands.add_parser("what-if", help="what another ladder or other vars would move, without publishing it")
    what_if.add_argument("--ladder", type=Path, help="another attribution_ladder.csv")
    what_if.add_argument("--vars", default="", help="dbt vars as a JSON object")
    what_if.set_defaults(run=_what_if)
    accuracy = commands.add_parser("accuracy", help="how right attribution is, on samples whose answers are known")
    accuracy.add_argument("--size", type=number_of_deals, default=2_000, help="deals per sample (default 2000)")
    accuracy.add_argument("--seeds", type=number_of_deals, default=3, help="number of samples per level (default 3)")
    accuracy.add_argument("--noise", type=levels_of_noise, default=[0.0, 1.0, 5.0], help="levels (default 0,1,5)")
    accuracy.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    accuracy.set_defaults(run=_accuracy)
    commands.add_parser("docs", help="dbt's documentation as one page").set_defaults(run=_docs)
    dev = commands.add_parser("dev", help="open the Dagster UI")
    dev.add_argument("--port", type=number_of_deals, default=3000, help="port of the UI on this machine (default 3000)")
    dev.set_defaults(run=_dev)
    commands.add_parser("sources-check", help="try the mapping, load nothing").set_defaults(run=_sources_check)
    commands.add_parser("doctor", help="versions, disk, lock, settings").set_defaults(run=_doctor)
    return parser


def number_of_deals(text: str) -> int:
    """Return a positive number; argparse names this function where the text is none."""
    number = int(text.replace("_", "").replace(",", ""))
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def levels_of_noise(text: str) -> list[float]:
    """Return levels separated by commas; argparse names this function where the text is none."""
    return [float(level) for level in text.split(",")]


def _demo(home: Home, options: argparse.Namespace) -> int:
    from orchestration.lock import write_lock
    from orchestration.refresh import refresh
    from tools.sample import generate

    with write_lock(home):
        # Stays where the process dies between a new sample and the clearing: the next demo then clears.
        replacing = home.build / "replacing-sample"
        interrupted = replacing.exists()
        replacing.touch()
        try:
            sample = generate(home, size=options.size, seed=options.seed)
        except KyotenError:
            replacing.unlink()
            raise
        if sample.replaced or interrupted:
            _clear(home)
        replacing.unlink(missing_ok=True)
        refresh(home)
    return _summary(home, options)


def _clear(home: Home) -> None:
    """Delete what a run made of an earlier sample."""
    for folder in (home.lake, home.published, home.worklist, home.data_docs, home.dagster, home.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for path in home.build.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def _refresh(home: Home, options: argparse.Namespace) -> int:
    from orchestration.refresh import refresh

    if refresh(home, force=options.force, fetches=options.fetches):
        return _summary(home, options)
    return 0


def _fetch(home: Home, options: argparse.Namespace) -> int:
    from orchestration.lock import write_lock
    from orchestration.sources.transports.fetch import fetch
    from orchestration.warehouse import var

    with write_lock(home):
        fetched = fetch(home, home.sources, timezone=var("business_timezone"), is_full=options.full)
    print("\n".join(f"Fetched {folder}" for folder in fetched) or "Nothing new was fetched.")
    return 0


def _summary(home: Home, _: argparse.Namespace) -> int:
    from orchestration.summary import print_summary

    print_summary(home)
    return 0


def _why(home: Home, options: argparse.Namespace) -> int:
    from orchestration.why import explain

    japanese = os.environ.get("LANG", "").startswith("ja")
    print(explain(home, options.deal, options.lang or ("ja" if japanese else "en")))
    return 0


def _worklist(home: Home, _: argparse.Namespace) -> int:
    from orchestration.worklist import print_worklist

    print_worklist(home)
    return 0


def _accept(home: Home, options: argparse.Namespace) -> int:
    from orchestration.lake.acceptance import accept, print_waiting

    if not options.batch:
        print_waiting(home)
        return 0
    accepted = accept(home, options.batch, options.by, options.reason)
    print(
        f"{accepted.batch} was accepted by {accepted.accepted_by} ({home.acceptances}).\n"
        f"make refresh KYOTEN_HOME={home.root} loads it."
    )
    return 0


def _what_if(home: Home, options: argparse.Namespace) -> int:
    from orchestration.warehouse import checked_vars
    from orchestration.what_if import what_if

    what_if(home, options.ladder, checked_vars(options.vars, "VARS"))
    return 0


def _dev(home: Home, options: argparse.Namespace) -> int:
    from orchestration.refresh import prepare_dagster
    from orchestration.warehouse import prepare_manifest

    prepare_dagster(home)
    prepare_manifest(home)
    dagster = Path(sys.executable).parent / "dagster"
    print(f"Dagster for {home.root}: http://127.0.0.1:{options.port}. Stop it with Ctrl-C.", flush=True)
    os.chdir(PROJECT)  # where pyproject.toml names the definitions
    os.execv(dagster, [str(dagster), "dev", "--port", str(options.port)])


def _docs(home: Home, _: argparse.Namespace) -> int:
    from orchestration.release.dbt_docs import write_docs

    print(f"Every model, column, test and metric, and what hangs on what: open {write_docs(home)}")
    return 0


def _accuracy(home: Home, options: argparse.Namespace) -> int:
    from tools.accuracy import run

    run(home, options.size, options.seeds, options.noise, as_markdown=options.markdown)
    return 0


def _sources_check(home: Home, _: argparse.Namespace) -> int:
    from orchestration.sources_check import check_sources
    from orchestration.warehouse import var

    return 1 if check_sources(home.sources, var("business_timezone")) else 0


def _doctor(home: Home, _: argparse.Namespace) -> int:
    from orchestration.doctor import print_report

    print_report(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
