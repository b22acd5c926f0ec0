"""Runs dbt's unit tests, which are in YAML next to the models, in one dbt command. Each is a separate test here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.home import PROJECT, Home
from orchestration.warehouse import read_manifest
from tests.conftest import read_yaml, run_cli


def declared(models: Path = PROJECT / "models") -> list[tuple[str, str, str]]:
    """Return model, name and description of each unit test."""
    files = [path for path in sorted(models.rglob("*.yml")) if "unit_tests:" in path.read_text(encoding="utf-8")]
    return [
        (test["model"], test["name"], test["description"]) for path in files for test in read_yaml(path)["unit_tests"]
    ]


DECLARED = declared()


def of_unit_tests(home: Home) -> dict[str, dict[str, Any]]:
    """Run all unit tests against a home and return dbt's result of each by its name."""
    done = run_cli(home, "dbt", "test", "--select", "test_type:unit")
    ran = json.loads((home.build / "dbt" / "run_results.json").read_text(encoding="utf-8"))["results"]
    results = {result["unique_id"].split(".")[-1]: result for result in ran}
    assert results, f"dbt ran no unit test:\n{done.stdout[-5000:]}{done.stderr[-5000:]}"
    return results


def verdict(result: dict[str, Any] | None, model: str, name: str, description: str) -> str | None:
    """Return the failure with the model, the rule and the rows that differ; None if the test passed."""
    if result and result["status"] == "pass":
        return None
    outcome = f"{result['status']}\n{result['message']}" if result else "dbt did not run it"
    return f"{model}, unit test {name}: {outcome}\nThe rule: {description}"


@pytest.fixture(scope="module")
def results(new_copy: Callable[[], Home]) -> dict[str, dict[str, Any]]:
    return of_unit_tests(new_copy())


@pytest.mark.parametrize(
    ("model", "name", "description"), DECLARED, ids=[f"{model}: {name}" for model, name, _ in DECLARED]
)
def test_unit(results: dict[str, dict[str, Any]], model: str, name: str, description: str) -> None:
    if wrong := verdict(results.get(name), model, name, description):
        pytest.fail(wrong, pytrace=False)


def test_every_unit_test_of_the_manifest_was_run(results: dict[str, dict[str, Any]], built_home: Home) -> None:
    known = {test["name"] for test in read_manifest(built_home)["unit_tests"].values()}
    assert known == set(results) == {name for _, name, _ in DECLARED}
    assert len(known) == len(DECLARED), "two unit tests share a name"


def test_a_failing_unit_test_shows_model_rule_and_rows() -> None:
    result = {"status": "fail", "message": "actual differs from expected:\n@@ ,deal_id\n→ ,d1→d2"}
    message = verdict(result, "int_deal_claims", "int_deal_claims__emails", "Addresses are compared in lower case.")
    assert message
    for part in ("int_deal_claims, unit test", "d1→d2", "Addresses are compared in lower case."):
        assert part in message
    assert "did not run" in str(verdict(None, "m", "t", "d"))
    assert verdict({"status": "pass", "message": None}, "m", "t", "d") is None
