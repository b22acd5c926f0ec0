"""Every target of the Makefile is tested and runs the commands that its help promises."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.home import PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
# Target with its arguments → the arguments that the command gets.
CALLS: dict[tuple[str, ...], list[str]] = {
    ("demo", "SIZE=50", "SEED=3"): ["demo", "--size", "50", "--seed", "3"],
    ("demo", "SIZE=50", "SEED=3", "NOISE=5", "ALIKE=1"): [
        "demo",
        "--size",
        "50",
        "--seed",
        "3",
        "--noise",
        "5",
        "--alike",
    ],
    ("cases",): ["cases"],
    ("refresh", "FORCE=1", "FETCH=0"): ["refresh", "--force", "--no-fetch"],
    ("fetch", "FULL=1"): ["fetch", "--full"],
    ("summary",): ["summary"],
    ("report", "LANG_=ja"): ["--lang", "ja", "report"],
    ("try", "MODEL=m", "ROWS=2"): ["try", "--limit", "2", "--", "m"],
    ("dbt", "ARGS=show --inline 'select 1'"): ["dbt", "show", "--inline", "select 1"],
    ("why", "DEAL=D1", "LANG_=ja"): ["--lang", "ja", "why", "--", "D1"],
    ("what-if", "LADDER=l.csv", "VARS={}"): ["what-if", "--ladder", "l.csv", "--vars", "{}"],
    ("changes", "FROM=2026-03-02", "TO=2026-03-09"): ["changes", "--from", "2026-03-02", "--to", "2026-03-09"],
    ("worklist",): ["worklist"],
    ("potential",): ["potential"],
    ("accept", "BATCH=b", "BY=me", "REASON=it is"): ["accept", "--by", "me", "--reason", "it is", "--", "b"],
    ("sources-check",): ["sources-check"],
    ("verify", "RELEASE=r"): ["verify", "--", "r"],
    ("releases",): ["releases"],
    ("rollback", "RELEASE=r", "REASON=it is"): ["rollback", "--reason", "it is", "--", "r"],
    ("pin", "RELEASE=r", "REASON=it is"): ["pin", "--reason", "it is", "--", "r"],
    ("forget", "REP=r"): ["forget", "--", "r"],
    ("dev", "PORT=3999"): ["dev", "--port", "3999"],
    ("docs",): ["docs"],
    ("metrics", "NAMES=a,b", "BY=c", "SINCE=2026-01-01", "UNTIL=2026-02-01"): [
        "metrics",
        "--by",
        "c",
        "--since",
        "2026-01-01",
        "--until",
        "2026-02-01",
        "--",
        "a,b",
    ],
    ("workbook",): ["workbook"],
    ("superset",): ["superset"],
    ("site",): ["site"],
    ("postgres",): ["postgres"],
    ("mcp",): ["mcp"],
    ("doctor",): ["doctor"],
    ("accuracy", "SIZE=9", "SEEDS=2", "NOISE=0,1"): ["accuracy", "--size", "9", "--seeds", "2", "--noise", "0,1"],
}
# Target with its arguments → patterns that the command line must match.
SHOWN: dict[str, list[str]] = {
    "bench SIZE=100": [r'bench --size "\$GIVEN_SIZE" --repeats "\$\{GIVEN_REPEATS:-3\}"'],
    "rollouts SIZE=100 SEEDS=2": [
        r'tools.rollouts --size "\$GIVEN_SIZE" --seed "\$GIVEN_SEED" --seeds "\$GIVEN_SEEDS"'
    ],
    "backtest SIZE=100 SEEDS=2": [r'backtest --size "\$GIVEN_SIZE" +\\\n\s*--seeds "\$GIVEN_SEEDS"'],
    "check": [
        r"ruff check",
        r"ruff format --check",
        r"/mypy",
        r"yamllint --strict \.",
        r"make sqlfluff",
        r"make secrets",
        r"pytest .*tests/check",
    ],
    "test": [r"ruff check(.|\n)*pytest --quiet tests/check(.|\n)*-m pytest --numprocesses 2 --dist loadfile"],
    "long-test TESTS=tests/x": [r"PROPERTY_SCALE=2 .*-m pytest --numprocesses 2 --dist loadfile .*\$GIVEN_TESTS"],
    "browser-test": [r"command -v .*CHROMIUM", r"-m pytest tests/report/browser\.py"],
    "site-test": [r"setup\.sh site", r"command -v .*CHROMIUM", r"-m pytest tests/report/docs_site\.py"],
    "superset-test": [r"setup\.sh superset", r"-m pytest tests/orchestration/superset_import\.py"],
    "bi-test": [r"setup\.sh superset", r"setup\.sh notebook", r"-m pytest tests/orchestration/bi_readers\.py"],
    "notebook": [r"setup\.sh notebook", r"jupyter nbconvert .*--execute(.|\n)*examples/notebook/ten_questions\.ipynb"],
    "sail-test": [r"setup\.sh sail", r"-m pytest tests/spark/sail\.py"],
    "spark-test": [r"setup\.sh spark", r"-m pytest tests/spark/spark\.py"],
    "spark-cluster": [r"setup\.sh spark", r"-m pytest tests/spark/cluster\.py"],
    "engines": [r"-m tools\.engines"],
    "effects SIZE=100 SEEDS=2": [r'tools\.effects --size "\$GIVEN_SIZE" --seed "\$GIVEN_SEED" --seeds "\$GIVEN_SEEDS"'],
    "potential-check SIZE=99 SEEDS=2": [
        r'tools\.potential --size "\$GIVEN_SIZE" --seed "\$GIVEN_SEED" --seeds "\$GIVEN_SEEDS"'
    ],
    "quiet SIZE=99 SEEDS=2": [r'tools\.quiet --size "\$GIVEN_SIZE" --seeds "\$GIVEN_SEEDS"'],
    "advice SIZE=99 SEEDS=2": [r'tools\.advice --size "\$GIVEN_SIZE" --seed "\$GIVEN_SEED" --seeds "\$GIVEN_SEEDS"'],
    "coverage TESTS=tests/x": [r"coverage run -m pytest .*\$GIVEN_TESTS", r"coverage report"],
    "mutants ONLY=rung": [r'tests\.mutants --only "\$GIVEN_ONLY"'],
    "fuzz COUNT=9 ROUND=2": [
        r'tests\.fuzz --count "\$\{GIVEN_COUNT:-10000\}" --seed "\$GIVEN_SEED"',
        r'--round "\$GIVEN_ROUND"',
    ],
    "sqlfluff FILES=models/a.sql": [r"sqlfluff lint .*\$GIVEN_FILES"],
    "secrets": [r"\bsecrets\b"],
    "lock": [
        r"pip compile .*locks/dev\.lock",
        r"pip compile .*locks/run\.lock",
        r"locks/bi\.lock",
        r"locks/spark\.lock",
        r"locks/sail\.lock",
        r"locks/site\.lock",
        r"locks/superset\.lock",
        r"locks/notebook\.lock",
    ],
    "clean": [r"rm -rf \.venv"],
    "bi": [r"setup\.sh bi"],
    "help": [r"awk"],
}


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make as a person does, without the variables of an outer make."""
    inherited = {name: value for name, value in os.environ.items() if not re.match("MAKE|MFLAGS|KYOTEN_", name)}
    return subprocess.run(
        ["make", *arguments], cwd=PROJECT, env=inherited | environment, capture_output=True, text=True, check=False
    )


def targets(makefile: str = MAKEFILE) -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE))


def test_every_target_is_tested() -> None:
    assert targets() == {command.split()[0] for command in SHOWN} | {command[0] for command in CALLS}
    assert "new" in targets("new: ## A target that nobody tests\n\ttrue\n") - targets()


def test_every_target_is_phony_and_in_the_help() -> None:
    phony = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    assert phony == targets()
    helped = set(re.findall(r"^make (\S+)", make("help").stdout, re.MULTILINE))
    assert helped == targets()


@pytest.mark.parametrize("command", SHOWN)
def test_a_target_runs_its_commands(command: str) -> None:
    shown = make("-n", *command.split())
    assert shown.returncode == 0, shown.stderr
    for expected in SHOWN[command]:
        assert re.search(expected, shown.stdout), shown.stdout


@pytest.fixture
def arguments_of(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that runs a target with a command that only prints its arguments, and returns these."""
    fake = tmp_path / "fake"
    fake.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    fake.chmod(0o755)

    def call(*command: str) -> list[str]:
        done = make(*command, f"KYOTEN={fake}")
        assert done.returncode == 0, done.stderr
        arguments: list[str] = json.loads(done.stdout)
        return arguments

    return call


@pytest.mark.parametrize("command", CALLS)
def test_a_target_passes_its_arguments(arguments_of: Callable[..., list[str]], command: tuple[str, ...]) -> None:
    assert arguments_of(*command) == CALLS[command]


@pytest.mark.parametrize("command", [command for command in CALLS if len(command) > 1 and command[0] != "dbt"])
def test_a_given_text_is_never_run(
    arguments_of: Callable[..., list[str]], tmp_path: Path, command: tuple[str, ...]
) -> None:
    given = [name.split("=")[0] for name in command[1:]]
    mark = tmp_path / "run"
    hostile = f"x\"; touch {mark}; $(shell touch {mark}) $$(touch {mark}) `touch {mark}` '; touch {mark} #"
    passed = arguments_of(command[0], *(f"{name}={hostile}" for name in given))
    texts = [name for name in given if name not in ("ALIKE", "FORCE", "FETCH", "FULL")]
    assert passed.count(hostile) == len(texts)
    assert not mark.exists()


def test_settings_are_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "run"
    home = f"{tmp_path}/a '\"; touch {mark}; $(shell touch {mark}) `touch {mark}`"
    for settings in ([f"KYOTEN_HOME={home}"], []):
        done = make("doctor", *settings, **({} if settings else {"KYOTEN_HOME": home}))
        assert f" {home} (does not exist yet)" in done.stdout
    assert not mark.exists()


def test_commands_start_for_real(tmp_path: Path) -> None:
    """Each target starts for real; other tests cover the results of the commands."""
    home = str(tmp_path / "home")
    doctor = make("doctor", KYOTEN_HOME=home)
    assert doctor.returncode == 0 and home in doctor.stdout, doctor.stderr
    for arguments in (["summary"], ["why", "DEAL=D1"], ["worklist"], ["docs"]):
        done = make(*arguments, KYOTEN_HOME=home)
        assert done.returncode != 0 and "make refresh" in done.stderr, done.stderr


def test_continuous_integration_runs_both_engines(tmp_path: Path) -> None:
    fake = tmp_path / "make"
    fake.write_text('#!/bin/sh\necho "CI=$CI $*"\n')
    fake.chmod(0o755)
    done = subprocess.run(
        [PROJECT / ".ci" / "run"],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "CI=true sail-test\nCI=true test\n"
    last = make("-n", "test").stdout.strip().splitlines()[-1]
    assert "-m pytest" in last, "pytest's summary is the last line"
