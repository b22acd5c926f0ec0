"""Fetches what lies elsewhere: each fetch becomes an immutable, dated folder below extracts/, whole or not at all.

From there it goes the way of every landed file. Importing this loads none of the libraries that fetch: without a
transport in the mapping a refresh must not pay for them.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.ingest.landing import extract_of
from orchestration.ingest.mapping import Source, load_mapping
from orchestration.ingest.transport import clean

RECORD = ".extract.json"
SAMPLE_ROWS = 100
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


class FetchError(KyotenError):
    """Sources that could not be fetched, a line each."""


@dataclass(frozen=True)
class Fetched:
    """One table or resource of an extract. `cursor` is the last value of the column that tells what changed."""

    rows: int
    columns: tuple[str, ...]
    cursor_column: str = ""
    cursor: Any = None


@dataclass
class Job:
    """One source's fetch: where it writes, where it begins, and what must not be told."""

    source: Source
    config: Mapping[str, Any]
    folder: Path
    since: Mapping[str, Any]  # by alias, the cursor's value to begin at
    columns: Mapping[str, tuple[str, ...]]  # by alias, the columns that are known without a row
    say: Callable[[str], None]
    is_sample: bool = False
    is_full: bool = False
    at: str = ""
    secrets: dict[str, str] = field(default_factory=dict)  # value: what is told instead

    def begin(self, alias: str) -> None:
        """Say what is fetched now; an error that follows is this one's."""
        self.at = alias
        self.say(f"fetching {alias} of {self.source.name}")


def fetch(
    home: Home,
    sources: Path | None,
    *,
    timezone: str = "Asia/Tokyo",
    say: Callable[[str], None] = print,
    is_sample: bool = False,
    is_full: bool = False,
) -> list[Path]:
    """Fetch every source that has a transport and return the new extracts; if `is_full`, whatever the cursors say.

    A source that fails lands nothing and does not stop the others; in the end all that failed are told in one error.
    """
    mapping = load_mapping(sources, home=home) if sources else None
    fetched: list[Path] = []
    failures: list[str] = []
    for source in mapping.sources.values() if mapping else ():
        if source.transport is None:
            continue
        unfinished = home.extracts / ".unfinished" / source.name  # beside the extracts, so that a rename is enough
        shutil.rmtree(unfinished, ignore_errors=True)
        job = Job(source, {}, unfinished, {}, {}, say, is_sample, is_full)
        failure = _attempt(job, timezone, fetched)
        shutil.rmtree(unfinished, ignore_errors=True)
        if failure:
            failures.append(clean(failure, job.secrets))
            say(failures[-1])
    if failures:  # raised here, where no exception is being handled whose text might follow
        raise FetchError("\n".join(failures))
    return fetched


def has_transports(home: Home) -> bool:
    """Say whether anything lies elsewhere, so that only a fetch can tell whether it is new."""
    try:
        mapping = load_mapping(home.sources, home=home) if home.sources else None
    except KyotenError:
        return False  # ingest says what is wrong with the mapping
    return mapping is not None and any(source.transport for source in mapping.sources.values())


def _attempt(job: Job, timezone: str, fetched: list[Path]) -> str:
    """Fetch one source; return why it failed, or nothing."""
    source, say = job.source, job.say
    assert source.transport
    try:
        job.config = _expanded(source, source.transport.config, job.secrets)
        if source.transport.kind == "remote":
            from orchestration.transports.remote import fetch_remote

            fetched += fetch_remote(job, timezone)
            return ""
        day = source.extracted_on or datetime.now(ZoneInfo(timezone)).date()
        _prepare(job, day)
        if source.transport.kind == "sql":
            from orchestration.transports.database import fetch_database

            found = fetch_database(job)
        else:
            from orchestration.transports.api import fetch_api

            found = fetch_api(job)
        record = {"fetched_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "aliases": _plain(found)}
        if folder := land(job.folder, source.path, day, record):
            fetched.append(folder)
            rows = sum(one.rows for one in found.values())
            say(f"fetched {rows:,} rows of {source.name} into {folder.name}")
        else:
            say(f"{source.name} has nothing new since {day}")
    except KyotenError as error:
        return str(error)
    except Exception as error:
        from orchestration.transports.telling import told

        return told(job, error)
    return ""


def _plain(found: Mapping[str, Fetched]) -> dict[str, Any]:
    return {alias: asdict(one) for alias, one in found.items()}


def _expanded(source: Source, value: Any, secrets: dict[str, str]) -> Any:
    """Return a configuration with the environment's values in it, and remember them as secrets."""

    def expand(match: re.Match[str]) -> str:
        found = os.environ.get(match["name"])
        if found:
            secrets[found] = match[0]
            before, after = match.string[: match.start()], match.string[match.end() :]
            return quote(found, safe="") if "://" in before and "@" in after else found  # a URL's user or password
        if match["default"] is None:
            assert source.transport
            raise source.transport.place.error(f"the environment variable {match['name']} is not set. Set it.")
        return match["default"]

    if isinstance(value, dict):
        return {key: _expanded(source, item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(source, item, secrets) for item in value]
    return _VARIABLE.sub(expand, value) if isinstance(value, str) else value


def _prepare(job: Job, day: date) -> None:
    """Find where to begin: what earlier days landed says it, so that a second fetch of a day holds all of the first."""
    assert job.source.transport
    since: dict[str, Any] = {}
    columns: dict[str, tuple[str, ...]] = {}
    for on, _, folder in sorted(extracts(job.source.path)):
        for alias, entry in read_record(folder).get("aliases", {}).items():
            if entry["columns"]:
                columns[alias] = tuple(entry["columns"])
            known = entry["cursor_column"] == job.source.transport.cursors.get(alias)
            if on < day and known and entry["cursor"] is not None and not job.is_full:
                since[alias] = entry["cursor"]
    for spec in job.source.datasets.values():
        if spec.alias and spec.columns:
            columns.setdefault(spec.alias, tuple(dict.fromkeys(spec.columns.values())))
    job.since, job.columns = since, columns
    job.folder.mkdir(parents=True)


def extracts(folder: Path) -> Iterator[tuple[date, int, Path]]:
    """List a source's extracts: date, revision and folder."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if found := extract_of(path.name):
            yield *found, path


def read_record(folder: Path) -> dict[str, Any]:
    """Return what an extract says of itself."""
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def land(unfinished: Path, source: Path, day: date, record: Mapping[str, Any]) -> Path | None:
    """Make a finished fetch the newest extract of its date; None where it is the same as the newest."""
    revisions = {revision: folder for on, revision, folder in extracts(source) if on == day}
    newest = max(revisions, default=0)
    made = unfinished / RECORD
    made.write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
    if newest and _contents(revisions[newest]) == _contents(unfinished):
        made.replace(revisions[newest] / RECORD)
        return None
    target = source / (f"{day}_r{newest + 1}" if newest else str(day))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished.rename(target)
    return target


def _contents(folder: Path) -> dict[str, str]:
    import hashlib

    contents = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != RECORD:
            with path.open("rb") as file:
                contents[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
    return contents
