"""Superset's dashboard, the notebook and PostgreSQL are read while refreshes publish: nothing fails, nothing is stale.

`make bi-test` runs this, as docs/bi.md describes it for an analyst; pytest collects the file only by its name,
because it needs .venv-superset and .venv-notebook. Each refresh gets a file that changes the money, so that no two
releases have the same figures.
"""

import json
import os
import shutil
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from orchestration.home import PROJECT, Home
from orchestration.superset import write_superset
from tests.conftest import run_cli
from tests.orchestration.superset_import import QUERIES, differences
from tests.orchestration.superset_server import Superset, running
from tests.orchestration.test_postgres import unequal_tables

REFRESHES = 5
CHART_READERS = 3
JUPYTER = PROJECT / ".venv-notebook" / "bin" / "jupyter"
NOTEBOOK = PROJECT / "examples" / "notebook" / "ten_questions.ipynb"
SUMS = (
    "select (select release_id from ops.release), (select sum(won_amount) from kpi.company_monthly), "
    "(select sum(amount) from core.fct_revenue)"
)
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Read:
    """What a reader got, and when."""

    started: float
    ended: float
    answer: Any
    of: str = ""  # the title of a chart


@dataclass
class Reads:
    """The reads of one kind."""

    reads: list[Read] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def repeat(self, ended: threading.Event, read: Callable[[int], tuple[str, Any]]) -> threading.Thread:
        """Read until the event in a thread of its own."""

        def loop() -> None:
            turn = 0
            while not ended.is_set():
                started = time.monotonic()
                try:
                    of, answer = read(turn)
                    self.reads.append(Read(started, time.monotonic(), answer, of))
                except Exception as error:
                    self.failed.append(f"{type(error).__name__}: {str(error)[:500]}")
                turn += 1
                ended.wait(1)  # as people do

        thread = threading.Thread(target=loop)
        thread.start()
        return thread


@pytest.fixture(scope="module")
def home(built_home: Home, server: str, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of 1,000 deals whose release is in PostgreSQL, too."""
    home = Home(tmp_path_factory.mktemp("readers") / "home")
    shutil.copytree(built_home.root, home.root, symlinks=True)
    done = run_cli(home, "postgres", KYOTEN_POSTGRES=server)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return home


@pytest.fixture(scope="module")
def superset(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Superset]:
    folder = tmp_path_factory.mktemp("superset")
    write_superset(home, folder / "kyoten", None)
    with running(folder / "kyoten", folder) as started:
        yield started


def connect(home: Home, release: str = "") -> duckdb.DuckDBPyConnection:
    folder = home.published / "releases" / release if release else (home.published / "current").resolve()
    return duckdb.connect(str(folder / "kyoten.duckdb"), read_only=True)


def answers(connection: duckdb.DuckDBPyConnection, query: str) -> Rows:
    found = connection.execute(query)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def land_money(home: Home, turn: int) -> None:
    """Land a file of one more day that changes the amount of a won deal."""
    with connect(home) as connection:
        ((as_of, deal, won_on),) = connection.execute(
            "select (select as_of from ops.release), deal_id, won_on from core.fct_deals"
            " where is_counted and status = 'won' and currency = 'JPY' order by won_on desc, deal_id limit 1"
        ).fetchall()
    day: date = as_of + timedelta(days=1)
    path = home.landing / "deal_amount_events" / f"deal_amount_events_{day}.csv"
    path.write_text(
        "event_id,deal_id,event_type,event_on,amount_delta,currency,reason\n"
        f"WALK{turn},{deal},adjust,{won_on},{1000 + turn},JPY,追加発注\n",
        encoding="utf-8",
    )


def notebook_of(home: Path, target: Path) -> tuple[str, Any]:
    """Run the notebook as docs/bi.md describes; return the release that it read, and what its cells show."""
    execute = [JUPYTER, "nbconvert", "--ExecutePreprocessor.startup_timeout=300", "--execute", "--to", "notebook"]
    command = [*execute, "--output-dir", target, NOTEBOOK]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, env=environment | {"KYOTEN_HOME": str(home)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    cells = json.loads((target / NOTEBOOK.name).read_text(encoding="utf-8"))["cells"]
    shown = ["".join(one.get("text") or one["data"]["text/html"]) for cell in cells for one in cell.get("outputs", ())]
    assert len(shown) == 21, "the release, and for each question its query and its answer"
    return "", shown


def stale(reads: list[Read], known: Callable[[Read], set[str]], switches: list[tuple[float, str]]) -> list[str]:
    """Return the reads of an older release than the one that was current when they started."""
    order = [name for _, name in switches]
    found = []
    for read in reads:
        current = [name for at, name in switches if at <= read.started][-1]
        if max(map(order.index, known(read))) < order.index(current):
            found.append(f"{read.of} {sorted(known(read))} instead of {current}")
    return found


def test_stale_reads_are_found() -> None:
    switches = [(0.0, "first"), (10.0, "second")]
    good = [Read(1, 2, "first"), Read(9, 11, "first"), Read(9, 11, "second"), Read(11, 12, "second")]
    assert stale(good, lambda read: {read.answer}, switches) == []
    assert stale([Read(11, 12, "first")], lambda read: {read.answer}, switches) == [" ['first'] instead of second"]


def test_readers_follow_refreshes(
    home: Home, server: str, superset: Superset, show: Callable[[str], None], tmp_path: Path
) -> None:
    charts = superset.dashboard(len(QUERIES))
    assert charts.keys() == QUERIES.keys()
    sessions = [superset.session() for _ in range(CHART_READERS)]
    titles = sorted(charts)

    def chart(reader: int, turn: int) -> tuple[str, Any]:
        title = titles[(reader + turn) % len(titles)]
        answer = sessions[reader].post(
            f"{superset.address}/api/v1/chart/data", json=charts[title][0] | {"force": False}, timeout=120
        )
        assert answer.ok, answer.text[:300]
        return title, answer.json()["result"][0]["data"]

    def sums(_: int) -> tuple[str, Any]:
        with psycopg.connect(server) as connection:
            connection.execute("set role kyoten_reader")
            return "", connection.execute(SUMS).fetchone()

    ended = threading.Event()
    switches = [(time.monotonic(), (home.published / "current").resolve().name)]
    loaded = list(switches)  # when a refresh had ended, after which PostgreSQL has its release

    def watch() -> None:
        while not ended.wait(0.002):
            if (now := (home.published / "current").resolve().name) != switches[-1][1]:
                switches.append((time.monotonic(), now))

    of_charts, of_notebook, of_postgres = Reads(), Reads(), Reads()
    threads = [threading.Thread(target=watch)]
    threads[0].start()
    threads += [of_charts.repeat(ended, lambda turn, n=n: chart(n, turn)) for n in range(CHART_READERS)]  # type: ignore[misc]
    threads.append(of_notebook.repeat(ended, lambda _: notebook_of(home.root, tmp_path / "live")))
    threads.append(of_postgres.repeat(ended, sums))
    try:
        for turn in range(REFRESHES):
            land_money(home, turn)
            done = run_cli(home, "refresh", "--force", "--no-fetch", KYOTEN_POSTGRES=server)
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
            loaded.append((time.monotonic(), (home.published / "current").resolve().name))
        time.sleep(10)  # readers go on with the last release
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    releases = [name for _, name in switches]
    assert len(set(releases)) == REFRESHES + 1 and [name for _, name in loaded] == releases

    # What each release answers when it is read alone.
    expected: dict[str, dict[str, Rows]] = {}
    totals, cells = {}, {}
    for release in releases:
        with connect(home, release) as connection:
            expected[release] = {title: answers(connection, query) for title, query in QUERIES.items()}
            totals[release] = connection.execute(SUMS).fetchone()
        alone = tmp_path / release / "published"
        alone.mkdir(parents=True)
        (alone / "current").symlink_to(home.published / "releases" / release)
        cells[release] = notebook_of(alone.parent, tmp_path / release)[1]
    assert len({total[1] for total in totals.values() if total}) == len(releases), "all releases have other figures"

    same: dict[str, Callable[[Read, str], bool]] = {
        "Superset": lambda read, release: differences(read.answer, expected[release][read.of]) == [],
        "notebook": lambda read, release: read.answer == cells[release],
        "PostgreSQL": lambda read, release: read.answer == totals[release],
    }
    problems: dict[str, list[str]] = defaultdict(list)
    for kind, reads, since in (
        ("Superset", of_charts, switches),
        ("notebook", of_notebook, switches),
        ("PostgreSQL", of_postgres, loaded),
    ):
        known = {id(read): {one for one in releases if same[kind](read, one)} for read in reads.reads}
        torn = [f"{read.of} is of no release" for read in reads.reads if not known[id(read)]]
        whole = [read for read in reads.reads if known[id(read)]]
        old = stale(whole, lambda read, known=known: known[id(read)], since)  # type: ignore[misc]
        seen = set().union(*(ones for ones in known.values() if len(ones) == 1))
        show(
            f"{kind}: {len(reads.reads) + len(reads.failed)} reads during {REFRESHES} refreshes, of {len(seen)} "
            f"releases: {len(reads.failed)} failed, {len(torn)} torn, {len(old)} stale"
        )
        problems[kind] += [*reads.failed, *torn, *old]
        if len(seen) < REFRESHES:
            problems[kind].append(f"only {len(seen)} releases were seen")
    waits = [at_load - at for (at, _), (at_load, _) in zip(switches[1:], loaded[1:], strict=True)]
    show(f"PostgreSQL had each release {min(waits):.1f} to {max(waits):.1f} s after the files")
    assert {kind: found for kind, found in problems.items() if found} == {}

    with connect(home) as connection:
        assert unequal_tables(server, connection) == []


def test_superset_has_the_dashboard_once(superset: Superset) -> None:
    session = superset.session()
    kinds = {"dataset": len(QUERIES), "chart": len(QUERIES), "dashboard": 1}
    assert {
        kind: session.get(f"{superset.address}/api/v1/{kind}/", timeout=60).json()["count"] for kind in kinds
    } == kinds


def test_superset_reads_postgresql_after_another_import(
    home: Home, server: str, superset: Superset, tmp_path: Path
) -> None:
    write_superset(home, tmp_path / "kyoten", server.replace("postgresql", "postgresql+psycopg2", 1))
    superset.run("import-directory", "--overwrite", str(tmp_path / "kyoten"))
    (database,) = superset.session().get(f"{superset.address}/api/v1/database/", timeout=60).json()["result"]
    assert database["backend"] == "postgresql"
    charts = superset.dashboard(len(QUERIES))
    with connect(home) as connection:
        found = {
            title: differences(answer["result"][0]["data"], answers(connection, QUERIES[title]))
            for title, (_, answer) in charts.items()
        }
    assert found == {title: [] for title in QUERIES}
