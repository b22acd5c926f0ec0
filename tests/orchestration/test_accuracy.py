"""The measure of accuracy: it compares with the truth file and reports each kind of failure."""

from pathlib import Path

import duckdb
import pytest

from orchestration.errors import KyotenError
from orchestration.home import Home
from tools import accuracy

TRUTH = """deal_id,case,expected_branch_id,expected_rung,expected_reason,evidence_sufficient,damaged
right,,B1,L3,,true,
lost,,B1,L3,,true,
elsewhere,,B1,L3,,true,
undecided,,B1,L3,,true,branch_id dropped
clear,,B1,L3,,true,
sold by us,,DIRECT,L13,,true,
hoarded,,DIRECT,L13,,true,
tie,,UNKNOWN:P1,L11,TIE,false,
other reason,,UNKNOWN:P1,L11,TIE,false,
guessed,,UNRESOLVED,L12,PARTNER_UNKNOWN,false,
warned,,B1,L3,FX_MISSING,true,
deleted,,,,,false,
"""
FOUND = {
    "right": "B1", "elsewhere": "B2", "undecided": "UNKNOWN:P1", "clear": "UNRESOLVED", "sold by us": "DIRECT",
    "hoarded": "DIRECT", "tie": "UNKNOWN:P1", "other reason": "UNKNOWN:P1", "guessed": "DIRECT", "warned": "B1",
}  # fmt: skip
HELD = {
    "undecided": "BRANCH_UNKNOWN", "clear": "TIE", "hoarded": "TIE", "tie": "TIE", "other reason": "BRANCH_UNKNOWN",
    "guessed": "PARTNER_UNKNOWN", "warned": "FX_MISSING",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home with a truth file."""
    home = Home(tmp_path)
    home.truth.mkdir()
    (home.truth / "deals.csv").write_text(TRUTH)
    return home


def decided(found: dict[str, str], held: dict[str, str]) -> duckdb.DuckDBPyConnection:
    """Return a database with these decisions and quarantine reasons."""
    connection = duckdb.connect()
    connection.execute("create schema attribution")
    connection.execute("create table attribution.deal_attribution (deal_id varchar, branch_id varchar)")
    connection.execute("create table attribution.quarantine (deal_id varchar, reason varchar, severity varchar)")
    connection.executemany("insert into attribution.deal_attribution values (?, ?)", list(found.items()))
    rows = [(deal, reason, "warning" if reason == "FX_MISSING" else "error") for deal, reason in held.items()]
    connection.executemany("insert into attribution.quarantine values (?, ?, ?)", rows)
    return connection


def test_each_kind_of_failure_is_counted(home: Home) -> None:
    with decided(FOUND, HELD) as connection:
        score, examples = accuracy.judge(connection, home, 1, 0.0)
    assert score == accuracy.Score(
        0.0, (1,), deals=12, sufficient=6, resolved=2, wrong=3, ambiguous=4, quarantined=2, clear_quarantined=2
    )
    counted = {example.split(";")[0] for example in examples}
    assert counted == {"lost", "elsewhere", "clear", "hoarded", "other reason", "guessed"}
    assert [promise.split(": ")[1] for promise in score.broken()] == [
        "33.33 % resolved, at least 100% required",
        "3 wrong decisions, 0 allowed",
        "2 ambiguous deals are not in quarantine with their reason",
        "2 clear deals are in quarantine",
    ]


def test_a_deleted_deal_that_remains_counts_as_wrong(home: Home) -> None:
    with decided(FOUND | {"deleted": "B1"}, HELD) as connection:
        assert accuracy.judge(connection, home, 1, 0.0)[0].wrong == 4


def test_promises_depend_on_the_noise() -> None:
    def score(noise: float, resolved: int) -> accuracy.Score:
        return accuracy.Score(noise, (1,), 1_000, 1_000, resolved, 0, 0, 0, 0)

    assert not score(0, 1_000).broken() and score(0, 999).broken()
    assert not score(1, 980).broken() and score(1, 979).broken()
    assert not score(5, 1).broken()


def test_a_share_is_never_rounded_up() -> None:
    assert accuracy.percent(99_999, 100_000) == "99.99 %"
    assert accuracy.percent(5, 5) == "100.00 %"
    assert accuracy.percent(0, 0) == "none"


def test_the_table_adds_up_the_samples_of_a_level() -> None:
    scores = [accuracy.Score(1.0, (seed,), 100, 50, 49 + seed % 2, 0, 4, 4, 0) for seed in (1, 2)]
    lines = accuracy.markdown([*scores, accuracy.Score(5.0, (1,), 100, 50, 40, 0, 4, 4, 0)]).splitlines()
    assert len(lines) == 2 + 3 + 1
    assert lines[4] == "| 1 | all | 200 | 100 | 99.00 % | 0 | 8 | 100.00 % | 0 |"


def test_a_missed_limit_fails_the_command(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Home(home.root / "accuracy-1000")
    place.truth.mkdir(parents=True)
    (place.truth / "deals.csv").write_text(TRUTH)
    monkeypatch.setattr(accuracy, "resolve", lambda *_, **__: decided(FOUND, HELD))
    with pytest.raises(KyotenError, match="noise 5: 6 wrong decisions"):
        accuracy.run(home, 1_000, 2, [5.0], as_markdown=True)
    out, progress = capsys.readouterr()
    assert "| 5 | all | 24 |" in out
    assert "2/2  noise 5, seed 2: 1,000 deals" in progress


def test_the_published_sample_keeps_its_promises(built_home: Home) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{built_home.published / 'kyoten.duckdb'}' as release (read_only)")
        connection.execute("use release")
        score, examples = accuracy.judge(connection, built_home, 1, 1.0)
    assert score.broken() == [] and examples == []
    assert score.sufficient > 500 and score.ambiguous > 30


def test_samples_are_made_resolved_and_judged(tmp_path: Path) -> None:
    scores, _ = accuracy.measure(Home(tmp_path), 1_000, [5], [0.0], lambda _: None)
    assert [score.broken() for score in scores] == [[]]
