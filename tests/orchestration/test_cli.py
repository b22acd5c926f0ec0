"""The command `kyoten`: the imports of help, the Makefile's calls, and dbt with the settings of a home."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import duckdb
import pytest

from orchestration.cli import kyoten, main
from orchestration.home import PROJECT, Home
from orchestration.lock import write_lock
from orchestration.release import checks
from tests.conftest import long, run_cli

HEAVY = ("dagster", "dbt", "dlt", "duckdb", "great_expectations", "numpy", "pydantic", "rich", "sqlalchemy", "yaml")
IMPORTS = f"""
import sys
from orchestration.cli import main
status = main(sys.argv[1:])
assert not (heavy := set({HEAVY!r}) & set(sys.modules)), f"imported {{sorted(heavy)}}"
sys.exit(status)
"""
MODEL = "bottlenecks"


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in kyoten.commands if name != "dbt")])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: kyoten")


def test_the_installed_command_runs_the_project_that_contains_it(tmp_path: Path) -> None:
    command = Path(sys.executable).parent / "kyoten"
    done = subprocess.run([command, "doctor"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == ["project", str(PROJECT)]


def calls(*variables: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of the command in the Makefile's targets."""
    targets = [line.split(":")[0] for line in (PROJECT / "Makefile").read_text().splitlines() if ": ## " in line]
    shown = subprocess.run(
        ["make", "--dry-run", "--always-make", *targets, *variables],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "BATCH": "b", "BY": "somebody", "REASON": "because"},
        capture_output=True,
        text=True,
        check=True,
    )
    given = {"SIZE": "10000", "SEED": "1", "PORT": "3000"} | dict(one.split("=", 1) for one in variables)
    for line in shown.stdout.replace("\\\n", " ").splitlines():
        if ".venv/bin/kyoten " in line:
            words = shlex.split(line.partition(".venv/bin/kyoten ")[2])
            words = words[2:] if words[0] == "--lang" else words  # an option of kyoten itself
            yield [given.get(word[7:], "") if word.startswith("$GIVEN_") else word for word in words]


VARIABLES = (
    "SIZE=2000", "SEED=2", "FORCE=1", "FETCH=0", "FULL=1", "DEAL=-x", "LANG_=ja", "LADDER=a b.csv", "VARS={}",
    "BATCH=b", "MODEL=x", "ROWS=2", "ARGS=show -s x", "PORT=3001", "SEEDS=1", "NOISE=0", "ALIKE=1", "MARKDOWN=1",
    "RELEASE=-x", "REP=-r", "REASON=it's wrong", "UNDO=1",
)  # fmt: skip


@pytest.mark.parametrize("variables", [(), VARIABLES])
def test_the_makefile_calls_commands_and_options_that_exist(variables: tuple[str, ...]) -> None:
    called = list(calls(*variables))
    assert {name for name, *_ in called} == set(kyoten.commands)
    for name, *arguments in called:
        kyoten.commands[name].make_context(name, arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--size", "0"], "'0' is not a whole number from 1 to"),
        (["demo", "--size", "many"], "'many' is not a whole number from 1 to"),
        (["accuracy", "--noise", "0;1"], "'0;1' is not a list of numbers"),
        (["why"], "Missing argument 'DEAL'"),
        (["wy"], "No such command 'wy'"),
        (["why", "--lang", "fr", "D1"], "'fr' is not one of 'en', 'ja'"),
    ],
)
def test_wrong_arguments_are_reported_with_status_2(arguments: list[str], message: str, capsys) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_sizes_may_be_written_with_separators() -> None:
    context = kyoten.commands["demo"].make_context("demo", ["--size", "10,000"])
    assert isinstance(context, click.Context)
    assert context.params["size"] == 10_000


def test_settings_may_be_options(tmp_path: Path) -> None:
    mapping = tmp_path / "ours.yml"
    mapping.touch()
    done = subprocess.run(
        [Path(sys.executable).parent / "kyoten", "--home", "ours", "--sources", "ours.yml", "--vars", "{}", "doctor"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert report["home"] == f"{tmp_path / 'ours'} (does not exist yet)"
    assert (report["sources"], report["KYOTEN_VARS"]) == (str(mapping), "{}")


def test_a_model_is_built_tested_and_shown(home_copy: Home) -> None:
    target = home_copy.build / "target"
    artefacts = {name: (target / name).read_bytes() for name in ("run_results.json",)}
    done = run_cli(home_copy, "try", MODEL, "--limit", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"PASS {MODEL}::" in done.stdout
    assert f"OK created sql table model kpi.{MODEL}" in done.stdout
    assert "branch_id" in done.stdout.split(f"kpi.{MODEL}: ")[1]
    for name, content in artefacts.items():  # dbt's results of the refresh are unchanged
        assert (target / name).read_bytes() == content
    assert checks.verified(home_copy) is None, "a build of a part may not be published"


def test_a_failing_test_is_reported_and_the_rows_are_shown(home_copy: Home) -> None:
    with duckdb.connect(str(home_copy.database)) as connection:
        connection.execute("insert into intermediate.int_pooled_rates from intermediate.int_pooled_rates")
    done = run_cli(home_copy, "try", MODEL)
    assert done.returncode == 1
    assert f"{MODEL}_is_one_row_per_scope_entity_id_and_step" in done.stdout and "FAIL" in done.stdout
    assert f"kpi.{MODEL}: " in done.stdout


def test_a_model_that_cannot_be_tried_is_reported(home_copy: Home, tmp_path: Path) -> None:
    nothing = run_cli(home_copy, "try", "no_such_model")
    assert nothing.returncode == 1
    assert "no_such_model selects nothing that can be built" in nothing.stderr
    unbuilt = run_cli(Home(tmp_path / "unbuilt"), "try", MODEL)
    assert unbuilt.returncode == 1
    assert "holds no tables yet. Run make refresh" in unbuilt.stderr


@long
def test_dbt_has_the_settings_of_the_home_and_passes_its_status_on(home_copy: Home) -> None:
    verified = checks.verified(home_copy)
    vars_ = '{"n_min": 7}'
    query = "select {{ var('n_min') }} as n_min, count(*) > 0 as is_ours from {{ ref('dim_branch') }}"
    shown = run_cli(home_copy, "dbt", "show", "--output", "json", "--inline", query, KYOTEN_VARS=vars_)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert '"n_min": 7' in shown.stdout and '"is_ours": true' in shown.stdout
    assert checks.verified(home_copy) == verified, "reading changes nothing"

    wrong = run_cli(home_copy, "dbt", "show", "--inline", "select no_such_column from {{ ref('dim_branch') }}")
    assert (wrong.returncode, "no_such_column" in wrong.stdout, wrong.stderr) == (2, True, "")
    unknown = run_cli(home_copy, "dbt", "build", "--no-such-option")
    assert (unknown.returncode, "No such option" in unknown.stderr) == (2, True)
    refused = run_cli(home_copy, "dbt", "ls", KYOTEN_VARS='{"n_mim": 7}')
    assert (refused.returncode, "did you mean n_min?" in refused.stderr) == (1, True)


def test_dbt_refuses_to_run_while_another_process_writes(home_copy: Home) -> None:
    with write_lock(home_copy):
        done = run_cli(home_copy, "dbt", "run", "-s", MODEL)
    assert done.returncode == 1
    assert "is being written by process" in done.stderr
