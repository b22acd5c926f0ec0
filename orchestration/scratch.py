"""Builds models in a scratch database from SQL that dbt compiled: for an earlier day, other rules or the benchmark.

The caller chooses the models, the day and the rules. Nothing here is tested or published, which needs a dbt build.

dbt itself offers no fitting way. `dbt build` with another target and `--target-path` writes another database, but each
run starts dbt (2 to 3 CPU seconds, and a full parse if a var differs). A history needs one build per extract date, and
the invariant tests need hundreds of builds of a few rows. dbt reads a seed only from its file in the project, so
another ladder would need a copy of the project. `--defer --state` and `dbt clone` reuse the tables of another build,
but here the day or the rules differ for nearly every table. So dbt compiles once per state of the project and vars
(`dbt compile`, a public call), and the statements run in the order of the manifest.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import engine
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.sql import name, text
from orchestration.warehouse import HOME_MARK, quoted_root, read_manifest

if TYPE_CHECKING:
    import duckdb

# The same settings as in profiles.yml.
SETTINGS = (
    "set TimeZone = 'UTC'; set enable_progress_bar = false; set preserve_insertion_order = false; "
    "set force_compression = 'uncompressed'; set wal_autocheckpoint = '1TB'"
)


@dataclass(frozen=True)
class Plan:
    """Seeds and models of one compiled project, each after all that it reads."""

    nodes: tuple[dict[str, Any], ...]
    home: Home  # whose lake is read, unless `build` names another

    @classmethod
    def of(cls, manifest: Mapping[str, Any], home: Home) -> "Plan":
        """Return the plan of a compiled manifest, to be built for this home."""
        return cls(tuple(in_order(manifest)), home)

    def ancestors(self, models: Collection[str], given: Collection[str] = ()) -> list[dict[str, Any]]:
        """Return the named models and all their ancestors, in order of dependency; no ancestors of the given ones."""
        wanted = {node["unique_id"] for node in self.nodes if node["name"] in models}
        if missing := set(models) - {node["name"] for node in self.nodes}:
            raise KyotenError(f"The dbt project has no model {', '.join(sorted(missing))}.")
        for node in reversed(self.nodes):
            if node["unique_id"] in wanted and node["name"] not in given:
                wanted.update(node["depends_on"].get("nodes", []))
        return [node for node in self.nodes if node["unique_id"] in wanted]

    def datasets(self, models: Collection[str]) -> set[str]:
        """Return the datasets of the contract that these models are built from."""
        read = {key for node in self.ancestors(models) for key in node["depends_on"].get("nodes", [])}
        return {key.rsplit(".", 1)[1] for key in read if key.startswith("source.kyoten.raw.")}

    def build(
        self,
        folder: Path,
        models: Collection[str],
        *,
        known_on: date | None = None,
        seeds: Mapping[str, Path] | None = None,
        home: Home | None = None,
        tables: Mapping[str, Path] | None = None,
    ) -> "duckdb.DuckDBPyConnection":
        """Build these models and their ancestors in a new database in this folder, which is emptied; return it open.

        known_on: only extracts up to that day count. seeds: other CSV files for seeds. home: another home's lake.
        tables: Parquet files of models that need not be built.
        """
        import duckdb

        tables = tables or {}
        nodes = self.ancestors(models, tables)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # Compiled SQL contains the name of its database, and DuckDB names a database after its file.
        connection = duckdb.connect(str(folder / self.home.database.name), config=dict(engine.settings(self.home)))
        try:
            connection.execute(SETTINGS)
            if known_on:
                connection.execute(f"set variable known_on = date '{known_on}'")
            for node in nodes:
                try:
                    connection.execute(f"create schema if not exists {name(node['schema'])}")
                    if node["name"] in tables:
                        file = text(str(tables[node["name"]]))
                        relation = f"{name(node['schema'])}.{name(node['alias'])}"
                        connection.execute(f"create view {relation} as from read_parquet({file})")
                        continue
                    connection.execute(self.statement(node, seeds=seeds, home=home))
                except duckdb.Error as error:
                    raise KyotenError(f"{node['schema']}.{node['alias']} could not be built: {error}") from error
        except BaseException:
            connection.close()
            raise
        return connection

    def statement(
        self,
        node: dict[str, Any],
        *,
        seeds: Mapping[str, Path] | None = None,
        home: Home | None = None,
    ) -> str:
        """Return the statement that creates or replaces a node's table or view."""
        relation = f"{name(node['schema'])}.{name(node['alias'])}"
        if node["resource_type"] == "seed":
            path = (seeds or {}).get(node["name"], PROJECT / node["original_file_path"])
            return f"create or replace table {relation} as {seed_rows(path, node['config'].get('column_types') or {})}"
        kind = "view" if node["config"]["materialized"] == "view" else "table"
        query = compiled_sql(node, home or self.home)
        return f"create or replace {kind} {relation} as {query}"


def compiled_sql(node: Mapping[str, Any], home: Home) -> str:
    """Return the SQL of a model or test that reads this home."""
    sql: str = node["compiled_code"]
    return sql.replace(HOME_MARK, quoted_root(home))


def in_order(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a manifest's seeds and models, each after all that it reads."""
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("seed", "model")}
    graph = {
        key: [parent for parent in node["depends_on"].get("nodes", []) if parent in nodes]
        for key, node in nodes.items()
    }
    return (nodes[key] for key in TopologicalSorter(graph).static_order())


def seed_rows(path: Path, types: Mapping[str, str]) -> str:
    """Return the query that reads a seed as dbt does: comma-separated, with empty text and the text null as null."""
    options = "header = true, delim = ',', quote = '\"', nullstr = ['', 'null']"
    typed = "".join(f", {text(column)}: {text(type_)}" for column, type_ in types.items())[2:]
    return f"select * from read_csv({text(str(path))}, {options}{', types = {' + typed + '}' if typed else ''})"


def compile_models(home: Home, variables: Mapping[str, Any] | None = None) -> Plan:
    """Return the project compiled with these dbt vars (default: the vars of this run) as the plan of a home."""
    return Plan.of(read_manifest(home, variables), home)
