"""Where things are: the folders below KYOTEN_HOME and the project's own files. Nothing here reads data."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import KyotenError, is_control

PROJECT = Path(__file__).resolve().parent.parent
CONTRACT = PROJECT / "contract.yml"
EXPECTATIONS = PROJECT / "expectations.yml"


@dataclass(frozen=True)
class Home:
    """The folder with everything that a run reads or writes."""

    root: Path

    @classmethod
    def from_environment(cls, default: str = "data") -> "Home":
        """Return the home that KYOTEN_HOME names; a relative path starts at the project's folder.

        Raises:
            KyotenError: if the path is no folder, or has characters that patterns of file names are made of.
        """
        try:
            root = (PROJECT / os.environ.get("KYOTEN_HOME", default)).resolve()
            is_other = root.exists() and not root.is_dir()
        except (OSError, ValueError, RuntimeError) as error:  # links that loop, a NUL
            raise KyotenError(f"KYOTEN_HOME cannot be used: {error}. Name a folder.") from error
        if is_other:
            raise KyotenError(f"KYOTEN_HOME {root} is a file. Name a folder.")
        if odd := sorted({c for c in str(root) if c in "*?[]{}" or is_control(c)}):
            raise KyotenError(f"KYOTEN_HOME {root} has {' '.join(odd)} in its path. Name a folder without it.")
        return cls(root)

    @property
    def landing(self) -> Path:
        """Files as delivered, one folder per dataset."""
        return self.root / "landing"

    @property
    def extracts(self) -> Path:
        """Fetched extracts, as delivered: one folder per source and extract, never changed."""
        return self.root / "extracts"

    @property
    def lake(self) -> Path:
        """The same rows, checked and typed, and the ledger: raw/, rejected/ and loads/, all Parquet."""
        return self.root / "lake"

    @property
    def commit_mark(self) -> Path:
        """The file that exists while ingest commits: what it writes, and what it deletes afterwards."""
        return self.lake / ".commit"

    @property
    def forget_mark(self) -> Path:
        """The file that exists while a person is being removed."""
        return self.build / "forget.json"

    def require_whole(self) -> None:
        """Raise KyotenError after a run was killed that removed a person: some files still have the name."""
        if self.forget_mark.exists():
            rep_id = json.loads(self.forget_mark.read_text(encoding="utf-8"))["person"]["rep_id"]
            raise KyotenError(
                f"Removing a person was interrupted. Complete it: make forget REP={rep_id} KYOTEN_HOME={self.root}"
            )

    @property
    def build(self) -> Path:
        """The working database and dbt's target folder, for the writer only."""
        return self.root / "build"

    @property
    def database(self) -> Path:
        """The working database."""
        return self.build / "kyoten.duckdb"

    @property
    def published(self) -> Path:
        """Releases, for readers."""
        return self.root / "published"

    @property
    def nothing_published(self) -> str:
        """The message of commands that need a release, while there is none."""
        return (
            f"Nothing is published in {self.published} yet. Run make refresh. "
            "For the sample company, run make demo and set KYOTEN_HOME=data/demo."
        )

    @property
    def first_page(self) -> Path:
        """The page that people open first."""
        return self.published / "pages" / "monday.html"

    @property
    def worklist(self) -> Path:
        """Files with what a person has to decide."""
        return self.root / "worklist"

    @property
    def acceptances(self) -> Path:
        """The batches that a person accepts although they miss an expectation."""
        return self.worklist / "accepted_batches.csv"

    @property
    def data_docs(self) -> Path:
        """The expectations for the latest batches and their outcome, as web pages."""
        return self.root / "data_docs"

    @property
    def truth(self) -> Path:
        """The sample company's answers."""
        return self.root / "truth"

    @property
    def logs(self) -> Path:
        """Logs of dbt and of refreshes."""
        return self.root / "logs"

    @property
    def dagster(self) -> Path:
        """Dagster's own home."""
        return self.root / "dagster"

    @property
    def sources(self) -> Path | None:
        """The mapping file: KYOTEN_SOURCES, else sources.yml in the home, else none."""
        named = os.environ.get("KYOTEN_SOURCES")
        if named:
            return (PROJECT / named).resolve()
        default = self.root / "sources.yml"
        return default if default.exists() else None


def write_whole(path: Path, text: str) -> None:
    """Write a file under another name and rename it: a reader, or a run after a kill, finds the old or the new text."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
