"""What people decide about names: the seeds, read and checked, as the values that the normaliser works with.

Every error names the file, the row and the column. normal.py and readings.py apply the rules.
"""

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import KyotenError
from orchestration.home import PROJECT

SEEDS = PROJECT / "seeds"
LEGAL_FORM_KINDS = ("kanji", "bracketed", "latin", "latin_at_edge")
HONORIFIC_KINDS = ("honorific", "title", "latin")


@dataclass(frozen=True)
class LegalForm:
    """One spelling of a legal form and where in a text it counts."""

    form: str
    canonical: str
    kind: str


@dataclass(frozen=True)
class NameRules:
    """All seeds about names, unchanged."""

    variants: dict[str, str]
    legal_forms: tuple[LegalForm, ...]
    branch_suffixes: tuple[str, ...]
    department_endings: tuple[str, ...]
    departments: tuple[str, ...]  # the endings that alone are a department
    honorifics: tuple[str, ...]  # titles included
    latin_honorifics: frozenset[str]
    company_honorifics: tuple[str, ...]
    nobody_words: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    """One row of a seed, with its place in the file."""

    file: str
    number: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        if not (value := self.values[column]):
            raise self.error(column, "is empty. Fill it in, or remove the row.")
        return value

    def one_of(self, column: str, allowed: Iterable[str]) -> str:
        if self[column] not in allowed:
            raise self.error(column, f"is {self[column]!r}. Write {', '.join(allowed)}.")
        return self[column]

    def error(self, column: str, problem: str) -> KyotenError:
        return KyotenError(f"{self.file}, row {self.number}, column {column}: {problem}")


def load_rules(folder: Path = SEEDS) -> NameRules:
    """Read the seeds from a folder."""
    honorifics = list(_rows(folder, "honorifics", "honorific", "kind", "follows_companies"))
    for row in honorifics:
        row.one_of("kind", HONORIFIC_KINDS)
        row.one_of("follows_companies", ("true", "false"))
    endings = list(_rows(folder, "department_endings", "ending", "stands_alone"))
    for row in endings:
        row.one_of("stands_alone", ("true", "false"))
    return NameRules(
        variants=_variants(folder),
        legal_forms=tuple(
            LegalForm(row["form"], row["canonical"], row.one_of("kind", LEGAL_FORM_KINDS))
            for row in _rows(folder, "legal_forms", "form", "canonical", "kind")
        ),
        branch_suffixes=tuple(row["suffix"] for row in _rows(folder, "branch_suffixes", "suffix")),
        department_endings=tuple(row["ending"] for row in endings),
        departments=tuple(row["ending"] for row in endings if row["stands_alone"] == "true"),
        honorifics=tuple(row["honorific"] for row in honorifics if row["kind"] != "latin"),
        latin_honorifics=frozenset(row["honorific"] for row in honorifics if row["kind"] == "latin"),
        company_honorifics=tuple(row["honorific"] for row in honorifics if row["follows_companies"] == "true"),
        nobody_words=tuple(row["word"] for row in _rows(folder, "nobody_words", "word")),
    )


def _variants(folder: Path) -> dict[str, str]:
    rows = list(_rows(folder, "kanji_variants", "variant", "canonical", "comment"))
    variants = {row["variant"]: row["canonical"] for row in rows}
    for row in rows:
        for column in ("variant", "canonical"):
            character = row[column]
            if len(character) != 1 or unicodedata.normalize("NFKC", character) != character:
                raise row.error(column, f"is {character!r}. Write one character, as NFKC leaves it.")
        if row["canonical"] in variants:
            final = variants[row["canonical"]]
            raise row.error("canonical", f"is {row['canonical']!r}, itself a variant. Write {final!r} in both rows.")
    return variants


def _rows(folder: Path, name: str, *columns: str) -> Iterator[_Row]:
    """Read a seed whose first column is its key."""
    path = folder / f"{name}.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
                raise KyotenError(f"{path.name} lacks the column {missing[0]}. It needs {', '.join(columns)}.")
            records = [{column: (record[column] or "").strip() for column in columns} for record in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise KyotenError(f"{path.name} cannot be read: {error}. Save it as UTF-8 CSV.") from error
    seen: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        row = _Row(path.name, number, record)
        key = row[columns[0]]
        if key in seen:
            raise row.error(columns[0], f"is {key!r}, as in row {seen[key]} already. Remove one of them.")
        seen[key] = number
        yield row
