"""The docs site has a page for each table in both languages, and its links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration import docs_site
from orchestration.home import PROJECT, Home
from tests.conftest import run_cli

KANA = re.compile(r"[ぁ-ヿ一-鿿]")


@pytest.fixture(scope="module")
def folder(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    docs_site.write_pages(built_home, folder)
    return folder


@pytest.fixture(scope="module")
def release(built_home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        yield connection


def broken(folder: Path) -> list[str]:
    """Return the links of Markdown pages that lead to no page, picture or anchor."""
    pages = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    plain = {path: re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.M) for path, text in pages.items()}
    anchors = {path: set(re.findall(r"\{ #(\S+) \}", text)) for path, text in plain.items()}
    found = []
    for path, text in plain.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("https://"):
                continue
            name, _, anchor = target.partition("#")
            to = (path.parent / name).resolve() if name else path
            if not to.is_file() or (anchor and anchor not in anchors.get(to, ())):
                found.append(f"{path.relative_to(folder)}: {target}")
    return found


def test_every_table_has_a_page_in_both_languages(folder: Path, release: duckdb.DuckDBPyConnection) -> None:
    tables = release.execute(
        "select table_schema || '.' || table_name, label_en, label_ja from ops.catalog where column_name is null"
    ).fetchall()
    assert len(tables) > 130
    for name, label, label_ja in tables:
        (rows,) = release.execute(f"select count(*) from {name}").fetchone() or (None,)
        for language, title, unit in (("en", label, "rows"), ("ja", label_ja, "行")):
            text = (folder / language / "catalogue" / f"{name}.md").read_text(encoding="utf-8")
            assert text.startswith(f"# {docs_site.cell(title)}\n"), name
            assert f"{rows:,} {unit}" in text, name


def test_both_languages_have_the_same_pages(folder: Path) -> None:
    english, japanese = ({path.relative_to(one) for path in one.rglob("*.md")} for one in
                         (folder / "en", folder / "ja"))  # fmt: skip
    assert english == japanese
    assert {path.name for path in (PROJECT / "docs").rglob("*.md")} <= {path.name for path in english}


def test_a_page_has_columns_codes_references_lineage_and_questions(folder: Path) -> None:
    page = (folder / "ja" / "catalogue" / "kpi.target_path.md").read_text(encoding="utf-8")
    assert "| `outcome` |" in page and "## コード" in page and "目標" in page
    assert "[`metrics.metric`](kpi.metrics.md)" in page
    assert "間販比率などの目標に向けて順調か](../guides/questions.md#r-s4-03" in page
    english = (folder / "en" / "catalogue" / "core.fct_deals.md").read_text(encoding="utf-8")
    assert "[`dim_branch.branch_id`](core.dim_branch.md)" in english
    assert "[`attribution.deal_attribution`](attribution.deal_attribution.md)" in english.partition("## Reads")[2]
    assert "`deals`" in english.partition("## Datasets behind it")[2]


def test_titles_of_pages_and_questions_are_in_both_languages() -> None:
    assert [guide.path for guide in docs_site.guides() if not KANA.search(guide.titles[1])] == []
    for page in ("questions", "bi"):
        text = (PROJECT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        asked = [found for found in docs_site.TITLE.finditer(text) if found[1] == "###"]
        assert len(asked) >= 10
        assert [found[2] for found in asked if not found[3]] == []
    terms = re.findall(r"^\| (.*) \|$", (PROJECT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(terms) > 100
    assert [term for term in terms[1:] if not KANA.search(term.split(" | ")[3])] == []


def test_links_lead_somewhere(folder: Path, tmp_path: Path) -> None:
    assert broken(folder) == []
    (tmp_path / "a.md").write_text("# A { #a }\n[here](#a) [no](#b) [old](b.md)\n", encoding="utf-8")
    assert broken(tmp_path) == ["a.md: #b", "a.md: b.md"]


def test_the_navigation_has_every_page(folder: Path) -> None:
    def pages(part: object) -> set[str]:
        if isinstance(part, str):
            return {part}
        values = part.values() if isinstance(part, dict) else part
        return set().union(*map(pages, values))  # type: ignore[call-overload]

    for language in docs_site.LANGUAGES:
        configuration = yaml.safe_load((folder / f"{language}.yml").read_text(encoding="utf-8"))
        written = {str(path.relative_to(folder / language)) for path in (folder / language).rglob("*.md")}
        assert pages(configuration["nav"]) == written


def test_a_cell_keeps_code_and_shows_marks_as_text() -> None:
    assert docs_site.cell("a | b <c>\n`UNKNOWN:<x>` d_e") == "a &#124; b &#60;c&#62; `UNKNOWN:<x>` d&#95;e"


def test_without_a_release_there_is_no_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_cli(Home(tmp_path / "home"), "site")
    assert done.returncode == 1 and "make" in done.stderr and not (tmp_path / "home").exists()
