"""Writes docs/engines.md: which engine builds which model, with equal rows, and how long it takes.

`make sail-test` and `make spark-test` leave what they found in target/engines/.
"""

import json
import sys
from pathlib import Path
from typing import Any

from orchestration.home import PROJECT, Home
from orchestration.warehouse import read_manifest

ENGINES = {"duckdb": "DuckDB", "sail": "Sail", "spark": "Spark"}
PAGE = PROJECT / "docs" / "engines.md"
HEAD = """# Models and engines

*モデルとエンジン*

The numbers are the seconds in which dbt builds each seed and model of a sample company of 1,000 deals. Where there is a
number, all rows are equal to DuckDB's. `make engines` makes this page from the latest `make sail-test` and
`make spark-test`.

"""


def main(folder: Path = PROJECT / "target" / "engines") -> None:
    """Write the page."""
    missing = [name for name in ENGINES if not (folder / f"{name}.json").exists()]
    if missing:
        sys.exit("Run make sail-test and make spark-test first: no outcome of " + ", ".join(missing))
    outcomes = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ENGINES}
    nodes = read_manifest(Home.from_environment())["nodes"].values()
    tables = sorted((node["schema"], node["name"]) for node in nodes if node["resource_type"] in ("seed", "model"))
    cells = [[f"{schema}.{name}", *(cell(one, name) for one in outcomes.values())] for schema, name in tables]
    rows = {
        "tables with equal rows": [
            str(sum(name in one["seconds"] and name not in one["gaps"] for _, name in tables))
            for one in outcomes.values()
        ],
        "seconds of all": [f"{sum(one['seconds'].values()):,.0f}" for one in outcomes.values()],
        "CPU seconds of the build (Sail: without guards)": [f"{one['cpu']:,}" for one in outcomes.values()],
    }
    lines = ["| table | " + " | ".join(ENGINES.values()) + " |", "|---|" + "---|" * len(ENGINES)]
    lines += [f"| {' | '.join(row)} |" for row in [*([f"**{name}**", *row] for name, row in rows.items()), *cells]]
    PAGE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")


def cell(outcome: dict[str, Any], name: str) -> str:
    """Return the seconds of a table, why it is not equal, or that the engine has not built it."""
    seconds = outcome["seconds"].get(name)
    return str(outcome["gaps"].get(name) or ("not run" if seconds is None else f"{seconds:.1f}"))


if __name__ == "__main__":
    main()
