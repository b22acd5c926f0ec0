"""One source's fetch, and its result: the input and output of every transport. Nothing is fetched here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.sources.mapping import Source

SAMPLE_ROWS = 100


@dataclass(frozen=True)
class Fetched:
    """One table or resource of an extract. `cursor` is the last value of the column that shows what changed."""

    rows: int
    columns: tuple[str, ...]
    cursor_column: str = ""
    cursor: Any = None


@dataclass
class Job:
    """One source's fetch: where it writes, where it begins, and which values are secret."""

    source: Source
    config: Mapping[str, Any]
    folder: Path
    since: Mapping[str, Any]  # by alias, the cursor's value to begin at
    columns: Mapping[str, tuple[str, ...]]  # by alias, the columns that are known without a row
    say: Callable[[str], None]
    is_sample: bool = False
    is_full: bool = False
    at: str = ""
    secrets: dict[str, str] = field(default_factory=dict)  # value: what messages show instead

    def begin(self, alias: str) -> None:
        """Say what is fetched now; an error that follows is this one's."""
        self.at = alias
        self.say(f"fetching {alias} of {self.source.name}")
