"""One source's fetch, and its result: the input and output of every transport. Nothing is fetched here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.sources.mapping import Source

SAMPLE_ROWS = 100
# The remedy of what may pass by itself. An unattended run tries again for this one alone.
LATER = "Nothing of it landed. Fetch again later"


@dataclass(frozen=True)
class Fetched:
    """One table or resource of an extract. `cursor` is the last value of the column that shows what changed."""

    rows: int
    columns: tuple[str, ...]
    cursor_column: str = ""
    cursor: Any = None


@dataclass
class Job:
    """One source's fetch: its folder, its cursors, and the values that are secret."""

    source: Source
    config: Mapping[str, Any]
    folder: Path
    since: Mapping[str, Any]  # by alias, the cursor's value to begin at
    columns: Mapping[str, tuple[str, ...]]  # by alias, the columns known from earlier fetches or the database
    say: Callable[[str], None]
    is_sample: bool = False
    is_full: bool = False
    at: str = ""
    secrets: dict[str, str] = field(default_factory=dict)  # secret value: its replacement in messages

    def begin(self, alias: str) -> None:
        """Record the table or resource that is fetched now; messages name it if an error follows."""
        self.at = alias
        self.say(f"fetching {alias} of {self.source.name}")
