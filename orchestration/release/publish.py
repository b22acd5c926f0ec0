"""Makes a release from the working database: writes it to a new folder, reads it back, then switches one link.

    published/releases/<id>/kyoten.duckdb, parquet/<schema>/<table>.parquet, pages/<page>.html, manifest.json
    published/current        -> releases/<id>                the only thing that a publish changes
    published/kyoten.duckdb  -> current/kyoten.duckdb        made once
    published/parquet        -> current/parquet              made once
    published/pages          -> current/pages                made once

A reader follows the links when it opens a file, so it sees either the old or the new release, each complete. checks.py
decides before whether a build may be published.
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine, sql
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home, write_whole
from orchestration.release.keys import held_references, keys, references
from orchestration.release.labels import write_labels
from orchestration.release.own_tables import SCHEMA as OWN_SCHEMA
from orchestration.release.own_tables import create_own_tables, own_tables
from orchestration.release.personal import DATABASE as PERSONAL
from orchestration.release.personal import pseudonyms, restrict, without_names
from orchestration.release.releases import (
    current_release,
    fsync,
    manifest_of,
    point,
    previous_release,
    switch,
    switching,
)
from orchestration.release.schema_changes import write_schema_changes
from orchestration.release.semantics import SCHEMA as SEMANTIC
from orchestration.release.semantics import write_semantics
from orchestration.release.verify import MANIFEST, files_of, hash_of
from orchestration.settings import settings_of
from orchestration.warehouse import overrides, published_models, spark_version

if TYPE_CHECKING:
    import duckdb

PACKAGES = ("dagster", "dagster-dbt", "dbt-core", "dbt-duckdb", "duckdb")
DATABASE, PARQUET, PAGES = "kyoten.duckdb", "parquet", "pages"
# Writes the pages into the folder of a release, of which it gets the manifest.
WritePages = Callable[[Path, Mapping[str, Any]], None]
ID = "%Y%m%dT%H%M%SZ"
# The columns of tables with their types, by schema and table.
Columns = Mapping[tuple[str, str], Mapping[str, str]]
# The name of the working database, because its views contain this name.
BUILD = "kyoten"
# Clients since DuckDB 1.0 can read this format; later versions write another one by default.
STORAGE_VERSION = "v1.0.0"
# Trying these for each column takes a quarter of publishing, and makes the file 6 % smaller.
COSTLY_COMPRESSION = "fsst,alp,alprd"
# Sums of money and headline figures are in the manifest, so that two releases can be compared without opening them.
HEADLINES = ("won_amount", "deals_won", "deals_new")
MONEY = (("core", "fct_revenue", "amount"), ("core", "fct_deals", "amount"))


@dataclass(frozen=True)
class Table:
    """A published table: its schema, name and description, the columns that a guard holds unique, and its rows."""

    schema: str
    name: str
    node: dict[str, Any]
    key: tuple[str, ...] = ()
    rows: str = ""  # as SQL; default: as they were built

    @property
    def personal(self) -> list[str]:
        """Return the columns with names or addresses of persons."""
        return [name for name, column in self.node.get("columns", {}).items() if _is_personal(_meta(column))]

    @property
    def sql(self) -> str:
        """Return the quoted name within the current catalogue."""
        return f'"{self.schema}"."{self.name}"'


@functools.cache
def _engine_version() -> str:
    return importlib.metadata.version("duckdb")


def versions() -> dict[str, str]:
    """Return the versions of the software that makes a release."""
    installed = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version()} | installed | spark_version()


def publish(
    home: Home,
    dbt_manifest: dict[str, Any],
    *,
    checks: dict[str, Any],
    fingerprint: Mapping[str, str | None],
    pages: WritePages | None = None,
    measure: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> dict[str, Any]:
    """Copy the published tables of the working database into a new release and return its manifest.

    Readers see it from then on, unless a person has brought an earlier release back. pages: writes the pages of the
    release before readers see it. measure: counts the costs from the last check to the switch of readers.
    """
    with _readable(home):
        return _publish(home, dbt_manifest, checks, fingerprint, pages, measure)


def _publish(
    home: Home,
    dbt_manifest: dict[str, Any],
    checks: dict[str, Any],
    fingerprint: Mapping[str, str | None],
    pages: WritePages | None,
    measure: Callable[[str], AbstractContextManager[None]],
) -> dict[str, Any]:
    releases = home.published / "releases"
    releases.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    moment = datetime.now(UTC).replace(microsecond=0)
    release_id = _next_id(releases, moment)
    aside = releases / f"{release_id}.tmp"
    try:
        aside.mkdir()
        mode = aside.stat().st_mode
        aside.chmod(0o700)  # nobody else reads names while they are written
        release = _write(home, aside, release_id, moment, dbt_manifest, checks, fingerprint)
        if pages:
            pages(aside, release)
        _write_manifest(aside, release)
        _persist(aside)
        has_names = (aside / PERSONAL).exists()
        if has_names:
            restrict(aside / PERSONAL, home, settings_of(home).personal_group)
        _read_back(home, aside, release)
        with measure("switch"):
            aside.chmod(mode)
            aside.rename(releases / release_id)
            switch(home, release_id)
        for name in (DATABASE, PARQUET, PAGES, *([PERSONAL] if has_names else [])):
            link = home.published / name
            if not link.is_symlink() or str(link.readlink()) != f"current/{name}":
                point(link, f"current/{name}")
        if not has_names:
            (home.published / PERSONAL).unlink(missing_ok=True)
        fsync(releases)
        fsync(home.published)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return release


def _sweep(home: Home) -> None:
    """Remove the files of a publish that was killed; no reader uses files with such names."""
    with switching(home):
        for path in (home.published / "releases").glob("*.tmp"):
            shutil.rmtree(path)
        for path in home.published.glob(".*.tmp"):
            path.unlink()


def _next_id(releases: Path, moment: datetime) -> str:
    """Return an id that sorts after all others: a second later, if one has the moment, or the clock was set back."""
    taken = []
    for path in releases.glob("*Z*"):
        with contextlib.suppress(ValueError):  # not a release
            taken.append(datetime.strptime(path.name[:16], ID).replace(tzinfo=UTC))
    return max([moment, *(one + timedelta(seconds=1) for one in taken)]).strftime(ID)


@contextlib.contextmanager
def _readable(home: Home) -> Iterator[None]:
    """Turn an error of the disk into a KyotenError."""
    import duckdb

    try:
        yield
    except (OSError, duckdb.IOException, duckdb.TransactionException) as error:
        free, place = shutil.disk_usage(home.root).free / 1e9, home.published / "releases"
        reason = str(error).splitlines()[0]
        raise KyotenError(
            f"The release could not be written to {place}: {reason}. {free:.1f} GB are free there. "
            "The release before it stays. Make room or allow writing, then refresh again."
        ) from error


def _write(
    home: Home,
    aside: Path,
    release_id: str,
    moment: datetime,
    dbt_manifest: dict[str, Any],
    checks: dict[str, Any],
    fingerprint: Mapping[str, str | None],
) -> dict[str, Any]:
    """Write database and Parquet files of a release; return its manifest, which lacks only the files."""

    settings, before = settings_of(home), previous_release(home, release_id)
    unique, key = keys(dbt_manifest), pseudonyms(home, settings)
    tables = [
        Table(node["schema"], node["alias"], node, unique.get(node["unique_id"], ()))
        for node in published_models(dbt_manifest)
    ]
    with engine.connect(home) as connection:
        connection.execute(f"set TimeZone = 'UTC'; set disabled_compression_methods = '{COSTLY_COMPRESSION}'")
        connection.execute(f"attach {sql.text(str(home.database))} as {BUILD} (read_only)")
        connection.execute(
            f"attach {sql.text(str(aside / DATABASE))} as release (storage_version {sql.text(STORAGE_VERSION)})"
        )
        connection.execute("use release")
        release = {
            "release_id": release_id,
            "published_at": moment.isoformat(),
            "as_of": _as_of(connection, dbt_manifest),
            **_project_version(),
            "versions": versions(),
            "vars": overrides(),
            "fingerprint": fingerprint,
            "checks": checks,
            "inputs": _inputs(connection, home),
        }
        if settings.personal == "separate":
            _write_personal(connection, aside, tables)
        # In one transaction nothing is written twice, first to the log and then to its place, or waits for the disk.
        connection.execute("begin")
        for table in tables:
            rows = without_names(connection, f"{BUILD}.{table.sql}", table.personal, key)
            copy_table(connection, replace(table, rows=rows))
        create_own_tables(connection)
        described = [
            *tables,
            *(Table(OWN_SCHEMA, name, node, tuple(node["key"])) for name, node in own_tables().items()),
        ]
        built = _columns(connection)
        _write_comments(connection, described, built)
        _write_release_table(connection, release)
        _write_catalog(connection, described, built, _doc_blocks(dbt_manifest), held_references(dbt_manifest))
        write_labels(connection)
        write_schema_changes(connection, before / DATABASE if before else None)
        texts, columns = _texts(connection), _columns(connection)
        write_semantics(connection, home, dbt_manifest, aside, BUILD)
        kept = manifest_of(before) if before else None
        rows_of, contents = {}, {}
        for (schema, name), types in columns.items():
            comments = texts.get((schema, name), {})
            rows_of[f"{schema}.{name}"], content = _content(connection, schema, name, types, comments)
            contents[f"{schema}.{name}"] = content
            file = aside / PARQUET / schema / f"{name}.parquet"
            if not (before and kept and _link_parquet(before, kept, file, content)):
                _write_parquet(connection, file, comments)
        connection.execute("commit")
        expected = _counts(connection, {f"{t.schema}.{t.name}": f"{BUILD}.{t.sql}" for t in tables})
        release |= {
            "contents": contents,
            "headlines": _headlines(connection, tables),
            "tables": rows_of | expected,
            "money": _money(connection, BUILD, tables),
        }
    return release


def _write_manifest(folder: Path, release: dict[str, Any]) -> None:
    release["files"] = files_of(folder)
    text = json.dumps(release, ensure_ascii=False, indent=1, default=str) + "\n"
    (folder / MANIFEST).unlink(missing_ok=True)
    write_whole(folder / MANIFEST, text)


def replace_pages(home: Home, pages: WritePages) -> None:
    """Write the pages of the current release again, such as in another language.

    Raises:
        KyotenError: if nothing is published.
    """
    release = current_release(home)
    if release is None:
        raise KyotenError(home.nothing_published)
    folder = home.published / "releases" / release["release_id"]
    aside = folder.with_name(f"{folder.name}.pages.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        for name in (DATABASE, PARQUET):
            (aside / name).symlink_to(folder / name)
        pages(aside, release)
        shutil.rmtree(folder / PAGES, ignore_errors=True)
        (aside / PAGES).rename(folder / PAGES)
        _write_manifest(folder, release)
        _persist(folder)
        point(home.published / PAGES, f"current/{PAGES}")
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _columns(connection: "duckdb.DuckDBPyConnection") -> Columns:
    """Return the columns of the release's tables, in order."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, kind in connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() where database_name = 'release' "
        "order by schema_name, table_name, column_index"
    ).fetchall():
        found.setdefault((schema, table), {})[column] = kind
    return found


def _content(
    connection: "duckdb.DuckDBPyConnection",
    schema: str,
    name: str,
    columns: Mapping[str, str],
    comments: Mapping[str, str],
) -> tuple[int, str]:
    """Return a table's number of rows, and a hash of what decides the bytes of its Parquet file.

    These are columns, rows, comments and the engine's version.
    """
    values = ", ".join(f'"{column}"' for column in columns)
    rows = connection.execute(
        f'select count(*), bit_xor(hash({values})), sum(hash({values})) from release."{schema}"."{name}"'
    ).fetchone()
    assert rows
    parts = f"{_engine_version()} {list(columns.items())} {rows} {sorted(comments.items())}"
    return rows[0], hashlib.sha256(parts.encode()).hexdigest()


def _link_parquet(before: Path, manifest: Mapping[str, Any], file: Path, content: str) -> bool:
    """Link the file of the release before, if it has the same rows and is intact; return whether it is linked."""
    schema, name = file.parent.name, file.stem
    if manifest.get("contents", {}).get(f"{schema}.{name}") != content:
        return False
    relative = f"{PARQUET}/{schema}/{name}.parquet"
    with contextlib.suppress(OSError):  # a file system without hard links, or no file
        file.parent.mkdir(parents=True, exist_ok=True)
        os.link(before / relative, file)
        if hash_of(file) == manifest["files"][relative]["sha256"]:
            return True
        file.unlink()
    return False


def _write_parquet(connection: "duckdb.DuckDBPyConnection", file: Path, comments: Mapping[str, str]) -> None:
    """Write a table as Parquet, with its texts as metadata."""
    file.parent.mkdir(parents=True, exist_ok=True)
    metadata = ", ".join(f"{key}: {sql.text(text)}" for key, text in comments.items())
    options = f", kv_metadata {{{metadata}}}" if metadata else ""
    connection.execute(
        f'copy release."{file.parent.name}"."{file.stem}" to {sql.text(str(file))} '
        f"(format parquet, compression zstd{options})"
    )


def _write_personal(connection: "duckdb.DuckDBPyConnection", aside: Path, tables: list[Table]) -> None:
    """Write the tables with names or addresses, whole, into a database of their own."""
    path = sql.text(str(aside / PERSONAL))
    connection.execute(f"attach {path} as personal (storage_version {sql.text(STORAGE_VERSION)})")
    for table in tables:
        if table.personal:
            order = ", ".join(f'"{column}"' for column in table.key) or "all"
            connection.execute(f'create schema if not exists personal."{table.schema}"')
            connection.execute(f"create table personal.{table.sql} as from {BUILD}.{table.sql} order by {order}")
    connection.execute("detach personal")


def copy_table(connection: "duckdb.DuckDBPyConnection", table: Table) -> None:
    """Copy a table sorted, so that it does not depend on the order of threads."""
    connection.execute(f'create schema if not exists "{table.schema}"')
    order = ", ".join(f'"{column}"' for column in table.key) or "all"  # by the key alone costs a tenth less
    rows = table.rows or f"from {BUILD}.{table.sql}"
    connection.execute(f"create table release.{table.sql} as {rows} order by {order}")


def _write_comments(connection: "duckdb.DuckDBPyConnection", tables: list[Table], columns: Columns) -> None:
    """Write the descriptions of tables and columns."""
    comments = []
    for table in tables:
        if description := table.node.get("description"):
            comments.append(f"comment on table release.{table.sql} is {sql.text(description)}")
        for name, column in table.node.get("columns", {}).items():
            if column.get("description") and name in columns[table.schema, table.name]:
                text = sql.text(column["description"])
                comments.append(f'comment on column release.{table.sql}."{name}" is {text}')
    connection.execute("; ".join(comments))


def _write_release_table(connection: "duckdb.DuckDBPyConnection", release: dict[str, Any]) -> None:
    values = {
        "release_id": release["release_id"],
        "published_at": release["published_at"].removesuffix("+00:00"),
        "as_of": release["as_of"],
        "project_version": release["project_version"],
        "git_commit": release["git_commit"],
        "inputs_fingerprint": release["fingerprint"].get("inputs"),
        "project_fingerprint": release["fingerprint"].get("project"),
        "vars": json.dumps(release["vars"], ensure_ascii=False, sort_keys=True),
        "versions": json.dumps(release["versions"]),
        "checks_passed": release["checks"]["passed"],
        "checks_warned": release["checks"]["warned"],
    }
    connection.execute(f"insert into ops.release ({', '.join(values)}) {sql.rows([values.values()])}")


def _write_catalog(
    connection: "duckdb.DuckDBPyConnection",
    tables: list[Table],
    columns: Columns,
    blocks: Mapping[str, str],
    tested: Mapping[tuple[str, str], tuple[str, str]],
) -> None:
    """Write ops.catalog: the texts of every published table (column_name null) and column in English and Japanese.

    A column of the key has its position in it, and a column with the id of another table names that table and column.
    """
    labels: dict[str, str] = {}
    if ("kpi", "metrics") in {(table.schema, table.name) for table in tables}:
        labels = dict(connection.execute("select metric, label from release.kpi.metrics").fetchall())
    refers = references({key: list(names) for key, names in columns.items()}, tested)
    rows: list[tuple[Any, ...]] = []
    for table in tables:
        meta = _meta(table.node)
        words = table.node.get("columns", {})
        texts = _words(table.name, table.node, blocks, labels={})
        rows.append((table.schema, table.name, None, 0, "TABLE", *texts, _is_personal(meta), None, None, None, None))
        for ordinal, (name, kind) in enumerate(columns[table.schema, table.name].items(), start=1):
            column = words.get(name, {})
            texts = _words(name, column, blocks, labels)
            position = table.key.index(name) + 1 if name in table.key else None
            to = refers.get((table.schema, table.name, name), (None, None, None))
            rows.append(
                (table.schema, table.name, name, ordinal, kind, *texts, _is_personal(_meta(column)), position, *to)
            )
    # As one text: DuckDB takes ten times as long to parse a value each.
    types = columns[OWN_SCHEMA, "catalog"]
    written = json.dumps([dict(zip(types, row, strict=True)) for row in rows], ensure_ascii=False)
    connection.execute(
        "insert into ops.catalog select unnest(found, recursive := true) "
        f"from unnest(from_json({sql.text(written)}, {sql.text(json.dumps([types]))})) as listed(found)"
    )


def _texts(connection: "duckdb.DuckDBPyConnection") -> dict[tuple[str, str], dict[str, str]]:
    """Return the texts that a Parquet file has in its metadata, by schema and table; of the columns as JSON."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    rows = connection.execute(
        "select table_schema, table_name, column_name, label_en, label_ja, description_en, description_ja "
        "from release.ops.catalog order by table_schema, table_name, ordinal"
    ).fetchall()
    columns: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for schema, table, column, *words in rows:
        texts = {
            key: word
            for key, word in zip(("label_en", "label_ja", "description_en", "description_ja"), words, strict=True)
            if word
        }
        if column is None:
            found[schema, table] = texts
        else:
            columns.setdefault((schema, table), {})[column] = texts
    for key, of_columns in columns.items():
        found[key]["columns"] = json.dumps(of_columns, ensure_ascii=False)
    return found


def _meta(described: dict[str, Any]) -> dict[str, Any]:
    return {**(described.get("meta") or {}), **((described.get("config") or {}).get("meta") or {})}


def _doc_blocks(dbt_manifest: dict[str, Any]) -> dict[str, str]:
    """Return the texts of the doc blocks (models/columns.md) by id."""
    return {block_id: block["block_contents"] for block_id, block in dbt_manifest.get("docs", {}).items()}


def _words(
    name: str, described: dict[str, Any], blocks: Mapping[str, str], labels: Mapping[str, str]
) -> tuple[str, Any, Any, Any]:
    """Return the English label, Japanese label, English definition and Japanese definition.

    The English label of a metric comes from seeds/metrics.csv, and that of any other column from its name. Shared
    columns have the Japanese texts in a doc block: the label on its first line, then the definition.
    """
    japanese = next((blocks.get(f"{block}__ja", "") for block in described.get("doc_blocks") or ()), "")
    label_ja, _, description_ja = japanese.partition("\n")
    meta = {"label_ja": label_ja or None, "description_ja": description_ja or None} | _meta(described)
    label = meta.get("label_en") or labels.get(name) or name.replace("_", " ").capitalize()
    return label, meta["label_ja"], described.get("description") or None, meta["description_ja"]


def _is_personal(meta: dict[str, Any]) -> bool:
    return bool(meta.get("personal", False))


def _as_of(connection: "duckdb.DuckDBPyConnection", dbt_manifest: dict[str, Any]) -> str | None:
    """Return the build's "today", the latest extract date."""
    for node in dbt_manifest["nodes"].values():
        if node["resource_type"] == "model" and node["name"] == "int_as_of":
            row = connection.execute(f'select as_of from {BUILD}."{node["schema"]}"."{node["alias"]}"').fetchone()
            return str(row[0]) if row else None
    return None


def _inputs(connection: "duckdb.DuckDBPyConnection", home: Home) -> list[dict[str, Any]]:
    """Return the files that are loaded in the lake, with their hashes."""
    if not any((home.lake / "loads").glob("*.parquet")):
        return []
    loads = connection.sql(
        f"""
        select distinct dataset, source_name, file_name, file_sha256, extracted_on, rows_accepted, rows_rejected
        from read_parquet({sql.text(str(home.lake / "loads" / "*.parquet"))}, union_by_name = true)
        where status = 'loaded'
        order by all
        """
    )
    return [dict(zip(loads.columns, row, strict=True)) for row in loads.fetchall()]


def _money(connection: "duckdb.DuckDBPyConnection", catalogue: str, tables: list[Table]) -> dict[str, str | None]:
    names = {(table.schema, table.name) for table in tables}
    sums = {}
    for schema, name, column in MONEY:
        if (schema, name) in names:
            row = connection.execute(f'select sum("{column}") from {catalogue}."{schema}"."{name}"').fetchone()
            sums[f"{schema}.{name}.{column}"] = str(row[0]) if row and row[0] is not None else None
    return sums


def _headlines(connection: "duckdb.DuckDBPyConnection", tables: list[Table]) -> dict[str, dict[str, str]]:
    """Return the figures of kpi.headlines by period, such as `fiscal_year 2026-04-01`."""
    if ("kpi", "headlines") not in {(table.schema, table.name) for table in tables}:
        return {}
    query = f"select period_type, period_start, {', '.join(HEADLINES)} from {BUILD}.kpi.headlines order by all"
    rows = connection.execute(query).fetchall()
    return {f"{kind} {start}": dict(zip(HEADLINES, map(str, row), strict=True)) for kind, start, *row in rows}


def _read_back(home: Home, aside: Path, release: Mapping[str, Any]) -> None:
    """Compare rows and money in the closed release, database and Parquet files, with the build: the last check."""
    files = {key: aside / PARQUET / key.replace(".", "/", 1) for key in release["tables"]}
    files = {key: file.with_name(f"{file.name}.parquet") for key, file in files.items()}
    with engine.connect(home, aside / DATABASE, read_only=True) as connection:
        present = dict(
            connection.execute(
                "select schema_name || '.' || table_name, format('\"{}\".\"{}\"', schema_name, table_name) "
                f"from duckdb_tables() where schema_name != '{SEMANTIC}'"
            ).fetchall()
        )
        if missing := files.keys() ^ present.keys():
            raise KyotenError(f"The release lacks {', '.join(sorted(missing))}. The release before it stays.")
        in_database = _counts(connection, present)
        in_files = dict(
            connection.execute(
                f"select file_name, num_rows from parquet_file_metadata([{sql.texts(map(str, files.values()))}])"
            ).fetchall()
        )
        money = _money(connection, BUILD, [Table(file.parent.name, file.stem, {}) for file in files.values()])
    for key, wanted in release["tables"].items():
        in_file = in_files[str(files[key])]
        if not wanted == in_database[key] == in_file:
            raise KyotenError(
                f"The release differs from the build: {key} has {wanted:,} rows in the build, "
                f"{in_database[key]:,} in the database and {in_file:,} in Parquet. The release before it stays."
            )
    if money != release["money"]:
        raise KyotenError(f"The release does not have the money of the build: {money} instead of {release['money']}.")


def _counts(connection: "duckdb.DuckDBPyConnection", relations: Mapping[str, str]) -> dict[str, int]:
    """Return the number of rows of each relation, by its key."""
    query = " union all ".join(f"select {sql.text(key)}, count(*) from {name}" for key, name in relations.items())
    return dict(connection.execute(query).fetchall()) if relations else {}


def _project_version() -> dict[str, str | None]:
    """Return the project's version, and its commit if it is a git checkout."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    try:
        git = subprocess.run(
            ["git", "-C", str(PROJECT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False, timeout=10
        )
        commit = git.stdout.strip() or None
    except OSError:
        commit = None
    return {"project_version": project["version"], "git_commit": commit}


def _persist(folder: Path) -> None:
    """Make a release read-only and flush it to the disk before a link points to it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.chmod(0o444)
        fsync(path)
    fsync(folder)
