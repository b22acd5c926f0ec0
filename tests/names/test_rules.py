"""The seeds about names: the project's own rows, and the messages for mistakes."""

import shutil
import unicodedata
from pathlib import Path

import pytest

from orchestration.errors import KyotenError
from orchestration.names.normal import Normaliser
from orchestration.names.rules import SEEDS, load_rules


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return shutil.copytree(SEEDS, tmp_path / "seeds")


@pytest.mark.parametrize(
    ("seed", "line", "problem"),
    [
        ("kanji_variants", "斎,斉,", r"kanji_variants.csv, row \d+, column canonical: is '斎', itself a variant"),
        (
            "kanji_variants",
            "高橋,髙橋,",
            r"kanji_variants.csv, row \d+, column variant: is '高橋'. Write one character",
        ),
        ("kanji_variants", "㈱,株,", r"column variant: is '㈱'"),
        ("legal_forms", "(株),株式会社,bracketed", r"legal_forms.csv, row \d+, column form: is '\(株\)', as in row 2"),
        ("legal_forms", "(新),,bracketed", r"legal_forms.csv, row \d+, column canonical: is empty"),
        (
            "legal_forms",
            "(新),新会社,greek",
            r"legal_forms.csv, row \d+, column kind: is 'greek'. Write kanji, bracketed",
        ),
        ("department_endings", "隊,maybe", r"department_endings.csv, row \d+, column stands_alone: is 'maybe'"),
        ("honorifics", "どの,honorific,", r"honorifics.csv, row \d+, column follows_companies: is empty"),
    ],
)
def test_a_wrong_row_is_named(seeds: Path, seed: str, line: str, problem: str) -> None:
    with (seeds / f"{seed}.csv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(KyotenError, match=problem):
        load_rules(seeds)


def test_a_missing_column_or_file_is_named(seeds: Path) -> None:
    (seeds / "branch_suffixes.csv").write_text("ending\n支店\n", encoding="utf-8")
    with pytest.raises(KyotenError, match=r"branch_suffixes.csv lacks the column suffix"):
        load_rules(seeds)
    (seeds / "branch_suffixes.csv").unlink()
    with pytest.raises(KyotenError, match=r"branch_suffixes.csv cannot be read"):
        load_rules(seeds)


def test_a_new_row_counts_at_once(seeds: Path) -> None:
    for seed, line in (("legal_forms", "(新),新会社,bracketed"), ("nobody_words", "ゼロ"), ("branch_suffixes", "工房")):
        with (seeds / f"{seed}.csv").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    normaliser = Normaliser(load_rules(seeds))
    assert normaliser.name("(新)ヤマダ").legal_form == "新会社"
    assert normaliser.entry("ゼロ").is_nobody
    assert normaliser.entry("大阪工房").stem == "大阪"


def test_seeds_may_be_empty(seeds: Path) -> None:
    for path in seeds.glob("*.csv"):
        path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    entry = Normaliser(load_rules(seeds)).entry("㈱髙橋 様")
    assert (entry.name_key, entry.legal_form, entry.person_key) == ("株髙橋様", None, "株髙橋様")


def test_the_seeds_of_the_project_are_normalised(normaliser: Normaliser) -> None:
    rules = normaliser.rules
    assert all(normaliser.name(form.form).key == "" for form in rules.legal_forms), "a legal form leaves nothing"
    assert {form.canonical for form in rules.legal_forms} <= {form.form for form in rules.legal_forms}
    for word in (*rules.branch_suffixes, *rules.department_endings, *rules.honorifics):
        assert normaliser.name(word).key == unicodedata.normalize("NFKC", word)
    assert all(normaliser.entry(word).is_nobody for word in rules.nobody_words)
