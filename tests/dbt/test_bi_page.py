"""The ten questions of docs/bi.md answer from a release with at most one join each, also in the notebook."""

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
import sqlglot

from orchestration.home import PROJECT, Home

NOTEBOOK = PROJECT / "examples" / "notebook" / "ten_questions.ipynb"
PAGE = (PROJECT / "docs" / "bi.md").read_text(encoding="utf-8")
QUERIES = dict(re.findall(r"^### (.*?)\n.*?```sql\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))


@pytest.fixture(scope="module")
def release(built_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        yield connection


def joins(query: str) -> int:
    return len(list(sqlglot.parse_one(query, read="duckdb").find_all(sqlglot.exp.Join)))


def test_there_are_ten_questions() -> None:
    assert len(QUERIES) == 10
    assert joins("select * from a join b on true join c on true") == 2


@pytest.mark.parametrize("question", QUERIES)
def test_a_question_has_an_answer_with_one_join(release: duckdb.DuckDBPyConnection, question: str) -> None:
    assert joins(QUERIES[question]) <= 1
    assert release.execute(QUERIES[question]).fetchall()


def answer(release: duckdb.DuckDBPyConnection, words: str) -> list[dict[str, Any]]:
    (query,) = (query for question, query in QUERIES.items() if words in question)
    found = release.execute(query)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_the_planted_branches_have_their_money(release: duckdb.DuckDBPyConnection) -> None:
    both = {(row["this_year"], row["year_before"]) for row in answer(release, "year before")}
    assert (400_000_000, 200_000_000) in both  # KNOWN-MANY
    shares = [row["cumulative_share"] for row in answer(release, "How few branches")]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1)
    (stall,) = release.execute(
        "select branch_name from core.dim_branch where branch_id = 'KNOWN5-STALL'"
    ).fetchone() or ("",)
    assert stall in {row["branch"] for row in answer(release, "nobody contact")}


def test_a_partner_with_one_producer_hangs_on_one_person(release: duckdb.DuckDBPyConnection) -> None:
    found = answer(release, "hang on one")
    assert all(row["top_rep_share"] >= 0.5 for row in found)
    expected = release.execute(
        "select count(*) from kpi.rep_concentration where scope = 'partner' and top_rep_share >= 0.5"
        " and month = (select max(month) from kpi.rep_concentration where is_complete)"
    ).fetchone()
    assert (len(found),) == expected


def test_the_notebook_answers_the_questions(
    built_home: Home,
    release: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its cells run as plain code here; `make bi-test` runs them in Jupyter."""
    monkeypatch.setenv("KYOTEN_HOME", str(built_home.root))
    monkeypatch.chdir(NOTEBOOK.parent)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert [cell for cell in cells if cell.get("outputs")] == [], "commit it without answers"
    shown: list[Any] = []
    names: dict[str, Any] = {"display": shown.append}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    names["db"].close()
    about, *answers = shown
    assert about["release_id"].tolist() == [(release.execute("select release_id from ops.release").fetchone() or ())[0]]
    printed = capsys.readouterr().out
    assert [title for title in QUERIES if title not in printed] == []
    for query, answer in zip(QUERIES.values(), answers, strict=True):
        assert answer.equals(release.sql(query).df())
