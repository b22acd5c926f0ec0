"""What each table of a built home costs: CPU seconds of its SQL, of the guards, and of publishing it.

The SQL of each model reads the tables of the working database and writes a table next to it, without dbt; a view costs
where it is read. Run after a refresh: KYOTEN_HOME=data/demo python -m tools.model_costs [--top 30] [--of name …].
"""

import argparse
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine, sql
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.scratch import SETTINGS, compiled_sql, in_order
from orchestration.warehouse import published_models, read_manifest

if TYPE_CHECKING:
    import duckdb

# The last layers first: a model that only plans need is a cost of the plans.
GROUPS = ("marts/plan", "marts/segment")
OTHERS = "all other tables"


@dataclass(frozen=True)
class Cost:
    """CPU seconds of a table's SQL, or of a guard, and of publishing the table."""

    name: str
    group: str
    kind: str
    build: float
    publish: float
    rows: int

    @property
    def cpu(self) -> float:
        """Return the sum."""
        return self.build + self.publish


def groups(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the group of each model: a folder of marts, if only marts of this folder (and of earlier ones) need it."""
    readers: dict[str, set[str]] = defaultdict(set)
    for key, node in nodes.items():
        for parent in node["depends_on"].get("nodes", []):
            readers[parent].add(key)
    found: dict[str, str] = {}
    # Readers come after what they read.
    for key in reversed([node["unique_id"] for node in in_order({"nodes": nodes})]):
        own = nodes[key]["original_file_path"]
        mart = next((group for group in GROUPS if own.startswith(f"models/{group}/")), None)
        needed = {found[reader] for reader in readers[key] if reader in found}
        if mart:
            found[key] = mart
        elif own.startswith("models/marts/") or not needed or OTHERS in needed:
            found[key] = OTHERS
        else:
            found[key] = max(needed, key=GROUPS.index)
    return found


def measure(home: Home, only: Iterable[str] = ()) -> list[Cost]:
    """Run the SQL of each model and guard of a built home, and copy each published table as publishing does."""
    manifest, wanted = read_manifest(home), set(only)
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("seed", "model")}
    group, published = groups(nodes), {node["unique_id"] for node in published_models(manifest)}
    folder = engine.temporary(home) / "model_costs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    costs = []
    try:
        with engine.connect(home, folder / "scratch.duckdb") as connection:
            connection.execute(SETTINGS)
            connection.execute(f"attach {sql.text(str(home.database))} as kyoten (read_only)")
            for node in in_order(manifest):
                if node["config"]["materialized"] != "table" or (wanted and node["name"] not in wanted):
                    continue
                build = timed(connection, f"create or replace table main.x as {compiled_sql(node, home)}")
                counted = connection.execute("select count(*) from main.x").fetchone()
                publish = copied(connection, folder) if node["unique_id"] in published else 0.0
                costs.append(
                    Cost(node["name"], group[node["unique_id"]], "table", build, publish, counted[0] if counted else 0)
                )
            for node in manifest["nodes"].values():
                if node["resource_type"] == "test" and not wanted:
                    of = [group[key] for key in node["depends_on"].get("nodes", []) if key in group]
                    last = min(of, key=(*GROUPS, OTHERS).index, default=OTHERS)
                    query = f"create or replace table main.x as {compiled_sql(node, home)}"
                    costs.append(Cost(node["name"], last, "test", timed(connection, query), 0.0, 0))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return costs


def copied(connection: "duckdb.DuckDBPyConnection", folder: Path) -> float:
    """Return the CPU seconds to sort, hash and write a table as DuckDB and Parquet."""
    path = folder / "release.duckdb"
    path.unlink(missing_ok=True)
    connection.execute(f"attach {sql.text(str(path))} as release (storage_version 'v1.0.0')")
    cpu = timed(connection, "create table release.main.x as from main.x order by all; checkpoint release")
    cpu += timed(connection, "select bit_xor(hash(x)), sum(hash(x)), sum(hash(1, x)) from release.main.x")
    cpu += timed(
        connection,
        f"copy release.main.x to {sql.text(str(folder / 'x.parquet'))} (format parquet, compression zstd)",
    )
    connection.execute("detach release")
    return cpu


def timed(connection: "duckdb.DuckDBPyConnection", statement: str) -> float:
    """Return the CPU seconds of a statement."""
    started = time.process_time()
    connection.execute(statement)
    return time.process_time() - started


def table(costs: list[Cost], top: int) -> str:
    """Return the groups, then the dearest tables, in Markdown."""
    lines = [
        "| tables | number | build, CPU s | publish, CPU s | guards and tests, CPU s | all |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in (*GROUPS, OTHERS, "all"):
        of = [one for one in costs if name in ("all", one.group)]
        tables, tests = [one for one in of if one.kind == "table"], [one for one in of if one.kind == "test"]
        build, publish, tested = (
            sum(one.build for one in tables), sum(one.publish for one in tables), sum(one.build for one in tests)
        )  # fmt: skip
        lines.append(
            f"| {name} | {len(tables)} | {build:.1f} | {publish:.1f} | {tested:.1f} | {build + publish + tested:.1f} |"
        )
    lines += ["", "| table or test | of | build | publish | rows |", "|---|---|---:|---:|---:|"]
    dearest = sorted(costs, key=lambda one: -one.cpu)[:top]
    lines += [f"| `{x.name}` | {x.group} | {x.build:.2f} | {x.publish:.2f} | {x.rows:,} |" for x in dearest]
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--top", type=int, default=30, help="how many tables are listed")
    parser.add_argument("--of", nargs="+", default=[], metavar="NAME", help="only these models")
    given = parser.parse_args()
    home = Home.from_environment()
    if not home.database.exists():
        raise KyotenError(f"Nothing is built in {home.root} yet. Run make refresh, or make demo.")
    print(table(measure(home, given.of), given.top))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KyotenError as error:
        sys.exit(str(error))
