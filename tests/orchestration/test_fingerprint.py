"""Only the product's files decide whether anything is new, not the files of the tools."""

import shutil
from pathlib import Path

import pytest

from orchestration import warehouse
from orchestration.home import PROJECT
from orchestration.release.fingerprint import project_fingerprint


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("orchestration", "tools", "macros"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(warehouse, "PROJECT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "is_new"),
    [
        ("tools/sample/noise.py", False),
        ("tools/bench.py", False),
        ("orchestration/lake/rules.py", True),
        ("macros/dates.sql", True),
    ],
)
def test_a_comment_in_the_product_is_new_and_one_in_a_tool_is_not(project: Path, file: str, is_new: bool) -> None:
    before = project_fingerprint()
    with (project / file).open("a", encoding="utf-8") as source:
        source.write("\n# a comment\n")
    assert (project_fingerprint() != before) == is_new
