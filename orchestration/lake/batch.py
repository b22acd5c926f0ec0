"""One ingest run's shared state: DuckDB, the ledger's entries, the rows staged next to the lake, and the commit.

The lake does not change before everything is staged, and the ledger is written last. So an interrupted run is simply
run again. landed.py and mapped_sources.py read the files.
"""

import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration import sql
from orchestration.contract import Contract, Dataset
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.lake import ledger, readers, rules
from orchestration.lake.drift import Drift
from orchestration.lake.ledger import HELD, LOADED, REFUSED, REPEAT, Entry, Group
from orchestration.lake.records import Record
from orchestration.sources import forms
from orchestration.sources.landing import LandedFile
from orchestration.sql import RefusedError

Key = tuple[Group, str]
_REJECTS = {"unit": "VARCHAR"} | rules.REJECTED


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
    unsure: set[Group] = field(default_factory=set)  # rewritten by an interrupted commit

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
        self.started = datetime.now(UTC).replace(tzinfo=None)
        self.load_id = f"{self.started:%Y%m%dT%H%M%S%f}Z-{uuid.uuid4().hex[:6]}"
        self.staging = home.lake / ".staging"  # on the lake's disk, so that a rename is enough
        self.spill = home.build / "ingest"
        self.entries: list[Entry] = []  # entries of refused files, repeated files, and files that mappings read
        self.staged: list[Staged] = []
        self.replaced: list[Entry] = []  # earlier entries whose rows are staged again or are no longer delivered
        self.drifted: list[Drift] = []
        self.notes: list[str] = []  # what a person should know about the delivery, although it was loaded
        self.warnings: list[str] = []  # what was read in a way that a person should know
        self._labels: dict[str, Entry] = {}
        self._commit_mark = home.lake / ".commit"  # exists while a commit runs: the list of files that it writes

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open DuckDB and the folders that a run needs, and clean up afterwards."""
        folders = (self.staging, self.spill)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self.connection = sql.connect(self.spill, self.timezone)
        try:
            create_rejects(self.connection)
            self.connection.execute(forms.macros())
            ledger.write_schemas(self.connection, self.home, self.contract)
            self.state = State.of(ledger.read(self.connection, self.home))
            self._recover()
            yield
        except (duckdb.OutOfMemoryException, duckdb.IOException, OSError) as error:
            raise KyotenError(f"Ingest stopped, and the lake is as it was: {error}") from error
        finally:
            self.connection.close()
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)

    def _recover(self) -> None:
        """Repair an interrupted commit: delete files that the ledger lacks, and reread the groups that it rewrote."""
        if not self._commit_mark.exists():
            return
        written = {self.home.lake / name for name in self._commit_mark.read_text(encoding="utf-8").splitlines()}
        known = {self.lake_file(entry): entry.group for entry in self.state.loaded.values() if entry.dataset}
        self.state.unsure.update(known[path] for path in written & known.keys())
        for path in written - known.keys():
            path.unlink(missing_ok=True)
        self._commit_mark.unlink()

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
        earlier = [
            entry
            for entry in [*self.state.loaded.values(), *self.entries, *(one.entry for one in self.staged)]
            if entry.columns
            and (entry.dataset or "", entry.source_name, entry.alias) == (file.dataset, file.source_name, alias)
            and entry.extracted_on < file.extracted_on
        ]
        latest = max(earlier, key=lambda e: (e.extracted_on, e.extract_revision, e.file_name), default=None)
        return json.loads(latest.columns or "[]") if latest else None

    def report_drift(self, file: LandedFile, dataset: str | None, found: Iterable[Drift]) -> None:
        """Record the columns of a file that are new or missing."""
        of = {"source_name": file.source_name, "file_name": file.file_name, "extracted_on": file.extracted_on}
        self.drifted += [replace(one, dataset=dataset, **of) for one in found]  # type: ignore[arg-type]

    def lake_file(self, entry: Entry) -> Path:
        """Return the path of an entry's rows in the lake."""
        assert entry.dataset and entry.file_sha256
        return ledger.lake_file(
            self.home, entry.dataset, entry.extracted_on, entry.source_name, entry.extract_revision, entry.file_sha256
        )

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
        nothing = {"rows_read": 0, "rows_accepted": 0, "rows_rejected": 0, "rows_derived": 0, "rows_folded": None}
        nothing |= {"rows_undecided": None, "rows_not_data": None, "columns": None}
        for one in held:
            del self._labels[str(one.path)]
        for one in fresh or held:
            changed = {"status": HELD, "message": message, "batch_sha256": content}
            self.entries.append(replace(one.entry, **nothing, **changed))  # type: ignore[arg-type]

    def say(self, messages: Iterable[str]) -> None:
        """Note what was read in a way that a person should know."""
        self.warnings += messages

    def note(self, group: Group, message: str) -> None:
        """Record a message about a batch in the ledger."""
        for one in self.staged:
            if one.entry.group == group:
                one.entry = replace(one.entry, message="; ".join(filter(None, [one.entry.message, message])))

    def commit(self) -> None:
        """Move the staged rows into the lake; the ledger is written last."""
        changed = [one for one in self.staged if one.changed]
        rejected = self.home.lake / "rejected" / f"{self.load_id}.parquet"
        written = [*(self.lake_file(one.entry) for one in changed), rejected]
        self._commit_mark.write_text("".join(f"{p.relative_to(self.home.lake)}\n" for p in written), encoding="utf-8")
        current = {self.lake_file(one.entry) for one in self.staged}
        for one in changed:
            target = self.lake_file(one.entry)
            target.parent.mkdir(parents=True, exist_ok=True)
            one.path.replace(target)
        for entry in self.replaced:
            if entry.dataset and (path := self.lake_file(entry)) not in current:
                path.unlink(missing_ok=True)
        dropped = {str(one.path) for one in self.staged if not one.changed}
        self._write_rejected({unit: e for unit, e in self._labels.items() if unit not in dropped}, rejected)
        ledger.forget_rejected(self.connection, self.home, self.replaced)
        self.entries += [one.entry for one in changed]
        reported = {(e.source_name, e.file_name, e.extracted_on) for e in self.entries if self._is_reported(e)}
        drifted = [one for one in self.drifted if (one.source_name, one.file_name, one.extracted_on) not in reported]
        ledger.write_drift(self.connection, self.home, self.load_id, drifted, self.started)
        ledger.write(self.connection, self.home, [e for e in self.entries if not self._is_reported(e)])
        self._commit_mark.unlink()

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


def unreadable(error: duckdb.Error) -> str:
    """Return DuckDB's error about a file as a message; a full disk is not the file's fault and stops the run."""
    if "No space left" in str(error):
        raise error
    return f"cannot be read: {readers.first_line(error)}. Correct it and deliver it again."


def check_unchanged(file: LandedFile) -> None:
    """Refuse a file that is still being written."""
    status = file.path.stat()
    if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
        raise RefusedError("changed while it was read. Refresh again when its delivery has ended.")
