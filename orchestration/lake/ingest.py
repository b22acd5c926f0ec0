"""Ingest: loads landing/ and mapped sources into the lake.

Importing this module loads neither DuckDB nor Dagster nor dbt, so that "nothing new" is found at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.home import CONTRACT, EXPECTATIONS, Home
from orchestration.lake.drift import MISSING, Drift
from orchestration.sources.mapping import load_mapping

if TYPE_CHECKING:
    from orchestration.lake.judged import JudgedBatch


@dataclass(frozen=True)
class FileResult:
    """The outcome of one file, or of one mapped dataset (then `derived` counts its rows)."""

    dataset: str | None
    source_name: str
    file_name: str
    extracted_on: date
    read: int
    accepted: int
    rejected: int
    derived: int
    folded: int | None
    undecided: int | None
    status: str
    message: str


@dataclass(frozen=True)
class IngestResult:
    """The result of every file that was examined; files that are loaded already are skipped and not listed."""

    files: tuple[FileResult, ...]
    batches: "tuple[JudgedBatch, ...]" = ()
    notes: tuple[str, ...] = ()  # what a person should know about the delivery, although it was loaded
    warnings: tuple[str, ...] = ()  # what was read in a way that a person should know

    @property
    def refused(self) -> list[FileResult]:
        """Files of which nothing was loaded, each with the reason and the remedy in its message."""
        return [file for file in self.files if file.status == "refused"]

    @property
    def held(self) -> "list[JudgedBatch]":
        """Batches that miss an expectation; nothing of them was loaded, and their messages say why."""
        return [batch for batch in self.batches if batch.is_held]


def ingest(
    home: Home,
    sources: Path | None = None,
    *,
    datasets: set[str] | None = None,
    timezone: str = "Asia/Tokyo",
    progress: Callable[[str], None] = print,
    expectations: Path | None = EXPECTATIONS,
) -> IngestResult:
    """Load new files into the lake.

    A refused file, dataset or source, or a held batch, does not stop the others. A mapping or batch rules that cannot
    be read stop the run before the lake changes.
    """
    from orchestration.contract import load_contract
    from orchestration.lake.batch import Batch
    from orchestration.lake.batch_rules import apply_batch_rules
    from orchestration.lake.expectations import load_expectations
    from orchestration.lake.landed import load_landing
    from orchestration.lake.mapped_sources import load_sources

    contract = load_contract(CONTRACT)
    mapping = load_mapping(sources, contract, home) if sources else None
    rules = load_expectations(contract, expectations) if expectations else None
    batch = Batch(home, contract, timezone, progress)
    with batch.opened():
        if mapping:
            load_sources(batch, mapping, datasets)
        load_landing(batch, datasets)
        judged = apply_batch_rules(batch, rules) if rules else []
        batch.report_lacking(datasets)
        batch.commit()
    ordered = sorted(batch.entries, key=lambda e: (e.dataset or "", e.source_name, e.extracted_on, e.file_name))
    return IngestResult(
        tuple(
            FileResult(
                e.dataset,
                e.source_name,
                e.file_name,
                e.extracted_on,
                e.rows_read,
                e.rows_accepted,
                e.rows_rejected,
                e.rows_derived,
                e.rows_folded,
                e.rows_undecided,
                e.status,
                e.message,
            )
            for e in ordered
        ),
        tuple(judged),
        (*batch.notes, *_columns_missing(batch.drifted)),
        tuple(dict.fromkeys(batch.warnings)),
    )


def _columns_missing(drifted: list[Drift]) -> Iterator[str]:
    """Yield a message per file with the columns that it lacks."""
    missing: dict[str, dict[str, None]] = {}
    for one in (one for one in drifted if one.change == MISSING):
        like = f" (renamed to {one.suggestion}?)" if one.suggestion else ""
        missing.setdefault(f"{one.source_name}: {one.file_name}", {})[one.column_name + like] = None
    for file, columns in missing.items():
        yield f"{file} lacks {', '.join(columns)}; their values are null"
