"""Builds the tables of a generated company: land files, ingest, normalise names, run the SQL that dbt compiled.

This module makes the tables and reads them back. invariants.py asserts their content.
"""

import csv
import itertools
import random
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from orchestration import scratch
from orchestration.home import Home
from orchestration.lake.ingest import ingest
from orchestration.names.lake import write_names
from orchestration.warehouse import read_manifest
from tests.property.company import FULL, Company, Row

SCHEMAS = ("core", "attribution", "kpi", "segment")
DECIDING = ("deal_attribution", "fct_revenue", "influence", "restatements", "int_known_credit")
# The lineage columns of a row are not part of its content.
LINEAGE = {"file_name", "row_number", "file_sha256"}
# The guards with limits that a small company may exceed; a finding of any other guard is an error.
BUSINESS_LIMITS = {"assert_unresolved_share_is_within_limit"}

Record = dict[str, Any]


@dataclass(frozen=True)
class Built:
    """The tables of one company, read back."""

    tables: Mapping[str, list[Record]]
    red_guards: Mapping[str, list[tuple[Any, ...]]]

    def __getitem__(self, table: str) -> list[Record]:
        """Return a table's rows."""
        return self.tables[table]

    def of_deals(self, table: str = "attribution.deal_attribution") -> dict[str, Record]:
        """Return the rows of a table that has one per deal."""
        return {row["deal_id"]: row for row in self.tables[table]}

    def published(self) -> dict[str, list[str]]:
        """Return every published table with its rows sorted."""
        return {
            name: sorted(repr({key: value for key, value in row.items() if key not in LINEAGE}) for row in rows)
            for name, rows in self.tables.items()
            if name.split(".")[0] in SCHEMAS
        }


@dataclass(frozen=True, repr=False)
class Workshop:
    """A compiled project and a folder for homes and databases."""

    plan: scratch.Plan
    models: tuple[str, ...]
    guards: Mapping[str, Mapping[str, Any]]
    folder: Path

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Leave the SQL out of counterexamples."""
        printer.text("Workshop")

    @classmethod
    def opened(cls, compiled: Home, folder: Path) -> "Workshop":
        """Return a workshop for the project that the fixture `compiled` has compiled."""
        plan = scratch.compile_models(compiled, {})
        manifest = read_manifest(compiled, {})
        models = tuple(node["name"] for node in plan.nodes if node["schema"] in SCHEMAS)
        built = {node["unique_id"] for node in plan.ancestors(models)}
        guards = {
            node["name"]: node
            for node in manifest["nodes"].values()
            if node["resource_type"] == "test"
            and {key for key in node["depends_on"]["nodes"] if not key.startswith("source.")} <= built
        }
        return cls(plan, models, guards, folder)

    def deciding(self) -> "Workshop":
        """Return a workshop that builds only decisions and their money, for properties that need nothing else."""
        return replace(self, models=DECIDING, guards={})

    def crediting(self) -> "Workshop":
        """Return a workshop that builds dimensions, facts and attribution, and neither KPIs nor guards."""
        models = tuple(node["name"] for node in self.plan.nodes if node["schema"] in ("core", "attribution"))
        return replace(self, models=models, guards={})

    def unguarded(self) -> "Workshop":
        """Return a workshop that runs no guards."""
        return replace(self, guards={})

    def with_sql(self, model: str, old: str, new: str) -> "Workshop":
        """Return a workshop with a change in the SQL of one model."""
        nodes = []
        for node in self.plan.nodes:
            if node["name"] == model:
                assert node["compiled_code"].count(old) >= 1, f"{model} has no {old!r} any more"
                node = {**node, "compiled_code": node["compiled_code"].replace(old, new)}
            nodes.append(node)
        return replace(self, plan=scratch.Plan(tuple(nodes), self.plan.home))

    def land(self, company: Company, *, seed: int | None = None, name: str = "one") -> Home:
        """Load a company's files into the lake of a new home; with a seed, rows are shuffled and files are split."""
        home = Home(self.folder / "homes" / name)
        shutil.rmtree(home.root, ignore_errors=True)
        chance = random.Random(seed)
        files = list(company.files.items())
        if seed is not None:
            chance.shuffle(files)
        for (dataset, day), rows in files:
            if not rows and dataset not in FULL:
                continue  # an empty file has a meaning only for full extracts
            for number, part in enumerate(_parts(rows, chance) if seed is not None else [rows]):
                _write(home.landing / dataset / f"{chance.random() if seed else ''}{dataset}_{day}_{number}.csv", part)
        # Generated extracts may differ in any way, so there are no batch rules.
        result = ingest(home, progress=lambda _: None, expectations=None)
        assert not result.refused, [file.message for file in result.refused]
        rejected = [(file.file_name, file.message) for file in result.files if file.rejected]
        assert not rejected, f"the generator made invalid rows: {rejected}"
        write_names(home)
        return home

    def build(self, company: Company, *, seed: int | None = None, threads: int = 1) -> Built:
        """Land a company and build its tables."""
        return self.build_lake(self.land(company, seed=seed), threads=threads)

    def build_lake(self, home: Home, *, threads: int = 1, known_on: date | None = None, keep: str = "") -> Built:
        """Build the tables of a lake; `keep` is SQL to run on them before they are deleted."""
        folder = self.folder / "database"
        # Tables that are read once and then deleted need no checkpoint each.
        settings = f"{scratch.SETTINGS}; set threads = {threads}; set wal_autocheckpoint = '1TB'"
        with (
            mock.patch.object(scratch, "SETTINGS", settings),
            self.plan.build(folder, self.models, known_on=known_on, home=home) as connection,
        ):
            if keep:
                connection.execute(keep)
            names = connection.execute(
                "select schema || '.' || name from (show all tables) where schema in ? and name not like 'stg_%'",
                [[*SCHEMAS, "intermediate"]],
            ).fetchall()
            tables = {name: _records(connection, f"from {name}") for (name,) in names}
            red = {
                name: connection.execute(scratch.compiled_sql(guard, home)).fetchmany(5)
                for name, guard in self.guards.items()
            }
        shutil.rmtree(folder)
        return Built(tables, {name: rows for name, rows in red.items() if rows and name not in BUSINESS_LIMITS})


def _records(connection: duckdb.DuckDBPyConnection, query: str) -> list[Record]:
    found = connection.execute(query)
    columns = [column[0] for column in found.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def _parts(rows: list[Row], chance: random.Random) -> Iterable[list[Row]]:
    shuffled = chance.sample(rows, len(rows))
    cuts = sorted(chance.randrange(len(rows) + 1) for _ in range(2))
    return [shuffled[start:end] for start, end in itertools.pairwise([0, *cuts, len(rows)])]


def _write(path: Path, rows: list[Row]) -> None:
    from orchestration.contract import load_contract

    columns = sorted({column for row in rows for column in row}) or list(
        load_contract().datasets[path.parent.name].columns
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
