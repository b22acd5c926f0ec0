"""The facts to include in a request for help: versions, disk, locks, settings, the current release."""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestration import engine
from orchestration.freshness import late
from orchestration.home import PROJECT, Home
from orchestration.lock import database_user, holder
from orchestration.release.publish import versions
from orchestration.release.releases import current_release, kept_releases, notice_of_rollback, total_disk
from orchestration.settings import settings_file, settings_of
from orchestration.warehouse import var

DAYS = 30
SETTINGS = ("KYOTEN_HOME", "KYOTEN_SOURCES", "KYOTEN_VARS", "KYOTEN_ENGINE", *engine.SETTINGS)


def print_report(home: Home) -> None:
    """Print the report."""
    for name, value in report(home):
        print(f"{name:<18} {value}")


def report(home: Home) -> Iterator[tuple[str, str]]:
    """Yield the facts as pairs of name and value."""
    yield "project", str(PROJECT)
    yield "home", f"{home.root}{'' if home.root.exists() else ' (does not exist yet)'}"
    yield "sources", str(home.sources or "none: landed files have the contract's columns")
    for name in SETTINGS:
        yield name, os.environ.get(name) or "not set"
    limits = engine.settings(home)
    spill = limits["temp_directory"]
    yield "engine", f"{limits['memory_limit']}, {limits['threads']} threads, spills to {spill}"
    for name, version in versions().items():
        yield name, f"{version}{f' ({sys.executable})' if name == 'python' else ''}"
    yield "settings", _settings(home)
    yield from _disk(home)
    writer = holder(home)
    yield "write lock", f"held by process {writer}" if writer else "free"
    user = database_user(home.database)
    yield "working database", f"open in process {user}" if user else "free" if home.database.exists() else "none"
    release = current_release(home)
    if release is None:
        yield "release", "none: run `make refresh`, or `make demo` for the sample company"
    else:
        checks = release["checks"]
        yield "release", f"{release['release_id']}, as of {release['as_of']}, in {home.published}"
        yield "its guards", f"{checks['passed']:,} passed, {checks['warned']:,} warned"
        yield "releases kept", f"{len(kept_releases(home)):,}, {total_disk(home.published / 'releases') / 1e6:,.1f} MB"
        if notice := notice_of_rollback(home):
            yield "rollback", notice
    today = datetime.now(ZoneInfo(var("business_timezone"))).date()
    for number, one in enumerate(late(home, today, settings_of(home).notices.late_after)):
        yield "late" if number == 0 else "", one.text
    if home.forget_mark.exists():
        yield "unfinished", "removing a person was interrupted; the same make forget completes it"


def _settings(home: Home) -> str:
    """Return what settings.yml states, without the addresses of receivers, which hold secrets."""
    if not settings_file(home).exists():
        return "no settings.yml: defaults"
    stated = settings_of(home)
    shown = {**asdict(stated), "notices": f"{len(stated.notices.to)} receivers"}
    return ", ".join(f"{name} {value or 'none'}" for name, value in shown.items())


def _disk(home: Home) -> Iterator[tuple[str, str]]:
    """Yield the free disk, and until when it lasts at the growth of the last days."""
    disk = shutil.disk_usage(_existing(home.root))
    yield "disk", f"{disk.free / 1e9:,.1f} GB free of {disk.total / 1e9:,.1f} GB"
    now = time.time()
    grown = 0
    for folder in (home.landing, home.extracts, home.lake):
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):  # removed meanwhile
                status = path.stat()
                grown += status.st_size if status.st_mtime > now - DAYS * 86_400 and path.is_file() else 0
    kept = kept_releases(home)
    recent = [
        one for one in kept if datetime.fromisoformat(one.manifest["published_at"]).timestamp() > now - DAYS * 86_400
    ]
    keep = settings_of(home).releases
    if recent and len(kept) < keep.keep:  # later, each new release takes the place of an old one
        grown += len(recent) * total_disk(recent[-1].folder)
    per_day = grown / DAYS
    if per_day:
        days = disk.free / per_day
        until = f"{datetime.fromtimestamp(now + days * 86_400):%Y-%m-%d}" if days < 3_650 else "more than ten years"
        yield "disk lasts until", f"{until}, at {per_day / 1e6:,.1f} MB a day, the average of the last {DAYS} days"


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
