"""Batch rules as Python values: reads and checks expectations.yml. profile.py computes the figures."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from orchestration.contract import Contract, Dataset
from orchestration.errors import KyotenError
from orchestration.home import EXPECTATIONS, PROJECT
from orchestration.spelling import nearest

Bound = float | int
Limit = int | float | date | None


@dataclass(frozen=True)
class Kind:
    """One kind of expectation: the name of its figure, the remedy if it is missed, and its settings."""

    figure: str
    remedy: str
    settings: tuple[str, ...] = ()
    compares: bool = False


_FEWER = "Look for a filter, for ids that changed, or for an export that broke off"
KINDS: Mapping[str, Kind] = {
    "rejected": Kind("share of rows rejected", "Correct the rows"),
    "columns_lost": Kind(
        "columns lost", "Find out whether the columns were removed or renamed", ("except",), compares=True
    ),
    "filled": Kind("{columns}: share filled", "Have the column filled", ("column",)),
    "distinct": Kind("{columns}: share distinct", "Look for a join that multiplies rows", ("columns",)),
    "in_set": Kind(
        "{columns}: share in the set",
        "Look for shifted columns; map the values, or list them",
        ("column", "values", "seed"),
    ),
    "in_range": Kind(
        "{columns}: share in range",
        "Look at the unit, and at how dates are written",
        ("column", "from", "to", "days_after_extract"),
    ),
    "rows": Kind("rows ÷ rows before", _FEWER, compares=True),
    "keys_vanished": Kind("share of keys vanished", _FEWER, compares=True),
    "mean": Kind("{columns}: mean ÷ mean before", "Look at the unit and the currency", ("column",), compares=True),
    "newest": Kind("{columns}: days newer than before", "Look for an old export", ("column",), compares=True),
}


@dataclass(frozen=True)
class Expectation:
    """A bound on one figure of a batch."""

    kind: str
    columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    low: Limit = None
    high: Limit = None
    days_after_extract: int | None = None
    at_least: Bound | None = None
    at_most: Bound | None = None

    @property
    def figure(self) -> str:
        """The name of the figure, unique within a dataset."""
        names = () if self.kind == "columns_lost" else self.columns
        return KINDS[self.kind].figure.format(columns=", ".join(names))

    @property
    def bounds(self) -> str:
        """The bounds in words."""
        words = {"at least": self.at_least, "at most": self.at_most}
        return " and ".join(f"{word} {bound:g}" for word, bound in words.items() if bound is not None)

    def holds(self, value: float | None) -> bool:
        """Whether a figure is within the bounds; None, a figure of too few rows, is."""
        low, high = self.at_least, self.at_most
        return value is None or ((low is None or value >= low) and (high is None or value <= high))


@dataclass(frozen=True)
class Expectations:
    """The expectations for the batches of each dataset."""

    minimum_rows: int
    datasets: Mapping[str, tuple[Expectation, ...]]


def load_expectations(contract: Contract, path: Path = EXPECTATIONS) -> Expectations:
    """Read the batch rules; every error names the dataset and the expectation."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KyotenError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise KyotenError(f"{path.name} holds no settings; write minimum_rows, every_dataset and datasets.")
    known = ("minimum_rows", "every_dataset", "datasets")
    for name in document:
        if name not in known:
            raise KyotenError(f"{path.name}: {name!r} is no setting{nearest(str(name), known)}.")
    minimum = document.get("minimum_rows")
    if type(minimum) is not int or minimum < 1:
        raise KyotenError(f"{path.name}: `minimum_rows:` is {minimum!r}; write a whole number of 1 or more.")
    own = {} if document.get("datasets") is None else document["datasets"]
    if not isinstance(own, dict):
        raise KyotenError(f"{path.name}: `datasets:` needs a list of expectations for each dataset.")
    for name in own:
        if name not in contract.datasets:
            raise KyotenError(
                f"{path.name}: {name} is no dataset of the contract{nearest(str(name), contract.datasets)}."
            )
        if contract.datasets[name].worklist:
            raise KyotenError(
                f"{path.name}, dataset {name}: rows that a person fills in have no batch rules. Remove it."
            )
    found = {}
    for dataset in contract.datasets.values():
        if dataset.worklist:
            continue
        general = _list(f"{path.name}, every_dataset", document.get("every_dataset"), dataset)
        special = _list(f"{path.name}, dataset {dataset.name}", own.get(dataset.name), dataset)
        found[dataset.name] = tuple({one.figure: one for one in [*general, *special]}.values())
    return Expectations(minimum, found)


def _list(where: str, entries: Any, dataset: Dataset) -> list[Expectation]:
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise KyotenError(f"{where}: write a list of expectations, each as {{expect: …, at_least: …}}.")
    found: dict[str, Expectation] = {}
    for number, entry in enumerate(entries, start=1):
        one = _expectation(f"{where}, expectation {number}", entry, dataset)
        if one.figure in found:
            raise KyotenError(f"{where}, expectation {number}: “{one.figure}” is stated twice. Keep one.")
        found[one.figure] = one
    return list(found.values())


def _expectation(where: str, entry: Any, dataset: Dataset) -> Expectation:
    if not isinstance(entry, dict) or not isinstance(entry.get("expect"), str):
        raise KyotenError(f"{where}: needs `expect:` with one of {', '.join(KINDS)}.")
    name = entry["expect"]
    if name not in KINDS:
        raise KyotenError(f"{where}: {name!r} is no expectation{nearest(name, KINDS)}; write {', '.join(KINDS)}.")
    where = f"{where} ({name})"
    allowed = ("expect", "at_least", "at_most", *KINDS[name].settings)
    for setting in entry:
        if setting not in allowed:
            raise KyotenError(f"{where}: {setting!r} is no setting of {name}{nearest(str(setting), allowed)}.")
    bounds = {key: entry.get(key) for key in ("at_least", "at_most")}
    for key, bound in bounds.items():
        if bound is not None and not _is_number(bound):
            raise KyotenError(f"{where}: `{key}:` is {bound!r}; write a number.")
    if bounds["at_least"] is None and bounds["at_most"] is None:
        raise KyotenError(f"{where}: needs `at_least:`, `at_most:` or both.")
    if None not in bounds.values() and bounds["at_least"] > bounds["at_most"]:  # type: ignore[operator]
        raise KyotenError(f"{where}: `at_least:` is above `at_most:`, which nothing meets.")
    made = Expectation(name, _columns(where, name, entry, dataset), **bounds)  # type: ignore[arg-type]
    if name == "in_set":
        return replace(made, values=_values(where, entry))
    if name == "in_range":
        return _ranged(where, entry, made, dataset)
    wanted = {"mean": ("integer", "decimal", "decimal(8)"), "newest": ("date", "timestamp")}.get(name)
    if wanted and dataset.columns[made.columns[0]].type not in wanted:
        raise KyotenError(f"{where}: {made.columns[0]} is no column of type {' or '.join(wanted)}.")
    return made


def _columns(where: str, name: str, entry: Mapping[str, Any], dataset: Dataset) -> tuple[str, ...]:
    settings = KINDS[name].settings
    if "column" in settings:
        named = [entry.get("column")]
    elif "columns" in settings:
        named = entry.get("columns") or [None]
    else:
        named = entry.get("except") or []
    if not isinstance(named, list):
        raise KyotenError(f"{where}: write the columns as a list.")
    for column in named:
        if column is None:
            raise KyotenError(f"{where}: needs `{'column' if 'column' in settings else 'columns'}:`.")
        if column not in dataset.columns:
            raise KyotenError(
                f"{where}: {column!r} is no column of {dataset.name}{nearest(str(column), dataset.columns)}."
            )
    return tuple(named)


def _values(where: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values in lower case, as they are compared."""
    if ("values" in entry) == ("seed" in entry):
        raise KyotenError(f"{where}: needs either `values:`, a list, or `seed:`, the column of a seed as file.column.")
    values: Iterable[Any] = entry.get("values", ())
    if "seed" in entry:
        name, _, column = str(entry["seed"]).partition(".")
        try:
            with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                values = [row[column] for row in csv.DictReader(file)]
        except (OSError, KeyError):
            raise KyotenError(f"{where}: there is no column {column!r} in seeds/{name}.csv.") from None
    if not isinstance(values, list) or not values:
        raise KyotenError(f"{where}: `values:` needs a list.")
    return tuple(sorted({str(value).strip().lower() for value in values}))


def _ranged(where: str, entry: Mapping[str, Any], made: Expectation, dataset: Dataset) -> Expectation:
    type_ = dataset.columns[made.columns[0]].type
    is_time, is_amount = type_ in ("date", "timestamp"), type_ in ("integer", "decimal", "decimal(8)")
    if not is_time and not is_amount:
        raise KyotenError(f"{where}: {made.columns[0]} is neither a number nor a date.")
    days = entry.get("days_after_extract")
    if days is not None and (not is_time or type(days) is not int or "to" in entry):
        raise KyotenError(f"{where}: `days_after_extract:` is a whole number, for a date column, and replaces `to:`.")
    limits = {key: entry.get(key) for key in ("from", "to")}
    if days is None and all(limit is None for limit in limits.values()):
        raise KyotenError(f"{where}: needs `from:`, `to:` or both.")
    for key, limit in limits.items():
        if limit is not None and not (type(limit) is date if is_time else _is_number(limit)):
            raise KyotenError(
                f"{where}: `{key}:` is {limit!r}; write {'a day as YYYY-MM-DD' if is_time else 'a number'}."
            )
    return replace(made, low=limits["from"], high=limits["to"], days_after_extract=days)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
