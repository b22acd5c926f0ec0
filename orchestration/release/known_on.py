"""One file through which any published table of any kept release is read: published/as_known_on.duckdb.

    attach 'published/as_known_on.duckdb' as known (read_only);
    from known.kpi.branch_monthly('2026-03-31');           -- the last release without a later extract
    from known.kpi.branch_monthly('20260401T050301Z');     -- a release by its id
    from known.releases;

Each table is a macro over the Parquet file of one release, so a query reads only that file, with its columns.
The file holds no data. It is written again whenever a release comes or goes.
"""

import itertools
import os
from collections.abc import Sequence

from orchestration import engine, sql
from orchestration.home import Home
from orchestration.release.releases import Kept, kept_releases

CATALOGUE = "as_known_on.duckdb"


def write_catalogue(home: Home) -> None:
    """Write the file for the releases that are kept now, in place of the file before."""
    if not (kept := kept_releases(home)) or not os.access(home.published, os.W_OK):
        return
    aside = home.published / f".{CATALOGUE}.tmp"
    aside.unlink(missing_ok=True)
    names = sorted({name for one in kept for name in one.manifest["tables"]})
    statements = ["begin", _releases(kept), *_macros(home, kept, names), "commit"]
    with engine.connect(home, aside) as connection:
        connection.execute("; ".join(statements))
    aside.replace(home.published / CATALOGUE)


def _releases(kept: Sequence[Kept]) -> str:
    columns = "release_id varchar, published_at timestamp, as_of date"
    rows = [
        (one.release_id, str(one.manifest["published_at"]).removesuffix("+00:00"), one.as_of or None) for one in kept
    ]
    values = f"; insert into releases {sql.rows(rows)}" if rows else ""
    return f"create table releases ({columns}){values}"


def _macros(home: Home, kept: Sequence[Kept], names: Sequence[str]) -> list[str]:
    """Return a macro per table. Its argument is a constant, so DuckDB finds the one file before it reads anything."""
    ids = sql.texts(one.release_id for one in kept)
    # Of the releases as of one day the last one counts, and of two days the later one that is not after the day asked.
    latest = {one.as_of: one.release_id for one in kept if one.as_of}
    days = sorted(latest, reverse=True)
    cases = [f"when cast(known_on as date) >= date '{day}' then '{latest[day]}'" for day in days]
    first = f"known from {min(latest)} on" if latest else "kept"
    release = (
        f"case when known_on::varchar in ({ids}) then known_on::varchar "
        f"when try_cast(known_on as date) is null then error('No kept release has the id ' || known_on::varchar) "
        f"{' '.join(cases)} else error('Releases are {first}, none before') end"
    )
    folder = sql.text(f"{home.published}/releases/")
    tables = [name.split(".", 1) for name in names]
    schemas = [f'create schema "{schema}"' for schema, _ in itertools.groupby(tables, key=lambda table: table[0])]
    return schemas + [
        f'create macro "{schema}"."{name}"(known_on) as table '
        f"from read_parquet({folder} || {release} || '/parquet/{schema}/{name}.parquet')"
        for schema, name in tables
    ]
