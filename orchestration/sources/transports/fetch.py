"""Fetches remote sources: each fetch becomes an immutable, dated folder below extracts/, complete or not at all.

Its files are then loaded like every landed file. Importing this module loads none of the libraries that fetch, so that
a refresh without a transport in the mapping stays fast.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.sources.mapping import Source, load_mapping
from orchestration.sources.transport_settings import clean
from orchestration.sources.transports.extracts import extracts, land, read_record
from orchestration.sources.transports.job import LATER, Fetched, Job

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


class FetchError(KyotenError):
    """Sources that could not be fetched, one line each."""

    @property
    def may_pass(self) -> bool:
        """Return whether a later fetch may succeed, although nobody corrects anything."""
        return LATER in str(self)


def fetch(
    home: Home,
    sources: Path | None,
    *,
    timezone: str = "Asia/Tokyo",
    say: Callable[[str], None] = print,
    is_sample: bool = False,
    is_full: bool = False,
) -> list[Path]:
    """Fetch every source that has a transport and return the new extracts; with `is_full` the cursors are ignored.

    A source that fails lands nothing and does not stop the others.

    Raises:
        FetchError: after all sources, if any of them failed.
    """
    mapping = load_mapping(sources, home=home) if sources else None
    fetched: list[Path] = []
    failures: list[str] = []
    for source in mapping.sources.values() if mapping else ():
        if source.transport is None:
            continue
        unfinished = home.extracts / ".unfinished" / source.name  # on the extracts' disk, so that a rename is enough
        shutil.rmtree(unfinished, ignore_errors=True)
        job = Job(source, {}, unfinished, {}, {}, say, is_sample, is_full)
        failure = _attempt(job, timezone, fetched)
        shutil.rmtree(unfinished, ignore_errors=True)
        if failure:
            failures.append(clean(failure, job.secrets))
            say(failures[-1])
    if failures:  # raised outside of `except`, so that no original error with a secret is attached
        raise FetchError("\n".join(failures))
    return fetched


def has_transports(home: Home) -> bool:
    """Return whether any source is fetched, so that only a fetch can show whether anything is new."""
    try:
        mapping = load_mapping(home.sources, home=home) if home.sources else None
    except KyotenError:
        return False  # ingest reports the mapping's error
    return mapping is not None and any(source.transport for source in mapping.sources.values())


def _attempt(job: Job, timezone: str, fetched: list[Path]) -> str:
    """Fetch one source; return why it failed, or empty text."""
    source, say = job.source, job.say
    assert source.transport
    try:
        job.config = _expanded(source, source.transport.config, job.secrets)
        if source.transport.kind == "remote":
            from orchestration.sources.transports.remote import fetch_remote

            fetched += fetch_remote(job, timezone)
            return ""
        day = source.extracted_on or datetime.now(ZoneInfo(timezone)).date()
        _prepare(job, day)
        if source.transport.kind == "sql":
            from orchestration.sources.transports.database import fetch_database

            found = fetch_database(job)
        else:
            from orchestration.sources.transports.api import fetch_api

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
        from orchestration.sources.transports.failures import failure_message

        return failure_message(job, error)
    return ""


def _plain(found: Mapping[str, Fetched]) -> dict[str, Any]:
    return {alias: asdict(one) for alias, one in found.items()}


def _expanded(source: Source, value: Any, secrets: dict[str, str]) -> Any:
    """Return a configuration with the values of environment variables, and record these as secrets."""

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
    """Find the cursors to begin at, from earlier days only, so that a second fetch of a day includes the first."""
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
