"""States of credit by extract date, so that restatements follow from extracts and not from refreshes.

The model attribution.restatements compares the credit of a build with lake/known_credit, the state before it, and adds
to the earlier restatements in lake/known_restatements. In the same way int_deal_log and int_branch_log add what changed
to the logs of all earlier extracts, lake/known_deals and lake/known_branches. This module chooses that state and writes
it there. The state was saved by the last verified build, or is built in a scratch database from the extracts up to its
day. Only the SQL defines what a restatement or a change is.

    lake/knowledge/<extract date>_<written at>/{credit, restatements, deals, branches}.parquet, state.json
                                                                                          the latest states
    lake/known_{credit, restatements, deals, branches}/state.parquet      what the next build reads

A state is valid as long as the extracts up to its day are the same. After a late extract, the states from its day on
are built again. If rules or software have changed since, a separate step rebuilds the same day under today's rules, so
that the steps after it show only what extracts changed. History made under earlier rules stays as it was recorded.
"""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine, spark, warehouse
from orchestration.home import PROJECT, Home
from orchestration.scratch import Plan, compile_models
from orchestration.sql import text

if TYPE_CHECKING:
    import duckdb

    from orchestration.lake.ledger import Entry

STATES_KEPT = 5
SCRATCH = "knowledge"  # the folder below build/ in which an earlier state is built
CREDIT, RESTATEMENTS = "int_known_credit", "restatements"
DEALS, BRANCHES = "int_deal_log", "int_branch_log"
TABLES = {
    "credit": f"intermediate.{CREDIT}",
    "restatements": f"attribution.{RESTATEMENTS}",
    "deals": f"intermediate.{DEALS}",
    "branches": f"intermediate.{BRANCHES}",
}
COMPARED = [CREDIT, DEALS, BRANCHES]  # what the extracts and rules of a state decide
BUILT = [RESTATEMENTS, DEALS, BRANCHES]  # with what these read, all tables of a state
NAMES = "orchestration/names"  # reads names before SQL does
RENAMED = {"from_release": "from_known_on", "to_release": "to_known_on"}  # texts in states of before 0.2.0


@dataclass(frozen=True)
class Rules:
    """Hashes of everything besides the extracts that decides credit."""

    rules: str  # the ladder, the other seeds, the vars that the SQL reads
    software: str  # that SQL, the Python that reads names, and the engine

    @classmethod
    def of(cls, manifest: Mapping[str, Any], home: Home) -> "Rules":
        """Hash the inputs of the credit model."""
        code = sorted(_code(manifest, Plan.of(manifest, home).ancestors(COMPARED)))
        asked = {name for one in code for name in re.findall(r"""\bvar\(\s*['"](\w+)['"]""", one)}
        values = {name: value for name, value in warehouse.variables().items() if name in asked}
        seeds = [str(path.relative_to(PROJECT)) for path in (PROJECT / "seeds").glob("*.csv")]
        return cls(
            rules=_hash([warehouse.content_hash(seeds), json.dumps(values, sort_keys=True)]),
            software=_hash([*code, warehouse.content_hash([NAMES]), *_engines()]),
        )

    def step_to(self, now: "Rules") -> str | None:
        """Return why credit of one day may differ between these rules and the present ones, or None if it cannot."""
        if self.software != now.software:
            return "SOFTWARE"
        return "LADDER" if self.rules != now.rules else None


@dataclass(frozen=True)
class State:
    """Credit according to the extracts up to a day, and the restatements up to that day, in a folder."""

    folder: Path
    known_on: date
    inputs: str
    rules: Rules

    @classmethod
    def read(cls, folder: Path) -> "State":
        """Return the state that a folder holds."""
        record = json.loads((folder / "state.json").read_text())
        return cls(folder, date.fromisoformat(record["known_on"]), record["inputs"], Rules(**record["rules"]))

    def is_whole(self) -> bool:
        """Return whether the folder has all tables; an earlier version of the project wrote fewer."""
        return all((self.folder / f"{name}.parquet").exists() for name in TABLES)


def stored_states(folder: Path) -> list[State]:
    """Return the states in a folder, oldest first; of two for one day only the one that was written last."""
    stored = [State.read(path.parent) for path in sorted(folder.glob("[!u]*/state.json"))]
    return list({state.known_on: state for state in stored}.values())


def latest_state(home: Home) -> Path | None:
    """Return the folder of the state that the last verified build has left; None without one."""
    whole = [state.folder for state in stored_states(home.lake / "knowledge") if state.is_whole()]
    return whole[-1] if whole else None


def known_rows(home: Home) -> dict[str, int]:
    """Return the number of rows of each table that the next build reads."""
    with engine.connect(home) as connection:
        counted = f"select sum(num_rows)::bigint from parquet_file_metadata({text(f'{home.lake}/known_@/*.parquet')})"
        found = {name: connection.execute(counted.replace("@", name)).fetchone() for name in TABLES}
    return {f"known_{name}": row[0] if row else 0 for name, row in found.items()}


def extract_days(entries: Iterable["Entry"], datasets: set[str]) -> dict[date, str]:
    """Return the extract dates from the first one with deals on, each with the hash of these datasets up to it."""
    loaded = [entry for entry in entries if entry.dataset]
    first = min((entry.extracted_on for entry in loaded if entry.dataset == "deals"), default=None)
    days: dict[date, str] = {}
    for day in sorted({entry.extracted_on for entry in loaded if first and entry.extracted_on >= first}):
        files = {
            f"{entry.dataset} {entry.extracted_on} {entry.source_name} {entry.extract_revision} {entry.file_sha256}"
            for entry in loaded
            if entry.dataset in datasets and entry.extracted_on <= day
        }
        days[day] = _hash(sorted(files))
    return days


class Knowledge:
    """The states of a home that are valid for the present project and extracts."""

    def __init__(self, home: Home) -> None:
        """Read the project and the ledger, and delete the states that are no longer valid."""
        from orchestration.lake import batch, ledger

        manifest = warehouse.read_manifest(home)
        self.home, self.folder = home, home.lake / "knowledge"
        self.now = Rules.of(manifest, home)
        with engine.connect(home) as connection:
            loaded = batch.State.of(ledger.read(connection, home)).loaded.values()
        self.days = extract_days(loaded, Plan.of(manifest, home).datasets(COMPARED))
        for state in self.states():
            if self.days.get(state.known_on) != state.inputs or not state.is_whole():
                _delete(state.folder)
        kept = {state.folder for state in self.states()}
        for folder in set(self.folder.glob("*")) - kept:  # of a run that was killed
            _delete(folder)
        shutil.rmtree(home.build / SCRATCH, ignore_errors=True)  # of such a run, too

    def states(self) -> list[State]:
        """Return the stored states, oldest first."""
        return stored_states(self.folder)

    def prepare(self, progress: Callable[[str], None]) -> None:
        """Write the state before the coming build into the lake; first build the earlier states that are missing."""
        state = next(reversed(self.states()), None)
        days = list(self.days)
        missing = [day for day in days[:-1] if state is None or day > state.known_on]
        if state and state.known_on != days[-1] and state.rules != self.now:
            progress(f"knowledge: credit as known on {state.known_on}, under today's rules")
            state = self.build(state, state.known_on)
        for number, day in enumerate(missing, start=1):
            if state and state.inputs == self.days[day]:
                state = self.keep_until(state, day)
            else:
                progress(f"knowledge: credit as known on {day} ({number} of {len(missing)} earlier extract dates)")
                state = self.build(state, day)
        self.leave(state, days[-1] if days else None)

    def save(self) -> None:
        """Keep the working database, which was verified, as the state of the latest extract."""
        if self.days:
            with engine.connect(self.home, self.home.database, read_only=True) as connection:
                self.keep(max(self.days), TABLES, connection)

    def build(self, before: State | None, day: date) -> State:
        """Build the state of a day in a scratch database and keep it."""
        self.leave(before, day)
        folder = self.home.build / SCRATCH
        build = self._build_on_spark if warehouse.on_spark() else self._build
        with build(folder, day) as connection:
            state = self.keep(day, TABLES, connection)
        shutil.rmtree(folder)
        return state

    def _build(self, folder: Path, day: date) -> "duckdb.DuckDBPyConnection":
        return compile_models(self.home).build(folder, BUILT, known_on=day)

    def _build_on_spark(self, folder: Path, day: date) -> "duckdb.DuckDBPyConnection":
        models = ["build", "--exclude-resource-type", "test", "unit_test", "--select", *(f"+{one}" for one in BUILT)]
        spark.build(self.home, models, folder=folder, variables={"known_on": str(day)})
        database = folder / self.home.database.name
        spark.expose(self.home, database, spark.builds(self.home, folder)[-1])
        return engine.opened(self.home, database, read_only=True)

    def keep_until(self, state: State, day: date) -> State:
        """Keep a state as that of a later day, up to which no extract changed credit: only "today" is later."""
        as_of = min(filter(None, [str(warehouse.var("as_of") or ""), str(day)]))
        tables = {name: _rows(state.folder / f"{name}.parquet") for name in TABLES}
        tables["credit"] = f"(select * replace (date '{as_of}' as as_of) from {tables['credit']})"
        with engine.connect(self.home) as connection:
            return self.keep(day, tables, connection)

    def leave(self, state: State | None, day: date | None) -> None:
        """Write a state into the lake for the build of a day: credit, its day, and changes other than extracts."""
        files = {name: self.home.lake / f"known_{name}" / "state.parquet" for name in TABLES}
        if state is None:
            for file in files.values():
                file.unlink(missing_ok=True)
            return
        cause = state.rules.step_to(self.now) if state.known_on == day else None
        columns_added = {"known_on": f"date '{state.known_on}'", "step_cause": _literal(cause)}
        columns = "".join(f", {value} as {column}" for column, value in columns_added.items())
        with engine.connect(self.home) as connection:
            for name, file in files.items():
                added = columns if name == "credit" else ""
                rows = _rows(state.folder / f"{name}.parquet")
                _write(f"select {_columns(rows, connection)}{added} from {rows}", file, connection)

    def keep(self, day: date, tables: Mapping[str, str], connection: "duckdb.DuckDBPyConnection") -> State:
        """Store tables as the state of a day, in place of an earlier state of that day, and delete the oldest."""
        before = self.states()
        aside, folder = self.folder / "unfinished", self.folder / f"{day}_{time.time_ns()}"
        shutil.rmtree(aside, ignore_errors=True)
        for name, rows in tables.items():
            _write(f"from {rows}", aside / f"{name}.parquet", connection)
        record = {"known_on": str(day), "inputs": self.days[day], "rules": asdict(self.now)}
        (aside / "state.json").write_text(json.dumps(record))
        aside.rename(folder)
        others = [state for state in before if state.known_on != day]
        oldest = others[: max(0, len(others) + 1 - STATES_KEPT)]
        for state in [one for one in before if one.known_on == day] + oldest:
            _delete(state.folder)
        return State.read(folder)


def _code(manifest: Mapping[str, Any], nodes: Iterable[dict[str, Any]]) -> set[str]:
    """Return the SQL of models and of the project's macros that they use."""
    code, wanted = set(), set()
    for node in nodes:
        code.add(node.get("raw_code") or "")
        wanted.update(node["depends_on"].get("macros", []))
    used: set[str] = set()
    while wanted := {key for key in wanted if key.startswith("macro.kyoten.")} - used:
        used |= wanted
        wanted = {more for key in wanted for more in manifest["macros"][key]["depends_on"]["macros"]}
    # dbt does not record which macro adapter.dispatch chooses.
    engine = "spark" if warehouse.on_spark() else "duckdb"
    dispatched = {key for key in manifest["macros"] if re.fullmatch(rf"macro\.kyoten\.(default|{engine})__\w+", key)}
    return code | {manifest["macros"][key]["macro_sql"] for key in used | dispatched}


def _engines() -> list[str]:
    """Return the versions of what hashes rows: the hashes of two engines differ for the same rows."""
    return [version("duckdb"), *warehouse.spark_version().values()]


def _delete(folder: Path) -> None:
    """Delete a state; without state.json first, a run after a kill does not take the rest for a state."""
    (folder / "state.json").unlink(missing_ok=True)
    shutil.rmtree(folder)


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _literal(value: str | None) -> str:
    return "cast(null as varchar)" if value is None else text(value)


def _rows(path: Path) -> str:
    return f"read_parquet({text(str(path))})"


def _columns(rows: str, connection: "duckdb.DuckDBPyConnection") -> str:
    names = [name for name, *_ in connection.execute(f"describe from {rows}").fetchall()]
    return ", ".join(f"cast({name} as date) as {RENAMED[name]}" if name in RENAMED else name for name in names)


def _write(query: str, path: Path, connection: "duckdb.DuckDBPyConnection") -> None:
    """Write Parquet under another name and rename it: a reader finds the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    connection.execute(f"copy ({query}) to {text(str(unfinished))} (format parquet)")
    unfinished.replace(path)
