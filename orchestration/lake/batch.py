"""One ingest run's shared state: DuckDB, the ledger's entries, the rows staged next to the lake, and the commit.

The lake does not change before everything is staged. A commit first adds files under new names, then writes the ledger,
and only then deletes what the ledger no longer has. A run after a kill undoes a commit without its ledger file and
completes one that has it. landed.py and mapped_sources.py read the files.
"""

import errno
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration import sql
from orchestration.contract import Contract, Dataset
from orchestration.errors import KyotenError
from orchestration.home import Home, write_whole
from orchestration.lake import ledger, readers, rules
from orchestration.lake.drift import Drift
from orchestration.lake.ledger import HELD, LOADED, REFUSED, REPEAT, REPLACED, Entry, Group
from orchestration.lake.records import Record
from orchestration.sources import forms
from orchestration.sources.landing import LandedFile
from orchestration.sql import RefusedError

Key = tuple[Group, str]
# An entry without rows, with nothing for readers of the next extract to compare.
NO_ROWS: dict[str, Any] = {"rows_read": 0, "rows_accepted": 0, "rows_rejected": 0, "rows_derived": 0}
NO_ROWS |= dict.fromkeys(("rows_folded", "rows_undecided", "rows_not_data", "columns", "lake_file"))
_REJECTS = {"unit": "VARCHAR"} | rules.REJECTED
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class Staged:
    """Rows on their way into the lake: one landed file's, or one mapped dataset's."""

    entry: Entry
    dataset: Dataset
    path: Path  # the accepted rows, staged; for a file that has left landing/, its lake file
    raw: str = ""  # SQL of every row as delivered, to record whole rows that are rejected as repeats
    has_repeats: bool = False
    changed: bool = True


@dataclass
class State:
    """The files and batches that the lake contains according to the ledger."""

    seen: dict[Key, Entry] = field(default_factory=dict)
    loaded: dict[Key, Entry] = field(default_factory=dict)
    refused: dict[Key, Entry] = field(default_factory=dict)  # and held
    unsure: set[Group] = field(default_factory=set)  # of which the lake lacks rows: read again

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "State":
        """Replay the ledger."""
        state = cls()
        for entry in entries:
            key = (entry.group, entry.file_name)
            if entry.status in (REFUSED, HELD):
                state.refused[key] = entry
                continue
            state.refused.pop(key, None)
            if entry.status == REPLACED:
                state.loaded.pop(key, None)
                continue
            state.seen[key] = entry
            if entry.status == LOADED:
                state.loaded[key] = entry
            elif key in state.loaded and state.loaded[key].file_sha256 != entry.file_sha256:
                del state.loaded[key]
        return state

    def loaded_in(self, group: Group) -> dict[str, Entry]:
        """Return the loaded files of a group, by file name."""
        return {name: entry for (of, name), entry in self.loaded.items() if of == group}

    def known(self, file: LandedFile) -> Entry | None:
        """Return the entry of a file whose size and time have not changed since it was read."""
        entry = self.seen.get(
            ((file.dataset or None, file.source_name, file.extracted_on, file.revision), file.file_name)
        )
        same = entry and (entry.file_size, entry.file_mtime_ns) == (file.size, file.mtime_ns)
        return entry if same else None


class Batch:
    """The files and rows that one run reads, stages and commits."""

    def __init__(self, home: Home, contract: Contract, timezone: str, progress: Callable[[str], None]) -> None:
        """Prepare the run; nothing is opened yet."""
        self.home, self.contract, self.timezone, self.progress = home, contract, timezone, progress
        self._start(datetime.now(UTC).replace(tzinfo=None))
        self.staging = home.lake / ".staging"  # on the lake's disk, so that a rename is enough
        self.spill = home.build / "ingest"
        self.entries: list[Entry] = []  # entries of refused files, repeated files, and files that mappings read
        self.staged: list[Staged] = []
        self.replaced: list[Entry] = []  # earlier entries whose rows are staged again or are no longer delivered
        self.drifted: list[Drift] = []
        self.notes: list[str] = []  # what a person should know about the delivery, although it was loaded
        self.warnings: list[str] = []  # what was read in a way that a person should know
        self.lacking: dict[Key, Entry] = {}  # loaded files whose rows the lake does not have
        self._labels: dict[str, Entry] = {}

    def _start(self, moment: datetime) -> None:
        self.started, self.load_id = moment, f"{moment:%Y%m%dT%H%M%S%f}Z-{uuid.uuid4().hex[:6]}"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open DuckDB and the folders that a run needs, and clean up afterwards."""
        folders = (self.staging, self.spill)
        try:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
            with sql.connect(self.spill, self.timezone) as self.connection:
                create_rejects(self.connection)
                self.connection.execute(forms.macros())
                ledger.write_schemas(self.connection, self.home, self.contract)
                self._recover()
                self._ledger = ledger.read(self.connection, self.home)
                # The ledger is replayed by time. A clock that was set back must not put this load before earlier ones.
                latest = max((entry.loaded_at for entry in self._ledger), default=datetime.min)
                if self.started <= latest:
                    self._start(latest + timedelta(microseconds=1))
                self.state = State.of(self._ledger)
                self._check_lake()
                yield
        except (duckdb.OutOfMemoryException, duckdb.IOException, OSError) as error:
            raise KyotenError(f"Ingest stopped, and the lake is as it was: {error}") from error
        finally:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)

    def _recover(self) -> None:
        """Undo or complete an interrupted commit, and remove files that were not finished."""
        for path in self.home.lake.rglob("*.unfinished"):
            path.unlink()
        if not self.home.commit_mark.exists():
            return
        try:
            mark = json.loads(self.home.commit_mark.read_text(encoding="utf-8"))
        except ValueError as error:
            raise KyotenError(
                f"A version before 0.2.0 was interrupted while it wrote to {self.home.lake}. Run make refresh of that "
                "version once more, then this one."
            ) from error
        if ledger.load_file(self.home, mark["load_id"]).exists():
            self._complete(mark)
            return
        for name in mark["written"]:
            (self.home.lake / name).unlink(missing_ok=True)
        self.home.commit_mark.unlink()

    def _complete(self, mark: dict[str, Any]) -> None:
        """Delete what the ledger no longer has. Running it again does no harm."""
        for name in mark["obsolete"]:
            (self.home.lake / name).unlink(missing_ok=True)
        ledger.forget_rejected(self.connection, self.home, [ledger.Forgotten(**one) for one in mark["forgotten"]])
        self.home.commit_mark.unlink()

    def _check_lake(self) -> None:
        """Find the loaded files whose rows the lake lacks; they are read again from landing/ or the mapped source."""
        loaded = {key: entry for key, entry in self.state.loaded.items() if entry.dataset}
        rows = self._rows({self.lake_file(entry) for entry in loaded.values()})
        for key, entry in loaded.items():
            if rows.get(self.lake_file(entry)) != entry.rows_accepted:
                self.lacking[key] = entry
                del self.state.loaded[key], self.state.seen[key]
                self.state.unsure.add(entry.group)
        folders = {self.lake_file(entry).parent for entry in loaded.values()}
        there = {path for folder in folders for path in folder.glob("*.parquet") if path.name != "_schema.parquet"}
        if unknown := sorted(there - {self.lake_file(entry) for entry in loaded.values()}):
            raise KyotenError(
                f"{unknown[0]} is not in the ledger, so its rows have no origin. Move it out of the lake."
            )

    def _rows(self, paths: Iterable[Path]) -> dict[Path, int]:
        """Return the number of rows of each file that can be read."""
        there = sorted(path for path in paths if path.exists())
        query = "SELECT file_name, num_rows FROM parquet_file_metadata([{}])"
        try:
            found = self.connection.execute(query.format(sql.texts(map(str, there)))).fetchall() if there else []
        except duckdb.Error:
            if len(there) == 1:
                return {}
            return {path: number for one in there for path, number in self._rows([one]).items()}
        return {Path(name): number for name, number in found}

    def report_lacking(self, datasets: set[str] | None) -> None:
        """Refuse the files whose rows the lake lacks and that this run could not read again."""
        again = {
            (one.entry.group, value) for one in self.staged for value in (one.entry.file_name, one.entry.file_sha256)
        }
        for entry in self.lacking.values():
            if (entry.group, entry.file_name) in again or (entry.group, entry.file_sha256) in again:
                continue
            if datasets is None or entry.dataset in datasets:
                message = (
                    f"{entry.file_name} was loaded, and its {entry.rows_accepted:,} rows are no longer in the lake "
                    f"({self.lake_file(entry)} is missing or damaged). Deliver the file again under the same name, or "
                    "restore the lake from a backup."
                )
                self.entries.append(replace(entry, **NO_ROWS, load_id=self.load_id, status=REFUSED, message=message))

    def new_path(self) -> Path:
        """Return the path of a new staging file."""
        return self.staging / f"{uuid.uuid4().hex}.parquet"

    def lineage(self, file: LandedFile | Entry, **columns: str) -> rules.Lineage:
        """Return the lineage that all rows of a file or mapped dataset share, with the caller's additions."""
        revision = file.revision if isinstance(file, LandedFile) else file.extract_revision
        return rules.Lineage(
            source_name=sql.text(file.source_name),
            extracted_on=f"DATE '{file.extracted_on}'",
            extract_revision=str(revision),
            loaded_at=f"TIMESTAMP '{self.started}'",
            **columns,
        )

    def entry(self, file: LandedFile, **known: Any) -> Entry:
        """Return a ledger entry for a file with the known values."""
        values: dict[str, Any] = {
            "load_id": self.load_id,
            "dataset": file.dataset or None,
            "source_name": file.source_name,
            "file_name": file.file_name,
            "file_size": file.size,
            "file_mtime_ns": file.mtime_ns,
            "file_sha256": None,
            "extracted_on": file.extracted_on,
            "extract_revision": file.revision,
            "extract_mode": None,
            "contract_version": self.contract.version,
            "rows_read": 0,
            "rows_accepted": 0,
            "rows_rejected": 0,
            "rows_derived": 0,
            "rows_folded": None,
            "rows_undecided": None,
            "status": LOADED,
            "message": file.note,
            "loaded_at": self.started,
            "rows_not_data": None,
            "alias": None,
            "columns": None,
        }
        return Entry(**(values | known))

    def renewed(self, entry: Entry) -> Entry:
        """Return an entry of an earlier load as an entry of this load."""
        return replace(entry, load_id=self.load_id, loaded_at=self.started)

    def refuse(self, file: LandedFile, problem: str) -> None:
        """Record a file that cannot be loaded."""
        self.entries.append(self.entry(file, status=REFUSED, message=f"{file.file_name} {problem}"))

    def note_date(self, file: LandedFile) -> None:
        """Report a file whose date a person should look at, once."""
        note = f"{file.source_name}: {file.file_name} {file.note}"
        if file.note and note not in self.notes:
            self.notes.append(note)

    def columns_before(self, file: LandedFile, alias: str | None = None) -> list[str] | None:
        """Return the header of the latest extract before this one, or None."""
        earlier = self._earlier(file, alias)
        latest = max(earlier, key=lambda e: (e.extracted_on, e.extract_revision, e.file_name), default=None)
        return json.loads(latest.columns or "[]") if latest else None

    def columns_ever(self, file: LandedFile, alias: str | None = None) -> list[str]:
        """Return the columns that extracts before this one had, the latest extract first."""
        earlier = sorted(self._earlier(file, alias), key=lambda e: (e.extracted_on, e.extract_revision), reverse=True)
        return list(dict.fromkeys(column for entry in earlier for column in json.loads(entry.columns or "[]")))

    def _earlier(self, file: LandedFile, alias: str | None) -> list[Entry]:
        return [
            entry
            for entry in [*self.state.loaded.values(), *self.entries, *(one.entry for one in self.staged)]
            if entry.columns
            and (entry.dataset or "", entry.source_name, entry.alias) == (file.dataset, file.source_name, alias)
            and entry.extracted_on < file.extracted_on
        ]

    def report_drift(self, file: LandedFile, dataset: str | None, found: Iterable[Drift]) -> None:
        """Record the columns of a file that are new or missing."""
        of = {"source_name": file.source_name, "file_name": file.file_name, "extracted_on": file.extracted_on}
        self.drifted += [replace(one, dataset=dataset, **of) for one in found]  # type: ignore[arg-type]

    def lake_file(self, entry: Entry) -> Path:
        """Return the path of an entry's rows in the lake."""
        return ledger.lake_file(self.home, entry)

    def stage(self, staged: Staged) -> None:
        """Add rows to the commit."""
        self.staged.append(staged)
        self._labels[str(staged.path)] = staged.entry

    def enter(self, entry: Entry, unit: str) -> None:
        """Record a file that a mapping read, with its broken records."""
        self.entries.append(entry)
        self._labels[unit] = entry

    def judge(
        self, connection: duckdb.DuckDBPyConnection, dataset: Dataset, staged: list[Staged], more: list[Path]
    ) -> None:
        """Reject the repeats of a key within a group, except the row that counts."""
        if not staged or not rules.find_repeats(connection, dataset, [*(one.path for one in staged), *more]):
            return
        columns = ", ".join(rules.REJECTED)
        for one in staged:
            losers = f"(SELECT * EXCLUDE (path) FROM losers WHERE path = {sql.text(str(one.path))})"
            lost = sql.scalar(connection, f"SELECT count(*) FROM {losers}")
            if not lost:
                continue
            kept = self.new_path()
            rows = f"SELECT {columns} FROM ({one.raw}) JOIN {losers} USING (file_name, row_number)"
            reject(connection, str(one.path), rows)
            connection.execute(
                f"UPDATE rejects SET unit = {sql.text(str(kept))} WHERE unit = {sql.text(str(one.path))}"
            )
            sql.copy(
                connection, f"FROM {sql.parquet([one.path])} ANTI JOIN {losers} USING (file_name, row_number)", kept
            )
            one.path, one.has_repeats = kept, True
            accepted, rejected = one.entry.rows_accepted - lost, one.entry.rows_rejected + lost
            one.entry = replace(one.entry, rows_accepted=accepted, rows_rejected=rejected)

    def hold(self, group: Group, message: str, content: str) -> None:
        """Hold a batch: unstage its rows. Its earlier rows stay in the lake, and its files stay in landing/."""
        held = [one for one in self.staged if one.entry.group == group]
        self.staged = [one for one in self.staged if one.entry.group != group]
        self.replaced = [entry for entry in self.replaced if entry.group != group]
        # Repeats of a file that is not loaded must be examined again, too.
        self.entries = [e for e in self.entries if e.group != group or e.status != REPEAT]
        before = {(e.file_sha256, e.mapping_sha256) for e in self.state.loaded_in(group).values()}
        fresh = [one for one in held if (one.entry.file_sha256, one.entry.mapping_sha256) not in before]
        for one in held:
            del self._labels[str(one.path)]
        for one in fresh or held:
            changed = {"status": HELD, "message": message, "batch_sha256": content}
            self.entries.append(replace(one.entry, **NO_ROWS, **changed))  # type: ignore[arg-type]

    def say(self, messages: Iterable[str]) -> None:
        """Note what was read in a way that a person should know."""
        self.warnings += messages

    def note(self, group: Group, message: str) -> None:
        """Record a message about a batch in the ledger."""
        for one in self.staged:
            if one.entry.group == group:
                one.entry = replace(one.entry, message="; ".join(filter(None, [one.entry.message, message])))

    def commit(self) -> None:
        """Move the staged rows into the lake; the ledger's file of this load makes it valid."""
        changed = [one for one in self.staged if one.changed]
        for one in changed:
            one.entry = replace(one.entry, lake_file=ledger.lake_name(one.entry, one.path))
        self.entries += [one.entry for one in changed]
        reported = {(e.source_name, e.file_name, e.extracted_on) for e in self.entries if self._is_reported(e)}
        drifted = [one for one in self.drifted if (one.source_name, one.file_name, one.extracted_on) not in reported]
        entries = [e for e in self.entries if not self._is_reported(e)]
        entries += self._replaced(entries)
        before, after = (self._files_of(known) for known in (self._ledger, [*self._ledger, *entries]))
        rejected = self.home.lake / "rejected" / f"{self.load_id}.parquet"
        drift = self.home.lake / "drift" / f"{self.load_id}.parquet"
        forgotten = [asdict(ledger.Forgotten.of(entry)) for entry in self.replaced if entry.rows_rejected]
        mark = {
            "load_id": self.load_id,
            "written": [str(p.relative_to(self.home.lake)) for p in (*sorted(after - before), rejected, drift)],
            "obsolete": [str(p.relative_to(self.home.lake)) for p in sorted(before - after)],
            "forgotten": forgotten,
        }
        write_whole(self.home.commit_mark, json.dumps(mark))
        for one in changed:
            target = self.lake_file(one.entry)
            target.parent.mkdir(parents=True, exist_ok=True)
            one.path.replace(target)
        dropped = {str(one.path) for one in self.staged if not one.changed}
        self._write_rejected({unit: e for unit, e in self._labels.items() if unit not in dropped}, rejected)
        ledger.write_drift(self.connection, self.home, self.load_id, drifted, self.started)
        ledger.write(self.connection, self.home, entries)
        self._complete(mark)

    def _replaced(self, entries: list[Entry]) -> list[Entry]:
        """Return entries for files whose rows now have another file name, so that the ledger counts them once."""
        loaded = State.of([*self._ledger, *entries]).loaded
        gone = [entry for entry in self.replaced if loaded.get((entry.group, entry.file_name)) is entry]
        return [replace(self.renewed(entry), **NO_ROWS, status=REPLACED, message="") for entry in gone]

    def _files_of(self, entries: Iterable[Entry]) -> set[Path]:
        return {self.lake_file(entry) for entry in State.of(entries).loaded.values() if entry.dataset}

    def _write_rejected(self, labels: dict[str, Entry], path: Path) -> None:
        self.connection.execute(
            "CREATE TABLE labels (unit VARCHAR, dataset VARCHAR, source_name VARCHAR, extracted_on DATE)"
        )
        if labels:
            known = [(unit, one.dataset, one.source_name, one.extracted_on) for unit, one in labels.items()]
            self.connection.execute(f"INSERT INTO labels {sql.rows(known)}")
        columns = ", ".join(f"TIMESTAMP '{self.started}' AS {c}" if c == "loaded_at" else c for c in ledger.REJECTED)
        rejected = f"SELECT {columns} FROM rejects JOIN labels USING (unit)"
        if sql.scalar(self.connection, f"SELECT count(*) FROM ({rejected})"):
            sql.replace_parquet(
                self.connection, f"{rejected} ORDER BY dataset, source_name, file_name, row_number", path
            )

    def _is_reported(self, entry: Entry) -> bool:
        """Return whether the ledger already holds this refusal or hold with the same message."""
        old = self.state.refused.get((entry.group, entry.file_name))
        same = old and (old.file_size, old.file_mtime_ns, old.message)
        return entry.status in (REFUSED, HELD) and same == (entry.file_size, entry.file_mtime_ns, entry.message)


def create_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table that gathers a run's rejected rows."""
    columns = ", ".join(f"{name} {type_}" for name, type_ in _REJECTS.items())
    connection.execute(f"CREATE TABLE rejects ({columns})")


def reject(connection: duckdb.DuckDBPyConnection, unit: str, query: str) -> None:
    """Add a query's rows to the rejected rows under a unit: a staged file, or a landed file that a mapping reads."""
    connection.execute(f"INSERT INTO rejects SELECT {sql.text(unit)}, {', '.join(rules.REJECTED)} FROM ({query})")


def reject_broken(
    connection: duckdb.DuckDBPyConnection, unit: str, broken: tuple[Record, ...], file_name: str, sha256: str
) -> None:
    """Add lines that could not be split into values to the rejected rows."""
    for start in range(0, len(broken), 1000):
        part = broken[start : start + 1000]
        marks = ", ".join(f"({', '.join('?' * len(_REJECTS))})" for _ in part)
        values: list[Any] = []
        for record in part:
            line = json.dumps({"_line": record.line}, ensure_ascii=False)
            values += [unit, record.number, file_name, sha256, None, None, record.reason, record.remedy, line]
        connection.execute(f"INSERT INTO rejects VALUES {marks}", values)


@dataclass(frozen=True)
class Counts:
    """The number of a file's records by outcome."""

    accepted: int
    rejected: int
    scan: readers.Scan

    @property
    def read(self) -> int:
        """All records, each accepted or rejected."""
        return self.accepted + self.rejected + len(self.scan.broken)


def read_records(
    connection: duckdb.DuckDBPyConnection, scan: readers.Scan, load: Callable[[readers.Scan], tuple[int, int]]
) -> Counts:
    """Read a file with DuckDB; if that fails or does not account for every line, read it without broken records."""
    try:
        accepted, rejected = load(scan)
        if readers.balances(connection, scan, accepted + rejected):
            return Counts(accepted, rejected, scan)
    except duckdb.InvalidInputException:
        if scan.text is None:
            raise
    scan = readers.without_broken(scan)
    accepted, rejected = load(scan)
    return Counts(accepted, rejected, scan)


def examine(file: LandedFile, encoding: str = "utf-8") -> readers.Content:
    """Hash a file and prove its encoding; a file that cannot be opened is refused."""
    try:
        return readers.examine(file.path, encoding)
    except OSError as error:
        raise RefusedError(
            f"cannot be opened ({error.strerror}). Give the account that runs Kyoten the right to read it."
        ) from error


def unreadable(error: Exception) -> str:
    """Return an error that came up with a file as a message, so that it stops no other file.

    Lack of memory or disk is not the file's fault and stops the run, and so does a broken engine.
    """
    of_machine = (MemoryError, duckdb.OutOfMemoryException, duckdb.InternalException, duckdb.FatalException)
    if isinstance(error, of_machine) or getattr(error, "errno", 0) in _FULL or "No space left" in str(error):
        raise error
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or error}). Deliver it again."
    if isinstance(error, duckdb.Error):
        return f"cannot be read: {readers.first_line(error)}. Correct it and deliver it again."
    return str(sql.fault(f"{type(error).__name__}: {readers.first_line(error)}"))


def check_unchanged(file: LandedFile) -> None:
    """Refuse a file that is still being written."""
    try:
        status = file.path.stat()
    except OSError as error:
        raise RefusedError("was removed while it was read. Deliver it again, under its final name.") from error
    if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
        raise RefusedError("changed while it was read. Refresh again when its delivery has ended.")
