"""The ledger in lake/loads/: which file was loaded when, and how many of its rows were accepted. It is written last."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args

import duckdb

from orchestration import sql
from orchestration.contract import Contract
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.lake import drift
from orchestration.names.tables import TABLES as NAME_TABLES

LOADED, REPEAT, REFUSED, HELD, REPLACED = "loaded", "repeat", "refused", "held", "replaced"
Group = tuple[str | None, str, date, int]
REJECTED = {
    "dataset": "VARCHAR",
    "source_name": "VARCHAR",
    "file_name": "VARCHAR",
    "file_sha256": "VARCHAR",
    "row_number": "BIGINT",
    "extracted_on": "DATE",
    "column_name": "VARCHAR",
    "value": "VARCHAR",
    "reason": "VARCHAR",
    "remedy": "VARCHAR",
    "raw_row": "VARCHAR",
    "loaded_at": "TIMESTAMP",
}
# orchestration/knowledge.py writes these next to the ledger: earlier states of credit, the restatements up to them, and
# the logs of deals and branches.
KNOWN_CREDIT = {
    "deal_id": "VARCHAR",
    "month": "DATE",
    "branch_id": "VARCHAR",
    "amount": "DECIMAL(18,2)",
    "has_revenue": "BOOLEAN",
    "is_counted": "BOOLEAN",
    "rung": "VARCHAR",
    "parent_branch_id": "VARCHAR",
    "override_branch_id": "VARCHAR",
    "claims_hash": "VARCHAR",
    "money_hash": "VARCHAR",
    "names_hash": "VARCHAR",
    "as_of": "DATE",
    "known_on": "DATE",
    "step_cause": "VARCHAR",
}
KNOWN_RESTATEMENTS = {
    "deal_id": "VARCHAR",
    "month": "DATE",
    "change_number": "INTEGER",
    "from_branch_id": "VARCHAR",
    "from_amount": "DECIMAL(18,2)",
    "from_rung": "VARCHAR",
    "from_is_counted": "BOOLEAN",
    "to_branch_id": "VARCHAR",
    "to_amount": "DECIMAL(18,2)",
    "to_rung": "VARCHAR",
    "to_is_counted": "BOOLEAN",
    "amount": "DECIMAL(18,2)",
    "cause": "VARCHAR",
    "from_known_on": "DATE",
    "to_known_on": "DATE",
}
KNOWN_DEALS = {
    "deal_id": "VARCHAR",
    "step_number": "INTEGER",
    "previous_step_number": "INTEGER",
    "known_on": "DATE",
    "step_cause": "VARCHAR",
    "event_number": "INTEGER",
    "branch_id": "VARCHAR",
    "branch_cause": "VARCHAR",
    "is_counted": "BOOLEAN",
    "open_on": "DATE",
    "qualified_on": "DATE",
    "first_won_on": "DATE",
    "lost_on": "DATE",
    "won_on": "DATE",
    "expected_close_on": "DATE",
    "amount": "DECIMAL(18,2)",
    "amount_in_currency": "DECIMAL(18,4)",
    "currency": "VARCHAR",
    "event_id": "VARCHAR",
    "recognized_on": "DATE",
    "event_amount": "DECIMAL(18,2)",
    "record_hash": "VARCHAR",
}
KNOWN_BRANCHES = {
    "branch_id": "VARCHAR",
    "step_number": "INTEGER",
    "previous_step_number": "INTEGER",
    "known_on": "DATE",
    "step_cause": "VARCHAR",
    "branch_id_current": "VARCHAR",
    "share": "DOUBLE",
    "weight_rank": "INTEGER",
    "division_id": "VARCHAR",
    "partner_id": "VARCHAR",
    "place_text": "VARCHAR",
}
# By the names of their folders.
KNOWLEDGE = {
    "known_credit": KNOWN_CREDIT,
    "known_restatements": KNOWN_RESTATEMENTS,
    "known_deals": KNOWN_DEALS,
    "known_branches": KNOWN_BRANCHES,
}
_TYPES: dict[Any, str] = {int: "BIGINT", str: "VARCHAR", date: "DATE", datetime: "TIMESTAMP"}


@dataclass(frozen=True)
class Entry:
    """One row of the ledger. Always rows_read + rows_derived = rows_accepted + rows_rejected.

    A file that a mapping reads has an entry without a dataset: its records are accepted or rejected as records. A
    dataset that the mapping derives from files has an entry of its own, whose rows are derived.

    rows_undecided counts the accepted rows without a decision; null if the dataset has no worklist.
    rows_not_data counts lines that are no record, such as totals; rows_read does not include them.
    alias is the mapping's name for a file, and columns the names in its header as a JSON list.
    batch_sha256 is the content hash of all files of a held batch.
    lake_file is the name of the file with the accepted rows, below raw/<dataset>/; null where there are none.
    """

    load_id: str
    dataset: str | None
    source_name: str
    file_name: str
    file_size: int | None
    file_mtime_ns: int | None
    file_sha256: str | None
    extracted_on: date
    extract_revision: int
    extract_mode: str | None
    contract_version: int
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    rows_derived: int
    rows_folded: int | None
    rows_undecided: int | None
    status: str
    message: str
    loaded_at: datetime
    mapping_sha256: str | None = None
    rows_not_data: int | None = None
    alias: str | None = None
    columns: str | None = None
    batch_sha256: str | None = None
    lake_file: str | None = None

    def __post_init__(self) -> None:
        """Refuse an entry that lost or invented a row."""
        if self.rows_read + self.rows_derived != self.rows_accepted + self.rows_rejected:
            raise AssertionError(
                f"{self.file_name}: {self.rows_read} rows read and {self.rows_derived} derived, "
                f"but {self.rows_accepted} accepted and {self.rows_rejected} rejected"
            )

    @property
    def group(self) -> Group:
        """The batch to which the file belongs; keys must be unique within it."""
        return self.dataset, self.source_name, self.extracted_on, self.extract_revision


def _schema() -> dict[str, str]:
    types = {f.name: _TYPES[(get_args(f.type) or (f.type,))[0]] for f in fields(Entry)}  # "int | None" becomes int
    return types | {"extract_revision": "INTEGER", "contract_version": "INTEGER"}


SCHEMA = _schema()


def read(connection: duckdb.DuckDBPyConnection, home: Home) -> list[Entry]:
    """Return all entries, oldest first."""
    paths = sorted((home.lake / "loads").glob("*.parquet"))  # with _schema.parquet: columns added since are null
    if not paths:
        return []
    query = f"SELECT {', '.join(SCHEMA)} FROM {sql.parquet(paths)} ORDER BY loaded_at, load_id, dataset, file_name"
    try:
        rows = connection.execute(query).fetchall()
    except duckdb.Error as error:
        for path in paths:
            try:
                connection.execute(f"SELECT count(*) FROM {sql.parquet([path])}")
            except duckdb.Error:
                raise KyotenError(
                    f"The ledger's file {path} cannot be read. Without it the content of the lake is unknown: restore "
                    "it from a backup."
                ) from error
        raise
    return [Entry(*row) for row in rows]


def lake_name(entry: Entry, path: Path) -> str:
    """Return the name of an entry's lake file: written once, because it contains the hash of the file's content."""
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return _name_in_lake(entry, content)


def _name_in_lake(entry: Entry, content: str) -> str:
    revised = f"_r{entry.extract_revision}" if entry.extract_revision > 1 else ""
    return f"{entry.extracted_on}_{entry.source_name}{revised}_{content[:16]}.parquet"


def lake_file(home: Home, entry: Entry) -> Path:
    """Return the path of an entry's rows in the lake."""
    assert entry.dataset and entry.file_sha256
    # Before 0.2.0 the name had the hash of the delivered content, and the ledger did not have the name.
    return home.lake / "raw" / entry.dataset / (entry.lake_file or _name_in_lake(entry, entry.file_sha256))


def load_file(home: Home, load_id: str) -> Path:
    """Return the path of a load's entries."""
    return home.lake / "loads" / f"{load_id}.parquet"


def write(connection: duckdb.DuckDBPyConnection, home: Home, entries: Iterable[Entry]) -> None:
    """Append entries: one file per load, whole or not at all."""
    rows = [tuple(asdict(entry).values()) for entry in entries]
    if not rows:
        return
    connection.execute(f"CREATE OR REPLACE TEMP TABLE entries AS {sql.schema(SCHEMA)}")
    connection.execute(f"INSERT INTO entries {sql.rows(rows)}")
    sql.replace_parquet(connection, "FROM entries", load_file(home, rows[0][0]))


def write_drift(
    connection: duckdb.DuckDBPyConnection, home: Home, load_id: str, found: Iterable[drift.Drift], at: datetime
) -> None:
    """Write the columns that are new or missing in a load."""
    rows = sorted({(*asdict(one).values(), at) for one in found}, key=repr)
    if not rows:
        return
    connection.execute(f"CREATE OR REPLACE TEMP TABLE drifted AS {sql.schema(drift.SCHEMA)}")
    connection.execute(f"INSERT INTO drifted {sql.rows(rows)}")
    sql.replace_parquet(connection, "FROM drifted", home.lake / "drift" / f"{load_id}.parquet")


def write_schemas(connection: duckdb.DuckDBPyConnection, home: Home, contract: Contract) -> None:
    """Write files without rows, so that a dataset without files is an empty table with the present columns."""
    folders = {f"raw/{dataset.name}": dataset.lake_columns for dataset in contract.datasets.values()}
    folders |= {"loads": SCHEMA, "rejected": REJECTED, "drift": drift.SCHEMA}
    folders |= NAME_TABLES
    folders |= KNOWLEDGE
    schemas = {home.lake / folder / "_schema.parquet": columns for folder, columns in folders.items()}
    present: dict[Path, dict[str, str]] = defaultdict(dict)
    if paths := [str(path) for path in schemas if path.exists()]:
        query = f"SELECT file_name, name, duckdb_type FROM parquet_schema([{sql.texts(paths)}])"
        for path, name, type_ in connection.execute(query).fetchall():
            if type_:  # the root of a schema has none
                present[Path(path)][name] = type_
    for path, columns in schemas.items():
        if list(present[path].items()) != list(columns.items()):
            sql.replace_parquet(connection, sql.schema(columns), path)


@dataclass(frozen=True)
class Forgotten:
    """The rejected rows of an earlier load of a file, or of all files of a mapped dataset (without file_name)."""

    load_id: str
    dataset: str | None
    source_name: str
    extracted_on: str
    file_name: str | None

    @classmethod
    def of(cls, entry: Entry) -> "Forgotten":
        """Return what an entry's load rejected."""
        file_name = entry.file_name if entry.mapping_sha256 is None else None
        return cls(entry.load_id, entry.dataset, entry.source_name, str(entry.extracted_on), file_name)


def forget_rejected(connection: duckdb.DuckDBPyConnection, home: Home, forgotten: Iterable[Forgotten]) -> None:
    """Remove the rejected rows of loads that a later load of the same files replaced."""
    for one in forgotten:
        path = home.lake / "rejected" / f"{one.load_id}.parquet"
        if not path.exists():
            continue
        same = [
            f"dataset IS NOT DISTINCT FROM {sql.value(one.dataset)}",
            f"source_name = {sql.text(one.source_name)}",
            f"extracted_on = DATE '{one.extracted_on}'",
        ]
        if one.file_name is not None:
            same.append(f"file_name = {sql.text(one.file_name)}")
        others = f"FROM {sql.parquet([path])} WHERE NOT ({' AND '.join(same)})"
        if sql.scalar(connection, f"SELECT count(*) {others}"):
            sql.replace_parquet(connection, f"SELECT * {others}", path)
        else:
            path.unlink()
