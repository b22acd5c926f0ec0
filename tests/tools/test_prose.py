"""The prose linter finds planted words and sentences, reads only prose, and the project's own prose is clean."""

from dataclasses import replace
from fnmatch import fnmatch

import pytest

from orchestration.home import PROJECT
from tools.prose import READERS, check, compiled, findings, load_rules, main, tracked

RULES = load_rules()
PLANTED = replace(RULES, words=compiled({"frumious": "furious"}))
LONG = "One " + "more " * (RULES.longest_sentence - 1) + "word."


def found(name: str, text: str) -> list[tuple[int, str]]:
    return [(line, problem.partition(" → ")[0]) for line, problem in findings(name, text, PLANTED)]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("docs/a.md", "# Title\n\nThe month is frumious.\n", 3),
        ("docs/a.md", "| a | b |\n|---|---|\n| x | It is frumious |\n", 3),
        ("models/a.md", "{% docs a %}A month.{% enddocs %}\n{% docs b %}One\nthat is frumious.{% enddocs %}\n", 3),
        ("a.py", '"""Good.\n\nThe month is frumious.\n"""\n', 3),
        ("a.py", "x = 1  # frumious\n", 1),
        ("tools/sample/a.py", "x = 1  # frumious\n", 1),
        ("tools/sample/a.py", 'def f():\n    """It is\n    frumious.\n    """\n', 3),
        ("a.py", "x = 1\nraise ValueError(f'{x} was frumious twice')\n", 2),
        ("tests/a.py", "def test_it_is_frumious() -> None: ...\n", 1),
        ("models/a.sql", "select 1\n    -- frumious\nfrom x\n", 2),
        ("models/a.sql", "{# One\n   frumious #}\nselect 1\n", 2),
        (
            "models/a.yml",
            "models:\n  - name: a\n    description: >\n      What is\n      frumious.\n    columns: []\n",
            5,
        ),
        ("models/a.yml", "# One.\nvars: {}  # frumious\n", 2),
        ("seeds/a.csv", "code,label\nA,Frumious twice\n", 2),
        ("setup.sh", "#!/bin/sh\n# frumious\n", 2),
        ("Makefile", "demo: ## frumious\n", 1),
        ("a.toml", "x = 1 # frumious\n", 1),
    ],
)
def test_a_planted_word_is_found_where_it_is(name: str, text: str, line: int) -> None:
    assert [(number, word.lower()) for number, word in found(name, text)] == [(line, "frumious")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "The column `frumious` and [a page](frumious.md).\n\n```sql\nselect frumious\n```\n"),
        ("models/a.md", "{% docs frumious %}A month.{% enddocs %}\n"),
        ("a.md", "<!-- frumious -->\n| frumious |\n<!-- /frumious -->\n"),
        ("a.py", "frumious = 'frumious'\n"),
        ("tools/sample/a.py", '"""Data."""\n\nCASE = "a frumious deal"\n'),
        ("a.sql", "select frumious from x -- `frumious` is a column\n"),
        ("a.yml", "description: One of `frumious` and `other`.\n"),
        ("a.yml", "frumious: true\nname: frumious\n"),
        ("seeds/a.csv", "frumious,label\nfrumious,B\n"),
    ],
)
def test_code_is_not_prose(name: str, text: str) -> None:
    assert found(name, text) == []


@pytest.mark.parametrize("word", ["told", "Posts", "sentinels", "Knows", "それは伸び代です"])
def test_the_words_of_the_list_are_found(word: str) -> None:
    assert list(findings("a.md", word, RULES))


def test_a_planted_long_sentence_is_found_in_markdown() -> None:
    most = RULES.longest_sentence
    assert found("a.md", f"# Title\n\nShort one. {LONG}\n") == [
        (3, f"sentence of {most + 1} words, at most {most}: One more more more more more …")
    ]
    wrapped = LONG.replace("more more", "more\nmore")
    assert len(found("a.md", f"Short.\n\n- {wrapped}\n")) == 1
    assert len(found("a.md", f"| {LONG} | b |\n")) == 1


@pytest.mark.parametrize(
    "text", ["- {half}\n- {half}\n", "{half}\n\n{half}\n", "| {half} | {half} |\n", "{half}. {half}\n"]
)
def test_items_paragraphs_and_cells_are_sentences_of_their_own(text: str) -> None:
    assert found("a.md", text.format(half="word " * (RULES.longest_sentence - 1) + "end")) == []


def test_the_command_names_file_line_word_and_replacement(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.prose.load_rules", lambda: PLANTED)
    text = (PROJECT / "tests/tools/test_prose.py").read_text(encoding="utf-8")
    line = 1 + text[: text.index("month is frumious")].count("\n")
    assert main(["--all", "tests/tools/test_prose.py"]) == 1
    assert f"tests/tools/test_prose.py:{line}: frumious → furious" in capsys.readouterr().out
    assert main(["LICENSE"]) == 0


def test_the_projects_prose_is_clean() -> None:
    names = [name for name in tracked() if not any(fnmatch(name, skipped) for skipped in RULES.not_checked)]
    assert [name for name in names if name.endswith(".md")]
    assert check(names, RULES) == []


def test_each_exclusion_still_excludes_something() -> None:
    read = [name for name in tracked() if any(fnmatch(name, pattern) for pattern in READERS)]
    for skipped in RULES.not_checked:
        assert any(check([name], RULES) for name in read if fnmatch(name, skipped)), skipped
