"""Fetches the files of a remote folder by any fsspec URL; the files of each extract date become one extract.

A file's date is the date in its name, else the day on which it was written. If a file is new or has changed, all files
of its date are fetched again, into the next revision. A file that is deleted remotely stays in its extract.
"""

import fnmatch
import shutil
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import fsspec

from orchestration.errors import KyotenError
from orchestration.sources.landing import REVISION, date_in
from orchestration.sources.transports.extracts import extracts, land, read_record
from orchestration.sources.transports.job import Job

_VERSIONS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")


def fetch_remote(job: Job, timezone: str) -> list[Path]:
    """Fetch new and changed files and return the new extracts."""
    system, root = fsspec.core.url_to_fs(job.config["url"], **job.config["options"])
    system.invalidate_cache()
    days: dict[date, dict[str, dict[str, Any]]] = defaultdict(dict)
    for pattern in _patterns(job):
        for path, info in system.glob(f"{root.rstrip('/')}/{pattern}", detail=True).items():
            name = path.removeprefix(root.rstrip("/")).lstrip("/")
            if info["type"] == "file" and not PurePosixPath(name).name.startswith((".", "~$")):
                days[_day(job, system, path, name, timezone)][name] = info
    if not days:
        where = f"no file at {job.config['url']} matches {', '.join(_patterns(job))}"
        raise KyotenError(f"{job.source.name} was not fetched: {where}. Correct one of them, or deliver the file.")
    if job.is_sample:
        days = {max(days): days[max(days)]}
    fetched = []
    for day, found in sorted(days.items()):
        if folder := _fetch(job, system, root, day, found):
            job.say(f"fetched {len(found):,} files of {job.source.name} into {folder.name}")
            fetched.append(folder)
    return fetched


def _patterns(job: Job) -> list[str]:
    return sorted({p.removeprefix("*/") for alias in job.source.files.values() for p in alias.patterns})


def _day(job: Job, system: Any, path: str, name: str, timezone: str) -> date:
    job.at = name
    if ".." in PurePosixPath(name).parts:
        raise ValueError("the name leads out of its folder. Rename the file")
    if day := job.source.extracted_on or date_in(Path(name)):
        return day
    try:
        written: datetime = system.modified(path)
    except NotImplementedError:
        raise ValueError("its date is unknown. Put it into the file's name, or state extracted_on") from None
    return (written if written.tzinfo else written.replace(tzinfo=UTC)).astimezone(ZoneInfo(timezone)).date()


def _fetch(job: Job, system: Any, root: str, day: date, found: dict[str, dict[str, Any]]) -> Path | None:
    newest = max((e for e in extracts(job.source.path) if e[0] == day), default=None)
    before = newest[2] if newest else None
    recorded = read_record(before).get("files", {}) if before else {}
    seen = {name: _version(info) for name, info in found.items()}
    if all(recorded.get(name) == version for name, version in seen.items()):
        return None
    for name in _counting(job, seen.keys() | recorded.keys()):
        target = job.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if before and (before / name).exists() and recorded.get(name) == seen.get(name, recorded.get(name)):
            shutil.copy2(before / name, target)
            continue
        job.begin(name)
        system.get_file(f"{root.rstrip('/')}/{name}", str(target))
        if (size := found[name].get("size")) is not None and target.stat().st_size != size:
            raise ConnectionError(f"{target.stat().st_size:,} of {size:,} bytes came")
    folder = land(job.folder, job.source.path, day, {"files": recorded | seen})
    shutil.rmtree(job.folder, ignore_errors=True)
    return folder


def _counting(job: Job, names: Any) -> list[str]:
    """Return the files, except where a later revision, stated in the name, replaces one."""
    counting = set()
    for pattern in _patterns(job):
        matching = [name for name in names if fnmatch.fnmatch(name, pattern)]
        latest = max(map(_revision, matching), default=1)
        counting |= {name for name in matching if _revision(name) == latest}
    return sorted(counting)


def _revision(name: str) -> int:
    found = REVISION.search(PurePosixPath(name).name)
    return int(found[1]) if found else 1


def _version(info: dict[str, Any]) -> list[str]:
    return [str(info.get("size")), *(str(info[key]) for key in _VERSIONS if info.get(key) is not None)]
