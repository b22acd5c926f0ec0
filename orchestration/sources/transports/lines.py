"""Writes the records of one table or resource: one JSON object per line."""

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orchestration.errors import KyotenError
from orchestration.sources.transports.job import Job

_LEVEL = 3  # compression level; at higher levels a fetch waits for gzip
_line = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def write(
    job: Job, alias: str, records: Iterable[Mapping[str, Any]], columns: Callable[[], Iterable[str]]
) -> tuple[int, tuple[str, ...]]:
    """Write the records and return their number and columns.

    Without records, the file has a header line of the known columns, because an empty extract must be recorded, too.
    """
    path = job.folder / f"{alias}.jsonl.gz"
    rows = 0
    found: dict[str, None] = {}
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as file:
        for record in records:
            found |= dict.fromkeys(record)
            # JSON allows a lone surrogate (half a character) and UTF-8 does not. It is written as its JSON escape.
            file.write(_line(record).encode("utf-8", "backslashreplace") + b"\n")
            rows += 1
            if rows % 50_000 == 0:
                job.say(f"fetching {alias} of {job.source.name}: {rows:,} records")
    if not rows:
        path.unlink()
        found = dict.fromkeys(columns())
        if not found:
            raise KyotenError(
                f"{alias} of {job.source.name} was not fetched: it has no record, and its columns are not known yet. "
                "Correct its request, or remove it from the mapping until it has a record."
            )
        with (job.folder / f"{alias}.csv").open("w", encoding="utf-8", newline="") as header:
            csv.writer(header).writerow(found)
    return rows, tuple(found)
