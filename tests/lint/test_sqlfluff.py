"""The linter gets the SQL that dbt compiles, finds planted violations, and checks only changed files again."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlfluff.core import FluffConfig

from orchestration.home import PROJECT, Home
from orchestration.warehouse import HOME_MARK, read_manifest
from tests.check.test_makefile import make

SOUND = "select deal_id from {{ ref('fct_deals') }}\n"
VIOLATION = "select deal_id from {{ ref('fct_deals') }} where {{ is_within('a', 'b', 'c') }} and TRUE\n"


def compiled_by_dbt(code: str) -> str:
    """Return compiled SQL as the linter's context renders it: no schemas, no folder of a home."""
    for schema in ("staging", "intermediate", "core", "attribution", "kpi", "segment", "plan", "ops", "seeds"):
        code = code.replace(f'"kyoten"."{schema}".', '"kyoten"."schema".')
    return " ".join(code.replace(f"{HOME_MARK}/", "home/").split())


def test_the_linter_renders_the_sql_that_dbt_compiles(compiled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    config = FluffConfig.from_root()
    _, _, render = config.get_templater().construct_render_func(config=config)
    manifest = read_manifest(compiled, {})
    nodes = {
        node["original_file_path"]: compiled_by_dbt(node["compiled_code"])
        for node in manifest["nodes"].values()
        if node["original_file_path"].endswith(".sql") and node["resource_type"] in ("model", "test")
    }
    linted = {
        str(path.relative_to(PROJECT))
        for folder in ("models", "tests/data")
        for path in (PROJECT / folder).rglob("*.sql")
    }
    assert set(nodes) == linted
    for path, expected in nodes.items():
        rendered = " ".join(render((PROJECT / path).read_text(encoding="utf-8")).split())
        assert rendered == expected, f"{path}: see tests/lint/dbt_context"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the linter's rules, the macros and two models."""
    for name in ("Makefile", ".sqlfluff", "dbt_project.yml"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(PROJECT / ".venv" / "bin")
    shutil.copytree(PROJECT / "macros", tmp_path / "macros")
    shutil.copytree(PROJECT / "tests" / "lint" / "dbt_context", tmp_path / "tests" / "lint" / "dbt_context")
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "dev.lock").touch()
    for path in ("models/a.sql", "models/b.sql", "tests/data/c.sql"):
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).write_text(SOUND)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.fixture
def lint(project: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    return lambda *arguments: make("-C", str(project), "sqlfluff", *arguments)


def test_a_violation_is_found_in_one_file_and_in_all(project: Path, lint: Callable) -> None:
    assert lint().returncode == 0
    assert "sqlfluff lint" not in lint().stdout, "nothing changed"
    (project / "models" / "b.sql").write_text(VIOLATION)
    for _ in range(2):  # the same violation is found again
        every = lint()
        assert every.returncode != 0 and "CP04" in every.stdout and "b.sql" in every.stdout, every.stdout
        assert "models/a.sql" not in every.stdout.split("\n", 1)[0], "only changed files are linted"
    one = lint("FILES=models/b.sql")
    assert one.returncode != 0 and "CP04" in one.stdout
    assert lint("FILES=models/a.sql").returncode == 0
    (project / "models" / "b.sql").write_text(SOUND)
    assert lint().returncode == 0


def test_a_changed_rule_or_macro_lints_everything_again(project: Path, lint: Callable) -> None:
    (project / "models" / "a.sql").write_text("select {{ new_macro() }} from {{ ref('fct_deals') }}\n")
    missing = lint()
    assert missing.returncode != 0 and "new_macro" in missing.stdout, "a file that cannot be rendered is not clean"
    (project / "macros" / "new.sql").write_text("{% macro new_macro() %}deal_id{% endmacro %}\n")
    assert lint().returncode == 0
    (project / "macros" / "new.sql").write_text("{% macro new_macro() %}(({% endmacro %}\n")
    assert lint().returncode != 0
