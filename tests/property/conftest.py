"""What the property tests share: the project compiled once, and how many companies each property is tried on.

PROPERTY_SCALE=20 tries twenty times as many, other ones in every run: for a night, not for every push.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

pytest.register_assert_rewrite("tests.property.laws")

from tests.property.workshop import Workshop  # noqa: E402  (after what it may import is registered)

SCALE = int(os.environ.get("PROPERTY_SCALE", "1"))


def examples(number: int) -> settings:
    """Say on how many companies a property is tried; the same ones in every run unless the scale is raised.

    An example is a whole build, so that Hypothesis's own limits of time do not fit, nor does explaining a failure.
    """
    return settings(
        max_examples=number * SCALE,
        derandomize=SCALE == 1,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def first_of(number: int) -> settings:
    """Say how many companies are tried until one shows what is wrong; it is not made smaller."""
    return settings(examples(number), phases=[Phase.generate], report_multiple_bugs=False)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The project, compiled."""
    return Workshop.opened(tmp_path_factory.mktemp("property"))
