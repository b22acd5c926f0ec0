"""The mapping file: which foreign files there are and how they become datasets of the contract.

Reads and checks the YAML; every error names file, line and key. No data is read and no SQL is run here: see mapped.py.
"""

import codecs
import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from orchestration.contract import Contract, load_contract
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.sources import forms
from orchestration.sources.node import Node
from orchestration.sources.transport_settings import Transport, transport_of
from orchestration.spelling import folded, nearest

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
_SOURCE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_ALIAS = re.compile(r"[a-z][a-z0-9_]*")
_SETTING = re.compile(r"[a-z][a-z0-9_]*")
_ANY = "*"
_IN_PATTERNS = re.compile(r"[.*?\[/\\]")  # without any of these a pattern is an object's name
_DELIVERY = re.compile(
    r"[_.\- ]?(?<![0-9])([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}([0-9]{4}|[0-9]{6})?|r[0-9]+)(?=[_.\- ]|$)"
)
# What a mapping may say, and what each key means: the checks here and the JSON Schema for editors read the same lists.
SOURCE_KEYS = {
    "preset": "Name of a file in presets/ whose keys hold wherever this source says nothing else.",
    "path": "Folder of the files, relative to the project, or an fsspec URL such as s3://bucket/exports.",
    "options": "What fsspec needs to open the URL, such as key, secret and endpoint_url.",
    "sql": "A database: its tables and queries are fetched, each under an alias, instead of a path and files.",
    "rest": "A REST API, as dlt's rest_api is configured: each resource is an alias, instead of a path and files.",
    "extracted_on": "Extract date of all files; left out: the date in the file's name, else the file's own date.",
    "timezone": "Time zone of times that name none, such as UTC; left out: the business time zone.",
    "encoding": "Of the files that state none; left out: utf-8.",
    "key_prefix": "Put before every id, so that two sources can feed one dataset.",
    "shared_ids": "Ids that are the same in all sources and get no prefix, such as partner_id.",
    "settings": "What the SQL of the preset asks for: each is a list of texts, in SQL getvariable('name').",
    "files": "Foreign files; each alias is a table in SQL.",
    "tables": "Further tables in SQL, made of the files by a query, which several datasets read.",
    "datasets": "Datasets of the contract, made of the files.",
}
FILE_KEYS = {
    "pattern": "Name or pattern of files below the path, or several; without an ending it is found in any spelling.",
    "columns": "Name in SQL: other names in the file. Any spelling is found, and null where the file has none of them.",
    "prefixes": "Beginnings of the file's column names that do not count, such as property_.",
    "suffixes": "Ends of the file's column names that do not count, such as .value.",
    "encoding": "utf-8 (default), cp932, utf-16 …",
    "delimiter": "One character; default a comma, in .tsv a tab.",
    "quote": 'One character; default ".',
    "skip_rows": "Number of lines above the header.",
    "sheet": "Sheet of a workbook; default the first.",
    "footer": "Beginnings of lines that are no data, such as 合計.",
    "nulls": "Texts that mean nothing: a list for all columns, or lists by column.",
}
DATASET_KEYS = {
    "from": "The alias or table whose rows these are.",
    "needs": "Aliases of which one must be there for the dataset to be made; default that of `from`, or any read.",
    "where": "SQL condition of the rows that count.",
    "query": "SQL over the aliases, instead of from, where and columns.",
    "columns": "Contract column: column of the file, or “= SQL expression”.",
    "constants": "Contract column: the value of all rows.",
    "values": "Contract column: {value of the file: value of the contract}.",
    "amounts": "Contract column: the unit of its written amounts.",
    "dates": "Contract column: the form or forms of its dates.",
    "mode": "full or delta; default as the contract says.",
}
_NOT_FOR_FILES = {"idna", "punycode", "unicode-escape", "raw-unicode-escape"}


@dataclass(frozen=True)
class Alias:
    """Foreign files of one shape, readable in SQL as a table of this name."""

    name: str
    patterns: tuple[str, ...]
    encoding: str = "utf-8"
    delimiter: str = ""
    quote: str = '"'
    skip_rows: int = 0
    sheet: str = ""
    footer: tuple[str, ...] = ()
    nulls: Map[str, tuple[str, ...]] = field(default_factory=dict)
    columns: Map[str, tuple[str, ...]] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    optional: bool = False  # a preset knows it, but not every delivery has it
    stated: Map[str, Node] = field(default_factory=dict, repr=False, compare=False)  # see _stated
    node: Node | None = field(default=None, repr=False, compare=False)

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


@dataclass(frozen=True)
class MappedDataset:
    """One dataset of the contract, made of a source's files."""

    name: str
    alias: str = ""
    needs: tuple[str, ...] = ()
    where: str = ""
    query: str = ""
    columns: Map[str, str] = field(default_factory=dict)
    expressions: Map[str, str] = field(default_factory=dict)
    constants: Map[str, str] = field(default_factory=dict)
    values: Map[str, Map[str, str | None]] = field(default_factory=dict)
    dates: Map[str, tuple[str, ...]] = field(default_factory=dict)
    amounts: Map[str, str] = field(default_factory=dict)
    mode: str = ""
    nodes: Map[str, Node] = field(default_factory=dict, repr=False, compare=False)

    def error(self, key: str, problem: str) -> KyotenError:
        """Return an error at a key of this dataset, or at the dataset where the key is not written."""
        return self.nodes.get(key, self.nodes[""]).error(problem)


@dataclass(frozen=True)
class Source:
    """One foreign system's delivery. What a transport fetches of it lies below `path`, one folder per extract."""

    name: str
    path: Path
    extracted_on: date | None
    files: Map[str, Alias]
    datasets: Map[str, MappedDataset]
    timezone: str = ""
    key_prefix: str = ""
    shared_ids: tuple[str, ...] = ()
    transport: Transport | None = field(default=None, repr=False, compare=False)
    settings: Map[str, tuple[str, ...]] = field(default_factory=dict)
    tables: Map[str, str] = field(default_factory=dict)
    nodes: Map[str, Node] = field(default_factory=dict, repr=False, compare=False)

    def definition(self, dataset: MappedDataset) -> str:
        """Hash what decides a dataset's rows apart from the files themselves."""
        source = (self.timezone, self.key_prefix, self.shared_ids, self.settings, self.tables)
        decisive = (dataset, sorted(self.files.items()), *source)
        return hashlib.sha256(repr(decisive).encode()).hexdigest()


@dataclass(frozen=True)
class Mapping:
    """A whole mapping file."""

    path: Path
    sources: Map[str, Source]


def load_mapping(path: Path, contract: Contract | None = None, home: Home | None = None) -> Mapping:
    """Read and check a mapping file; what its transports fetched is looked for in the home."""
    known = contract or load_contract()
    extracts = (home or Home.from_environment()).extracts
    root = _read(path).entries({"sources"})
    if "sources" not in root:
        raise KyotenError(f"{path.name}, line 1: `sources:` is missing; see docs/mapping.md.")
    return Mapping(
        path, {name: _source(name, node, known, extracts) for name, node in root["sources"].entries().items()}
    )


def _read(path: Path, preset: bool = False) -> Node:
    try:
        tree = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise KyotenError(f"The mapping file {path} cannot be read: {error.strerror}. See KYOTEN_SOURCES.") from error
    except UnicodeDecodeError as error:
        raise KyotenError(f"{path.name}: is not UTF-8 text ({error.reason} at byte {error.start}).") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise KyotenError(f"{path.name}, line {line}: is not valid YAML: {error.problem}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise KyotenError(f"{path.name}: is not valid YAML: {error}.") from error
    if tree is None:
        raise KyotenError(f"{path.name}, line 1: the mapping file is empty; see docs/mapping.md.")
    return _node(tree, path.name, "", preset)


def _node(tree: yaml.Node, file: str, key: str, preset: bool) -> Node:
    line = tree.start_mark.line + 1
    if isinstance(tree, yaml.SequenceNode):
        items = [_node(item, file, f"{key}[{i}]", preset) for i, item in enumerate(tree.value)]
        return Node(items, file, line, key, preset=preset)
    if isinstance(tree, yaml.MappingNode):
        entries: dict[str, Node] = {}
        for name, value in tree.value:
            below = f"{key}.{name.value}" if key else str(name.value)
            here = Node(None, file, name.start_mark.line + 1, below, preset=preset)
            if not isinstance(name, yaml.ScalarNode):
                raise here.error("a key must be a single value.")
            if name.value in entries:
                raise here.error("is written twice; keep one.")
            entries[name.value] = replace(_node(value, file, below, preset), line=here.line)  # where it is looked for
        return Node(entries, file, line, key, preset=preset)
    value = None if tree.tag == "tag:yaml.org,2002:null" else str(tree.value)
    return Node(value, file, line, key, tree.tag, preset)


def _source(name: str, node: Node, contract: Contract, extracts: Path) -> Source:
    entries = _with_preset(node).entries(SOURCE_KEYS.keys())
    if not _SOURCE_NAME.fullmatch(name) or name == "landing":
        raise node.error("a source's name is letters, digits, _ and -, and not “landing”.")
    transport = transport_of(node, entries)
    for key in ("path", "files", "datasets"):
        if key not in entries and not (key != "datasets" and transport and transport.aliases):
            raise node.error(f"`{key}:` is missing.")
    folder = extracts / name if transport else (PROJECT / _expand(entries["path"])).resolve()
    if not transport and not folder.is_dir():
        raise entries["path"].error(f"{folder} is no folder; correct the path or the variable in it.")
    files = _files(entries.get("files"), entries.get("encoding"), transport)
    tables = entries["tables"].entries() if "tables" in entries else {}
    for table, value in tables.items():
        if not _ALIAS.fullmatch(table) or table in files:
            raise value.error("a table's name is lower case letters, digits and underscores, and no alias of a file.")
    datasets = {
        dataset: _dataset(dataset, value, files, tables, contract)
        for dataset, value in entries["datasets"].entries().items()
    }
    return Source(
        name=name,
        path=folder,
        extracted_on=_extracted_on(entries.get("extracted_on")),
        files=files,
        datasets=datasets,
        timezone=_timezone(entries.get("timezone")),
        key_prefix=entries["key_prefix"].text() if "key_prefix" in entries else "",
        shared_ids=_shared_ids(entries.get("shared_ids"), contract),
        settings=_settings(entries["settings"]) if "settings" in entries else {},
        tables={table: value.text().strip().rstrip(";") for table, value in tables.items()},
        nodes={"": entries.get("path", node), **tables},
        transport=transport,
    )


def _settings(node: Node) -> dict[str, tuple[str, ...]]:
    for name, value in node.entries().items():
        if not _SETTING.fullmatch(name):
            raise value.error("a setting's name is lower case letters, digits and underscores.")
    return {name: value.texts() for name, value in node.entries().items()}


def _files(node: Node | None, encoding: Node | None, transport: Transport | None) -> dict[str, Alias]:
    listed = node.entries() if node else {}
    if not transport:
        return {name: _alias(name, value, encoding) for name, value in listed.items()}
    if not transport.aliases:  # files of a remote folder: each extract's folder holds them as they were there
        aliases = {name: _alias(name, value, encoding) for name, value in listed.items()}
        return {
            name: replace(alias, patterns=tuple(f"*/{pattern}" for pattern in alias.patterns))
            for name, alias in aliases.items()
        }
    # What a preset says of a file's columns holds for what is fetched, too; of what is not fetched it knows nothing.
    files = {name: _alias(name, value, encoding) for name, value in listed.items()}
    for name, entry in transport.aliases.items():
        if not _ALIAS.fullmatch(name):
            raise entry.error("an alias is a table's name in SQL: lower case letters, digits and underscores.")
        known = files.get(name, Alias(name, ()))
        spelt = {key: getattr(known, key) for key in ("nulls", "columns", "prefixes", "suffixes")}
        files[name] = Alias(name, (), **spelt, node=entry)
    return {
        name: replace(alias, patterns=(f"*/{name}.*",), optional=name not in transport.aliases)
        for name, alias in files.items()
    }


def _with_preset(node: Node) -> Node:
    named = node.entries(SOURCE_KEYS.keys()).get("preset")
    if named is None:
        return node
    known = {path.stem: path for path in (PROJECT / "presets").glob("*.yml")}
    if named.text() not in known:
        raise named.error(f"is no preset{nearest(named.text(), known)}; there are {', '.join(sorted(known))}.")
    preset = _read(known[named.text()], preset=True)
    asked = preset.entries().get("settings")
    for stated in [own for key, own in node.entries().items() if key == "settings"]:
        stated.entries(asked.entries().keys() if asked else {"(none)"})
    files = preset.entries()["files"].entries()
    for stated in [own for key, own in node.entries().items() if key == "files"]:
        for alias, own in stated.entries().items():
            if alias not in files and isinstance(own.value, dict) and "pattern" not in own.value:
                raise own.error(f"is no file of the preset{nearest(alias, files)}; there are {', '.join(files)}.")
    return _merged(preset, node)


def _merged(preset: Node, own: Node) -> Node:
    """Return the preset's node with what a source says itself; an entry without a value takes the preset's away."""
    if isinstance(preset.value, dict) and "pattern" in preset.value and isinstance(own.value, str | list):
        own = replace(own, value={"pattern": own})  # of a file that the preset knows only the name is stated
    if isinstance(own.value, list) and own.key.endswith(".columns"):
        own = replace(own, value={item.text(): replace(item, value=None) for item in own.value})
    if not isinstance(preset.value, dict) or not isinstance(own.value, dict):
        return own
    entries = dict(preset.value)
    for key, value in own.value.items():
        entries[key] = _merged(entries[key], value) if key in entries else value
    kept = {k: v for k, v in entries.items() if v.value is not None or v.preset or k not in preset.value}
    return replace(own, value=kept)


def _timezone(node: Node | None) -> str:
    if node is None:
        return ""
    try:
        return ZoneInfo(node.text()).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise node.error(f"{node.text()!r} is no time zone; write UTC, Asia/Tokyo …") from None


def _shared_ids(node: Node | None, contract: Contract) -> tuple[str, ...]:
    known = {c for dataset in contract.datasets.values() for c in dataset.columns if c.endswith("_id")}
    for name in node.texts() if node else ():
        if node and name not in known:
            raise node.error(f"{name} is no id of the contract{nearest(name, known)}.")
    return node.texts() if node else ()


def _expand(node: Node) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match["name"]) or match["default"]
        if found is None:
            raise node.error(
                f"the environment variable {match['name']} is not set; set it to the folder it stands for."
            )
        return found

    return _VARIABLE.sub(value, node.text())


def _extracted_on(node: Node | None) -> date | None:
    if node is None:
        return None
    try:
        return date.fromisoformat(node.text())
    except ValueError:
        raise node.error(f"{node.text()!r} is no date; write YYYY-MM-DD.") from None


def _alias(name: str, node: Node, encoding_of_all: Node | None) -> Alias:
    if not _ALIAS.fullmatch(name):
        raise node.error("an alias is a table's name in SQL: lower case letters, digits and underscores.")
    encoding = _encoding(encoding_of_all)
    if isinstance(node.value, str | list):
        return Alias(name, _patterns(node), encoding, node=node)
    entries = node.entries(FILE_KEYS.keys())
    if "pattern" not in entries:
        raise node.error("`pattern:` is missing.")
    for key in ("delimiter", "quote"):
        if key in entries and len(entries[key].text()) != 1:
            raise entries[key].error('must be one character, such as "," or "\\t" in double quotes.')
    skip_rows = entries["skip_rows"].text() if "skip_rows" in entries else "0"
    if not re.fullmatch("[0-9]{1,6}", skip_rows):
        raise entries["skip_rows"].error("must be the number of lines before the header.")
    return Alias(
        name=name,
        patterns=_patterns(entries["pattern"]),
        encoding=_encoding(entries["encoding"]) if "encoding" in entries else encoding,
        delimiter=entries["delimiter"].text() if "delimiter" in entries else "",
        quote=entries["quote"].text() if "quote" in entries else '"',
        skip_rows=int(skip_rows),
        sheet=entries["sheet"].text() if "sheet" in entries else "",
        footer=_footer(entries["footer"]) if "footer" in entries else (),
        nulls=_nulls(entries["nulls"]) if "nulls" in entries else {},
        columns=_names(entries["columns"]) if "columns" in entries else {},
        prefixes=entries["prefixes"].texts() if "prefixes" in entries else (),
        suffixes=entries["suffixes"].texts() if "suffixes" in entries else (),
        optional=entries["pattern"].preset,
        stated=_stated(entries.get("columns")),
        node=node,
    )


def _encoding(node: Node | None) -> str:
    if node is None:
        return "utf-8"
    try:
        "".encode(node.text())
        if codecs.lookup(node.text()).name.replace("_", "-") in _NOT_FOR_FILES:
            raise LookupError
    except (LookupError, ValueError):
        raise node.error(f"{node.text()!r} is no encoding; write utf-8, cp932, utf-16 …") from None
    return node.text()


def _object_in(file_name: str) -> str:
    """Return the object that a file is named after, without spelling, date, revision and ending."""
    return folded(_DELIVERY.sub("", unicodedata.normalize("NFC", file_name).split(".")[0]))


def _stated(node: Node | None) -> dict[str, Node]:
    """Return the columns that the user names instead of a preset, which therefore must be there."""
    named = node.value if node and isinstance(node.value, dict) else {}
    if not any(other.preset for other in named.values()):
        return {}
    return {name: other for name, other in named.items() if other.value and not other.preset}


def _names(node: Node) -> dict[str, tuple[str, ...]]:
    """Read what a file's columns are called in SQL, and under what other names files have them."""
    if not isinstance(node.value, dict):
        return {name: (name,) for name in node.texts()}
    others = {name: () if other.value is None else other.texts() for name, other in node.value.items()}
    # An empty list is for a source to fill: no file has a column of that name by itself.
    return {name: () if node.value[name].value == [] else (name, *others[name]) for name in others}


def _patterns(node: Node) -> tuple[str, ...]:
    named = node.value if isinstance(node.value, list) else [node]
    patterns = tuple(_expand(one) for one in named)
    for pattern in patterns:
        if not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise node.error("must be a file name or pattern such as deals_*.csv, below the source's path.")
    return patterns


def _matching(folder: Path, pattern: str) -> Iterable[Path]:
    if _IN_PATTERNS.search(pattern):
        return folder.glob(pattern)
    return (path for path in folder.iterdir() if _object_in(path.name) == folded(pattern))


def _footer(node: Node) -> tuple[str, ...]:
    words = tuple(word.strip() for word in node.texts())
    if not all(words):
        raise node.error("must be the words that such lines begin with, such as [合計, 小計].")
    return words


def _nulls(node: Node) -> dict[str, tuple[str, ...]]:
    if isinstance(node.value, dict):
        return {column: tokens.texts() for column, tokens in node.value.items()}
    return {_ANY: node.texts()}


def _dataset(
    name: str, node: Node, files: Collection[str], tables: Collection[str], contract: Contract
) -> MappedDataset:
    if name not in contract.datasets:
        raise node.error(f"is no dataset of contract.yml{nearest(name, contract.datasets)}.")
    known = contract.datasets[name].columns
    entries = node.entries(DATASET_KEYS.keys())
    if ("from" in entries) == ("query" in entries):
        raise node.error("needs either `from:` (one alias, with `columns:`) or `query:` (SQL over the aliases).")
    alias = entries["from"].text() if "from" in entries else ""
    if alias and alias not in (*files, *tables):
        raise entries["from"].error(f"{alias} is no alias of this source{nearest(alias, [*files, *tables])}.")
    needs = entries["needs"].texts() if "needs" in entries else ((alias,) if alias in files else ())
    for needed in needs:
        if needed not in files:
            raise entries["needs"].error(f"{needed} is no alias of this source{nearest(needed, files)}.")
    for key in ("where", "columns"):
        if "query" in entries and key in entries:
            raise entries[key].error("goes with `from:`; say it inside the query.")
    mode = entries["mode"].text() if "mode" in entries else ""
    if mode not in ("", "full", "delta"):
        raise entries["mode"].error("must be full or delta.")

    nodes = {"": node, **entries}
    columns: dict[str, str] = {}
    expressions: dict[str, str] = {}
    for section in ("columns", "constants", "values", "amounts", "dates"):
        for column, value in (entries[section].entries() if section in entries else {}).items():
            if column not in known:
                raise value.error(f"{name} has no column {column}{nearest(column, known)}.")
            nodes[f"{section}.{column}"] = value
            if section == "dates" and known[column].type not in ("date", "timestamp"):
                raise value.error(f"{column} is {known[column].type}, neither date nor timestamp.")
            if section == "dates" and (both := forms.clash(value.texts())):
                raise value.error(f"a value may be both {both[0]} and {both[1]}, and nothing would tell; state one.")
            if section == "amounts" and known[column].type not in ("integer", "decimal", "decimal(8)"):
                raise value.error(f"{column} is {known[column].type}, not a number.")
            if section == "amounts" and value.text() not in (*forms.UNITS, *forms.SIGNS):
                raise value.error(f"must be one of {', '.join((*forms.UNITS, *forms.SIGNS))}.")
            if section == "columns" and value.text().startswith("="):
                expressions[column] = value.text().removeprefix("=").strip()
            elif section == "columns":
                columns[column] = value.text()
    constants = {c: v.text() for c, v in entries["constants"].entries().items()} if "constants" in entries else {}
    for column in constants.keys() & (columns.keys() | expressions.keys()):
        raise nodes[f"constants.{column}"].error("is mapped under `columns:` too; keep one.")
    return MappedDataset(
        name=name,
        alias=alias,
        needs=needs,
        where=entries["where"].text() if "where" in entries else "",
        query=entries["query"].text().strip().rstrip(";") if "query" in entries else "",
        columns=columns,
        expressions=expressions,
        constants=constants,
        values={c: _value_map(v) for c, v in entries["values"].entries().items()} if "values" in entries else {},
        dates={c: v.texts() for c, v in entries["dates"].entries().items()} if "dates" in entries else {},
        amounts={c: v.text() for c, v in entries["amounts"].entries().items()} if "amounts" in entries else {},
        mode=mode,
        nodes=nodes,
    )


def _value_map(node: Node) -> dict[str, str | None]:
    return {given: None if value.value is None else value.text() for given, value in node.entries().items()}
