"""Held batches that a person accepts by name, in worklist/accepted_batches.csv."""

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime

from orchestration import engine
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.lake.ledger import HELD, Entry, Group
from orchestration.sources.landing import SOURCE


@dataclass(frozen=True)
class Acceptance:
    """Who accepted a batch. It is valid only for this content of the batch."""

    batch: str
    content_sha256: str
    accepted_by: str
    accepted_at: str
    reason: str


COLUMNS = [field.name for field in fields(Acceptance)]


def batch_name(group: Group) -> str:
    """Return the name of a batch in messages."""
    dataset, source, day, revision = group
    return f"{source}/{dataset}/{day}" + (f"_r{revision}" if revision > 1 else "")


def content_hash(entries: Iterable[Entry]) -> str:
    """Return a hash of a batch's files and of the rows that a mapping derives from them."""
    lines = sorted(f"{entry.file_sha256} {entry.mapping_sha256 or ''}" for entry in entries)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_acceptances(home: Home) -> dict[tuple[str, str], Acceptance]:
    """Return the acceptances by batch name and content hash; the latest counts."""
    path = home.acceptances
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            found = {}
            for row in reader:
                if missing := [column for column in COLUMNS if not row.get(column)]:
                    raise KyotenError(f"{path}, line {reader.line_num}: {', '.join(missing)} is empty. Fill it in.")
                one = Acceptance(**{column: row[column] for column in COLUMNS})
                found[one.batch, one.content_sha256] = one
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise KyotenError(f"{path} cannot be read: {error}. Save it as CSV UTF-8.") from error
    return found


def waiting(home: Home) -> dict[str, Entry]:
    """Return a ledger entry of each held batch, by the batch's name, if its files are still in landing/."""
    from orchestration.lake import ledger
    from orchestration.lake.batch import State

    with engine.connect(home) as connection:
        state = State.of(ledger.read(connection, home))
    held = [
        one
        for one in state.refused.values()
        if one.status == HELD and (one.source_name != SOURCE or (home.landing / one.file_name).exists())
    ]
    return {batch_name(entry.group): entry for entry in sorted(held, key=lambda e: (e.loaded_at, e.load_id))}


def accept(home: Home, batch: str, by: str, reason: str) -> Acceptance:
    """Record that a person accepts a held batch; the next refresh loads it.

    Raises:
        KyotenError: if no such batch is held, or if name or reason is empty.
    """
    held = waiting(home)
    if batch not in held:
        names = "".join(f"\n- {name}" for name in sorted(held)) or " none."
        raise KyotenError(f"{batch!r} is not held. Held batches:{names}")
    if not by.strip() or not reason.strip():
        raise KyotenError("State who accepts the batch, and why: make accept BATCH=… BY='your name' REASON='why'.")
    content = held[batch].batch_sha256 or ""
    accepted = Acceptance(batch, content, _line(by), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", _line(reason))
    is_new = not home.acceptances.exists()
    home.worklist.mkdir(parents=True, exist_ok=True)
    # Excel takes a CSV for UTF-8 only with a byte order mark.
    with home.acceptances.open("a", encoding="utf-8-sig" if is_new else "utf-8", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(COLUMNS)
        writer.writerow(astuple(accepted))
    return accepted


def _line(text: str) -> str:
    """Return a text as one line that a spreadsheet does not run as a formula."""
    from orchestration.spreadsheet import safe_cell

    return safe_cell(" ".join(text.split()))


def print_waiting(home: Home) -> None:
    """Print each batch that is held, and why."""
    held = waiting(home)
    for entry in held.values():
        print(f"- {entry.message}\n")
    if not held:
        print("No batch is held.")
