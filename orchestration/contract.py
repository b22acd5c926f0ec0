"""The raw contract as Python values: which datasets exist, their columns, types and keys.

Reads and checks contract.yml. What a value must look like to be accepted is in rules.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import KyotenError
from orchestration.home import CONTRACT
from orchestration.spelling import nearest

DUCKDB_TYPES = {
    "text": "VARCHAR",
    "enum": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "integer": "BIGINT",
    "decimal": "DECIMAL(18,4)",
    "decimal(8)": "DECIMAL(18,8)",
    "boolean": "BOOLEAN",
}
TIMES = ("date", "timestamp")
NUMBERS = ("integer", "decimal", "decimal(8)")
LINEAGE = {
    "source_name": "VARCHAR",
    "file_name": "VARCHAR",
    "file_sha256": "VARCHAR",
    "row_number": "BIGINT",
    "extracted_on": "DATE",
    "extract_revision": "INTEGER",
    "loaded_at": "TIMESTAMP",
    "extra_columns": "VARCHAR",
}
_TYPE = re.compile(r"(?P<type>text|date|timestamp|integer|decimal|decimal\(8\)|boolean|enum\((?P<values>[^()]+)\))!?")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Column:
    """One column of a dataset."""

    name: str
    type: str
    required: bool = False
    values: tuple[str, ...] = ()

    @property
    def duckdb_type(self) -> str:
        """The column's type in the lake."""
        return DUCKDB_TYPES[self.type]


@dataclass(frozen=True)
class Worklist:
    """How to see whether a row that a person fills in is decided."""

    undecided_without: tuple[str, ...]
    withdrawn_by: tuple[str, str]
    decision_needs: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """One dataset: a folder below landing/ and below lake/raw/."""

    name: str
    group: str
    tier: str
    extract: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    description: str = ""
    label_ja: str = ""
    worklist: Worklist | None = None
    ends: tuple[str, ...] = ()

    @property
    def lake_columns(self) -> dict[str, str]:
        """Name and type of every column of a lake file."""
        return {c.name: c.duckdb_type for c in self.columns.values()} | LINEAGE


@dataclass(frozen=True)
class Contract:
    """All datasets, and the version that the ledger records with each file."""

    version: int
    datasets: Mapping[str, Dataset] = field(default_factory=dict)


def load_contract(path: Path = CONTRACT) -> Contract:
    """Read the contract; every error names the dataset and the column."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KyotenError(f"{path.name} cannot be read: {error}") from error
    return _parse(text, path)


@lru_cache(maxsize=8)
def _parse(text: str, path: Path) -> Contract:
    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise KyotenError(f"{path.name} is not valid YAML: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("datasets"), dict):
        raise KyotenError(f"{path.name} has no `datasets:`.")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise KyotenError(f"{path.name}: `version:` is {version!r}; write a whole number of 1 or more.")
    datasets = {str(name): _dataset(path.name, str(name), entry) for name, entry in document["datasets"].items()}
    return Contract(version, datasets)


def _dataset(file: str, name: str, entry: Any) -> Dataset:
    where = f"{file}, dataset {name}"
    if not _NAME.fullmatch(name):
        raise KyotenError(f"{where}: names are lower case letters, digits and underscores.")
    if not isinstance(entry, dict) or not isinstance(entry.get("columns"), dict):
        raise KyotenError(f"{where} has no `columns:`.")
    columns = {str(column): _column(where, str(column), text) for column, text in entry["columns"].items()}
    for setting, allowed in {"extract": ("full", "delta"), "tier": ("A", "B", "C")}.items():
        if entry.get(setting) not in allowed:
            raise KyotenError(f"{where}: `{setting}:` is {entry.get(setting)!r}; write {' or '.join(allowed)}.")
    key = entry.get("key")
    if not isinstance(key, list) or not key:
        raise KyotenError(f"{where}: `key:` needs a list of columns.")
    for column in key:
        if column not in columns:
            raise KyotenError(f"{where}: key column {column} is not one of its columns{nearest(str(column), columns)}.")
    ends = tuple(map(str, entry.get("ends", [])))
    for column in ends:
        if column not in columns or columns[column].type != "date":
            raise KyotenError(
                f"{where}: `ends:` names {column}, which is not one of its dates{nearest(column, columns)}."
            )
    return Dataset(
        name=name,
        group=str(entry.get("group", "")),
        tier=entry["tier"],
        extract=entry["extract"],
        key=tuple(key),
        columns=columns,
        description=str(entry.get("description", "")),
        label_ja=str(entry.get("label_ja", "")),
        worklist=_worklist(where, entry["worklist"], columns) if "worklist" in entry else None,
        ends=ends,
    )


def _worklist(where: str, entry: Any, columns: Mapping[str, Column]) -> Worklist:
    try:
        ((column, word),) = entry["withdrawn_by"].items()
        worklist = Worklist(_listed(entry["undecided_without"]), (column, word.lower()), tuple(entry["decision_needs"]))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise KyotenError(
            f"{where}: `worklist:` needs undecided_without (a list of columns), withdrawn_by (one column: word) and "
            "decision_needs (a list of columns)."
        ) from None
    for name in (*worklist.undecided_without, column, *worklist.decision_needs):
        if name not in columns or columns[name].duckdb_type != "VARCHAR":
            raise KyotenError(f"{where}: `worklist:` names {name}, which is not one of its text columns.")
    return worklist


def _listed(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list):
        raise TypeError
    return tuple(names)


def _column(where: str, name: str, text: Any) -> Column:
    if not _NAME.fullmatch(name):
        raise KyotenError(f"{where}, column {name}: names are lower case letters, digits and underscores.")
    if name in LINEAGE:
        raise KyotenError(f"{where}, column {name}: the lake adds a column of this name; choose another.")
    match = _TYPE.fullmatch(str(text).strip())
    if not match:
        known = "text, date, timestamp, integer, decimal, decimal(8), boolean or enum(a,b), with ! where required"
        raise KyotenError(f"{where}, column {name}: unknown type {text!r}; write {known}.")
    values = tuple(value.strip() for value in (match["values"] or "").split(",") if value.strip())
    return Column(name, "enum" if values else match["type"], str(text).strip().endswith("!"), values)
