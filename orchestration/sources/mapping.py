"""The mapping file: which foreign files there are and how they become datasets of the contract.

The models define and check what a file may contain; every error names file, line and key. No data is read and no SQL is
run here: see mapped.py.
"""

import codecs
import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from collections.abc import Mapping as Map
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchestration.contract import NUMBERS, TIMES, Contract, load_contract
from orchestration.home import PROJECT, Home
from orchestration.sources import forms
from orchestration.sources.transport_settings import ALIAS, AliasName, Api, Database, Transport, is_url, transport_of
from orchestration.sources.yaml_file import AnyType, NamedPart, Part, Place, Several, Text, Texts, checked, parsed, read
from orchestration.spelling import folded, nearest

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
_ANY = "*"
_IN_PATTERNS = re.compile(r"[.*?\[/\\]")  # without any of these a pattern is an object's name
_DELIVERY = re.compile(
    r"[_.\- ]?(?<![0-9])([0-9]{4}([-_.])[0-9]{2}\2[0-9]{2}|[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日"
    r"|[0-9]{8}([0-9]{4}|[0-9]{6})?|r[0-9]+)(?=[_.\- ]|$)"
)
_API_NAME = re.compile(r"[A-Za-z0-9_.$:/@-]+")  # headings of screens have spaces or Japanese, names of APIs do not
FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
_NOT_FOR_FILES = {"idna", "punycode", "unicode-escape", "raw-unicode-escape"}
_UNITS = (*forms.UNITS, forms.PERCENT, *forms.SIGNS)


def _encoding(name: str) -> str | None:
    "".encode(name)
    return None if codecs.lookup(name).name.replace("_", "-") in _NOT_FOR_FILES else name


def _expanded(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match["name"]) or match["default"]
        if found is None:
            raise ValueError(
                f"the environment variable {match['name']} is not set; set it to the folder that it names."
            )
        return found

    return _VARIABLE.sub(value, text)


def _pattern(text: str) -> str:
    pattern = _expanded(text)
    if not Path(pattern).parts or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise ValueError("must be a file name or pattern such as deals_*.csv, below the source's path.")
    return pattern


def _with_own_name(columns: Any) -> Any:
    """Put a column's name in SQL before the other names that files have for it."""
    if not isinstance(columns, dict):
        return {columns: [columns]} if isinstance(columns, str) else columns
    # An empty list means that no file has a column of that name; a source may fill the list.
    return {
        name: [] if others == [] else [name, *(others if isinstance(others, list) else [others] if others else [])]
        for name, others in columns.items()
    }


def _of_own_name(columns: Any) -> Any:
    """Give a contract column without a column of the file the one of its own name."""
    if isinstance(columns, list):
        return {str(name): name for name in columns}
    return (
        {name: name if of_file is None else of_file for name, of_file in columns.items()}
        if isinstance(columns, dict)
        else columns
    )


def _forms(names: tuple[str, ...]) -> tuple[str, ...]:
    if both := forms.clash(names):
        raise ValueError(f"a value may be both {both[0]} and {both[1]}, and nothing distinguishes them; state one.")
    if any("%Z" in name for name in names):
        raise ValueError(
            "%Z reads letters such as CST, which mean several zones; write `%z` for offsets such as +0900."
        )
    return names


def _matching(pattern: str, problem: str) -> BeforeValidator:
    return parsed(lambda text: re.fullmatch(pattern, text) and text, problem)


Encoding = Annotated[Text, parsed(_encoding, "{!r} is no encoding; write utf-8, cp932, utf-16 …")]
Character = Annotated[Text, _matching("(?s:.)", 'must be one character, such as "," or "\\t" in double quotes.')]
Number = Annotated[int, _matching("[0-9]{1,6}", "must be the number of lines before the header."), AnyType]
Pattern = Annotated[str, AfterValidator(_pattern)]
Word = Annotated[
    str,
    parsed(lambda word: word.strip() or None, "must be the words that such lines begin with, such as [合計, 小計]."),
]
Query = Annotated[Text, AfterValidator(lambda text: text.strip().rstrip(";"))]
Unit = Annotated[Text, _matching("|".join(map(re.escape, _UNITS)), f"must be one of {', '.join(_UNITS)}.")]
Day = Annotated[date | None, parsed(date.fromisoformat, "{!r} is no date; write YYYY-MM-DD."), AnyType]
Timezone = Annotated[Text, parsed(lambda name: ZoneInfo(name).key, "{!r} is no time zone; write UTC, Asia/Tokyo …")]
Folder = Annotated[Text, AfterValidator(lambda path: path if is_url(path) else _expanded(path))]
Setting = Annotated[str, _matching("[a-z][a-z0-9_]*", "a setting's name is lower case letters, digits, underscores.")]
SourceName = Annotated[
    str, _matching("(?!landing$)[A-Za-z][A-Za-z0-9_-]*", "a source's name is letters, digits, _ and -, not “landing”.")
]


class Alias(NamedPart):
    """Foreign files of one shape, readable in SQL as a table of this name."""

    patterns: Several[Pattern] = Field(alias="pattern")
    """Name or pattern of files below the path, or several; without an ending it is found in any spelling."""
    encoding: Encoding = "utf-8"
    """utf-8 (default), cp932, utf-16 …"""
    timezone: Timezone = ""
    """Time zone of this file's times without one; default the source's."""
    delimiter: Character = ""
    """One character; default a comma, in .tsv a tab."""
    quote: Character = '"'
    """One character; default "."""
    escape: Character = ""
    """One character before a quote within quotes, such as a backslash; default: such quotes are doubled."""
    skip_rows: Number = 0
    """Number of lines above the header."""
    header_rows: Annotated[int, _matching("[1-9]", "must be the number of lines of the header, 1 to 9."), AnyType] = 1
    """Number of lines of the header; the names in one column are joined by a space."""
    header: Texts = ()
    """Names of the columns, in their order, of a file without a header line."""
    short_rows: Annotated[bool, AnyType] = False
    """true where lines leave out empty values at their end."""
    keyed_by: Text = ""
    """Name of a column for the ids of a JSON object whose members are the records."""
    sheet: Text = ""
    """Sheet of a workbook; default the first."""
    footer: Several[Word] = ()
    """Beginnings of lines that are no data, such as 合計; an empty list where every line is a record."""
    nulls: Annotated[
        dict[str, Texts], BeforeValidator(lambda them: them if isinstance(them, dict) else {_ANY: them}), AnyType
    ] = Field({})
    """Texts that mean nothing: a list for all columns, or lists by column."""
    columns: Annotated[dict[str, Texts], BeforeValidator(_with_own_name), AnyType] = Field({})
    """Name in SQL: other names in the file. Any spelling is found, and null where the file has none of them."""
    prefixes: Texts = ()
    """Beginnings of the file's column names that do not count, such as property_."""
    suffixes: Texts = ()
    """Ends of the file's column names that do not count, such as .value."""
    optional: bool = Field(False, exclude=True)  # a preset names it, but not every delivery has it

    @property
    def holds_only_records(self) -> bool:
        """Whether the mapping says that every line is a record."""
        return "footer" in self.model_fields_set and not self.footer

    @property
    def stated(self) -> dict[str, tuple[str, ...]]:
        """The columns that the user names instead of a preset, with their names in the file, which must be there."""
        is_preset = {name: self.place.below("columns", name).line.preset for name in self.columns}
        if not any(is_preset.values()):
            return {}
        return {name: names[1:] for name, names in self.columns.items() if names[1:] and not is_preset[name]}

    @property
    def pattern(self) -> str:
        """The patterns in words."""
        return " or ".join(self.patterns)

    def matches(self, folder: Path) -> list[Path]:
        """Return the files that match a pattern; hidden ones never do."""
        found: set[Path] = set()
        for pattern in self.patterns:
            with suppress(OSError, ValueError):  # a name that no file can have
                found |= set(_found(folder, pattern))
        return sorted(path for path in found if not path.name.startswith((".", "~$")))

    def renamed(self, names: Collection[str]) -> dict[str, str]:
        """Return the file's columns that have another name in SQL, and that name."""
        left = dict.fromkeys(names)
        found: dict[str, str] = {}
        for column, spellings in self.columns.items():
            for spelling in spellings:
                if name := self._column_like(spelling, left):
                    found[name] = column
                    del left[name]
                    break
        return found

    def is_of_screen(self, names: Collection[str]) -> bool:
        """Return whether a file's known columns have headings as screens and reports write them, unlike an API."""
        return not all(_API_NAME.fullmatch(name) for name in self.renamed(names))

    def _column_like(self, wanted: str, names: Collection[str]) -> str | None:
        """Return the column whose name is most like this one."""
        forms = [folded(p + wanted + s) for p in ("", *self.prefixes) for s in ("", *self.suffixes)]
        alike = [name for name in names if folded(name) in forms]
        order = lambda n: (forms.index(folded(n)), n != wanted, n.lower() != wanted.lower(), n)  # noqa: E731
        return min(alike, key=order, default=None)

    def null_tokens(self, column: str) -> tuple[str, ...]:
        """Return the texts that mean "nothing" in a column."""
        return self.nulls.get(_ANY, ()) + self.nulls.get(column, ())


def _object_in(file_name: str) -> str:
    """Return the object that a file is named after, without spelling, date, revision and ending."""
    return folded(_DELIVERY.sub("", unicodedata.normalize("NFC", file_name)).split(".")[0])


def _found(folder: Path, pattern: str) -> Iterable[Path]:
    if _IN_PATTERNS.search(pattern):  # macOS writes a letter and its mark as two characters (NFD)
        return {path for form in FORMS for path in folder.glob(unicodedata.normalize(form, pattern))}
    return (path for path in (folder.iterdir() if folder.is_dir() else ()) if _object_in(path.name) == folded(pattern))


class MappedDataset(NamedPart):
    """One dataset of the contract, made of a source's files."""

    alias: Text = Field("", alias="from")
    """The alias or table whose rows these are."""
    needs: Texts = ()
    """Aliases of which one must be there for the dataset to be made; default that of `from`, or any read."""
    where: Text = ""
    """SQL condition of the rows that count."""
    query: Query = ""
    """SQL over the aliases, instead of from, where and columns."""
    columns: Annotated[dict[str, Text], BeforeValidator(_of_own_name)] = Field({})
    """Contract column: column of the file, or “= SQL expression”; without either, the column of its own name."""
    expressions: dict[str, str] = Field({}, exclude=True)  # the columns that are SQL
    constants: dict[str, Text] = Field({})
    """Contract column: the value of all rows."""
    values: dict[str, dict[str, Text | None]] = Field({})
    """Contract column: {value of the file: value of the contract}."""
    dates: dict[str, Annotated[Texts, AfterValidator(_forms)]] = Field({})
    """Contract column: the form or forms of its dates."""
    amounts: dict[str, Unit] = Field({})
    """Contract column: the unit of its written amounts."""
    inclusive_ends: Texts = ()
    """Ends such as valid_to that are the last day in this source. In the contract they are the day after it."""
    mode: Annotated[Text, _matching("(full|delta)?", "must be full or delta.")] = ""
    """full or delta; default as the contract says."""

    @model_validator(mode="after")
    def _split_expressions(self) -> Self:
        for column in [column for column, text in self.columns.items() if text.startswith("=")]:
            self.expressions[column] = self.columns.pop(column).removeprefix("=").strip()
        return self

    def check(self, files: Collection[str], tables: Collection[str], contract: Contract) -> None:
        """Complain of what does not fit the source's files and tables or the contract."""
        if self.name not in contract.datasets:
            raise self.error("", f"is no dataset of contract.yml{nearest(self.name, contract.datasets)}.")
        if bool(self.alias) == bool(self.query):
            needed = "needs either `from:` (one alias, with `columns:`) or `query:` (SQL over the aliases)."
            raise self.error("", needed)
        named = [("from", self.alias, [*files, *tables])] if self.alias else []
        for key, name, aliases in [*named, *(("needs", needed, files) for needed in self.needs)]:
            if name not in aliases:
                raise self.error(key, f"{name} is no alias of this source{nearest(name, aliases)}.")
        for key in ("where", "columns"):
            if self.query and key in self.model_fields_set:
                raise self.error(key, "goes with `from:`; say it inside the query.")
        for column in self.inclusive_ends:
            if column not in (ends := contract.datasets[self.name].ends):
                there = f"its ends are {', '.join(ends)}" if ends else "it has none"
                raise self.error(
                    "inclusive_ends", f"{column} is no end of {self.name}{nearest(column, ends)}; {there}."
                )
        mapped, known = self.columns | self.expressions, contract.datasets[self.name].columns
        for section in ("columns", "constants", "values", "amounts", "dates"):
            for column in mapped if section == "columns" else getattr(self, section):
                at = f"{section}.{column}"
                if column not in known:
                    raise self.error(at, f"{self.name} has no column {column}{nearest(column, known)}.")
                if section == "dates" and known[column].type not in TIMES:
                    raise self.error(at, f"{column} is {known[column].type}, neither date nor timestamp.")
                if section == "amounts" and known[column].type not in NUMBERS:
                    raise self.error(at, f"{column} is {known[column].type}, not a number.")
                if section == "constants" and column in mapped:
                    raise self.error(at, "is mapped under `columns:` too; keep one.")


class Source(NamedPart):
    """One foreign system's delivery. What a transport fetches of it lies below `path`, one folder per extract."""

    preset: Text = ""
    """Name of a file in presets/ whose keys count wherever this source has none of its own."""
    location: Folder = Field("", alias="path")
    """Folder of the files, relative to the project, or an fsspec URL such as s3://bucket/exports."""
    options: dict[str, Any] = Field({})
    """What fsspec needs to open the URL, such as key, secret and endpoint_url."""
    sql: Database = Field(None)  # type: ignore[assignment]
    """A database: its tables and queries are fetched, each under an alias, instead of a path and files."""
    rest: Api = Field(None)  # type: ignore[assignment]
    """A REST API, as dlt's rest_api is configured: each resource is an alias, instead of a path and files."""
    extracted_on: Day = None
    """Extract date of all files; left out: the date in the file's name, else the file's own date."""
    timezone: Timezone = ""
    """Time zone of times without one, such as UTC; left out: the business time zone."""
    encoding: Encoding = "utf-8"
    """Of the files that state none; left out: utf-8."""
    footer: Several[Word] = ()
    """Beginnings of lines that are no data in any of its files, such as the trailer of a report."""
    decimal: Annotated[Text, _matching("[.,]", 'must be "." or ",".')] = "."
    """The decimal mark of numbers, "." or ","; with "," 1.234,5 is what others write as 1,234.5."""
    key_prefix: Text = ""
    """Put before every id, so that two sources can feed one dataset."""
    shared_ids: Texts = ()
    """Ids that are the same in all sources and get no prefix, such as partner_id."""
    settings: dict[Setting, Texts] = Field({})
    """What the SQL of the preset requires: each is a list of texts, in SQL getvariable('name')."""
    files: dict[AliasName, Alias] = Field({})
    """Foreign files; each alias is a table in SQL."""
    tables: dict[str, Query] = Field({})
    """Further tables in SQL, made of the files by a query, which several datasets read."""
    datasets: dict[str, MappedDataset]
    """Datasets of the contract, made of the files."""
    path: Path = Field(Path(), exclude=True)
    transport: Transport | None = Field(None, exclude=True)

    def complete(self, data: dict[str, Any], place: Place, contract: Contract, extracts: Path) -> None:
        """Check that the parts fit together and the contract, and fill in what follows from that."""
        self.name, self.place = str(place.steps[-1]), place
        self.transport = transport_of(data, place, self.sql, self.rest)
        fetched = self.transport.aliases if self.transport else {}
        for key in ("path", "files"):
            if key not in data and not fetched:
                raise self.error("", f"`{key}:` is missing.")
        try:
            folders = [(PROJECT / unicodedata.normalize(form, self.location)).resolve() for form in FORMS]
            folder = next((folder for folder in folders if folder.is_dir()), folders[0])
        except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, links that loop
            raise self.error("path", f"cannot be used: {error}.") from error
        self.path = extracts / self.name if self.transport else folder
        self._complete_files(fetched)
        for table in self.tables:
            if not ALIAS.fullmatch(table) or table in self.files:
                what = "a table's name is lower case letters, digits and underscores, and no alias of a file."
                raise self.error(f"tables.{table}", what)
        ids = {c for dataset in contract.datasets.values() for c in dataset.columns if c.endswith("_id")}
        for name in self.shared_ids:
            if name not in ids:
                raise self.error("shared_ids", f"{name} is no id of the contract{nearest(name, ids)}.")
        for name, dataset in self.datasets.items():
            dataset.name, dataset.place = name, place.below("datasets", name)
            dataset.check(self.files, self.tables, contract)
            if "needs" not in dataset.model_fields_set and dataset.alias in self.files:
                dataset.needs = (dataset.alias,)

    def _complete_files(self, fetched: Map[str, Place]) -> None:
        """Give each file its name and the source's encoding; what is fetched has a folder for each extract."""
        for name, alias in self.files.items():
            alias.name, alias.place = name, self.place.below("files", name)
            alias.optional = alias.place.below("pattern").line.preset or bool(fetched)
            if "encoding" not in alias.model_fields_set:
                alias.encoding = self.encoding
            if self.footer and not alias.holds_only_records:
                alias.footer += self.footer
            if self.transport:
                alias.patterns = (f"*/{name}.*",) if fetched else tuple(f"*/{one}" for one in alias.patterns)
        for name, place in fetched.items():
            # A preset's columns also apply to what is fetched.
            known = self.files.get(name)
            kept = {key: getattr(known, key) for key in ("nulls", "columns", "prefixes", "suffixes") if known}
            # A database and an API deliver records only.
            self.files[name] = Alias.model_construct(
                name=name, place=place, patterns=(f"*/{name}.*",), footer=(), **kept
            )

    def zone_of(self, alias: Alias, names: Collection[str], business: str) -> str:
        """Return the time zone of a file's times without one.

        A preset states that of the system's API. Screens and reports show local times, unless the user states a zone.
        """
        if alias.timezone:
            return alias.timezone
        is_of_api = self.place.below("timezone").line.preset
        return business if is_of_api and alias.is_of_screen(names) else self.timezone or business

    def definition(self, dataset: MappedDataset) -> str:
        """Hash what decides a dataset's rows apart from the files themselves."""
        source = (self.timezone, self.key_prefix, self.shared_ids, self.settings, self.tables)
        return hashlib.sha256(repr((dataset, sorted(self.files.items()), *source)).encode()).hexdigest()


class Mapping(Part):
    """A whole mapping file."""

    sources: dict[SourceName, Source]
    """See docs/mapping.md."""


def load_mapping(path: Path, contract: Contract | None = None, home: Home | None = None) -> Mapping:
    """Read and check a mapping file; what its transports fetched is looked for in the home."""
    data, place = read(path, "mapping file", "See KYOTEN_SOURCES and docs/mapping.md.")
    sources = _block(data, "sources")
    for name, own in sources.items():
        if isinstance(own, dict):
            sources[name] = _with_preset(own, place.below("sources", name))
    mapping = checked(Mapping, data, place)
    known, extracts = contract or load_contract(), (home or Home.from_environment()).extracts
    for name, source in mapping.sources.items():
        source.complete(sources[name], place.below("sources", name), known, extracts)
    return mapping


def _block(data: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the block below a key; what is no block is empty here, and an error of the models."""
    return found if isinstance(found := data.get(key), dict) else {}


def _with_preset(own: dict[str, Any], place: Place) -> dict[str, Any]:
    """Return a source merged with its preset, each file written in full."""
    _write_out(own, place)
    if "preset" not in own:
        return own
    known = {path.stem: path for path in (PROJECT / "presets").glob("*.yml")}
    if not isinstance(named := own["preset"], str) or named not in known:
        there = f"there are {', '.join(sorted(known))}."
        raise place.below("preset").error(f"is no preset{nearest(str(named), known)}; {there}")
    preset, its = read(known[named], "preset", "See docs/mapping.md.", preset=True)
    _write_out(preset, its)
    place.lines.update({(*place.steps, *steps): line for steps, line in its.lines.items()} | place.lines)
    for key, problem in (("settings", "unknown key"), ("files", "is no file of the preset")):
        there = preset.get(key, {})
        for name, stated in _block(own, key).items():
            if name not in there and not (isinstance(stated, dict) and "pattern" in stated):
                what = f"{problem}{nearest(name, there)}; there are {', '.join(there) or 'none'}."
                raise place.below(key, name).error(what)
    return _merged(preset, own) | {key: None for key in ("settings", "files") if own.get(key, "") is None}


def _write_out(source: dict[str, Any], place: Place) -> None:
    """Expand the short forms: `alias: name` to `{pattern: name}`, and a list of columns to a mapping."""
    files = _block(source, "files")
    for alias, file in files.items():
        at = place.below("files", alias)
        if isinstance(file, str | list):
            files[alias] = {"pattern": file}
            place.lines[(*at.steps, "pattern")] = at.line
        elif isinstance(file, dict) and isinstance(names := file.get("columns"), list):
            file["columns"] = {str(name): None if isinstance(name, str) else [name] for name in names}


def _merged(preset: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the preset with what a source says itself; an entry without a value takes the preset's away."""
    merged = preset | own
    for key in preset.keys() & own.keys():
        if own[key] is None:
            del merged[key]
        elif isinstance(own[key], dict) and isinstance(preset[key], dict):
            merged[key] = _merged(preset[key], own[key])
    return merged
