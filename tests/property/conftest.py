"""Shared by the property tests: the project, compiled once, and the number of companies for each property."""

import pytest
from hypothesis import Phase, settings

from orchestration.home import Home
from tests.conftest import examples

pytest.register_assert_rewrite("tests.property.invariants")

from tests.property.workshop import Workshop  # noqa: E402  (after the modules that it imports are registered)


def first_of(number: int) -> settings:
    """Return settings that try this number of companies and do not shrink the first failure."""
    return settings(examples(number), phases=[Phase.generate], report_multiple_bugs=False)


@pytest.fixture(scope="session")
def workshop(compiled: Home, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The compiled project."""
    return Workshop.opened(compiled, tmp_path_factory.mktemp("property"))
