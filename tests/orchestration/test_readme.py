"""The README and the other pages are right: the output of a command, and the names of files and links."""

import re

import pytest

from orchestration.home import PROJECT, Home
from tests.conftest import run_cli

PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])
FOLDERS = "docs|examples|locks|macros|models|orchestration|presets|seeds|tests|tools"


def missing(page: str) -> list[str]:
    """Return the files and folders that a page names in code and that do not exist."""
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", page)
    return [name for name in named if not (PROJECT / name).exists()]


def test_the_readme_shows_what_make_why_prints(built_home: Home) -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"`make why DEAL=TRAP01-A.*?```text\n(.*?)```", readme, re.DOTALL)
    done = run_cli(built_home, "why", "TRAP01-A", LANG="C.UTF-8")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip("\n") == shown.strip("\n")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_files_and_links_of_a_page_exist(path) -> None:
    page = path.read_text(encoding="utf-8")
    assert missing(page) == []
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_a_path_that_does_not_exist_is_found() -> None:
    assert missing("`docs/gone.md`, `docs/glossary.md` and `models/`") == ["docs/gone.md"]
