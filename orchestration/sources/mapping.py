"""The mapping file: which foreign files there are and how they become datasets of the contract.

The models say what a file may hold, and check it; every error names file, line and key. No data is read and no SQL is
run here: see mapped.py.
"""

import codecs
import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from collections.abc import Mapping as Map
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from orchestration.contract import Contract, load_contract
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.sources import forms
from orchestration.sources.transport_settings import Api, Database, Transport, transport_of
from orchestration.sources.yaml_file import Block, Items, Part, Place, Text, Texts, checked, listed, matching, read
from orchestration.spelling import folded, nearest

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
_SOURCE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_ALIAS = re.compile(r"[a-z][a-z0-9_]*")
_NO_ALIAS = "an alias is a table's name in SQL: lower case letters, digits and underscores."
_ANY = "*"
_IN_PATTERNS = re.compile(r"[.*?\[/\\]")  # without any of these a pattern is an object's name
_DELIVERY = re.compile(
    r"[_.\- ]?(?<![0-9])([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}([0-9]{4}|[0-9]{6})?|r[0-9]+)(?=[_.\- ]|$)"
)
_NOT_FOR_FILES = {"idna", "punycode", "unicode-escape", "raw-unicode-escape"}
NUMBERS, TIMES = ("integer", "decimal", "decimal(8)"), ("date", "timestamp")


def _encoding(name: str) -> str:
    try:
        "".encode(name)
        if codecs.lookup(name).name.replace("_", "-") in _NOT_FOR_FILES:
            raise LookupError
    except (LookupError, ValueError):
        raise ValueError(f"{name!r} is no encoding; write utf-8, cp932, utf-16 …") from None
    return name


def _timezone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write UTC, Asia/Tokyo …") from None


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"{text!r} is no date; write YYYY-MM-DD.") from None


def _expanded(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match["name"]) or match["default"]
        if found is None:
            what = f"the environment variable {match['name']} is not set"
            raise ValueError(f"{what}; set it to the folder it stands for.")
        return found

    return _VARIABLE.sub(value, text)


def _patterns(texts: tuple[str, ...]) -> tuple[str, ...]:
    patterns = tuple(map(_expanded, texts))
    for pattern in patterns:
        if not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise ValueError("must be a file name or pattern such as deals_*.csv, below the source's path.")
    return patterns


def _names(columns: Any) -> Any:
    """Read what a file's columns are called in SQL, and under what other names files have them."""
    if not isinstance(columns, dict):
        return {name: [name] for name in listed(columns)}
    # An empty list is for a source to fill: no file has a column of that name by itself.
    return {
        name: [] if others == [] else [name, *([] if others is None else listed(others))]
        for name, others in columns.items()
    }


def _footer(words: tuple[str, ...]) -> tuple[str, ...]:
    if not all(word.strip() for word in words):
        raise ValueError("must be the words that such lines begin with, such as [合計, 小計].")
    return tuple(word.strip() for word in words)


def _nulls(tokens: Any) -> Any:
    return tokens if isinstance(tokens, dict) else {_ANY: tokens}


def _lines(number: Any) -> int:
    if not isinstance(number, str) or not re.fullmatch("[0-9]{1,6}", number):
        raise ValueError("must be the number of lines before the header.")
    return int(number)


def _unit(unit: str) -> str:
    if unit not in (known := (*forms.UNITS, *forms.SIGNS)):
        raise ValueError(f"must be one of {', '.join(known)}.")
    return unit


def _forms(names: tuple[str, ...]) -> tuple[str, ...]:
    if both := forms.clash(names):
        raise ValueError(f"a value may be both {both[0]} and {both[1]}, and nothing would tell; state one.")
    return names


Encoding = Annotated[Text, AfterValidator(_encoding)]
Character = Annotated[Text, matching("(?s:.)", 'must be one character, such as "," or "\\t" in double quotes.')]
Query = Annotated[Text, AfterValidator(lambda text: text.strip().rstrip(";"))]
Setting = Annotated[str, matching("[a-z][a-z0-9_]*", "a setting's name is lower case letters, digits and underscores.")]


class Alias(Part):
    """Foreign files of one shape, readable in SQL as a table of this name."""

    name: SkipJsonSchema[str] = Field("", exclude=True)
    patterns: Annotated[Texts, AfterValidator(_patterns)] = Field(alias="pattern")
    """Name or pattern of files below the path, or several; without an ending it is found in any spelling."""
    encoding: Encoding = "utf-8"
    """utf-8 (default), cp932, utf-16 …"""
    delimiter: Character = ""
    """One character; default a comma, in .tsv a tab."""
    quote: Character = '"'
    """One character; default "."""
    skip_rows: Annotated[int, BeforeValidator(_lines), WithJsonSchema({})] = 0
    """Number of lines above the header."""
    sheet: Text = ""
    """Sheet of a workbook; default the first."""
    footer: Annotated[Texts, AfterValidator(_footer)] = ()
    """Beginnings of lines that are no data, such as 合計."""
    nulls: Annotated[dict[str, Texts], BeforeValidator(_nulls), WithJsonSchema({})] = Field({})
    """Texts that mean nothing: a list for all columns, or lists by column."""
    columns: Annotated[dict[str, Texts], BeforeValidator(_names), WithJsonSchema({})] = Field({})
    """Name in SQL: other names in the file. Any spelling is found, and null where the file has none of them."""
    prefixes: Texts = ()
    """Beginnings of the file's column names that do not count, such as property_."""
    suffixes: Texts = ()
    """Ends of the file's column names that do not count, such as .value."""
    optional: SkipJsonSchema[bool] = Field(False, exclude=True)  # a preset knows it, but not every delivery has it

    @property
    def stated(self) -> dict[str, list[str]]:
        """The columns that the user names instead of a preset, which therefore must be there."""
        named = self._data.block("columns")
        if not any(place.preset for place in named.places.values()):
            return {}
        return {name: listed(named[name]) for name, place in named.places.items() if named[name] and not place.preset}

    @property
    def pattern(self) -> str:
        """The patterns in words."""
        return " or ".join(self.patterns)

    def matches(self, folder: Path) -> list[Path]:
        """Return the files that match a pattern; hidden ones never do."""
        found = {path for pattern in self.patterns for path in _matching(folder, pattern)}
        return sorted(path for path in found if not path.name.startswith((".", "~$")))

    def renamed(self, names: Collection[str]) -> dict[str, str]:
        """Return those of a file's columns that SQL knows under another name, and that name."""
        left = dict.fromkeys(names)
        found: dict[str, str] = {}
        for column, spellings in self.columns.items():
            for spelling in spellings:
                if name := self._spelt(spelling, left):
                    found[name] = column
                    del left[name]
                    break
        return found

    def _spelt(self, wanted: str, names: Collection[str]) -> str | None:
        """Return the column that is spelt most like this."""
        forms = [folded(p + wanted + s) for p in ("", *self.prefixes) for s in ("", *self.suffixes)]
        alike = [name for name in names if folded(name) in forms]
        order = lambda n: (forms.index(folded(n)), n != wanted, n.lower() != wanted.lower(), n)  # noqa: E731
        return min(alike, key=order, default=None)

    def null_tokens(self, column: str) -> tuple[str, ...]:
        """Return the texts that mean "nothing" in a column."""
        return self.nulls.get(_ANY, ()) + self.nulls.get(column, ())


def _object_in(file_name: str) -> str:
    """Return the object that a file is named after, without spelling, date, revision and ending."""
    return folded(_DELIVERY.sub("", unicodedata.normalize("NFC", file_name).split(".")[0]))


def _matching(folder: Path, pattern: str) -> Iterable[Path]:
    if _IN_PATTERNS.search(pattern):
        return folder.glob(pattern)
    return (path for path in folder.iterdir() if _object_in(path.name) == folded(pattern))


class MappedDataset(Part):
    """One dataset of the contract, made of a source's files."""

    name: SkipJsonSchema[str] = Field("", exclude=True)
    alias: Text = Field("", alias="from")
    """The alias or table whose rows these are."""
    needs: Texts = ()
    """Aliases of which one must be there for the dataset to be made; default that of `from`, or any read."""
    where: Text = ""
    """SQL condition of the rows that count."""
    query: Query = ""
    """SQL over the aliases, instead of from, where and columns."""
    columns: dict[str, Text] = Field({})
    """Contract column: column of the file, or “= SQL expression”."""
    expressions: SkipJsonSchema[dict[str, str]] = Field({}, exclude=True)  # those of the columns
    constants: dict[str, Text] = Field({})
    """Contract column: the value of all rows."""
    values: dict[str, dict[str, Text | None]] = Field({})
    """Contract column: {value of the file: value of the contract}."""
    dates: dict[str, Annotated[Texts, AfterValidator(_forms)]] = Field({})
    """Contract column: the form or forms of its dates."""
    amounts: dict[str, Annotated[Text, AfterValidator(_unit)]] = Field({})
    """Contract column: the unit of its written amounts."""
    mode: Annotated[Text, matching("full|delta", "must be full or delta.")] = ""
    """full or delta; default as the contract says."""

    @model_validator(mode="after")
    def _tell_expressions(self) -> Self:
        self.name = self.place.key.rsplit(".", 1)[-1]
        for column in [column for column, text in self.columns.items() if text.startswith("=")]:
            self.expressions[column] = self.columns.pop(column).removeprefix("=").strip()
        return self

    def check(self, files: Collection[str], tables: Collection[str], contract: Contract) -> None:
        """Complain of what does not fit the source's files and tables or the contract."""
        if self.name not in contract.datasets:
            raise self.error("", f"is no dataset of contract.yml{nearest(self.name, contract.datasets)}.")
        if bool(self.alias) == bool(self.query):
            raise self.error(
                "", "needs either `from:` (one alias, with `columns:`) or `query:` (SQL over the aliases)."
            )
        if self.alias and self.alias not in (*files, *tables):
            raise self._no_alias("from", self.alias, [*files, *tables])
        for needed in self.needs:
            if needed not in files:
                raise self._no_alias("needs", needed, files)
        for key in ("where", "columns"):
            if self.query and key in self._data:
                raise self.error(key, "goes with `from:`; say it inside the query.")
        self._check_columns(contract)

    def _no_alias(self, key: str, name: str, known: Collection[str]) -> KyotenError:
        return self.error(key, f"{name} is no alias of this source{nearest(name, known)}.")

    def _check_columns(self, contract: Contract) -> None:
        known = contract.datasets[self.name].columns
        for section in ("columns", "constants", "values", "amounts", "dates"):
            for column in self._data.get(section) or ():
                at = f"{section}.{column}"
                if column not in known:
                    raise self.error(at, f"{self.name} has no column {column}{nearest(column, known)}.")
                if section == "dates" and known[column].type not in TIMES:
                    raise self.error(at, f"{column} is {known[column].type}, neither date nor timestamp.")
                if section == "amounts" and known[column].type not in NUMBERS:
                    raise self.error(at, f"{column} is {known[column].type}, not a number.")
                if section == "constants" and column in (self.columns | self.expressions):
                    raise self.error(at, "is mapped under `columns:` too; keep one.")


class Source(Part):
    """One foreign system's delivery. What a transport fetches of it lies below `path`, one folder per extract."""

    name: SkipJsonSchema[str] = Field("", exclude=True)
    preset: Text = ""
    """Name of a file in presets/ whose keys hold wherever this source says nothing else."""
    location: Text = Field("", alias="path")
    """Folder of the files, relative to the project, or an fsspec URL such as s3://bucket/exports."""
    options: dict[str, Any] = Field({})
    """What fsspec needs to open the URL, such as key, secret and endpoint_url."""
    sql: Database | None = None
    """A database: its tables and queries are fetched, each under an alias, instead of a path and files."""
    rest: Api | None = None
    """A REST API, as dlt's rest_api is configured: each resource is an alias, instead of a path and files."""
    extracted_on: Annotated[date | None, BeforeValidator(_day), WithJsonSchema({})] = None
    """Extract date of all files; left out: the date in the file's name, else the file's own date."""
    timezone: Annotated[Text, AfterValidator(_timezone)] = ""
    """Time zone of times that name none, such as UTC; left out: the business time zone."""
    encoding: Encoding = "utf-8"
    """Of the files that state none; left out: utf-8."""
    key_prefix: Text = ""
    """Put before every id, so that two sources can feed one dataset."""
    shared_ids: Texts = ()
    """Ids that are the same in all sources and get no prefix, such as partner_id."""
    settings: dict[Setting, Texts] = Field({})
    """What the SQL of the preset asks for: each is a list of texts, in SQL getvariable('name')."""
    files: dict[str, Alias] = Field({})
    """Foreign files; each alias is a table in SQL."""
    tables: dict[str, Query] = Field({})
    """Further tables in SQL, made of the files by a query, which several datasets read."""
    datasets: dict[str, MappedDataset]
    """Datasets of the contract, made of the files."""
    path: SkipJsonSchema[Path] = Field(Path(), exclude=True)
    transport: SkipJsonSchema[Transport | None] = Field(None, exclude=True)

    @model_validator(mode="after")
    def _fit_together(self, info: ValidationInfo) -> Self:
        contract, extracts = info.context  # type: ignore[misc]
        self.name = self.place.key.removeprefix("sources.")
        self.transport = transport_of(self, self._data)
        fetched = self.transport.aliases if self.transport else {}
        for key in ("path", "files"):
            if key not in self._data and not fetched:
                raise self.error("", f"`{key}:` is missing.")
        self.path = extracts / self.name if self.transport else self._folder()
        self._name_files(fetched)
        for table in self.tables:
            if not _ALIAS.fullmatch(table) or table in self.files:
                what = "a table's name is lower case letters, digits and underscores, and no alias of a file."
                raise self.error(f"tables.{table}", what)
        ids = {c for dataset in contract.datasets.values() for c in dataset.columns if c.endswith("_id")}
        for name in self.shared_ids:
            if name not in ids:
                raise self.error("shared_ids", f"{name} is no id of the contract{nearest(name, ids)}.")
        for dataset in self.datasets.values():
            dataset.check(self.files, self.tables, contract)
            if "needs" not in dataset.model_fields_set and dataset.alias in self.files:
                dataset.needs = (dataset.alias,)
        return self

    def _folder(self) -> Path:
        try:
            folder = (PROJECT / _expanded(self.location)).resolve()
        except ValueError as error:
            raise self.error("path", str(error)) from None
        if not folder.is_dir():
            raise self.error("path", f"{folder} is no folder; correct the path or the variable in it.")
        return folder

    def _name_files(self, fetched: Map[str, Place]) -> None:
        """Give each file its name and what the source says of all; of what is fetched, each extract has a folder."""
        for name, alias in self.files.items():
            if not _ALIAS.fullmatch(name):
                raise alias.error("", _NO_ALIAS)
            alias.name, alias.optional = name, alias.place_of("pattern").preset or bool(fetched)
            if "encoding" not in alias.model_fields_set:
                alias.encoding = self.encoding
            if self.transport:
                alias.patterns = (f"*/{name}.*",) if fetched else tuple(f"*/{one}" for one in alias.patterns)
        for name, place in fetched.items():
            if not _ALIAS.fullmatch(name):
                raise place.error(_NO_ALIAS)
            # What a preset says of a file's columns holds for what is fetched, too.
            known = self.files.get(name)
            spelt = {key: getattr(known, key) for key in ("nulls", "columns", "prefixes", "suffixes") if known}
            self.files[name] = Alias.model_construct(name=name, patterns=(f"*/{name}.*",), **spelt)
            self.files[name]._data = Block({}, place, {})

    def definition(self, dataset: MappedDataset) -> str:
        """Hash what decides a dataset's rows apart from the files themselves."""
        source = (self.timezone, self.key_prefix, self.shared_ids, self.settings, self.tables)
        decisive = (dataset, sorted(self.files.items()), *source)
        return hashlib.sha256(repr(decisive).encode()).hexdigest()


class Mapping(Part):
    """A whole mapping file."""

    sources: dict[str, Source]


def load_mapping(path: Path, contract: Contract | None = None, home: Home | None = None) -> Mapping:
    """Read and check a mapping file; what its transports fetched is looked for in the home."""
    data = read(path, "mapping file", "See KYOTEN_SOURCES and docs/mapping.md.")
    data.allow({"sources"})
    if "sources" not in data:
        raise data.place.error("`sources:` is missing; see docs/mapping.md.")
    sources = data.block("sources")
    for name, source in sources.items():
        if not _SOURCE_NAME.fullmatch(name) or name == "landing":
            raise sources.places[name].error("a source's name is letters, digits, _ and -, and not “landing”.")
        if isinstance(source, Block):
            sources[name] = _with_preset(_spelt_out(source))
    extracts = (home or Home.from_environment()).extracts
    return checked(Mapping, data, (contract or load_contract(), extracts))


def _spelt_out(source: Block) -> Block:
    """Write files that are only a name as what they stand for, and lists of columns as names without others."""
    files = source.block("files")
    for alias, file in files.items():
        place = files.places[alias]
        if isinstance(file, str | list):
            files[alias] = Block({"pattern": file}, place, {"pattern": place})
        elif isinstance(file, Block) and isinstance(names := file.get("columns"), Items):
            file["columns"] = Block(
                dict.fromkeys(names), file.places["columns"], dict(zip(names, names.places, strict=True))
            )
    return source


def _with_preset(own: Block) -> Block:
    own.allow(Source.known_keys())
    if "preset" not in own:
        return own
    known = {path.stem: path for path in (PROJECT / "presets").glob("*.yml")}
    place, named = own.places["preset"], own["preset"]
    if not isinstance(named, str) or named not in known:
        raise place.error(f"is no preset{nearest(str(named), known)}; there are {', '.join(sorted(known))}.")
    preset = _spelt_out(read(known[named], "preset", "See docs/mapping.md.", preset=True))
    own.block("settings").allow(preset.get("settings") or {"(none)"})
    files = own.block("files")
    for alias, file in files.items():
        if alias not in preset["files"] and isinstance(file, Block) and "pattern" not in file:
            there = f"there are {', '.join(preset['files'])}."
            raise files.places[alias].error(f"is no file of the preset{nearest(alias, preset['files'])}; {there}")
    return _merged(preset, own)


def _merged(preset: Block, own: Block) -> Block:
    """Return the preset with what a source says itself; an entry without a value takes the preset's away."""
    entries, places = {**preset}, {**preset.places, **own.places}
    for key, value in own.items():
        if key in preset and value is None:
            del entries[key], places[key]
        elif isinstance(value, Block) and isinstance(preset.get(key), Block):
            entries[key] = _merged(preset[key], value)
        else:
            entries[key] = value
    return Block(entries, own.place, places)
