"""Packs a small home as the fixture of a version: later versions must open it (tests/orchestration/test_upgrade.py).

    make demo SIZE=300 KYOTEN_HOME=data/small
    KYOTEN_HOME=data/small python -m tools.fixture

writes tests/fixtures/home_<version>.tar.xz. It has what a refresh by another version reads or keeps: landing files,
lake with ledger and knowledge, worklist, settings, and the release. The working database, logs, Data Docs and Dagster's
records are left out, because every run makes its own.
"""

import sys
import tarfile
from pathlib import Path

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.release.releases import current_release
from orchestration.release.verify import verify

PARTS = ("landing", "extracts", "lake", "worklist", "published", "settings.yml", "sources.yml")
# Bytes: a repository keeps every version. A home of 300 deals has 2.6 MB, much of it for 140 tables in two formats.
LARGEST = 3_000_000


def pack(home: Home, folder: Path) -> Path:
    """Write the archive of a home below a folder and return its path.

    Raises:
        KyotenError: if the home has no whole release, or the archive is too large.
    """
    if (release := current_release(home)) is None:
        raise KyotenError(f"{home.root} has no release. Make one: make demo SIZE=300 KYOTEN_HOME={home.root}")
    verify(home, "current")
    path = folder / f"home_{release['project_version']}.tar.xz"
    with tarfile.open(path, "w:xz", preset=9) as archive:
        for part in PARTS:
            if (home.root / part).exists():
                archive.add(home.root / part, part)
    if (size := path.stat().st_size) > LARGEST:
        path.unlink()
        raise KyotenError(f"The archive has {size:,} bytes, more than {LARGEST:,}. Make a home of fewer deals (SIZE=).")
    return path


def main() -> int:
    """Pack the home that KYOTEN_HOME names."""
    try:
        path = pack(Home.from_environment(), PROJECT / "tests" / "fixtures")
    except KyotenError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path.relative_to(PROJECT)}: {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
