"""Whether anything changed since the current release. Standard library and YAML only: it runs before heavy imports."""

import hashlib
import json
from pathlib import Path

from orchestration.home import Home
from orchestration.release.publish import versions
from orchestration.release.releases import newest_release
from orchestration.release.verify import damage, damage_of
from orchestration.settings import settings_of
from orchestration.sources.landing import fingerprint
from orchestration.warehouse import PROJECT_FILES, content_hash, overrides


def inputs_fingerprint(home: Home) -> str:
    """Return the fingerprint of the landed files, of the mapping, and of how names are published."""
    found, personal = fingerprint(home, home.sources), settings_of(home).personal
    return found if personal == "publish" else hashlib.sha256(f"{found} {personal}".encode()).hexdigest()


def project_fingerprint() -> str:
    """Return the fingerprint of SQL, Python, contract, vars and package versions, which turn the inputs into tables."""
    parts = [content_hash(PROJECT_FILES), json.dumps(overrides(), sort_keys=True), json.dumps(versions())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def lake_fingerprint(home: Home) -> str:
    """Return the fingerprint of the lake's files by name, which contains the hash of the content, and size."""
    raw = home.lake / "raw"
    files = sorted(f"{path.relative_to(raw)} {path.stat().st_size}" for path in raw.rglob("*.parquet"))
    return hashlib.sha256("\n".join(files).encode()).hexdigest()


def recorded_inputs(home: Home) -> Path:
    """Return the file with the fingerprint of the loaded inputs; written when all of them are loaded."""
    return home.build / "inputs.fingerprint"


def nothing_new(home: Home) -> str | None:
    """Return the id of the newest release if it is intact and a refresh would make the same tables again, else None."""
    release = newest_release(home)
    if release is None or not (home.published / "current" / "kyoten.duckdb").exists():
        return None
    if damage(home) or damage_of(home.published / "releases" / release["release_id"]):
        return None
    now = {"inputs": inputs_fingerprint(home), "project": project_fingerprint(), "lake": lake_fingerprint(home)}
    # The lake may have changed since the release. Removing a file does not undo its load, even if no release has it.
    if (loaded := recorded_inputs(home)).exists() and loaded.read_text() != now["inputs"]:
        return None
    return release["release_id"] if release["fingerprint"] == now else None
