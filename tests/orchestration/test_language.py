"""The messages in Japanese: each English text is one that the code has, and the commonest messages are translated."""

import ast
import re
from functools import cache

import pytest
import yaml

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from orchestration.language import MESSAGES, japanese, translated
from orchestration.settings import settings_of

PAIRS = yaml.safe_load(MESSAGES.read_text(encoding="utf-8"))
PLACE = re.compile(r"\{\w*\}")
ENGLISH_SENTENCE = re.compile(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}")


@cache
def texts_of_the_code() -> str:
    """All texts in orchestration/, with {} for each value that is put in; the pieces of one message are joined."""
    texts = []
    for path in sorted((PROJECT / "orchestration").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts.append("".join(one.value if isinstance(one, ast.Constant) else "{}" for one in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(PLACE.sub("{}", text) for text in texts)


# The parts that code joins at run time, each found by itself.
JOINED = {
    "Guard {name}: {rows} row.": "Guard {}: {} row{}.",
    "Guard {name}: {rows} rows.": "Guard {}: {} row{}.",
    " is {value}, expected at least ": "{} is {}, expected {}",
    " is {value}, expected at most ": "{} is {}, expected {}",
    "Fiscal year {year}:": "'Fiscal year ' || ",
    "the same row again: {winner} is the one that counts": "' is the one that counts'",
    "an older row of this key: {winner} has the latest updated_at": "' has the latest updated_at'",
    ", of which {value} is the closest": "' is the closest'",
    "write true or false, or translate it in a mapping: ": "write true or false, or translate it in a mapping: ",
}


@pytest.mark.parametrize("english", [english for english, _ in PAIRS])
def test_the_code_has_the_english_text(english: str) -> None:
    wanted = JOINED.get(english) or PLACE.sub("{}", english)
    if english.startswith("Kyoten {home}: "):  # its kind is put in
        wanted = english.removeprefix("Kyoten {home}: ")
    if re.match(r"\{number\} [a-z]", english):
        wanted = english.removeprefix("{number} ")
    assert wanted.strip() in texts_of_the_code(), english


def test_a_text_that_the_code_lacks_is_found() -> None:
    assert "rows were painted green" not in texts_of_the_code()


@pytest.mark.parametrize(("english", "text"), PAIRS)
def test_both_languages_have_the_same_places(english: str, text: str) -> None:
    assert sorted(PLACE.findall(english)) == sorted(PLACE.findall(text))
    assert re.search(r"[ぁ-んァ-ヶ一-龠]", text)


@pytest.mark.parametrize(
    "message",
    [
        "ingest: 12 new files, 1,234 rows accepted, 0 rejected, 0 files refused, 1 batches held",
        "dbt: 300 tables and views, 290 guards",
        "142 deals for a person to look at: worklist/quarantine.csv",
        "deals.csv: amount: 'abc' is not a number, or has too many digits; "
        "write an amount such as 1,234, ¥1,234 or △1,234 円",
        "won_on: '2026/13/1' is not a date in the stated form; "
        "write YYYY-MM-DD, or state the form under `dates:` in a mapping",
        "branch_id: required, and empty",
        "roster (branches_2026-04-01.csv) is held: rows ÷ rows before is 0.4, expected at least 0.8, against the "
        "extract of 2026-01-01. The rows loaded before stay. Correct the rows, and deliver it again. If it is right as "
        "it is: make accept BATCH=x BY='your name' REASON='why' KYOTEN_HOME=data",
        "crm of deals: the last extract is of 2026-01-01, 20 days ago; usually one comes every 7 days",
        "Readers see release 20260405T000000Z, as of 2026-04-05, in data/published.",
        "Fiscal year 2025: won 1,000, wins 3, new deals 4",
    ],
)
def test_the_commonest_messages_are_in_japanese(message: str) -> None:
    found = japanese(message)
    assert not ENGLISH_SENTENCE.search(found), found
    for number in re.findall(r"\d[\d,.]*\d|\d", message):  # values stay as they are
        assert number in found


def test_a_wrong_setting_is_reported_in_japanese(tmp_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(PROJECT / tmp_path)
    (home.root / "settings.yml").write_text("releases: {keep: many}\n")
    with pytest.raises(KyotenError) as raised:
        settings_of(home)
    assert translated(str(raised.value)) == str(raised.value)
    monkeypatch.setenv("KYOTEN_LANG", "ja")
    assert "書いてください" in translated(str(raised.value))
