"""Access to the dbt project: its environment, vars, manifest and results. The SQL is below models/.

dbt and DuckDB are imported only when needed, so that a refresh that finds nothing new stays fast.
"""

import difflib
import functools
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.lock import database_user

PUBLISHED_SCHEMAS = ("core", "attribution", "kpi", "segment", "plan", "ops")

# Everything besides the data that determines the tables: the dbt project, and the Python that loads and publishes.
DBT_FILES = ("dbt_project.yml", "profiles.yml", "models", "macros", "seeds", "tests/data", "tests/generic")
PROJECT_FILES = (*DBT_FILES, "contract.yml", "expectations.yml", "orchestration")


def configure(home: Home) -> None:
    """Point dbt and Dagster, here and in every process started from here, at this home."""
    os.environ.update(
        KYOTEN_HOME=str(home.root),
        DBT_PROJECT_DIR=str(PROJECT),
        DBT_PROFILES_DIR=str(PROJECT),
        DBT_TARGET_PATH=str(target(home)),
        DBT_LOG_PATH=str(home.logs),
        DAGSTER_HOME=str(home.dagster),
    )
    for folder in (target(home), home.logs, home.dagster):
        folder.mkdir(parents=True, exist_ok=True)


def target(home: Home) -> Path:
    """Return dbt's target folder."""
    return home.build / "target"


def content_hash(names: Iterable[str]) -> str:
    """Hash the named files and folders of the project: paths and contents."""
    digest = hashlib.sha256()
    for path in sorted(file for name in names for file in _files(PROJECT / name)):
        digest.update(f"{path.relative_to(PROJECT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def overrides() -> dict[str, Any]:
    """Return the dbt vars that KYOTEN_VARS sets for this run; a name that the project does not have is refused."""
    return checked_vars(os.environ.get("KYOTEN_VARS", ""), "KYOTEN_VARS")


def checked_vars(text: str, setting: str) -> dict[str, Any]:
    """Return the dbt vars that a JSON object sets; `setting` is its name in messages.

    Raises:
        KyotenError: if the text is no JSON object or sets a var that dbt_project.yml lacks.
    """
    if not text.strip():
        return {}
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise KyotenError(f'{setting} is not JSON ({error}). Write it as {{"max_unresolved_share": 0.1}}.') from None
    if not isinstance(values, dict):
        raise KyotenError(f'{setting} must be one JSON object of vars, such as {{"max_unresolved_share": 0.1}}.')
    known = _default_vars()
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}."
            raise KyotenError(f"{setting} sets {name}, which dbt_project.yml does not have: {hint}")
    return values


@functools.cache
def _default_vars() -> dict[str, Any]:
    project: dict[str, dict[str, Any]] = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    return project["vars"]


def variables() -> dict[str, Any]:
    """Return all dbt vars as this run sees them."""
    return {**_default_vars(), **overrides()}


def var(name: str) -> Any:
    """Return a dbt var as this run sees it."""
    return variables()[name]


def vars_arguments() -> list[str]:
    """Return the command-line arguments that pass the overridden vars to dbt."""
    return ["--vars", json.dumps(overrides(), sort_keys=True)]


def prepare_manifest(home: Home) -> Path:
    """Return dbt's manifest, parsed again only when the project, its vars or its place changed."""
    configure(home)
    manifest, key_file = target(home) / "manifest.json", target(home) / "manifest.key"
    key = "\n".join([content_hash(DBT_FILES), *vars_arguments(), str(home.root)])
    if manifest.exists() and key_file.exists() and key_file.read_text() == key:
        return manifest
    key_file.unlink(missing_ok=True)

    from dbt.cli.main import dbtRunner

    result = dbtRunner().invoke(["--log-level", "none", "parse", *vars_arguments()])
    if not result.success:
        raise KyotenError(f"The dbt project cannot be read: {result.exception}")
    key_file.write_text(key)
    return manifest


@functools.lru_cache(maxsize=1)
def _manifest(path: Path, _modified: int) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest


def read_manifest(home: Home) -> dict[str, Any]:
    """Return the manifest of the last parse or build."""
    path = target(home) / "manifest.json"
    return _manifest(path, path.stat().st_mtime_ns)


def published_models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the manifest's nodes whose tables readers get, by schema and name."""
    nodes = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed")
        and node["schema"] in PUBLISHED_SCHEMAS
        and node["config"]["materialized"] != "ephemeral"
    ]
    return sorted(nodes, key=lambda node: (node["schema"], node["alias"]))


def run_results(home: Home) -> list[dict[str, Any]]:
    """Return the results of the last dbt command that built or tested something."""
    path = target(home) / "run_results.json"
    return json.loads(path.read_text())["results"] if path.exists() else []


def require_free(home: Home) -> None:
    """Raise KyotenError while another process has the working database open."""
    if user := database_user(home.database):
        raise KyotenError(
            f"The working database {home.database} is open in process {user}. Close it there; read the published one."
        )


def prepare_database(home: Home, *, discard: bool) -> None:
    """Prepare the working database for a build, and delete the results of the one before.

    A build of everything discards it, so that a table whose model was removed does not remain.
    """
    require_free(home)
    (target(home) / "run_results.json").unlink(missing_ok=True)
    if discard:
        for file in home.build.glob(f"{home.database.name}*"):
            file.unlink()
