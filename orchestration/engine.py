"""DuckDB connections with the settings of this machine: memory, threads and the folder for what does not fit.

KYOTEN_MEMORY    what one process may use, such as 3GiB; default: half of the machine's or the container's memory
KYOTEN_THREADS   threads of the engine; default: one for a small lake, else all that the machine or container has
KYOTEN_TEMP      folder for spilled data; default: build/spill in the home
"""

import contextlib
import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.errors import KyotenError
from orchestration.home import Home

if TYPE_CHECKING:
    import duckdb

SETTINGS = ("KYOTEN_MEMORY", "KYOTEN_THREADS", "KYOTEN_TEMP")
# A process peaks at up to 1.5 times the engine's limit: Python's memory and what the engine does not count.
ENGINE_SHARE = 0.65
# Bytes of Parquet. In a smaller lake, with up to some 30,000 deals, a second thread costs CPU time and saves none.
SMALL_LAKE = 15_000_000
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


@functools.cache
def _of_machine() -> tuple[int, int]:
    """Return the bytes and threads that DuckDB takes by itself: 80 % of what the cgroup allows, and all cores."""
    import duckdb

    row = duckdb.connect().execute("select current_setting('memory_limit'), current_setting('threads')").fetchone()
    assert row
    return size(row[0], "memory_limit"), int(row[1])


@functools.cache
def unsteady_functions() -> frozenset[str]:
    """Return DuckDB's functions whose result depends on more than their arguments, such as random and now."""
    import duckdb

    query = "select distinct function_name from duckdb_functions() where stability <> 'CONSISTENT'"
    return frozenset(name for (name,) in duckdb.connect().execute(query).fetchall())


def size(text: str, setting: str) -> int:
    """Return a size such as 3GiB in bytes.

    Raises:
        KyotenError: if it has another form; `setting` is its name in the message.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B)\s*", text, re.IGNORECASE)
    if not found or float(found[1]) == 0:
        raise KyotenError(f"{setting} is {text!r}. Write a size with its unit, such as 3GiB.")
    return int(float(found[1]) * UNITS[found[2].upper()])


def memory() -> int:
    """Return the bytes that the engine may use before it spills."""
    if stated := os.environ.get("KYOTEN_MEMORY"):
        return int(size(stated, "KYOTEN_MEMORY") * ENGINE_SHARE)
    return int(_of_machine()[0] * ENGINE_SHARE)


def threads(home: Home) -> int:
    """Return the number of threads of the engine."""
    stated = os.environ.get("KYOTEN_THREADS")
    if not stated:
        files = (home.lake / "raw").glob("*/*.parquet")
        return 1 if sum(file.stat().st_size for file in files) < SMALL_LAKE else _of_machine()[1]
    if not stated.isdecimal() or int(stated) < 1:
        raise KyotenError(f"KYOTEN_THREADS is {stated!r}. Write a whole number of 1 or more.")
    return int(stated)


def temporary(home: Home) -> Path:
    """Return the folder for data that does not fit into memory."""
    stated = os.environ.get("KYOTEN_TEMP")
    return Path(stated).resolve() if stated else home.build / "spill"


def settings(home: Home) -> dict[str, str | int]:
    """Return DuckDB's settings, the same for every connection, for dbt's profile, too."""
    return {
        "memory_limit": f"{memory() // 2**20}MiB",
        "threads": threads(home),
        "temp_directory": str(temporary(home)),
    }


def opened(home: Home, database: Path | None = None, *, read_only: bool = False) -> "duckdb.DuckDBPyConnection":
    """Open a database, or one in memory; the caller closes it."""
    import duckdb

    connection = duckdb.connect(str(database or ":memory:"), read_only=read_only, config=dict(settings(home)))
    connection.execute("set enable_progress_bar = false")  # the steps report their progress
    return connection


@contextlib.contextmanager
def connect(
    home: Home, database: Path | None = None, *, read_only: bool = False
) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open a database, or one in memory, and close it afterwards."""
    with opened(home, database, read_only=read_only) as connection:
        yield connection
