"""Every target of the Makefile is tested and runs the commands that its help promises."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from orchestration.home import PROJECT

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
# Target with its arguments → patterns that the command line must match.
SHOWN: dict[str, list[str]] = {
    "demo SIZE=50 SEED=3": [r"demo --size 50 --seed 3"],
    "refresh FORCE=1 FETCH=0": [r"refresh --force --no-fetch"],
    "fetch FULL=1": [r"fetch --full"],
    "summary": [r"\bsummary"],
    "try MODEL=m ROWS=2": [r'try --limit 2 -- "m"'],
    "dbt ARGS=parse": [r"kyoten dbt parse"],
    "why DEAL=D1 LANG_=ja": [r'why --lang ja -- "D1"'],
    "what-if LADDER=l.csv VARS={}": [r"what-if --ladder \"l.csv\" --vars '\{\}'"],
    "worklist": [r"\bworklist"],
    "accept BATCH=b BY=me REASON=known": [r'accept --by "\$BY" --reason "\$REASON" -- "\$BATCH"'],
    "sources-check": [r"\bsources-check"],
    "dev PORT=3999": [r"dev --port 3999"],
    "docs": [r"\bdocs"],
    "doctor": [r"\bdoctor"],
    "bench SIZE=100": [r"bench --size 100 --repeats 3"],
    "accuracy SIZE=100 SEEDS=2 NOISE=0,1": [r"accuracy --size 100 --seeds 2 \\\s+--noise 0,1"],
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
    "coverage TESTS=tests/x": [r"coverage run -m pytest .*tests/x", r"coverage report"],
    "mutants ONLY=rung": [r"tests\.mutants --only 'rung'"],
    "sqlfluff FILES=models/a.sql": [r"sqlfluff lint .*models/a\.sql"],
    "secrets": [r"\bsecrets\b"],
    "lock": [r"pip compile .*locks/dev\.lock", r"pip compile .*locks/run\.lock"],
    "clean": [r"rm -rf \.venv"],
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
    assert targets() == {command.split()[0] for command in SHOWN}
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


def test_commands_start_for_real(tmp_path: Path) -> None:
    """Each target starts for real; other tests cover the results of the commands."""
    home = str(tmp_path / "home")
    doctor = make("doctor", KYOTEN_HOME=home)
    assert doctor.returncode == 0 and home in doctor.stdout, doctor.stderr
    for arguments in (["summary"], ["why", "DEAL=D1"], ["worklist"], ["docs"]):
        done = make(*arguments, KYOTEN_HOME=home)
        assert done.returncode != 0 and "make refresh" in done.stderr, done.stderr


def test_continuous_integration_runs_make_test(tmp_path: Path) -> None:
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
    assert done.stdout == "CI=true test\n"
    last = make("-n", "test").stdout.strip().splitlines()[-1]
    assert "-m pytest" in last, "pytest's summary is the last line"
