"""Refreshes that are killed or interrupted, at random moments: no child stays, the next equals an undisturbed one."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from orchestration.home import PROJECT, Home
from orchestration.release.verify import verify
from tests.conftest import long

KILLS_IN_A_ROW = 3
ENDS_WITHIN = 60  # seconds
SCHEMAS = ("core", "attribution", "kpi", "segment", "plan")


def start(home: Home) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KYOTEN_", "DBT_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "refresh", "--force"],
        cwd=PROJECT,
        env=environment | {"KYOTEN_HOME": str(home.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def children(group: int) -> list[str]:
    """Return the processes of a group that still run."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in found.splitlines()]
    # A process without arguments, [python], is about to end: its memory is already free.
    return [row[2] for row in rows if int(row[0]) == group and row[1][0] not in "ZX" and row[2] != "[python]"]


def deliver_fewer_deals(home: Home) -> None:
    """Replace the earliest extract of deals by one without its last rows."""
    deals = min((home.landing / "deals").glob("*.csv*"))
    lines = deals.read_text(encoding="utf-8").splitlines(keepends=True)
    deals.write_text("".join(lines[:-20]), encoding="utf-8")
    os.utime(deals, ns=(1_800_000_000_000_000_000, 1_800_000_000_000_000_000))


def differences(one: Path, other: Path) -> list[str]:
    """Return the tables of two releases that have not the same rows."""
    tables = sorted(path.relative_to(one) for schema in SCHEMAS for path in (one / schema).glob("*.parquet"))
    assert len(tables) > 40
    with duckdb.connect() as connection:
        return [
            str(table)
            for table in tables
            if connection.execute(
                f"select count(*) from ((from '{one / table}' except all from '{other / table}') union all "
                f"(from '{other / table}' except all from '{one / table}'))"
            ).fetchone()
            != (0,)
        ]


def end(running: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """Kill a refresh with its children, as a power cut does, or interrupt it alone: it then ends its children."""
    with suppress(ProcessLookupError):  # it was faster
        if how is signal.SIGKILL:
            os.killpg(running.pid, how)
        else:
            running.send_signal(how)
    # -SIGINT is 130 for a shell: Python ends so if the interrupt met a text that it was executing.
    assert running.wait(ENDS_WITHIN) in (0, 130, -signal.SIGINT, -how)
    assert children(running.pid) == []


@long
@pytest.mark.parametrize(("how", "rounds"), [(signal.SIGKILL, 10), (signal.SIGTERM, 4)])
def test_a_refresh_after_kills_equals_an_undisturbed_one(
    built_home: Home, tmp_path: Path, how: signal.Signals, rounds: int
) -> None:
    chance = random.Random(1)
    homes = [Home(tmp_path / name) for name in ("undisturbed", "killed")]
    for home in homes:
        shutil.copytree(built_home.root, home.root, symlinks=True)
        deliver_fewer_deals(home)
    undisturbed, killed = homes
    begun = time.monotonic()
    assert start(undisturbed).wait() == 0
    whole = time.monotonic() - begun
    before = shutil.copytree(killed.root, tmp_path / "before", symlinks=True)
    for _ in range(rounds):
        shutil.rmtree(killed.root)
        shutil.copytree(before, killed.root, symlinks=True)
        for _ in range(KILLS_IN_A_ROW):
            running = start(killed)
            time.sleep(chance.uniform(0.3, whole))
            end(running, how)
        assert start(killed).wait() == 0
        assert differences(undisturbed.published / "parquet", killed.published / "parquet") == []
        assert verify(killed, "current") > 70
        left = [path for path in killed.root.rglob("*") if path.name.endswith((".unfinished", ".tmp"))]
        assert left == [] and not killed.commit_mark.exists()
