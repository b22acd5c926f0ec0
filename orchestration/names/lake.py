"""Reads the distinct texts of the lake, normalises each once, and writes the tables. Name rules are in normal.py."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration import engine, sql
from orchestration.home import Home
from orchestration.names.normal import Entry, Name, Normaliser
from orchestration.names.readings import Reader, Reading
from orchestration.names.registry import Registered, Registry
from orchestration.names.rules import load_rules
from orchestration.names.similar import Similar, similar
from orchestration.names.tables import TABLES

# The columns in which people type names, and the datasets in which names are registered.
TYPED = (("deals", "partner_text"), ("deals", "branch_text"), ("deals", "rep_text"))
REGISTERED = (("partners", "partner_name"), ("branches", "branch_name"), ("reps", "rep_name"), ("aliases", "alias"))

Rows = Sequence[tuple[Any, ...]]


class Source:
    """The rows of all extracts, because an old name may be registered in a later extract."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, raw: Path) -> None:
        """Store the folder of the datasets."""
        self._connection, self._raw = connection, raw

    def distinct(self, dataset: str, *columns: str, where: str = "true") -> Rows:
        """Return the distinct combinations of some columns; rows without one of the values are left out."""
        rows = sql.parquet(sorted((self._raw / dataset).glob("*.parquet")))
        known = " AND ".join([*(f"{sql.name(column)} IS NOT NULL" for column in columns), where])
        query = f"SELECT DISTINCT {', '.join(map(sql.name, columns))} FROM {rows} WHERE {known} ORDER BY ALL"
        return self._connection.execute(query).fetchall()

    def texts(self, columns: Iterable[tuple[str, str]]) -> list[str]:
        """Return every distinct text of some columns."""
        return sorted({text for dataset, column in columns for (text,) in self.distinct(dataset, column)})


def write_names(home: Home) -> dict[str, int]:
    """Write the tables again from the whole lake; return how many rows each has. Run it after every ingest."""
    spill = home.build / "names"
    spill.mkdir(parents=True, exist_ok=True)
    connection = sql.connect(spill, "UTC")
    try:
        tables = _tables(Source(connection, home.lake / "raw"), Normaliser(load_rules()))
        for table, rows in tables.items():
            _write(connection, spill, home.lake / table / "names.parquet", TABLES[table], rows)
    finally:
        connection.close()
        shutil.rmtree(spill)
    return {table: len(rows) for table, rows in tables.items()}


def lacks_suffixes(home: Home) -> str | None:
    """Return a warning if texts of deals have a suffix that the roster's branch names lack, otherwise None."""
    with engine.connect(home) as connection:
        found = connection.execute(
            "SELECT count(DISTINCT text), arg_min(branch_key, text), arg_min(branch_stem, text)"
            f" FROM {sql.parquet(sorted((home.lake / 'readings').glob('*.parquet')))}"
            " WHERE branch_stem IS NOT NULL"
        ).fetchone()
    assert found is not None
    count, typed, registered = found
    if not count:
        return None
    return (
        f"names: texts of deals have a suffix that the roster's branch names lack: {typed} for {registered} and so on,"
        f" {count:,} in all. The suffix does not count there."
        " If the roster has whole names, deliver them as branch_name."
    )


def _tables(source: Source, normaliser: Normaliser) -> dict[str, Rows]:
    entries = {text: normaliser.entry(text) for text in source.texts([*TYPED, *REGISTERED])}
    registry = Registry(_partners(source, entries), _branches(source, entries))
    reader = Reader(normaliser, registry.partners_of_key.keys(), registry.branch_keys, registry.bare_keys)
    names = {
        text: normaliser.name(text)
        for text in source.texts(TYPED[:2])
        if entries[text].name_key and not entries[text].is_nobody
    }
    readings = {text: tuple(reader.readings(name)) for text, name in names.items()}
    return {
        "texts": list(entries.values()),
        "readings": [(text, *reading, entries[text].spelling) for text, found in readings.items() for reading in found],
        "similar_names": [
            *_similar_partners(source, registry, names, readings),
            *_similar_branches(source, registry, normaliser, names, readings),
        ],
    }


def _partners(source: Source, entries: Mapping[str, Entry]) -> Iterator[Registered]:
    named = source.distinct("partners", "partner_id", "partner_name")
    aliases = source.distinct("aliases", "entity_id", "alias", where="entity_type = 'partner'")
    for partner_id, text in sorted({*named, *aliases}):
        if key := entries[text].name_key:
            yield Registered(key, text, partner_id)


def _branches(source: Source, entries: Mapping[str, Entry]) -> Iterator[Registered]:
    """Yield names, aliases and stems; a branch that changed its partner is listed under each partner."""
    partners: dict[str, list[str]] = {}
    for branch_id, partner_id in source.distinct("branches", "branch_id", "partner_id"):
        partners.setdefault(branch_id, []).append(partner_id)
    named = source.distinct("branches", "branch_id", "branch_name")
    aliases = source.distinct("aliases", "entity_id", "alias", where="entity_type = 'branch'")
    names = {text for _, text in named}
    for branch_id, text in sorted({*named, *aliases}):
        is_bare = entries[text].stem is None and text in names
        for key in filter(None, (entries[text].name_key, entries[text].stem)):
            for partner_id in partners.get(branch_id, ()):
                yield Registered(key, text, partner_id, branch_id, is_bare)


def _similar_partners(
    source: Source, registry: Registry, names: Mapping[str, Name], readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Similar]:
    """Suggest partners for the texts that match no partner."""
    texts = [text for text in source.texts(TYPED[:1]) if text in names and not registry.partners_read(readings[text])]
    return similar({text: names[text].parts_from(0) for text in texts}, registry.partners)


def _similar_branches(
    source: Source,
    registry: Registry,
    normaliser: Normaliser,
    names: Mapping[str, Name],
    readings: Mapping[str, tuple[Reading, ...]],
) -> Iterator[Similar]:
    """Suggest branches of the partner for the texts that name a branch that it never had."""
    pairs = {(text, partner_id) for text, partner_id in source.distinct("deals", "branch_text", "partner_id")}
    for text, partner_text in source.distinct("deals", "branch_text", "partner_text"):
        pairs.update((text, partner_id) for partner_id in registry.partners_read(readings.get(partner_text, ())))
    for text in names:
        pairs.update((text, partner_id) for partner_id in registry.partners_read(readings[text]))
    wanted: dict[str, dict[str, set[str]]] = {}
    for text, partner_id in sorted(pairs):
        if text in names and (keys := _unknown_branch(registry, names[text], readings[text], partner_id)):
            stems = {stem for key in keys if (stem := normaliser.stem(key))}
            wanted.setdefault(partner_id, {})[text] = keys | stems
    for partner_id, texts in wanted.items():
        yield from similar(texts, registry.branches_of_partner.get(partner_id, ()))


def _unknown_branch(registry: Registry, name: Name, readings: Iterable[Reading], partner_id: str) -> set[str]:
    """Return the parts of a text that should be a branch of this partner and are not; empty if one of them is."""
    ours = [
        reading
        for reading in readings
        if not reading.partner_key or partner_id in registry.partners_of_key.get(reading.partner_key, ())
    ]
    if any(not reading.branch_key or registry.names_branch(reading, partner_id) for reading in ours):
        return set()
    return name.parts_from(max(len(reading.partner_key) for reading in ours))


def _write(
    connection: duckdb.DuckDBPyConnection, spill: Path, path: Path, columns: Mapping[str, str], rows: Rows
) -> None:
    """Write rows sorted, so that the file does not depend on their order.

    The rows pass through a JSON file, because DuckDB checks each value that comes from memory for pandas' null values.
    """
    lines = spill / f"{path.parent.name}.jsonl"
    encode = json.JSONEncoder(ensure_ascii=False).encode
    with lines.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{encode(dict(zip(columns, row, strict=True)))}\n" for row in rows)
    types = ", ".join(f"{sql.name(name)}: {sql.text(type_)}" for name, type_ in columns.items())
    read = f"read_json({sql.text(str(lines))}, format = 'newline_delimited', columns = {{{types}}})"
    sql.replace_parquet(connection, f"FROM {read} ORDER BY ALL", path)
