"""The folders below extracts/, one per source and extract, never changed once they have landed."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from orchestration.sources.landing import extract_of

RECORD = ".extract.json"


def extracts(folder: Path) -> Iterator[tuple[date, int, Path]]:
    """List a source's extracts: date, revision and folder."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if found := extract_of(path.name):
            yield *found, path


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record of an extract."""
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return record


def land(unfinished: Path, source: Path, day: date, record: Mapping[str, Any]) -> Path | None:
    """Make a finished fetch the newest extract of its date; return its folder, or None if nothing has changed."""
    revisions = {revision: folder for on, revision, folder in extracts(source) if on == day}
    newest = max(revisions, default=0)
    made = unfinished / RECORD
    made.write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
    if newest and _contents(revisions[newest]) == _contents(unfinished):
        made.replace(revisions[newest] / RECORD)
        return None
    target = source / (f"{day}_r{newest + 1}" if newest else str(day))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished.rename(target)
    return target


def _contents(folder: Path) -> dict[str, str]:
    contents = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != RECORD:
            with path.open("rb") as file:
                contents[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
    return contents
