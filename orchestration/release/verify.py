"""Whether a release is as it was published: the manifest has size, time and hash of each of its files."""

import hashlib
import json
from pathlib import Path
from typing import Any

from orchestration.errors import KyotenError
from orchestration.home import Home

MANIFEST = "manifest.json"


def files_of(release: Path) -> dict[str, dict[str, Any]]:
    """Return bytes, time of the last change in ns, and sha256 of each file of a release, by relative path."""
    return {
        str(path.relative_to(release)): {
            "bytes": path.stat().st_size,
            "mtime_ns": path.stat().st_mtime_ns,
            "sha256": hash_of(path),
        }
        for path in sorted(release.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def verify(home: Home, release_id: str) -> int:
    """Compare each file of a release with its hash in the manifest; return how many files there are.

    release_id: an id, or `current`.

    Raises:
        KyotenError: with the files that were changed, are missing or do not belong to the release.
    """
    folder = home.published / "current" if release_id == "current" else home.published / "releases" / release_id
    if not (folder / MANIFEST).exists():
        there = ", ".join(sorted(path.name for path in (home.published / "releases").glob("*Z*"))) or "none"
        raise KyotenError(f"There is no release {release_id} in {home.published}. Releases: {there}.")
    if found := changes(folder, is_quick=False):
        remedy = "make refresh publishes again" if release_id == "current" else "Restore it from a backup"
        raise KyotenError(
            "\n".join([f"{folder} is not as it was published. {remedy}.", *(f"- {one}" for one in found)])
        )
    return len(_known(folder))


def damage(home: Home) -> list[str]:
    """Return one message for each file of the current release that differs from its manifest, after a quick look."""
    return damage_of(home.published / "current")


def damage_of(release: Path) -> list[str]:
    """Return one message for each file of a release that differs from its manifest, after a quick look."""
    try:
        return changes(release, is_quick=True) if (release / MANIFEST).exists() else []
    except KyotenError:  # published before there were hashes
        return []
    except ValueError:
        return [f"{MANIFEST} cannot be read"]


def changes(release: Path, *, is_quick: bool) -> list[str]:
    """Return one message for each file that differs from the manifest.

    A quick look hashes only files whose time changed.
    """
    known = _known(release)
    found = [f"{name} does not belong to it" for name in sorted(_present(release) - known.keys())]
    for name, was in known.items():
        path = release / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != was["bytes"]:
            found.append(f"{name} has {path.stat().st_size:,} bytes instead of {was['bytes']:,}")
        elif not (is_quick and path.stat().st_mtime_ns == was["mtime_ns"]) and hash_of(path) != was["sha256"]:
            found.append(f"{name} has another content")
    return found


def _known(release: Path) -> dict[str, dict[str, Any]]:
    manifest = json.loads((release / MANIFEST).read_text())
    if "files" not in manifest:
        raise KyotenError(f"{release} was published before version 0.2.0, which did not keep hashes.")
    files: dict[str, dict[str, Any]] = manifest["files"]
    return files


def _present(release: Path) -> set[str]:
    return {str(path.relative_to(release)) for path in release.rglob("*") if path.is_file()} - {MANIFEST}


def hash_of(path: Path) -> str:
    """Return the sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
