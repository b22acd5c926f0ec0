"""The length of SQL lines, as they are in the file: sqlfluff would measure what a macro becomes."""

from collections.abc import Iterator
from pathlib import Path

from orchestration.home import PROJECT

# Wider than Python's 120: a join with its condition stays on one line.
LONGEST = 140


def long_lines(folder: Path) -> Iterator[str]:
    """Give each line of SQL that is too long, as file, line and length."""
    for path in sorted(folder.rglob("*.sql")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if len(line) > LONGEST:
                yield f"{path.relative_to(folder)}:{number}: {len(line)} characters"


def test_lines_of_sql_fit() -> None:
    found = [line for folder in ("models", "macros", "tests/data") for line in long_lines(PROJECT / folder)]
    assert not found, f"longer than {LONGEST}: {found}"


def test_a_long_line_is_found(tmp_path: Path) -> None:
    (tmp_path / "planted.sql").write_text(f"select 1\n-- {'x' * LONGEST}\n", encoding="utf-8")
    assert list(long_lines(tmp_path)) == [f"planted.sql:2: {LONGEST + 3} characters"]
