"""How the columns of a file differ from the extract before: new, missing and perhaps renamed columns.

Only names are compared. The code that reads the file decides what to do about a difference.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from orchestration.spelling import resembling

NEW, MISSING, STOPPED = "new", "missing", "missing_required"
SCHEMA = {
    "dataset": "VARCHAR",
    "source_name": "VARCHAR",
    "file_name": "VARCHAR",
    "extracted_on": "DATE",
    "column_name": "VARCHAR",
    "contract_column": "VARCHAR",
    "change": "VARCHAR",
    "suggestion": "VARCHAR",
    "similarity": "DECIMAL(4,3)",
    "loaded_at": "TIMESTAMP",
}


@dataclass(frozen=True)
class Drift:
    """One column that is new or missing."""

    dataset: str | None
    source_name: str
    file_name: str
    extracted_on: date
    column_name: str
    contract_column: str | None
    change: str
    suggestion: str | None = None
    similarity: float | None = None


@dataclass(frozen=True)
class Expected:
    """A column that is read, and the contract column that it becomes."""

    column: str
    becomes: str
    required: bool
    never: bool = False  # no extract had it


def differences(columns: Collection[str], before: Collection[str] | None, expected: Iterable[Expected]) -> list[Drift]:
    """Return the differences, without the fields that describe the file.

    A column is new if nothing reads it and the extract before did not have it. A column that is not required is missing
    if the extract before had it, if no extract ever had it, or if a new column resembles it.
    """
    reads: Mapping[str, Expected] = {one.column: one for one in expected}
    new = [c for c in columns if c not in reads and c not in (before or ())]
    absent = [one for one in reads.values() if one.column not in columns]
    found = []
    for one in absent:
        like = resembling(one.column, new)
        if one.required or like or one.never or (before is not None and one.column in before):
            change = STOPPED if one.required else MISSING
            found.append(_drift(one.column, one.becomes, change, like))
    for column in new:
        found.append(_drift(column, None, NEW, resembling(column, [one.column for one in absent])))
    return found


def _drift(column: str, becomes: str | None, change: str, like: tuple[str, float] | None) -> Drift:
    suggestion, similarity = like or (None, None)
    return Drift(None, "", "", date.min, column, becomes, change, suggestion, similarity)
