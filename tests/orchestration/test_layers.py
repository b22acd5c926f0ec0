"""Modules import in one direction: the contracts in pyproject.toml are kept, and a planted violation is found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.home import PROJECT

# import-linter compares packages. This also finds a module that imports the package to which it belongs.
CYCLES = """
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


def cycles(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CYCLES], cwd=project, capture_output=True, text=True, check=False)


def test_the_contracts_are_kept() -> None:
    linted = lint(PROJECT)
    assert linted.returncode == 0, linted.stdout


def test_the_contracts_have_no_exceptions() -> None:
    assert "ignore_imports" not in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")


def test_there_is_no_import_cycle() -> None:
    found = cycles(PROJECT)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("orchestration/sources/landing.py", "import orchestration.lake.ledger", "Each layer imports only those below"),
        ("orchestration/sources/landing.py", "import orchestration.names.rules", "Each layer imports only those below"),
        ("orchestration/lake/ledger.py", "import orchestration.release.publish", "Each layer imports only those below"),
        ("orchestration/why.py", "def late() -> None:\n    import orchestration.cli", "Each layer imports only those"),
        ("orchestration/lake/records.py", "import orchestration.lake.batch", "No import cycle of modules or packages"),
        ("orchestration/why.py", "import tools.sample", "In the product only the command line imports the tools"),
        (
            "orchestration/lake/batch.py",
            "import dagster",
            "Only the asset graph and its resources import Dagster",
        ),
        ("orchestration/lake/profile.py", "import great_expectations", "Only one module imports Great Expectations"),
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
def test_a_planted_cycle_is_found(project: Path, module: str, line: str) -> None:
    plant(project / module, line)
    assert "CycleError" in cycles(project).stderr


def plant(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
