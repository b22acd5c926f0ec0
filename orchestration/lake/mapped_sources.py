"""Loads mapped sources: files become tables, and the mapping's SQL derives datasets of the contract from them.

In the ledger a file is one entry without a dataset (its records), and each mapped dataset of an extract date is one
entry (its derived rows). If one of its files or its mapping changes, a mapped dataset is derived again as a whole.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from orchestration import sql
from orchestration.contract import TIMES
from orchestration.errors import KyotenError
from orchestration.lake import mapped, no_data, readers, rules, workbook
from orchestration.lake.batch import (
    Batch,
    Staged,
    check_unchanged,
    create_rejects,
    examine,
    read_records,
    reject,
    reject_broken,
    unreadable,
)
from orchestration.lake.drift import NEW, Expected, differences
from orchestration.lake.ledger import REFUSED, Group
from orchestration.sources import forms
from orchestration.sources.landing import LandedFile, mapped_files
from orchestration.sources.mapping import Alias, MappedDataset, Mapping, Source
from orchestration.sql import RefusedError

Inputs = dict[str, list[LandedFile]]


def load_sources(batch: Batch, mapping: Mapping, datasets: set[str] | None) -> None:
    """Stage the datasets of mapped sources whose files or mapping are new."""
    files: dict[tuple[str, Path], LandedFile] = {
        (file.source_name, file.path): file for file in mapped_files(mapping, batch.timezone)
    }
    for source in mapping.sources.values():
        wanted = [d for d in source.datasets.values() if datasets is None or d.name in datasets]
        try:
            _load_source(batch, source, wanted, files)
        except KyotenError as error:  # of this source alone: the others are loaded
            _refuse_source(batch, source, str(error))


def _load_source(
    batch: Batch, source: Source, wanted: list[MappedDataset], files: dict[tuple[str, Path], LandedFile]
) -> None:
    if wanted and not source.transport and not source.path.is_dir():
        raise source.error("path", f"{source.path} is no folder; correct the path or the variable in it.")
    extracts: dict[date, Inputs] = defaultdict(lambda: defaultdict(list))
    for alias in source.files.values() if wanted else ():
        for path in alias.matches(source.path):
            if file := files.get((source.name, path)):  # else it came in the meantime
                extracts[file.extracted_on][alias.name].append(file)
    for spec in wanted:
        if not (aliases := mapped.aliases_of(spec, source)):
            raise spec.error("query", f"reads none of the source's files ({', '.join(source.files)}).")
        _check_delta(batch, source, spec, aliases)
    delivered = {name for inputs in extracts.values() for name in inputs}
    _check_delivered(batch, source, wanted, delivered)
    yet: set[str] = set()
    for day, inputs in sorted(extracts.items()):
        yet |= inputs.keys()
        latest = {alias: _latest_revision(found) for alias, found in inputs.items()}
        never = {name for name, alias in source.files.items() if name not in yet and alias.optional}
        SourceExtract(batch, source, day, latest, never).load(wanted)


def _refuse_source(batch: Batch, source: Source, problem: str) -> None:
    """Record a source of which nothing can be loaded, or nothing more."""
    today = datetime.now(ZoneInfo(batch.timezone)).date()
    whole = LandedFile(source.path, "", source.name, source.name, 0, 0, today, 1)
    batch.entries.append(batch.entry(whole, status=REFUSED, message=problem))


def _check_delivered(batch: Batch, source: Source, wanted: list[MappedDataset], delivered: set[str]) -> None:
    """Raise an error for missing files; if only a preset expects them, note the missing dataset instead."""
    of = {spec.name: mapped.aliases_of(spec, source) for spec in wanted}
    earlier = {e.alias for e in batch.state.seen.values() if e.source_name == source.name and e.alias}
    for name in sorted({alias for aliases in of.values() for alias in aliases} - delivered):
        alias = source.files[name]
        if source.transport and alias.name in source.transport.aliases:
            raise alias.error("", f"nothing was fetched of {source.name}'s {alias.name} yet. Run `make fetch`.")
        if name in earlier or not alias.optional:
            raise alias.error("", f"no file below {source.path} matches {alias.pattern}.")
    for spec in wanted:
        needed = spec.needs or of[spec.name]
        if not set(needed) & delivered:
            missing = f"no file below {source.path} matches {' or '.join(source.files[a].pattern for a in needed)}"
            if not spec.place.line.preset:
                raise spec.error("", f"{missing}.")
            batch.notes.append(f"{source.name}: {spec.name} is not loaded: {missing}")
    if wanted and not delivered:
        names = ", ".join(alias.patterns[0] for alias in source.files.values())
        raise source.error("path", f"the folder {source.path} has none of the preset's files ({names}).")


def _check_delta(batch: Batch, source: Source, spec: MappedDataset, aliases: list[str]) -> None:
    """Raise an error for a full dataset of which only the changes are fetched."""
    partial = [alias for alias in aliases if source.transport and alias in source.transport.cursors]
    if partial and (spec.mode or batch.contract.datasets[spec.name].extract) != "delta":
        problem = f"{', '.join(partial)} has a cursor, so that only changes are fetched: state `mode: delta`"
        raise spec.error("mode", f"{problem}, or leave the cursor out.")


def _latest_revision(files: list[LandedFile]) -> list[LandedFile]:
    latest = max(file.revision for file in files)
    return [file for file in files if file.revision == latest]


class SourceExtract:
    """A source's files of one extract date."""

    def __init__(self, batch: Batch, source: Source, day: date, inputs: Inputs, never: Collection[str]) -> None:
        """Prepare the extract; nothing is read yet. `never`: aliases that no file has had up to this day."""
        self.batch, self.source, self.day, self.inputs, self.never = batch, source, day, inputs, never
        self.hashes: dict[str, str] = {}
        self.contents: dict[str, readers.Content] = {}
        self.rows: dict[str, int] = defaultdict(int)
        self.refused: set[str] = set()
        self.gone: dict[str, set[str]] = defaultdict(set)
        self.columns: dict[str, set[str]] = defaultdict(set)
        self.zones: dict[str, set[str]] = defaultdict(set)
        self.sheets: dict[str, list[readers.Scan]] = defaultdict(list)

    def load(self, wanted: list[MappedDataset]) -> None:
        """Stage the datasets whose files or mapping are new."""
        due = []
        for spec in wanted:
            aliases = mapped.aliases_of(spec, self.source)
            if not self.inputs.keys() & {*(spec.needs or aliases)}:
                continue  # no file of this date belongs to the dataset
            if absent := [alias for alias in aliases if alias not in self.inputs and alias not in self.never]:
                self._refuse(spec, f"cannot be made: {', '.join(absent)} has no file of {self.day}. Deliver it too.")
            elif not self._is_loaded(spec):
                due.append(spec)
        if not due:
            return
        engine = sql.connect(self.batch.spill, self.source.timezone or self.batch.timezone)
        try:
            create_rejects(engine)
            engine.execute(forms.macros())
            for alias in sorted({a for spec in due for a in mapped.aliases_of(spec, self.source)}):
                if alias in self.never:
                    engine.execute(f"CREATE TABLE {sql.name(alias)} AS {mapped.no_records(self.source.files[alias])}")
                else:
                    self._read_alias(engine, alias)
            sessions = {zone: self._session(engine, zone) for zone in {*map(self._zone, due)}}
            # From here on DuckDB reads only its tables, and writes only to the staging folder.
            engine.execute(f"SET allowed_directories = [{sql.text(str(self.batch.staging))}]")
            engine.execute("SET enable_external_access = false")
            engine.execute("SET lock_configuration = true")
            for spec in due:
                try:
                    self._make(sessions[self._zone(spec)], spec)
                except RefusedError as refusal:
                    self._refuse(spec, str(refusal))
                except KyotenError as error:  # the mapping does not fit the files
                    self._refuse(spec, f"cannot be made: {error}")
                except Exception as error:
                    self._refuse(spec, unreadable(error))
            gathered = self.batch.new_path()
            sql.copy(engine, "FROM rejects", gathered)
            self.batch.connection.execute(f"INSERT INTO rejects FROM {sql.parquet([gathered])}")
        finally:
            engine.close()

    def _session(self, engine: duckdb.DuckDBPyConnection, zone: str) -> duckdb.DuckDBPyConnection:
        """Return a session that reads times in a zone, with the variables that the mapping's SQL may read."""
        session = engine.cursor()
        session.execute("SET python_enable_replacements = false")
        sql.set_timezone(session, zone)
        session.execute(f"SET VARIABLE business_timezone = {sql.text(self.batch.timezone)}")
        for setting, values in self.source.settings.items():
            session.execute(f"SET VARIABLE {sql.name(setting)} = CAST([{sql.texts(values)}] AS VARCHAR[])")
        return session

    def _zones(self, spec: MappedDataset) -> set[str]:
        """Return the time zones of the files that a dataset is made of: its own file, or the files of `needs`."""
        made_of = [spec.alias] if spec.alias in self.source.files else spec.needs
        zones = {zone for alias in made_of or mapped.aliases_of(spec, self.source) for zone in self.zones[alias]}
        return zones or {self.source.timezone or self.batch.timezone}

    def _zone(self, spec: MappedDataset) -> str:
        return min(self._zones(spec))

    def _files(self, spec: MappedDataset) -> list[LandedFile]:
        aliases = mapped.aliases_of(spec, self.source)
        return sorted(
            {f.file_name: f for alias in aliases for f in self.inputs.get(alias, [])}.values(),
            key=lambda f: f.file_name,
        )

    def _hash(self, file: LandedFile) -> str:
        known = self.batch.state.known(file)
        if file.file_name not in self.hashes:
            self.hashes[file.file_name] = (known and known.file_sha256) or _file_hash(file.path)
        return self.hashes[file.file_name]

    def _content(self, spec: MappedDataset) -> str:
        hashes = [self._hash(file) for file in self._files(spec)]
        return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()

    def _group(self, spec: MappedDataset) -> Group:
        return spec.name, self.source.name, self.day, max(file.revision for file in self._files(spec))

    def _is_loaded(self, spec: MappedDataset) -> bool:
        if self._group(spec) in self.batch.state.unsure:
            return False
        now = (self._content(spec), self.source.definition(spec))
        return now in {
            (e.file_sha256, e.mapping_sha256) for e in self.batch.state.loaded_in(self._group(spec)).values()
        }

    def _whole(self, spec: MappedDataset) -> LandedFile:
        """Return a mapped dataset's files as one file, for the ledger."""
        files = [file for alias in mapped.aliases_of(spec, self.source) for file in self.inputs.get(alias, [])]
        return LandedFile(
            path=self.source.path,
            dataset=spec.name,
            source_name=self.source.name,
            file_name=", ".join(sorted({file.file_name for file in files})),
            size=sum(file.size for file in files),
            mtime_ns=max(file.mtime_ns for file in files),
            extracted_on=self.day,
            revision=max(file.revision for file in files),
        )

    def _refuse(self, spec: MappedDataset, problem: str) -> None:
        message = f"{spec.name} of {self.source.name} {problem}"
        self.batch.entries.append(self.batch.entry(self._whole(spec), status=REFUSED, message=message))

    def _read_alias(self, engine: duckdb.DuckDBPyConnection, name: str) -> None:
        parts = []
        for i, file in enumerate(self.inputs[name]):
            part = sql.name(f"part {name} {i}")
            try:
                self._read_file(engine, name, file, part)
                parts.append(f"SELECT * FROM {part}")
            except RefusedError as refusal:
                self._refuse_file(name, file, str(refusal))
            except KyotenError as error:  # the mapping does not fit this file
                self._refuse_file(name, file, f"cannot be read as the mapping says: {error}")
            except Exception as error:
                self._refuse_file(name, file, unreadable(error))
        if parts and name not in self.refused:
            try:
                engine.execute(f"CREATE TABLE {sql.name(name)} AS {' UNION ALL BY NAME '.join(parts)}")
            except duckdb.ConversionException as error:  # types of Parquet files that do not fit together
                names = {file.file_name for file in self.inputs[name]}
                self.batch.entries = [e for e in self.batch.entries if e.alias != name or e.file_name not in names]
                for file in self.inputs[name]:
                    self._refuse_file(name, file, unreadable(error))
        for i in range(len(self.inputs[name])):
            engine.execute(f"DROP TABLE IF EXISTS {sql.name(f'part {name} {i}')}")

    def _refuse_file(self, alias: str, file: LandedFile, problem: str) -> None:
        self.refused.add(alias)
        self.batch.refuse(file, problem)

    def _read_file(self, engine: duckdb.DuckDBPyConnection, name: str, file: LandedFile, part: str) -> None:
        if file.problem:
            raise RefusedError(file.problem)
        self.batch.progress(f"reading {file.file_name} of {self.source.name}")
        alias = self.source.files[name]
        content = examine(file, alias.encoding)
        dialect = readers.Dialect(
            alias.encoding,
            alias.delimiter,
            alias.quote,
            alias.skip_rows,
            alias.sheet,
            alias.header,
            alias.header_rows,
            alias.escape,
            alias.short_rows,
            alias.keyed_by,
            nested=bool(alias.columns),
        )
        opened = readers.open_scan(engine, file.path, content, dialect, self.batch.staging)
        scan = mapped.known_as(alias, opened)
        columns = [column.name for column in scan.columns]
        before = self.batch.columns_before(file, name)
        self.columns[name] |= set(columns)
        self._note_zone(alias, file, [column.name for column in opened.columns])
        self.sheets[name].append(scan)
        self.batch.say(workbook.said(scan.sheet, columns, f"{self.source.name}: {file.file_name}"))
        self._compare(name, file, columns, before, mapped.absent(alias, scan))
        mapped.check_columns(alias, [*columns, *self.batch.columns_ever(file, name)])
        unit = f"{self.source.name}/{file.file_name}/{self.day}"

        def load(scan: readers.Scan) -> tuple[int, int]:
            records = mapped.records(alias, scan, file.file_name, content.sha256)
            engine.execute(f"CREATE OR REPLACE TABLE {part} AS {records}")
            engine.execute(f"DELETE FROM rejects WHERE unit = {sql.text(unit)}")
            if scan.valid != "true":
                reject(engine, unit, rules.unreadable(scan, file.file_name, content.sha256))
            rejected = sql.scalar(engine, f"SELECT count(*) FROM rejects WHERE unit = {sql.text(unit)}")
            return sql.scalar(engine, f"SELECT count(*) FROM {part}"), rejected

        counts = read_records(engine, scan, load)
        found = mapped.find_no_data(engine, alias, part, scan, self.source.decimal)
        if found.doubtful:
            reject(engine, unit, no_data.rejected(found, part, mapped.headed(scan), is_mapped=True))
        mapped.drop_lines(engine, part, [*found.lines, *found.doubtful])
        ends = mapped.broken_no_data(alias, counts, dialect)
        broken = tuple(record for record in counts.scan.broken if record.number not in ends)
        reject_broken(engine, unit, broken, file.file_name, content.sha256)
        way_out = f"If they are records, state `footer: []` for {name} in the mapping"
        self.batch.say(replace(found, lines=found.lines | ends).said(f"{self.source.name}: {file.file_name}", way_out))
        check_unchanged(file)
        self.batch.note_date(file)
        self.hashes[file.file_name] = content.sha256
        accepted = counts.accepted - len(found.lines) - len(found.doubtful)
        not_data = len(found.lines) + len(ends)
        self.rows[name] += accepted
        rejected = counts.read - not_data - accepted
        entry = self.batch.entry(
            file,
            file_sha256=content.sha256,
            rows_read=accepted + rejected,
            rows_accepted=accepted,
            rows_rejected=rejected,
            rows_not_data=not_data if not_data or alias.footer else None,
            alias=name,
            columns=json.dumps(columns, ensure_ascii=False),
        )
        if all(entry.file_name != other.file_name or entry.group != other.group for other in self.batch.entries):
            self.batch.enter(entry, unit)
            self.batch.replaced += [e for e in [self.batch.state.loaded.get((entry.group, entry.file_name))] if e]

    def _note_zone(self, alias: Alias, file: LandedFile, names: list[str]) -> None:
        zone = self.source.zone_of(alias, names, self.batch.timezone)
        self.zones[alias.name].add(zone)
        if self.source.timezone and zone not in (self.source.timezone, alias.timezone):
            self.batch.notes.append(
                f"{self.source.name}: {file.file_name} has the headings of a screen or report, so its times without a "
                f"zone count as {zone}; if they are of another zone, state `timezone:` for the file or the source"
            )

    def _compare(
        self, name: str, file: LandedFile, columns: list[str], before: list[str] | None, absent: list[str]
    ) -> None:
        """Report the columns that are new or missing since the extract before, or that no extract has had."""
        never = [column for column in absent if before is None and self.source.files[name].columns[column]]
        known = dict.fromkeys([*columns, *self.batch.columns_ever(file, name)])
        read: set[str] = set()
        for spec in self.source.datasets.values():
            if name not in mapped.aliases_of(spec, self.source):
                continue
            of_file = spec.alias == name or spec.alias not in self.source.files
            becomes = {column: to for to, column in spec.columns.items()} if of_file else {}
            needed = self.batch.contract.datasets[spec.name].columns
            expected = [
                Expected(column, becomes.get(column, ""), column in becomes and needed[becomes[column]].required)
                for column in mapped.reads(spec, known, self.source.tables)
            ]
            unmet = [column for column in never if column in becomes]
            expected += [Expected(c, becomes[c], needed[becomes[c]].required, never=True) for c in unmet]
            read |= {one.column for one in expected}
            found = differences(columns, before, expected)
            self.batch.report_drift(file, spec.name, [one for one in found if one.change != NEW])
        untold = [Expected(column, "", False, never=True) for column in never if column not in read]
        unread = [column for column in columns if column not in read]
        self.batch.report_drift(file, None, [one for one in differences(unread, before, untold) if one.change != NEW])
        ever = self.batch.columns_ever(file, name)
        self.gone[name] |= {column for column in ever if column in read and column not in columns}
        fresh = [column for column in columns if column in read]
        found = differences(columns, [*(before or []), *fresh], [Expected(c, "", False) for c in self.gone[name]])
        self.batch.report_drift(file, None, [one for one in found if one.change == NEW])

    def _make(self, engine: duckdb.DuckDBPyConnection, spec: MappedDataset) -> None:
        aliases = mapped.aliases_of(spec, self.source)
        if broken := [alias for alias in aliases if alias in self.refused]:
            self._refuse(spec, f"cannot be made: the files of {', '.join(broken)} were refused.")
            return
        mapped.create_tables(engine, self.source, spec)
        whole, dataset = self._whole(spec), self.batch.contract.datasets[spec.name]
        sha256 = self._content(spec)
        gone = {column for alias in aliases for column in self.gone[alias]}
        files = self.source.files
        read = [spec.alias] if spec.alias in files else aliases
        delivered = [alias for alias in read if alias not in self.never]
        absent = {c for a in delivered for c in files[a].columns} - {c for a in delivered for c in self.columns[a]}
        zone = self.batch.timezone
        sheets = [scan for alias in read for scan in self.sheets[alias]]
        scales = mapped.scales(spec, dataset, sheets, self.source.tables)
        made = mapped.mapped_scan(
            engine, self.source, dataset, spec, whole.file_name, sha256, zone, gone, absent, scales
        )
        zones = self._zones(spec)
        if len(zones) > 1 and any(dataset.columns[column].type in TIMES for column in made.given):
            both = " and ".join(sorted(zones))
            raise RefusedError(f"cannot be made: its files have times of {both}. State `timezone:` for the source.")
        self.batch.say(mapped.doubtful_points(engine, self.source, spec, dataset))
        missing = [c.name for c in dataset.columns.values() if c.required and c.name not in made.given]
        if missing:
            raise spec.error("columns" if spec.alias else "query", f"{spec.name} needs {', '.join(missing)}.")
        lineage = self.batch.lineage(whole, file_name=made.file_name, file_sha256=made.file_sha256)
        checked = rules.check(dataset, made.scan, made.given, made.extras, lineage, self.batch.timezone)
        path = self.batch.new_path()
        try:
            accepted = sql.copy(engine, checked.accepted, path)
            doubts = rules.rounded_ids(engine, dataset, path, made.given, self.source.key_prefix)
            self.batch.say(f"{self.source.name}: {whole.file_name}: {doubt}" for doubt in doubts)
            if any(one.rounded for one in made.given.values()):
                checked = rules.check(dataset, made.scan, made.given, made.extras, lineage, self.batch.timezone)
                accepted = sql.copy(engine, checked.accepted, path)
            if accepted < sql.scalar(engine, f"SELECT count(*) FROM {made.scan.sql} WHERE {made.scan.present}"):
                reject(engine, str(path), checked.rejected(engine, path))
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException) as error:
            problem = f"cannot be made: {readers.first_line(error)}. Correct the mapping's SQL, or the value."
            raise RefusedError(problem) from error
        rejected = sql.scalar(engine, f"SELECT count(*) FROM rejects WHERE unit = {sql.text(str(path))}")
        derived = accepted + rejected
        if not derived and (never := [alias for alias in aliases if alias in self.never]):
            why = " or ".join(self.source.files[alias].pattern for alias in never)
            self.batch.notes.append(f"{self.source.name}: {spec.name} has no rows: no file matches {why}")
        records = sum(self.rows[alias] for alias in read)
        entry = self.batch.entry(
            whole,
            file_sha256=sha256,
            extract_mode=spec.mode or dataset.extract,
            rows_derived=derived,
            rows_accepted=accepted,
            rows_rejected=rejected,
            rows_folded=records - derived if len(read) == 1 and records >= derived else None,
            rows_undecided=rules.count_undecided(engine, dataset, path),
            mapping_sha256=self.source.definition(spec),
        )
        staged = Staged(entry, dataset, path, checked.raw)
        self.batch.judge(engine, dataset, [staged], [])
        self.batch.stage(staged)
        self.batch.replaced += self.batch.state.loaded_in(self._group(spec)).values()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
