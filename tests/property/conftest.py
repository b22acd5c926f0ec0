"""What the property tests share: the project compiled once, and how many companies each property is tried on."""

import pytest
from hypothesis import Phase, settings

from orchestration.home import Home
from tests.conftest import examples

pytest.register_assert_rewrite("tests.property.laws")

from tests.property.workshop import Workshop  # noqa: E402  (after what it may import is registered)


def first_of(number: int) -> settings:
    """Say how many companies are tried until one shows what is wrong; it is not made smaller."""
    return settings(examples(number), phases=[Phase.generate], report_multiple_bugs=False)


@pytest.fixture(scope="session")
def workshop(compiled: Home, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The project, compiled."""
    return Workshop.opened(compiled, tmp_path_factory.mktemp("property"))
