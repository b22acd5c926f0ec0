"""Every trap has a unit test, and the list of mutations fits the project and its page.

`make long-test` tries a few mutations for real, and `make mutants` all of them.
"""

import re
from pathlib import Path

import pytest

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from tests.conftest import long
from tests.dbt.test_unit_tests import DECLARED
from tests.mutants import END, PAGE, START, Laboratory, Mutation, Outcome, cells, load_mutations, problems, rows_of

TRIED = (
    "A weaker rung that names several of them narrows nothing",
    "A rep has one branch at any instant",
    "A day ends at midnight in the business time zone",
)


def table() -> list[list[str]]:
    """Return the cells of the page's rows."""
    rows = PAGE.read_text(encoding="utf-8").split(START)[1].split(END)[0].strip().splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in rows]


def unit_tests() -> dict[str, str]:
    """Return the description of each unit test by its name."""
    return {name: description for _, name, description in DECLARED}


def names_of_tests() -> set[str]:
    """Return the names of unit tests, guards and Python tests."""
    guards = {path.stem for path in (PROJECT / "tests" / "data").glob("*.sql")}
    python = {
        name
        for path in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    return {*unit_tests(), *guards, *python}


def test_every_trap_has_a_unit_test() -> None:
    descriptions = " ".join(unit_tests().values())
    numbers = {
        int(n)
        for few in re.findall(r"[Tt]raps? (\d+(?:(?:, | and )(?:trap )?\d+)*)", descriptions)
        for n in re.findall(r"\d+", few)
    }
    assert numbers == set(range(1, 29))


def test_each_mutation_changes_one_place() -> None:
    mutations = load_mutations()
    assert len({mutation.clause for mutation in mutations}) == len(mutations) > 100
    assert problems(mutations) == []


def test_a_mutation_that_does_not_fit_is_found() -> None:
    stale = Mutation("stale", "dbt_project.yml", "no such text", "another")
    idle = Mutation("idle", "dbt_project.yml", "name: kyoten", "name:  kyoten")
    assert len(problems([stale])) == len(problems([idle])) == 1


def test_the_page_lists_the_same_mutations() -> None:
    expected = [cells(Outcome(mutation)) for mutation in load_mutations()]
    assert [(clause, mark, change) for clause, mark, _, change in table()] == [
        (clause, mark, change) for clause, mark, _, change in expected
    ]


def test_results_of_some_mutations_replace_their_rows_only() -> None:
    first, *others = load_mutations()
    page = PAGE.read_text(encoding="utf-8")
    rows = rows_of([Outcome(first, failed=["test_planted"])], page)
    assert "`test_planted`" in rows[0]
    assert rows[1:] == page.split(START)[1].split(END)[0].strip().splitlines()[3:]
    with pytest.raises(KyotenError, match="no result"):
        rows_of([], page.replace(f"| {others[0].change} |", "| another change |"))


def test_the_page_names_tests_that_exist() -> None:
    named = [re.findall(r"`(\w+)`", cells[2]) for cells in table()]
    assert all(named), "a clause without a test"
    assert {name for names in named for name in names} <= names_of_tests()


@pytest.fixture
def laboratory(home_copy: Home, tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path, home_copy)


@long
def test_tests_fail_for_broken_rules_and_nothing_else(laboratory: Laboratory) -> None:
    tried = [mutation for mutation in load_mutations() if mutation.clause in TRIED]
    assert len(tried) == len(TRIED)
    assert laboratory.unbroken(tried) == []
    assert [laboratory.try_out(mutation).is_noticed for mutation in tried] == [True] * len(TRIED)
    comment = Mutation(
        "a comment",
        "models/attribution/intermediate/int_deal_decisions.sql",
        "-- One row per deal",
        "-- A row per deal",
        unit=("int_deal_decisions",),
    )
    assert not laboratory.try_out(comment).is_noticed
    nonsense = Mutation(
        "SQL that does not run",
        "models/attribution/intermediate/int_deal_decisions.sql",
        "from outcomes",
        "from nowhere",
        unit=("int_deal_decisions",),
    )
    assert not laboratory.try_out(nonsense).is_noticed
