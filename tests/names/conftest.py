"""The normaliser with the project's own seeds, created once."""

import pytest

from orchestration.names.normal import Normaliser
from orchestration.names.rules import load_rules


@pytest.fixture(scope="session")
def normaliser() -> Normaliser:
    return Normaliser(load_rules())
