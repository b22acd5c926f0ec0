"""The facts to include in a request for help: versions, disk, locks, settings, the current release."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from orchestration import engine
from orchestration.home import PROJECT, Home
from orchestration.lock import database_user, holder
from orchestration.release.publish import versions
from orchestration.release.releases import current_release

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
    disk = shutil.disk_usage(_existing(home.root))
    yield "disk", f"{disk.free / 1e9:,.1f} GB free of {disk.total / 1e9:,.1f} GB"
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
        yield "releases kept", f"{sum(path.is_dir() for path in (home.published / 'releases').iterdir()):,}"


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
