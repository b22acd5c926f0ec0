"""Readers that run while releases are published: each notes what failed, and what it saw of two releases at once.

A process runs one of them: `python -m tests.orchestration.readers KIND PLACE STOP`. It reads until the file STOP
exists, then prints its counts as JSON. PLACE is the folder `published`, or PostgreSQL's address.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

# The release has the number of its edition; every row of every table has that number, too.
SEEN = "select release_id, inputs_fingerprint from {0}ops.release{1}"
EDITIONS = "select min(edition), max(edition), count(*) from {0}core.{2}{1}"
TABLES = ("fct_deals", "fct_revenue")
READS_OF_A_CONNECTION = 20
# Readers give way to the process that publishes, else each release would take seconds and 500 of them hours.
PAUSE, NICENESS = 0.05, 5
Ask = Callable[[str], tuple[Any, ...]]


def whole(ask: Ask, before: str = "", after: str = "") -> tuple[str, bool]:
    """Read a release; return its id, and whether all rows are of its edition."""
    release_id, edition = ask(SEEN.format(before, after))
    found = [ask(EDITIONS.format(before, after, table)) for table in TABLES]
    return release_id, all((str(low), str(high)) == (edition, edition) and rows for low, high, rows in found)


def asking(connection: duckdb.DuckDBPyConnection) -> Ask:
    return lambda query: connection.execute(query).fetchone() or ()


def new_connections(place: str) -> Iterator[tuple[str, bool]]:
    """Open the published database for each read."""
    while True:
        with closing(duckdb.connect(f"{place}/kyoten.duckdb", read_only=True)) as connection:
            yield whole(asking(connection))


def kept_connections(place: str) -> Iterator[tuple[str, bool]]:
    """Keep a connection for several reads: it must stay at its release."""
    while True:
        with closing(duckdb.connect(f"{place}/kyoten.duckdb", read_only=True)) as connection:
            first, is_whole = whole(asking(connection))
            yield first, is_whole
            for _ in range(READS_OF_A_CONNECTION - 1):
                release_id, is_whole = whole(asking(connection))
                yield release_id, is_whole and release_id == first


def parquet_files(place: str) -> Iterator[tuple[str, bool]]:
    """Resolve the link once for each read, then open the files one after the other."""
    while True:
        folder = Path(place, "current").resolve() / "parquet"
        with duckdb.connect() as connection:

            def ask(query: str, connection: duckdb.DuckDBPyConnection = connection, folder: Path = folder) -> Any:
                for name in (*(f"core.{table}" for table in TABLES), "ops.release"):
                    query = query.replace(name, f"read_parquet('{folder}/{name.replace('.', '/')}.parquet')")
                return asking(connection)(query)

            yield whole(ask)


def postgres(place: str) -> Iterator[tuple[str, bool]]:
    """Read in one transaction of PostgreSQL."""
    import psycopg

    with psycopg.connect(place) as connection:
        while True:
            with connection.transaction():
                found = whole(lambda query: connection.execute(query).fetchone() or ())
            yield found  # not within the transaction: the swap would wait for the pauses between reads


KINDS = {"new": new_connections, "kept": kept_connections, "parquet": parquet_files, "postgres": postgres}


def run(kind: str, place: str, stop: Path) -> dict[str, Any]:
    """Read until the file exists; return the counts."""
    reads, torn, failed, seen = 0, 0, [], set()
    reading = KINDS[kind](place)
    while not stop.exists():
        reads += 1
        try:
            release_id, is_whole = next(reading)
        except Exception as error:
            failed.append(f"{type(error).__name__}: {error}")
            reading = KINDS[kind](place)
            continue
        torn += not is_whole
        seen.add(release_id)
        time.sleep(PAUSE)
    return {"kind": kind, "reads": reads, "torn": torn, "failed": failed, "releases": len(seen)}


if __name__ == "__main__":
    os.nice(NICENESS)
    print(json.dumps(run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
