"""Every imported package is declared. An indirect dependency may be missing in the next version of its parent."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from orchestration.home import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
OURS = {"orchestration", "tools", "tests", *(path.stem for path in (PROJECT / "tests").rglob("*.py"))}
DISTRIBUTIONS = packages_distributions()


def names(requirements: list[str]) -> set[str]:
    return {plain(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements}


def plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


RUN = names(PYPROJECT["project"]["dependencies"])
GROUPS = {
    group: names([one for one in listed if isinstance(one, str)])
    for group, listed in PYPROJECT["dependency-groups"].items()
}
DEV = RUN | GROUPS["dev"]
# What make bi installs, with the parts of dbt-metricflow and mcp that have distributions of their own.
BI = names(PYPROJECT["project"]["optional-dependencies"]["bi"]) | {"metricflow", "metricflow-semantics", "mcp-types"}
# Not installed here: .venv-sail and .venv-spark have them.
ENGINES = GROUPS["sail"] | {"pyspark"}


def imported(code: str) -> Iterator[str]:
    """Yield the top-level packages that a module imports, except the standard library and the project."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        else:
            continue
        yield from {module.split(".")[0] for module in modules} - sys.stdlib_module_names - OURS


def undeclared(code: str, declared: set[str]) -> set[str]:
    return {name for name in imported(code) if not declared & {plain(name), *map(plain, DISTRIBUTIONS.get(name, ()))}}


def test_the_product_and_its_tools_import_declared_packages() -> None:
    files = [path for folder in ("orchestration", "tools") for path in (PROJECT / folder).rglob("*.py")]
    assert len(files) > 50
    # The environments of other engines have pyspark. make advice installs the development packages.
    others = {"spark.py": {"pyspark"}, "advice.py": {"polars"}, "pictures.py": {"playwright"}}
    others |= dict.fromkeys(("mcp_server.py", "metrics.py", "workbook.py"), BI)
    declared = {path: RUN | others.get(path.name, set()) for path in files}
    found = {str(p): missing for p in files if (missing := undeclared(p.read_text(encoding="utf-8"), declared[p]))}
    assert found == {}


def test_tests_import_declared_packages() -> None:
    files = (PROJECT / "tests").rglob("*.py")
    found = {
        str(path): missing
        for path in files
        if (missing := undeclared(path.read_text(encoding="utf-8"), DEV | BI | ENGINES))
    }
    assert found == {}


def test_an_undeclared_package_is_found() -> None:
    assert undeclared("def late():\n    import pendulum, duckdb, os", RUN) == {"pendulum"}
    assert undeclared("from hypothesis.strategies import text", RUN) == {"hypothesis"}
