"""Runs dbt's unit tests, which stand in YAML beside the models: every rung and rule on a few rows."""

import re

from orchestration.home import Home
from tests.conftest import run_dbt


def test_dbt_unit_tests_pass(home_copy: Home) -> None:
    done = run_dbt(home_copy, "test", "--select", "test_type:unit")
    assert done.returncode == 0, done.stdout[-5000:]
    passed = re.search(r"PASS=(\d+)", done.stdout)
    assert passed and int(passed.group(1)) >= 60, "the unit tests were not run"
