"""A separate home for each test, and short helpers to land files and to read the lake."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.contract import load_contract
from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.lake.ingest import FileResult, IngestResult, ingest

DAY = "2026-04-01"


class Desk:
    """A home with its landing files and its lake."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.home.landing.mkdir(parents=True)

    def land(self, name: str, content: str | bytes, seconds: int | None = None) -> Path:
        path = self.home.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if seconds is not None:
            os.utime(path, (seconds, seconds))
        return path

    def load(self, sources: Path | None = None, **options: Any) -> IngestResult:
        return ingest(self.home, sources, progress=lambda line: None, **options)

    def load_all(self, sources: Path | None = None, **options: Any) -> IngestResult:
        """Load; raise an error for what is refused, as a refresh does."""
        result = self.load(sources, **options)
        if result.refused:
            raise KyotenError("\n".join(file.message for file in result.refused))
        return result

    def only(self, sources: Path | None = None) -> FileResult:
        (result,) = self.load(sources, expectations=None).files  # batch rules are for whole batches
        return result

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL with the lake's tables as raw_<dataset>, rejected and loads."""
        connection = duckdb.connect()
        for name in [f"raw/{dataset}" for dataset in load_contract().datasets] + ["rejected", "loads"]:
            folder = self.home.lake / name
            view = name.replace("raw/", "raw_")
            connection.execute(f"CREATE VIEW {view} AS FROM read_parquet('{folder}/*.parquet', union_by_name=true)")
        return connection.execute(sql).fetchall()

    def lake(self, dataset: str = "deals", apart: str = "loaded_at, file_sha256") -> list[tuple[Any, ...]]:
        """Return a dataset's rows, sorted, without the columns that differ from run to run."""
        return self.query(f"SELECT * EXCLUDE ({apart}) FROM raw_{dataset} ORDER BY ALL")

    def rejected(self) -> list[tuple[Any, ...]]:
        return self.query("SELECT row_number, column_name, value, reason, remedy FROM rejected ORDER BY ALL")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "home")


@pytest.fixture
def new_desk(tmp_path: Path) -> Callable[[], Desk]:
    homes = iter(range(1000))
    return lambda: Desk(tmp_path / f"home{next(homes)}")
