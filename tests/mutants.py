"""Breaks one clause of the attribution rules at a time, in a copy of the project, and counts the tests that fail.

tests/mutations.yml lists the changes. If no test fails, the clause is untested. The right answers are only in the
tests. Unit tests run on fixtures; a guard reads the sample company, rebuilt with the broken model.

Run: python -m tests.mutants [--only TEXT,TEXT] [--markdown]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from tests.conftest import run_cli

MUTATIONS = PROJECT / "tests" / "mutations.yml"
PAGE = PROJECT / "docs" / "attribution.md"
START, END = "<!-- mutations -->", "<!-- /mutations -->"
COPIED = (
    ".dbtignore",
    "contract.yml",
    "dbt_project.yml",
    "examples",
    "macros",
    "models",
    "orchestration",
    "profiles.yml",
    "pyproject.toml",
    "seeds",
    "tests",
)
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Mutation:
    """One clause, the change that breaks it, and the tests that should fail.

    `unit` names models whose unit tests run (default: the changed model). `guards` names guards on the sample company,
    which run after the models of `rebuild` were built again in this order. `pytest` is a list of arguments for pytest.
    """

    clause: str
    file: str
    find: str
    replace: str
    mark: str = ""
    unit: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    rebuild: tuple[str, ...] = ()
    pytest: tuple[str, ...] = ()

    @property
    def change(self) -> str:
        """Return the change in one line, for the page."""
        before, after = (" ".join(text.split()) for text in (self.find, self.replace))
        return f"`{self.file}`: {_code(before)} → {_code(after) if after else 'nothing'}"


@dataclass
class Outcome:
    """The tests that failed with a mutation, and the tests that did not run."""

    mutation: Mutation
    failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_noticed(self) -> bool:
        """Return whether a test failed and none crashed: SQL that does not run proves nothing."""
        return bool(self.failed) and not self.broken


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", "\\|")


def load_mutations(path: Path = MUTATIONS, only: str = "") -> list[Mutation]:
    """Return the mutations whose clause, mark or file contains one of the texts in `only`, separated by commas."""
    mutations = []
    for row in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader):
        lists: dict[str, Any] = {key: tuple(row.pop(key, ())) for key in ("unit", "guards", "rebuild", "pytest")}
        if not (lists["unit"] or lists["guards"] or lists["pytest"]):
            lists["unit"] = (Path(row["file"]).stem,)
        mutations.append(Mutation(**row, **lists))
    parts = [part.strip() for part in only.lower().split(",")]
    return [one for one in mutations if any(part in f"{one.clause} {one.mark} {one.file}".lower() for part in parts)]


def problems(mutations: Iterable[Mutation], project: Path = PROJECT) -> list[str]:
    """Return the errors of the list: a text that its file does not contain exactly once, or a change without effect."""
    found = []
    for mutation in mutations:
        path = project / mutation.file
        count = path.read_text(encoding="utf-8").count(mutation.find) if path.exists() else 0
        if count != 1:
            found.append(f"{mutation.clause}: {mutation.file} contains the text to change {count} times, not once")
        if " ".join(mutation.find.split()) == " ".join(mutation.replace.split()):
            found.append(f"{mutation.clause}: the change changes nothing")
    return found


class Laboratory:
    """A copy of the project with a home of its own, in which mutations are applied and reverted one by one."""

    def __init__(self, folder: Path, home: Home) -> None:
        """Copy the project into `folder`; `home` has a built sample company and may be changed."""
        self.project, self.home = folder / "project", home
        self.project.mkdir()
        for name in COPIED:
            source = PROJECT / name
            if source.is_dir():
                shutil.copytree(source, self.project / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self.project / name)
        self.environment = {
            "KYOTEN_HOME": str(home.root),
            "DBT_PROJECT_DIR": str(self.project),
            "DBT_PROFILES_DIR": str(self.project),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "DO_NOT_TRACK": "1",
        }
        self.database = folder / "guarded" / home.database.name

    def try_out(self, mutation: Mutation) -> Outcome:
        """Apply a mutation, run the tests that should fail, and revert it."""
        outcome, started = Outcome(mutation), time.monotonic()
        path = self.project / mutation.file
        right = path.read_text(encoding="utf-8")
        self._write(path, right.replace(mutation.find, mutation.replace))
        try:
            self._judge(mutation, outcome)
        except KyotenError as error:  # SQL that dbt cannot compile; the others are still tried
            outcome.broken.append(str(error).splitlines()[0])
        finally:
            self._write(path, right)
        outcome.seconds = time.monotonic() - started
        return outcome

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        if path.suffix == ".csv":
            # dbt stores a seed's rows with the unit tests that read it, and does not read the seed again.
            Path(self.environment["DBT_TARGET_PATH"], "partial_parse.msgpack").unlink(missing_ok=True)

    def unbroken(self, mutations: Sequence[Mutation]) -> list[str]:
        """Return the tests that fail, or do not run, before anything is broken."""
        whole = Outcome(Mutation("everything", "", "", ""))
        self._judge(
            replace(whole.mutation, unit=tuple(sorted({m for mutation in mutations for m in mutation.unit}))), whole
        )
        for arguments in sorted({mutation.pytest for mutation in mutations}):
            self._judge(replace(whole.mutation, pytest=arguments), whole)
        for mutation in mutations:
            if mutation.guards:
                self._judge(replace(mutation, unit=(), pytest=()), whole)
        return sorted({*whole.failed, *whole.broken})

    def _judge(self, mutation: Mutation, outcome: Outcome) -> None:
        if mutation.unit:
            for result in self._dbt("test", "--select", *(f"test_type:unit,{model}" for model in mutation.unit)):
                status = str(result.status)
                if status != "pass":
                    (outcome.failed if status == "fail" else outcome.broken).append(result.node.name)
        if mutation.guards:
            self._read_guards(mutation, outcome)
        if mutation.pytest:
            self._run_pytest(mutation, outcome)

    def _dbt(self, *arguments: str) -> list[Any]:
        from dbt.artifacts.schemas.run import RunExecutionResult
        from dbt.cli.main import dbtRunner

        with mock.patch.dict(os.environ, self.environment):
            done = dbtRunner().invoke(["--quiet", "--log-level", "none", "--no-write-json", *arguments])
        if not isinstance(done.result, RunExecutionResult):
            raise KyotenError(f"dbt {' '.join(arguments)} did not run: {done.exception}")
        return list(done.result.results)

    def _read_guards(self, mutation: Mutation, outcome: Outcome) -> None:
        """Build the broken models and the guard's other models again, in a transaction that is rolled back."""
        import duckdb

        nodes = {
            result.node.name: result.node
            for result in self._dbt("compile", "--select", *mutation.rebuild, *mutation.guards)
        }
        if not self.database.exists():
            self.database.parent.mkdir()
            shutil.copy(self.home.database, self.database)
        with duckdb.connect(str(self.database)) as connection:
            connection.execute("set timezone = 'UTC'; begin")
            try:
                for name in mutation.rebuild:
                    kind = "view" if nodes[name].config.materialized == "view" else "table"
                    connection.execute(
                        f"create or replace {kind} {nodes[name].relation_name} as {nodes[name].compiled_code}"
                    )
                for guard in mutation.guards:
                    if connection.execute(f"from ({nodes[guard].compiled_code}) limit 1").fetchall():
                        outcome.failed.append(guard)
            except duckdb.Error as error:
                outcome.broken.append(str(error).splitlines()[0])
            finally:
                connection.execute("rollback")

    def _run_pytest(self, mutation: Mutation, outcome: Outcome) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", "-rfE", *mutation.pytest],
            cwd=self.project,
            capture_output=True,
            text=True,
            check=False,
        )
        outcome.failed += re.findall(r"^FAILED \S*::(\w+)", done.stdout, re.MULTILINE)
        outcome.broken += re.findall(r"^ERROR (\S+)", done.stdout, re.MULTILINE)
        if done.returncode > 1 and not outcome.broken:
            outcome.broken.append(done.stdout.strip().rsplit("\n", 1)[-1])


def cells(outcome: Outcome) -> tuple[str, str, str, str]:
    """Return a mutation's row of the table in the docs: clause, mark, tests, change."""
    names = list(dict.fromkeys(outcome.failed))
    shown = ", ".join(f"`{name}`" for name in names[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return outcome.mutation.clause, outcome.mutation.mark, shown + more, outcome.mutation.change


def rows_of(outcomes: Iterable[Outcome], page: str, path: Path = MUTATIONS) -> list[str]:
    """Return a row for each mutation of the list: the one that was tried, or the page's if it has the same change."""
    tried = {outcome.mutation.clause: _row(outcome) for outcome in outcomes}
    kept = {line.split(" | ")[0].removeprefix("| "): line for line in page.split(START)[1].split(END)[0].splitlines()}
    rows = []
    for mutation in load_mutations(path):
        row = tried.get(mutation.clause) or kept.get(mutation.clause, "")
        if not row.endswith(f"| {mutation.change} |"):
            raise KyotenError(f"The page has no result for “{mutation.clause}”. Try it, too, or all of them.")
        rows.append(row)
    return rows


def _row(outcome: Outcome) -> str:
    return "| " + " | ".join(cells(outcome)) + " |"


def page_with(table: Sequence[str], page: str) -> str:
    """Return the page with the table between its markers."""
    before, rest = page.split(START)
    head = ["| clause | trap or invariant | tests that fail | the change that breaks the clause |", "|---|---|---|---|"]
    return "\n".join([before + START, *head, *table, END]) + rest.split(END)[1]


def main(arguments: list[str] | None = None) -> int:
    """Try the mutations, print the tests that fail for each, and return 1 if no test fails for one of them."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--only",
        default="",
        help="mutations whose clause, mark or file contains one of these texts, separated by commas",
    )
    parser.add_argument("--markdown", action="store_true", help=f"write the table into {PAGE.relative_to(PROJECT)}")
    options = parser.parse_args(arguments)
    try:
        return _run(load_mutations(only=options.only), is_written=options.markdown)
    except KyotenError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def _run(mutations: list[Mutation], *, is_written: bool) -> int:
    if not mutations:
        raise KyotenError("No mutation of tests/mutations.yml has that text in its clause, mark or file.")
    if wrong := problems(mutations):
        raise KyotenError("tests/mutations.yml does not fit the project:\n" + "\n".join(wrong))
    with tempfile.TemporaryDirectory(prefix="kyoten-mutants-") as folder:
        home = Home(Path(folder) / "home")
        done = run_cli(home, "cases")
        if done.returncode:
            raise KyotenError(f"The sample company could not be built:\n{done.stdout}\n{done.stderr}")
        laboratory = Laboratory(Path(folder), home)
        if failing := laboratory.unbroken(mutations):
            raise KyotenError("These tests fail before anything is broken: " + ", ".join(failing))
        outcomes = [_reported(laboratory.try_out(mutation)) for mutation in mutations]
    survivors = [outcome for outcome in outcomes if not outcome.is_noticed]
    print(f"\n{len(outcomes)} mutations, {len(survivors)} survived")
    if is_written and not survivors:
        page = PAGE.read_text("utf-8")
        PAGE.write_text(page_with(rows_of(outcomes, page), page), encoding="utf-8")
        print(f"Written to {PAGE.relative_to(PROJECT)}")
    return 1 if survivors else 0


def _reported(outcome: Outcome) -> Outcome:
    names = list(dict.fromkeys(outcome.failed))
    verdict = f"{len(names):3} failed" if outcome.is_noticed else "BROKEN" if outcome.broken else "SURVIVED"
    first: Any = (outcome.broken or names or [""])[0]
    print(f"{verdict:>8} {outcome.seconds:5.1f} s  {outcome.mutation.clause}  ({first})", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
