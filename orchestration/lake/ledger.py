"""The ledger in lake/loads/: which file was loaded when, and how many of its rows were accepted. It is written last."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args

import duckdb

from orchestration import sql
from orchestration.contract import Contract
from orchestration.home import Home
from orchestration.lake import drift
from orchestration.names.tables import TABLES as NAME_TABLES

LOADED, REPEAT, REFUSED, HELD = "loaded", "repeat", "refused", "held"
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
# orchestration/knowledge.py writes these next to the ledger: earlier states of credit, and the restatements up to them.
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
    "from_release": "VARCHAR",
    "to_release": "VARCHAR",
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
    rows = connection.execute(query).fetchall()
    return [Entry(*row) for row in rows]


def lake_file(home: Home, dataset: str, extracted_on: date, source_name: str, revision: int, sha256: str) -> Path:
    """Return the lake file of a landed file."""
    # The same content may be delivered again as a revision of its own date.
    revised = f"_r{revision}" if revision > 1 else ""
    return home.lake / "raw" / dataset / f"{extracted_on}_{source_name}{revised}_{sha256[:16]}.parquet"


def write(connection: duckdb.DuckDBPyConnection, home: Home, entries: Iterable[Entry]) -> None:
    """Append entries: one file per load, whole or not at all."""
    rows = [tuple(asdict(entry).values()) for entry in entries]
    if not rows:
        return
    connection.execute(f"CREATE OR REPLACE TEMP TABLE entries AS {sql.schema(SCHEMA)}")
    connection.execute(f"INSERT INTO entries {sql.rows(rows)}")
    sql.replace_parquet(connection, "FROM entries", home.lake / "loads" / f"{rows[0][0]}.parquet")


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
    folders |= {"known_credit": KNOWN_CREDIT, "known_restatements": KNOWN_RESTATEMENTS}
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


def forget_rejected(connection: duckdb.DuckDBPyConnection, home: Home, entries: Iterable[Entry]) -> None:
    """Remove the rejected rows of loads that a later load of the same files replaces."""
    for entry in entries:
        path = home.lake / "rejected" / f"{entry.load_id}.parquet"
        if not entry.rows_rejected or not path.exists():
            continue
        dataset = "NULL" if entry.dataset is None else sql.text(entry.dataset)
        same = [
            f"dataset IS NOT DISTINCT FROM {dataset}",
            f"source_name = {sql.text(entry.source_name)}",
            f"extracted_on = DATE '{entry.extracted_on}'",
        ]
        if entry.mapping_sha256 is None:  # a mapped dataset's rows come from several files
            same.append(f"file_name = {sql.text(entry.file_name)}")
        others = f"FROM {sql.parquet([path])} WHERE NOT ({' AND '.join(same)})"
        if sql.scalar(connection, f"SELECT count(*) {others}"):
            sql.replace_parquet(connection, f"SELECT * {others}", path)
        else:
            path.unlink()
