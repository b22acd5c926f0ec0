"""Modules import in one direction: the contracts in pyproject.toml are kept, and a planted violation is found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.home import PROJECT

# import-linter compares packages; this also sees a module that imports the package which it is part of.
RINGS = """
import graphlib
import grimp

graph = grimp.build_graph("orchestration", "tools", cache_dir=None)
graphlib.TopologicalSorter({m: graph.find_modules_directly_imported_by(m) for m in graph.modules}).prepare()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("orchestration", "tools"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(project: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def rings(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", RINGS], cwd=project, capture_output=True, text=True, check=False)


def test_the_contracts_are_kept() -> None:
    linted = lint(PROJECT)
    assert linted.returncode == 0, linted.stdout


def test_no_exception_is_made() -> None:
    assert "ignore_imports" not in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")


def test_there_is_no_ring() -> None:
    found = rings(PROJECT)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("orchestration/sources/landing.py", "import orchestration.lake.ledger", "Each layer imports only those below"),
        ("orchestration/sources/landing.py", "import orchestration.names.rules", "Each layer imports only those below"),
        ("orchestration/lake/ledger.py", "import orchestration.release.publish", "Each layer imports only those below"),
        ("orchestration/why.py", "def late() -> None:\n    import orchestration.cli", "Each layer imports only those"),
        ("orchestration/lake/records.py", "import orchestration.lake.batch", "No ring of modules or packages"),
        ("orchestration/why.py", "import tools.sample", "Of the product only the command line knows the tools"),
        ("orchestration/lake/batch.py", "import dagster", "Dagster stays in Dagster's parts"),
        ("orchestration/lake/profile.py", "import great_expectations", "Great Expectations stays in one module"),
    ],
)
def test_a_planted_violation_is_found(project: Path, module: str, line: str, contract: str) -> None:
    plant(project / module, line)
    linted = lint(project)
    assert linted.returncode == 1
    broken = [text for text in linted.stdout.splitlines() if text.endswith("BROKEN")]
    assert any(text.startswith(contract) for text in broken), linted.stdout


def test_a_new_module_needs_a_layer(project: Path) -> None:
    (project / "orchestration" / "somewhere.py").touch()
    assert "somewhere" in lint(project).stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("tools/sample/names.py", "import tools.sample"),
        ("orchestration/lake/records.py", "import orchestration.lake.batch"),
    ],
)
def test_a_planted_ring_is_found(project: Path, module: str, line: str) -> None:
    plant(project / module, line)
    assert "CycleError" in rings(project).stderr


def plant(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
