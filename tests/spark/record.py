"""Keeps what a test found about an engine, for the table of `make engines`."""

import json
from collections.abc import Mapping
from pathlib import Path

from orchestration.home import PROJECT

FOLDER = PROJECT / "target" / "engines"


def seconds_of(results: Path) -> dict[str, float]:
    """Return the seconds of each seed and model of a dbt command, by name."""
    ran = json.loads(results.read_text(encoding="utf-8"))["results"]
    kinds = ("model.", "seed.")
    return {one["unique_id"].split(".")[2]: one["execution_time"] for one in ran if one["unique_id"].startswith(kinds)}


def record(engine: str, seconds: Mapping[str, float], gaps: Mapping[str, str], cpu: float) -> None:
    """Write what an engine needed for each table, the tables that it lacks or has otherwise, and its CPU seconds."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    named = {name.split(".")[-1]: why for name, why in gaps.items()}
    content = {"seconds": dict(seconds), "gaps": named, "cpu": round(cpu)}
    (FOLDER / f"{engine}.json").write_text(json.dumps(content), encoding="utf-8")
