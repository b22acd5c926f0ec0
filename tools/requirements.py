"""Writes docs/requirements.md: each requirement, the question that answers it, and the tables that its query reads."""

import re

from orchestration.home import PROJECT

QUESTIONS = PROJECT / "docs" / "questions.md"
PAGE = PROJECT / "docs" / "requirements.md"
# The parts of a requirement's number, what they are about, and how many numbers each has.
PARTS = {
    "S0": ("Account plans", 22),
    "S1": ("Partner segments", 14),
    "S2": ("Partners and their branches", 18),
    "S3": ("Salespeople", 16),
    "S4": ("Partner programme", 32),
}
HEAD = """# Requirements, tables and queries

*要件・テーブル・クエリ*

Each requirement has a number. This page shows the question of [questions.md](questions.md) that answers it, with a
query and a known answer, and the tables that the query reads. `python -m tools.requirements` makes this page.
"""


def answers() -> dict[str, list[tuple[str, list[str]]]]:
    """Return for each requirement the titles of its questions, each with the tables that its query reads."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    page = QUESTIONS.read_text(encoding="utf-8")
    for title, body in re.findall(r"^### (.*?)$(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE):
        query = "\n".join(re.findall(r"```sql\n(.*?)```", body, re.DOTALL))
        tables = sorted(set(re.findall(r"(?:from|join)\s+(\w+\.\w+)", query)))
        for code in re.findall(r"R-S\d-\d\d", title):
            found.setdefault(code, []).append((re.sub(r"(R-S\d-\d\d,? ?)+", "", title).strip(), tables))
    return found


def codes() -> list[str]:
    """Return the numbers of all requirements."""
    return [f"R-{part}-{n:02}" for part, (_, count) in PARTS.items() for n in range(1, count + 1)]


def page() -> str:
    """Return the page."""
    found, lines = answers(), [HEAD]
    for part, (about, count) in PARTS.items():
        lines += [f"## {about} ({part})", "", "| requirement | question | tables |", "|---|---|---|"]
        for code in (f"R-{part}-{n:02}" for n in range(1, count + 1)):
            for title, tables in found.get(code, [("no query yet", [])]):
                lines.append(f"| {code} | {title} | {', '.join(f'`{table}`' for table in tables)} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    missing = [code for code in codes() if code not in answers()]
    print(f"Wrote {PAGE.relative_to(PROJECT)}: {len(codes()) - len(missing)} of {len(codes())} requirements.", *missing)
