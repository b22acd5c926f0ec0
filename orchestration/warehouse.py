"""Access to the dbt project: its environment, vars, manifest and results. The SQL is below models/.

dbt and DuckDB are imported only when needed, so that a refresh that finds nothing new stays fast.
"""

import contextlib
import difflib
import functools
import hashlib
import json
import os
import pickle
import re
import shutil
import tempfile
import time
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from orchestration import engine
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.lock import database_user

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PUBLISHED_SCHEMAS = ("core", "attribution", "kpi", "segment", "plan", "ops")

# Everything besides the data that determines the tables: the dbt project, and the Python that loads and publishes.
DBT_FILES = ("dbt_project.yml", "profiles.yml", "models", "macros", "seeds", "tests/data", "tests/generic")
# The path of the home in what dbt compiles for all homes.
HOME_MARK = "@KYOTEN_HOME@"
COMPILED_KEPT = 4
# The parsed project as Python objects: read in a tenth of the time that dbt's own file takes.
PARSED = "parsed.pickle"
# The hashes of the files and the vars that a folder was compiled from.
COMPILED_FROM = "compiled_from.json"
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
COMPILING_NS = 3_600 * 10**9  # no compilation takes as long
# Values of dbt vars that are checked before a run.
WORDS = {"two_tier_credit": ("reseller", "distributor")}
FACTORS = ("stuck_factor",)
SHARES = ("max_unresolved_share", "stuck_share", "rollout_other_area")

PROJECT_FILES = (*DBT_FILES, "contract.yml", "expectations.yml", "orchestration", "reports")


def configure(home: Home) -> None:
    """Point dbt and Dagster, here and in every process started from here, at this home."""
    limits = engine.settings(home)
    os.environ.update(
        KYOTEN_ENGINE_MEMORY=str(limits["memory_limit"]),
        KYOTEN_ENGINE_THREADS=str(limits["threads"]),
        KYOTEN_ENGINE_TEMP=str(limits["temp_directory"]),
        KYOTEN_HOME=str(home.root),
        DBT_PROJECT_DIR=str(PROJECT),
        DBT_PROFILES_DIR=str(PROJECT),
        DBT_TARGET_PATH=str(target(home)),
        DBT_LOG_PATH=str(home.logs),
        DAGSTER_HOME=str(home.dagster),
    )
    for folder in (target(home), home.logs, home.dagster):
        folder.mkdir(parents=True, exist_ok=True)


def on_spark() -> bool:
    """Return whether KYOTEN_ENGINE names Spark for the models of this run, instead of DuckDB.

    Raises:
        KyotenError: if it names another engine.
    """
    name = os.environ.get("KYOTEN_ENGINE") or "duckdb"
    if name not in ("duckdb", "spark"):
        raise KyotenError(f"KYOTEN_ENGINE is {name!r}. Write duckdb or spark.")
    return name == "spark"


def spark_version() -> dict[str, str]:
    """Return the version of Spark's packages by name; nothing if this run's models are built on DuckDB."""
    lock = (PROJECT / "locks" / "spark.lock").read_text(encoding="utf-8") if on_spark() else ""
    return dict(re.findall(r"(?m)^(pyspark)==(\S+)", lock))


def target(home: Home) -> Path:
    """Return dbt's target folder, of the engine that builds the models."""
    return home.build / ("spark" if on_spark() else "target")


def content_hash(names: Iterable[str]) -> str:
    """Hash the named files and folders of the project: paths and contents."""
    return hashlib.sha256(json.dumps(_hashes(names)).encode()).hexdigest()


def _hashes(names: Iterable[str]) -> dict[str, str]:
    """Return the hash of each file of the named files and folders, by its path in the project."""
    paths = sorted(file for name in names for file in _files(PROJECT / name))
    return {str(path.relative_to(PROJECT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


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
        if needed := _needed(name, values[name], known[name]):
            raise KyotenError(f"{setting} sets {name} to {json.dumps(values[name])}. It needs {needed}.")
    return values


def _needed(name: str, value: Any, default: Any) -> str:
    """Return what a var needs if the value does not fit; an empty text if it does."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in WORDS:
        return "" if isinstance(value, str) and value in WORDS[name] else f"one of {', '.join(WORDS[name])}"
    if name == "business_timezone":
        is_zone = isinstance(value, str) and value in zoneinfo.available_timezones()
        return "" if is_zone else "the name of a time zone, such as Asia/Tokyo"
    if name == "base_currency":
        is_code = isinstance(value, str) and re.fullmatch("[A-Z]{3}", value)
        return "" if is_code else "a currency code of three capitals, such as JPY"
    if name in ("as_of", "roster_complete_from"):
        return "" if value == "" or _is_day(value) else "a day as YYYY-MM-DD, or nothing"
    if name == "fiscal_year_start_month":
        return "" if is_number and value in range(1, 13) else "a month from 1 to 12"
    if name == "company_closed_days":
        days = value if isinstance(value, list) else [None]
        are_days = all(isinstance(day, str) and _is_day(f"2024-{day}") for day in days)
        return "" if are_days else 'a list of days as MM-DD, such as ["12-31", "01-02"]'
    if name in SHARES:
        return "" if is_number and 0 <= value <= 1 else "a number from 0 to 1"
    if isinstance(default, int) and not isinstance(default, bool) and name not in FACTORS:
        return "" if is_number and value >= 0 and value == int(value) else "a whole number of 0 or more"
    if isinstance(default, float) or name in FACTORS:
        return "" if is_number and value >= 0 else "a number of 0 or more"
    kind = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}[type(default)]
    return "" if isinstance(value, type(default)) else kind


def _is_day(value: Any) -> bool:
    with contextlib.suppress(TypeError, ValueError):
        return bool(str(date.fromisoformat(value)) == value)
    return False


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


def compiled(home: Home, variables: Mapping[str, Any] | None = None) -> Path:
    """Return the folder with dbt's compiled manifest and its parsed project for these vars (default: of this run).

    Compiled once per state of the project and vars, for all homes: setup.sh does it, later the first command after a
    change. HOME_MARK is in the place of the home's path. dbt opens no database for it.
    """
    values = _written_vars(variables)
    folder = _compiled_folder(home, values)
    place = folder.parent
    if not (folder / "manifest.json").exists():
        place.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix="unfinished-", dir=place))
        try:
            _compile(aside, values, parsed=_parsed_before(place, values))
            with contextlib.suppress(OSError):  # another process was faster
                aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        # What a killed process left; a younger one may be of a process that is still compiling.
        killed = [one for one in place.glob("unfinished-*") if _modified(one) < time.time_ns() - COMPILING_NS]
        for old in sorted(place.glob("[!u]*"), key=_modified, reverse=True)[COMPILED_KEPT:] + killed:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def _parsed_before(place: Path, values: str) -> Path | None:
    """Return the newest result of a parse that dbt can continue: with the same guards and macros.

    dbt loses the description of a guard that it parses again because its SQL or a macro changed.
    """
    files = _compiled_from(values)["files"]
    for record in sorted(place.glob(f"[!u]*/{COMPILED_FROM}"), key=_modified, reverse=True):
        before = json.loads(record.read_text())["files"]
        changed = {path for path in files.keys() | before.keys() if files.get(path) != before.get(path)}
        if not any(path.startswith(("macros/", "tests/")) for path in changed):
            return record.with_name("partial_parse.msgpack")
    return None


def edited_project(home: Home) -> "Manifest | None":
    """Return the parsed project with the present SQL of its models; None if dbt has to parse again.

    dbt parses for the configuration and for what refers to what, and both are in YAML and Jinja. So an edit of the SQL
    between the Jinja of a model needs no parse.
    """
    values = _written_vars()
    folder = _compiled_folder(home, values)
    if not (folder / COMPILED_FROM).exists():
        earlier = (file.parent for file in _compiled_place(home).glob(f"[!u]*/{COMPILED_FROM}"))
        folder = max(earlier, key=_modified, default=folder)
    if not (folder / COMPILED_FROM).exists():
        return None
    before, now = json.loads((folder / COMPILED_FROM).read_text()), _compiled_from(values)
    edited = {path for path, found in now["files"].items() if before["files"].get(path) != found}
    if {**before, "files": None} != {**now, "files": None} or before["files"].keys() != now["files"].keys():
        return None
    manifest = _parsed(home, folder)
    models = {node.original_file_path: node for key, node in manifest.nodes.items() if key.startswith("model.")}
    for path in edited:
        if path not in models:
            return None
        written = (PROJECT / path).read_text(encoding="utf-8").strip()
        if JINJA.findall(written) != JINJA.findall(models[path].raw_code):
            return None
        models[path].raw_code = written
    return manifest


def _written_vars(variables: Mapping[str, Any] | None = None) -> str:
    return json.dumps(dict(overrides() if variables is None else variables), sort_keys=True)


def _compiled_from(values: str) -> dict[str, Any]:
    known_by = [str(PROJECT), version("dbt-core"), PARSED, COMPILED_FROM]
    return {"files": _hashes(DBT_FILES), "vars": values, "known_by": known_by}


def _compiled_place(home: Home) -> Path:
    # A project that may not be written, such as an installation shared by several users, is compiled in the home.
    return (PROJECT if os.access(PROJECT, os.W_OK) else home.build) / "target" / "compiled"


def _compiled_folder(home: Home, values: str) -> Path:
    key = hashlib.sha256(json.dumps(_compiled_from(values)).encode())
    return _compiled_place(home) / key.hexdigest()[:16]


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns


def _compile(folder: Path, values: str, parsed: Path | None) -> None:
    compile_serialisers_lazily()
    from dbt.cli.main import dbtRunner

    from_ = _compiled_from(values)  # before dbt reads the files, so that a later edit is seen as one
    if parsed:  # dbt then parses only what changed
        shutil.copy(parsed, folder)
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("KYOTEN_")]:
        del os.environ[name]  # dbt records the variables that the profile reads, and parses all again if they differ
    os.environ.update(KYOTEN_HOME=HOME_MARK, DBT_PROJECT_DIR=str(PROJECT), DBT_PROFILES_DIR=str(PROJECT))
    options = ["--target-path", str(folder), "--vars", values, "--no-introspect", "--no-populate-cache"]
    try:
        result = dbtRunner().invoke(["--log-level", "none", "--log-level-file", "none", "compile", *options])
    finally:
        os.environ.clear()
        os.environ.update(before)
    if not result.success:
        raise KyotenError(f"The dbt project cannot be read: {' '.join(str(result.exception).split())[-600:]}")

    from dbt.contracts.graph.manifest import Manifest

    manifest = Manifest.from_msgpack((folder / "partial_parse.msgpack").read_bytes())
    (folder / PARSED).write_bytes(pickle.dumps(manifest))
    (folder / COMPILED_FROM).write_text(json.dumps(from_))


def compile_serialisers_lazily() -> None:
    """Let dbt's 300 data classes build their serialisers at the first use. Most are never used: 0.4 s of CPU per start.

    It has an effect only before the first import of dbt.
    """
    from mashumaro.config import BaseConfig

    BaseConfig.lazy_compilation = True


@functools.lru_cache(maxsize=2)
def _manifest(path: Path, _modified: int) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest


def read_manifest(home: Home, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return dbt's manifest with compiled SQL, for these vars (default: of this run)."""
    path = compiled(home, variables) / "manifest.json"
    return _manifest(path, _modified(path))


def parsed_project(home: Home) -> "Manifest":
    """Return the parsed project as dbt's runner takes it, with the sources of this home."""
    return _parsed(home, compiled(home))


def _parsed(home: Home, folder: Path) -> "Manifest":
    compile_serialisers_lazily()
    manifest: Manifest = pickle.loads((folder / PARSED).read_bytes())
    # dbt-duckdb calls str.format on the location of a source.
    root = quoted_root(home).replace("{", "{{").replace("}", "}}")
    for source in manifest.sources.values():
        for meta in (source.meta, source.source_meta, source.config.meta):
            if location := meta.get("external_location"):
                meta["external_location"] = location.replace(HOME_MARK, root)
    return manifest


def compiled_project(home: Home) -> "Manifest":
    """Return the parsed project with compiled SQL in place of Jinja, which dbt need not render again.

    For builds only: a unit test must render its model with other refs.
    """
    manifest, root = parsed_project(home), quoted_root(home)
    for key, node in read_manifest(home)["nodes"].items():
        if code := node.get("compiled_code"):
            code = code.replace(HOME_MARK, root)
            if not any(mark in code for mark in ("{{", "{%", "{#")):  # dbt would take it for Jinja
                manifest.nodes[key].raw_code = code
    return manifest


def quoted_root(home: Home) -> str:
    """Return the home's path as part of a string in SQL."""
    return str(home.root).replace("'", "''")


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
        shutil.rmtree(home.build / "spill", ignore_errors=True)  # of a run that was killed
