"""Every var of dbt_project.yml is read: a var that nothing reads is a setting without effect."""

import re
from pathlib import Path

import yaml

from orchestration.home import PROJECT

FOLDERS = ("models", "macros", "orchestration", "reports", "tests/data", "tools")


def unread(names: set[str], texts: str) -> set[str]:
    return {name for name in names if not re.search(rf"['\"]{name}['\"]", texts)}


def test_every_var_is_read() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    files = [PROJECT / "dbt_project.yml"]
    files += [
        path for folder in FOLDERS for path in Path(PROJECT / folder).rglob("*") if path.suffix in (".sql", ".py")
    ]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert unread(set(project["vars"]), texts) == set()
    assert unread({"n_min", "a_var_that_nothing_reads"}, texts) == {"a_var_that_nothing_reads"}
