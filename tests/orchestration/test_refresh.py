"""The commands as people run them: from end to end, a second time, and with errors."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from orchestration import errors
from orchestration.cli import main
from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.lock import database_user, holder, write_lock
from orchestration.release.releases import current_release
from orchestration.release.verify import MANIFEST, files_of
from orchestration.warehouse import overrides
from tests import forked
from tests.conftest import SAMPLE_SIZE, long, run_cli
from tests.orchestration.test_killed_refreshes import children
from tests.orchestration.test_publish import _build, _publish

LIGHT = """
import sys
from orchestration.cli import main
status = main(sys.argv[1:])
heavy = {"dagster", "dagster_dbt", "dbt", "dlt", "duckdb", "fsspec", "numpy", "rich", "sqlalchemy"} & set(sys.modules)
assert not heavy, f"imported {sorted(heavy)}"
sys.exit(status)
"""


def test_the_demo_publishes_and_prints_a_summary(built_home: Home) -> None:
    output = (built_home.root / "demo.out").read_text()
    release = current_release(built_home)
    assert release
    headings = ["What came in", "How deals found their branch", "Quarantine", "Rejected rows", "Headline figures"]
    for heading in ("Today is 20", *headings):
        assert heading in output
    assert release["release_id"] in output
    assert str(built_home.published / "kyoten.duckdb") in output
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        deals, amount = connection.execute("select count(*), sum(amount) from core.fct_deals").fetchone() or (0, 0)
        rungs = connection.execute("select distinct rung from attribution.deal_attribution").fetchall()
        reasons = connection.execute("select distinct reason from attribution.quarantine").fetchall()
    assert deals >= SAMPLE_SIZE * 0.9
    assert re.search(rf"all +{deals:,} +{amount:,.0f}", output)
    for (word,) in [*rungs, *reasons]:
        assert re.search(rf"\b{word}\b", output), word
    assert re.search(r"Fiscal year \d{4} +[\d,]+ +[\d,]+ +[\d,]+ +\d+\.\d%", output)


def test_the_command_that_the_summary_shows_works(built_home: Home) -> None:
    line = next(li for li in (built_home.root / "demo.out").read_text().splitlines() if li.startswith("Query:"))
    shown = subprocess.run(
        line.removeprefix("Query:").replace(".venv/bin/python", sys.executable),
        shell=True,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert "won_amount" in shown.stdout


def test_the_manifest_has_inputs_money_and_guards(built_home: Home) -> None:
    release = current_release(built_home)
    assert release
    assert release["checks"]["failed"] == 0 < release["checks"]["passed"]
    assert {file["dataset"] for file in release["inputs"]} >= {"deals", "partners", "branches"}
    assert all(re.fullmatch(r"[0-9a-f]{64}", file["file_sha256"]) for file in release["inputs"])
    assert set(release["money"]) == {"core.fct_revenue.amount", "core.fct_deals.amount"}
    assert set(release["fingerprint"]) == {"inputs", "lake", "project"}


@pytest.mark.parametrize("command", [["refresh"]])
def test_nothing_new_is_found_without_the_heavy_imports(built_home: Home, command: list[str]) -> None:
    before = current_release(built_home)
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *command],
        cwd=PROJECT,
        env={**os.environ, "KYOTEN_HOME": str(built_home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert before and done.stdout == f"Nothing new since release {before['release_id']}.\n"
    assert current_release(built_home) == before


def test_a_guard_that_fails_keeps_the_old_release(home_copy: Home) -> None:
    before = current_release(home_copy)
    worklist = home_copy.worklist / "quarantine.csv"
    worklist.unlink()

    done = run_cli(home_copy, "refresh", KYOTEN_VARS='{"max_unresolved_share": 0}')

    assert done.returncode == 1, done.stdout
    assert before and f"Not published. Release {before['release_id']} stays." in done.stderr
    causes = [line for line in done.stderr.splitlines() if line.startswith("- ")]
    assert re.match(r"- Guard assert_unresolved_share_is_within_limit: \d+ rows?\. \S+", causes[0])
    assert current_release(home_copy) == before
    assert worklist.exists(), "the worklist is written nevertheless"


def test_refused_files_stop_publishing_each_time_and_are_named(home_copy: Home) -> None:
    before = current_release(home_copy)
    (home_copy.landing / "deals" / "2026-09-30.csv").write_text("deal_id,amount\nD1,5\n")
    (home_copy.landing / "dealz").mkdir()
    (home_copy.landing / "dealz" / "2026-09-30.csv").write_text("deal_id,stage\nD1,won\n")

    for _ in range(2):  # a refused file does not count as loaded
        done = run_cli(home_copy, "refresh")
        assert done.returncode == 1
        causes = [line for line in done.stderr.splitlines() if line.startswith("- ")]
        assert any("deals/2026-09-30.csv" in cause and "stage" in cause for cause in causes), done.stderr
        assert any("dealz" in cause for cause in causes), done.stderr
        assert current_release(home_copy) == before


@long
def test_half_a_roster_is_held_until_a_person_accepts_it(home_copy: Home) -> None:
    before = current_release(home_copy)
    folder = home_copy.landing / "branches"
    whole = max(folder.iterdir()).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "branches_2026-09-30.csv").write_text("".join(whole[: len(whole) // 2]), encoding="utf-8")
    name = "landing/branches/2026-09-30"

    done = run_cli(home_copy, "refresh")
    assert done.returncode == 1 and "1 batches held" in done.stdout, done.stdout
    assert str(home_copy.data_docs / "index.html") in done.stdout
    causes = [line for line in done.stderr.splitlines() if line.startswith(f"- {name}")]
    assert len(causes) == 1 and "share of keys vanished" in causes[0], done.stderr
    assert before and f"Release {before['release_id']} stays." in done.stderr
    assert current_release(home_copy) == before
    assert name in run_cli(home_copy, "accept").stdout

    shown = causes[0].split("make accept ")[1]
    options = dict(part.split("=", 1) for part in shlex.split(shown))
    assert options["KYOTEN_HOME"] == str(home_copy.root)
    accepted = run_cli(home_copy, "accept", options["BATCH"], "--by", "鈴木", "--reason", "統廃合")
    assert accepted.returncode == 0, accepted.stderr

    done = run_cli(home_copy, "refresh")
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(home_copy.published / "kyoten.duckdb"), read_only=True) as connection:
        loads = connection.execute("select status, message from ops.loads where extracted_on = '2026-09-30'").fetchall()
    assert sorted(status for status, _ in loads) == ["held", "loaded"]
    assert any(f"{name} was accepted by 鈴木 on " in message and "(統廃合)" in message for _, message in loads)


@long
def test_a_refresh_says_what_it_spent_and_names_the_slowest_step(home_copy: Home) -> None:
    done = run_cli(home_copy, "refresh", "--force", "--profile")
    assert done.returncode == 0, done.stderr
    table = {}
    for line in done.stdout.partition("step ")[2].splitlines()[1:]:
        found = re.fullmatch(r"(\w+) +([\d.]+) +([\d.]+) +([\d,]+)", line)
        if not found:
            break
        table[found[1]] = float(found[2])
    assert list(table) == [
        "fetch",
        "imports",
        "ingest",
        "names",
        "knowledge",
        "dbt",
        "pages",
        "switch",
        "publish",
        "all",
    ]
    assert table["dbt"] > 1 and sum(table.values()) == pytest.approx(2 * table["all"], abs=1)
    assert re.search(r"The refresh took \d+ s\. Its slowest step was dbt with \d+ s\.", done.stdout.splitlines()[-1])


@pytest.mark.parametrize("how", [pytest.param(signal.SIGINT, marks=long), signal.SIGTERM])
def test_an_interrupted_build_publishes_nothing(home_copy: Home, how: signal.Signals) -> None:
    before = current_release(home_copy)
    environment = {**os.environ, "KYOTEN_HOME": str(home_copy.root)}
    command = [sys.executable, "-m", "orchestration.cli", "refresh", "--force"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, start_new_session=True, **pipes) as running:
        assert running.stdout and running.stderr
        while "tables and views" not in (line := running.stdout.readline()):
            assert line, running.stderr.read()
        running.send_signal(how)
        assert running.wait(timeout=60) == 130
        assert children(running.pid) == []
        assert "Nothing was published; the release before it stays." in running.stderr.read()
    assert current_release(home_copy) == before
    if how is signal.SIGINT:  # the files are the same after each
        assert run_cli(home_copy, "refresh", "--force").returncode == 0


def test_an_interrupt_after_the_switch_of_readers_says_what_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    _build(home, 1)

    def interrupted(*_: object) -> None:
        _publish(home)
        raise KeyboardInterrupt

    monkeypatch.setenv("KYOTEN_HOME", str(home.root))
    monkeypatch.setattr("orchestration.refresh.prepare_dagster", lambda _: None)
    monkeypatch.setattr("orchestration.refresh._run", interrupted)
    assert main(["refresh", "--no-fetch"]) == 130
    release = (current_release(home) or {})["release_id"]
    assert f"Interrupted. Release {release} is published; the next refresh does the rest." in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("Query interrupted"), KyotenError("dbt could not start")])
def test_a_library_that_raises_its_own_error_when_interrupted_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def interrupted(*_: object) -> None:
        with suppress(KeyboardInterrupt):
            errors.interrupt()
        raise error

    monkeypatch.setenv("KYOTEN_HOME", str(tmp_path))
    monkeypatch.setattr("orchestration.errors.INTERRUPTED", threading.Event())
    monkeypatch.setattr("orchestration.refresh.prepare_dagster", lambda _: None)
    monkeypatch.setattr("orchestration.refresh._run", interrupted)
    monkeypatch.setattr("orchestration.refresh._tell", lambda *_: pytest.fail("nothing failed"))
    assert main(["refresh", "--no-fetch"]) == 130
    assert "Interrupted. Nothing was published" in capsys.readouterr().err


def test_a_second_writer_gets_the_process_id_of_the_first(built_home: Home, tmp_path: Path) -> None:
    home = Home(tmp_path)
    with write_lock(home), write_lock(home):
        done = run_cli(home, "refresh")
        assert done.returncode == 1
        assert f"is being written by process {os.getpid()}" in done.stderr
        assert holder(home) == str(os.getpid())
    assert holder(home) is None


@long
def test_one_of_two_refreshes_at_once_publishes(home_copy: Home) -> None:
    for _ in range(3):
        before = current_release(home_copy)
        environment = {**os.environ, "KYOTEN_HOME": str(home_copy.root)}
        command = [sys.executable, "-m", "orchestration.cli", "refresh", "--force"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        both = [subprocess.Popen(command, cwd=PROJECT, env=environment, **pipes) for _ in range(2)]
        said = [one.communicate()[1] for one in both]
        winner, loser = sorted(range(2), key=lambda number: both[number].returncode)
        assert [both[number].returncode for number in (winner, loser)] == [0, 1], said
        assert f"is being written by process {both[winner].pid}" in said[loser]
        kept = [path.name for path in (home_copy.published / "releases").iterdir()]
        assert (current_release(home_copy) or {})["release_id"] == max(kept) != (before or {})["release_id"]


def test_an_open_working_database_is_named_before_anything_is_deleted(home_copy: Home) -> None:
    with duckdb.connect(str(home_copy.database), read_only=True):
        done = run_cli(home_copy, "refresh", "--force")
        assert done.returncode == 1
        assert f"is open in process {os.getpid()}" in done.stderr
        assert home_copy.database.exists()
    assert database_user(home_copy.database) is None


@long
def test_a_part_built_in_the_ui_works_and_cannot_be_published(home_copy: Home) -> None:
    before = current_release(home_copy)

    def materialize(selection: str) -> subprocess.CompletedProcess[str]:
        return forked.run(
            [forked.BIN / "dagster", "asset", "materialize", "-m", "orchestration.definitions", "--select", selection],
            cwd=PROJECT,
            env={**os.environ, "KYOTEN_HOME": str(home_copy.root), "DAGSTER_HOME": str(home_copy.dagster)},
        )

    part = materialize('key:"core/dim_partner"')
    assert part.returncode == 0, part.stderr[-3000:]
    release = materialize('key:"published/release"')
    assert release.returncode != 0
    assert "not built and tested whole" in release.stderr + release.stdout
    assert current_release(home_copy) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "KYOTEN_VARS is not JSON"),
        ("[1]", "must be one JSON object"),
        ('{"max_unresolved_shares": 1}', "did you mean max_unresolved_share"),
        ('{"company_closed_days": ["31/12"]}', "It needs a list of days as MM-DD"),
    ],
)
def test_wrong_vars_are_reported(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setenv("KYOTEN_VARS", text)
    with pytest.raises(KyotenError, match=message):
        overrides()


def test_the_doctor_reports_versions_disk_lock_and_release(built_home: Home) -> None:
    done = run_cli(built_home, "doctor")
    release = current_release(built_home)
    assert done.returncode == 0 and release
    for word in ("dbt-core", "duckdb", "GB free", "write lock", "KYOTEN_VARS", release["release_id"]):
        assert word in done.stdout


def test_the_summary_shows_what_changed_since_the_release_before_and_why(home_copy: Home) -> None:
    """The older release lacks one deal, 100 in a closed month, and the last restatement."""
    assert "What changed" not in run_cli(home_copy, "summary").stdout
    releases = home_copy.published / "releases"
    older = releases / "20000101T000000Z"
    shutil.copytree(next(releases.iterdir()), older)
    with duckdb.connect(str(older / "kyoten.duckdb")) as release:
        release.execute("delete from core.fct_deals where deal_id = (select max(deal_id) from core.fct_deals)")
        month = release.execute("select min(month) from kpi.company_monthly").fetchone()
        release.execute("update kpi.company_monthly set won_amount = won_amount - 100 where month = ?", month)
        ((cause, deals, amount),) = release.execute(
            "select cause, count(distinct deal_id), sum(abs(amount))::bigint from attribution.restatements"
            " group by cause order by cause limit 1"
        ).fetchall()
        release.execute("delete from attribution.restatements where cause = ?", [cause])
    manifest = json.loads((older / MANIFEST).read_text())
    (older / MANIFEST).write_text(json.dumps(manifest | {"files": files_of(older)}))
    output = run_cli(home_copy, "summary").stdout
    changed = output.partition("What changed since release")[2].partition("Where it is")[0]
    assert re.search(r"deals more +1\b", changed), output
    assert re.search(r"months that were over +100\b", changed), output
    assert re.search(rf"{cause.lower().replace('_', ' ')} +{deals:,} +{amount:,}\b", changed), output
