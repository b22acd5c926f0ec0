"""The cost of a refresh by stage, compared with DuckDB alone for the same work in the same run.

Each stage runs three times in a separate process. The stages take turns, so that a noisy machine affects all of them.
The benchmark measures CPU and wall seconds and peak memory; the ratios use CPU seconds. No limit is checked.

Run: python -m tools.bench --size 100000 [--repeats 3] [--stages "clean CSV" "typed CSV" …]. The sample stays in
data/bench-<size> for the next run.
"""

import argparse
import csv
import gzip
import os
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home

if TYPE_CHECKING:
    from orchestration.contract import Column
    from orchestration.scratch import Plan

# A ratio is the first stage's CPU seconds divided by the sum of the others' seconds.
RATIOS = (
    ("whole refresh ÷ what any engine must do (typed read + floor)", "refresh", "typed read", "floor"),
    ("ingest ÷ DuckDB's own typed read", "ingest", "typed read"),
    ("one clean CSV ÷ DuckDB's own typed read of it", "clean CSV", "typed CSV"),
    ("one CSV with 1 % bad rows ÷ the same", "CSV with bad rows", "typed CSV"),
    ("dbt build with tests ÷ its models' SQL without dbt", "dbt build", "models without dbt"),
    ("models' SQL without dbt ÷ floor", "models without dbt", "floor"),
    ("attribution ÷ its floor", "attribution", "attribution floor"),
    ("publish ÷ plain copy", "publish", "plain copy"),
    (
        "whole refresh ÷ its parts' SQL (typed read + models without dbt + plain copy)",
        "refresh",
        "typed read",
        "models without dbt",
        "plain copy",
    ),
    ("nothing new ÷ importing Dagster and dbt", "nothing new", "imports"),
)


@dataclass(frozen=True)
class Cost:
    """What one process used: seconds of CPU and wall, mebibytes at its peak (children counted for CPU)."""

    cpu: float
    wall: float
    peak: float


def _scratch(home: Home) -> Path:
    folder = home.root / "scratch"
    folder.mkdir(exist_ok=True)
    return folder


def _stage_ingest(home: Home) -> None:
    from orchestration.lake.ingest import ingest

    shutil.rmtree(home.lake, ignore_errors=True)
    ingest(home, progress=lambda _: None, expectations=None)


def _stage_batch_rules(home: Home) -> None:
    """Judge every batch of the lake as a staged batch; nothing is committed."""
    from orchestration.contract import load_contract
    from orchestration.lake.batch import Batch, Staged
    from orchestration.lake.batch_rules import apply_batch_rules
    from orchestration.lake.expectations import load_expectations
    from orchestration.warehouse import var

    contract = load_contract()
    batch = Batch(home, contract, var("business_timezone"), lambda _: None)
    with batch.opened():
        for entry in batch.state.loaded.values():
            if entry.dataset:
                batch.stage(Staged(entry, contract.datasets[entry.dataset], batch.lake_file(entry)))
        apply_batch_rules(batch, load_expectations(contract))


def _stage_names(home: Home) -> None:
    from orchestration.names.lake import write_names

    write_names(home)


def _stage_typed_read(home: Home) -> None:
    """Read the landed files with stated types and write them as Parquet: the minimum for any loader."""
    import duckdb

    from orchestration.contract import load_contract

    out = _scratch(home) / "typed"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    connection = duckdb.connect()
    for dataset in load_contract().datasets.values():
        for number, path in enumerate(sorted((home.landing / dataset.name).rglob("*.*"))):
            target = out / f"{dataset.name}-{number}.parquet"
            connection.execute(f"copy ({_typed(path, dataset.columns)}) to '{target}' (format parquet)")


def _typed(path: Path, columns: "Mapping[str, Column]") -> str:
    """Return DuckDB's own typed read of a landed file."""
    types = {name: column.duckdb_type for name, column in columns.items()}
    kind = [suffix for suffix in path.suffixes if suffix != ".gz"][-1]
    if kind == ".parquet":
        return f"select * from read_parquet('{path}')"
    if kind == ".jsonl":
        return (
            f"select * from read_json('{path}', format = 'newline_delimited', columns = {types}, ignore_errors = true)"
        )
    delimiter = "\t" if kind == ".tsv" else ","
    with (
        gzip.open(path, "rt", encoding="utf-8-sig") if path.suffix == ".gz" else path.open(encoding="utf-8-sig") as file
    ):
        header = next(csv.reader(file, delimiter=delimiter))
    named = {name: types.get(name, "VARCHAR") for name in header}
    return (
        f"select * from read_csv('{path}', columns = {named}, auto_detect = false, header = true,"
        f" delim = '{delimiter}', quote = '\"', ignore_errors = true)"
    )


def _write_inputs(home: Home, size: int, csv_rows: int) -> None:
    from tools.sample import generate

    generate(home, size=size)
    _write_csvs(home, csv_rows)


def _write_csvs(home: Home, rows: int) -> None:
    """Write the sample's deals to two large files: one valid, one with each hundredth row bad in one of four ways."""
    import duckdb

    first = min((home.landing / "deals").glob("*.csv"))
    connection = duckdb.connect()
    connection.execute(f"create view deals as select * from read_csv('{first}', all_varchar = true)")
    names = [name for name, *_ in connection.execute("describe deals").fetchall() if name != "deal_id"]
    trimmed = ", ".join(f"trim({name}) as {name}" for name in names)
    again = f"range({rows} // (select count(*) from deals) + 1) as again (n)"
    clean, bad = (_csv_home(home, kind).landing / "deals" / "deals_2026-04-05.csv" for kind in ("clean", "bad"))
    for path in (clean, bad):
        path.parent.mkdir(parents=True, exist_ok=True)
    query = f"select deal_id || '-' || n as deal_id, {trimmed} from deals, {again} limit {rows}"
    connection.execute(f"copy ({query}) to '{clean}' (header)")
    kinds = (
        lambda line: line.replace(",", ',"', 1),  # a quote that is not closed
        lambda line: line + ",x,y",  # values without a column
        lambda line: re.sub(r",\d{4}-\d\d-\d\d,", ",2026-02-30,", line, count=1),
        lambda line: re.sub(r",JPY,", ",円,円,", line, count=1),
    )
    with clean.open(encoding="utf-8") as sound, bad.open("w", encoding="utf-8") as target:
        for number, line in enumerate(sound):
            kind = kinds[number // 100 % len(kinds)]
            target.write(kind(line.rstrip("\n")) + "\n" if number % 100 == 50 else line)


def _csv_home(home: Home, kind: str) -> Home:
    return Home(_scratch(home) / f"csv-{kind}")


def _ingest_csv(home: Home) -> None:
    from orchestration.lake.ingest import ingest

    shutil.rmtree(home.lake, ignore_errors=True)
    (result,) = ingest(home, progress=lambda _: None, expectations=None).files
    print(f"{result.file_name}: {result.read:,} read, {result.accepted:,} accepted, {result.rejected:,} rejected")


def _stage_clean_csv(home: Home) -> None:
    _ingest_csv(_csv_home(home, "clean"))


def _stage_bad_csv(home: Home) -> None:
    _ingest_csv(_csv_home(home, "bad"))


def _stage_typed_csv(home: Home) -> None:
    import duckdb

    from orchestration.contract import load_contract

    (path,) = (_csv_home(home, "clean").landing / "deals").iterdir()
    target = _scratch(home) / "typed.parquet"
    query = _typed(path, load_contract().datasets["deals"].columns)
    duckdb.connect().execute(f"copy ({query}) to '{target}' (format parquet)")


def _stage_dbt_build(home: Home) -> None:
    from orchestration import steps

    steps.build(home, lambda _: None)


def _stage_guards(home: Home) -> None:
    """Run only the data tests of the build again."""
    from dbt.cli.main import dbtRunner

    from orchestration.warehouse import configure, parsed_project

    configure(home)
    options = ["--log-level", "none", "test", "--exclude-resource-type", "unit_test"]
    if not dbtRunner(manifest=parsed_project(home)).invoke(options).success:
        raise KyotenError("dbt test failed; see the logs")


def _stage_models_without_dbt(home: Home) -> None:
    """Run the SQL that dbt compiled, in order, without dbt."""
    from orchestration.scratch import Plan
    from orchestration.warehouse import read_manifest

    plan = Plan.of(read_manifest(home), home)
    plan.build(_scratch(home) / "without_dbt", [node["name"] for node in plan.nodes]).close()


def _attribution(home: Home) -> tuple["Plan", list[dict[str, Any]]]:
    """Return the plan, and the models below models/attribution for evidence and decisions, in order."""
    from orchestration.scratch import Plan
    from orchestration.warehouse import read_manifest

    plan = Plan.of(read_manifest(home), home)
    decided = plan.ancestors(["deal_evidence", "deal_attribution"])
    return plan, [node for node in decided if node["fqn"][1] == "attribution"]


def _stage_attribution(home: Home) -> None:
    """Decide every deal again, with all its evidence, in the database of the stage `models without dbt`."""
    import duckdb

    from orchestration.scratch import SETTINGS

    plan, nodes = _attribution(home)
    connection = duckdb.connect(str(_scratch(home) / "without_dbt" / home.database.name))
    connection.execute(SETTINGS)
    for node in nodes:
        connection.execute(plan.statement(node))
    connection.close()


def _stage_attribution_floor(home: Home) -> None:
    """Read every input column of attribution once (lake files for staging views), and write its published tables."""
    import duckdb

    plan, nodes = _attribution(home)
    own = {node["unique_id"] for node in nodes}
    read = {parent for node in nodes for parent in node["depends_on"]["nodes"]} - own
    target = _scratch(home) / "attribution_floor.duckdb"
    target.unlink(missing_ok=True)
    connection = duckdb.connect(str(target))
    connection.execute(f"attach '{home.database}' as kyoten (read_only)")
    for node in plan.nodes:
        if node["unique_id"] not in read:
            continue
        if node["config"]["materialized"] == "view":
            sources = [key.rsplit(".", 2)[1:] for key in node["depends_on"]["nodes"] if key.startswith("source.")]
            folders = [home.lake / (name if schema == "lake" else f"raw/{name}") for schema, name in sources]
            relations = [f"read_parquet('{folder}/*.parquet', union_by_name = true)" for folder in folders]
        else:
            relations = [f'kyoten."{node["schema"]}"."{node["alias"]}"']
        for relation in relations:
            connection.execute(f"select bit_xor(hash(t)) from {relation} as t")
    for node in nodes:
        if node["schema"] == "attribution":
            connection.execute(f'create table "{node["alias"]}" as from kyoten.attribution."{node["alias"]}"')
    connection.close()


def _stage_knowledge(home: Home) -> None:
    """Build the states of all earlier extract dates, as the first refresh of a home does."""
    from orchestration.knowledge import Knowledge
    from orchestration.warehouse import configure

    configure(home)
    shutil.rmtree(home.lake / "knowledge", ignore_errors=True)
    Knowledge(home).prepare(lambda _: None)


def _stage_floor(home: Home) -> None:
    """Read every column of every lake file once and write every published table once: the minimum for a refresh."""
    import duckdb

    from orchestration.warehouse import published_models, read_manifest

    target = _scratch(home) / "floor.duckdb"
    target.unlink(missing_ok=True)
    connection = duckdb.connect(str(target))
    for folder in sorted((home.lake / "raw").iterdir()):
        connection.execute(
            f"select bit_xor(hash(t)) from read_parquet('{folder}/*.parquet', union_by_name = true) as t"
        )
    connection.execute(f"attach '{home.database}' as kyoten (read_only)")
    for node in published_models(read_manifest(home)):
        connection.execute(f'create schema if not exists "{node["schema"]}"')
        relation = f'"{node["schema"]}"."{node["alias"]}"'
        connection.execute(f"create table {relation} as from kyoten.{relation}")
    connection.close()


def _stage_publish(home: Home) -> None:
    from orchestration.release import checks
    from orchestration.release.publish import publish
    from orchestration.warehouse import configure, read_manifest

    configure(home)
    publish(home, read_manifest(home), checks=checks.counts(home), fingerprint={"inputs": None, "project": None})


def _stage_plain_copy(home: Home) -> None:
    """Write the published tables into a database and as Parquet, and nothing else."""
    import duckdb

    from orchestration.warehouse import published_models, read_manifest

    folder = _scratch(home) / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    connection = duckdb.connect(str(folder / "copy.duckdb"))
    connection.execute(f"attach '{home.database}' as kyoten (read_only)")
    for node in published_models(read_manifest(home)):
        connection.execute(f'create schema if not exists "{node["schema"]}"')
        relation = f'"{node["schema"]}"."{node["alias"]}"'
        connection.execute(f"create table {relation} as from kyoten.{relation}")
        connection.execute(f"copy {relation} to '{folder}/{node['alias']}.parquet' (format parquet)")
    connection.close()


def _stage_refresh(home: Home) -> None:
    from orchestration.refresh import refresh

    shutil.rmtree(home.lake, ignore_errors=True)
    refresh(home, force=True)


def _stage_nothing_new(home: Home) -> None:
    from orchestration.refresh import refresh

    refresh(home)


def _stage_imports(home: Home) -> None:
    import dagster
    import dagster_dbt
    import dbt.cli.main

    assert dagster and dagster_dbt and dbt.cli.main


STAGES: dict[str, Callable[[Home], None]] = {
    "ingest": _stage_ingest,
    "batch rules": _stage_batch_rules,
    "names": _stage_names,
    "knowledge": _stage_knowledge,
    "typed read": _stage_typed_read,
    "clean CSV": _stage_clean_csv,
    "CSV with bad rows": _stage_bad_csv,
    "typed CSV": _stage_typed_csv,
    "dbt build": _stage_dbt_build,
    "models without dbt": _stage_models_without_dbt,
    "attribution": _stage_attribution,
    "attribution floor": _stage_attribution_floor,
    "guards": _stage_guards,
    "floor": _stage_floor,
    "publish": _stage_publish,
    "plain copy": _stage_plain_copy,
    "refresh": _stage_refresh,
    "nothing new": _stage_nothing_new,
    "imports": _stage_imports,
}


def run_stage(name: str, home: Home, log: Path) -> Cost:
    """Run one stage in a separate process and return its cost."""
    started = time.monotonic()
    with log.open("a") as output:
        child = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "tools.bench", "--stage", name],
            {**os.environ, "KYOTEN_HOME": str(home.root)},
            file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)],
        )
        _, status, usage = os.wait4(child, 0)
    if status:
        raise KyotenError(f"The stage {name!r} failed; see {log}.")
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss / 1024)


def table(costs: dict[str, list[Cost]]) -> str:
    """Return the Markdown table: ratios first, then each stage's median and spread."""
    median = {name: statistics.median(cost.cpu for cost in runs) for name, runs in costs.items()}
    lines = ["| ratio of CPU seconds | value |", "|---|---|"]
    for label, over, *under in RATIOS:
        if {over, *under} <= median.keys():
            lines.append(f"| {label} | {median[over] / sum(median[name] for name in under):.2f} |")
    lines += ["", "| stage | CPU s (min–max) | wall s (min–max) | peak MiB |", "|---|---|---|---|"]
    for name, runs in costs.items():
        cells = []
        for values in ([cost.cpu for cost in runs], [cost.wall for cost in runs]):
            cells.append(f"{statistics.median(values):.1f} ({min(values):.1f}–{max(values):.1f})")
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {max(cost.peak for cost in runs):,.0f} |")
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark, or, in the processes that it starts, one stage of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=100_000, help="deals of the sample company")
    parser.add_argument("--csv-rows", type=int, default=1_000_000, help="rows of the single CSV files")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES), metavar="STAGE", help="only these")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        if options.stage:
            STAGES[options.stage](Home.from_environment())
            return 0
        home = Home(PROJECT / "data" / f"bench-{options.size}")
        home.root.mkdir(parents=True, exist_ok=True)
        # Separate, because a process begins with the peak memory of its parent.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as inputs:
            inputs.submit(_write_inputs, home, options.size, options.csv_rows).result()
        log = home.root / "bench.log"
        log.unlink(missing_ok=True)
        costs: dict[str, list[Cost]] = {name: [] for name in STAGES if name in options.stages}
        for repeat in range(options.repeats):
            for name, runs in costs.items():
                runs.append(run_stage(name, home, log))
                print(f"{repeat + 1}/{options.repeats}  {name}: {runs[-1].wall:.1f} s", flush=True)
        shutil.rmtree(_scratch(home))
        print(f"\n{options.size:,} deals, {options.repeats} interleaved repeats, {os.cpu_count()} cores\n")
        print(table(costs))
    except KyotenError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
