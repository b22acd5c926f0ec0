"""Every published table of segments and plans has a second computation in Python."""

import re

from orchestration.home import PROJECT

MARTS = PROJECT / "models" / "marts"


def test_every_table_is_computed_again() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests" / "dbt").glob("*_again.py"))
    again = set(re.findall(r'table\(built_home, "(?:segment|plan)", "(\w+)"\)', tests))
    published = {path.stem for schema in ("segment", "plan") for path in (MARTS / schema).glob("*.sql")}
    assert len(published) > 40
    assert published - again == set()
