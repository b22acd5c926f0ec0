"""What is planted in the sample is found: actions that work, are useless or rare, and the paybacks of programmes."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.home import Home
from tests.conftest import long
from tools.effects import Company, Said, broken, by_chance, measure, show

WORKS = Said("study_session", 700, 2_000, 0.3, 0.2, 0.4, 0.25, "works", 0.3)
USELESS = Said("campaign", 100, 200, 0.0, -0.5, 0.5, 0.0, "no_effect", 0.0)
RARE = Said("training", 0, 9, None, None, None, None, "not_enough_evidence", 0.25)
GOOD = Company(
    "seed 1", (WORKS, USELESS, RARE), (("PG1", "never", "never"), ("PG2", "2025-01-01", "2025-01-01")),
    (800.0, 0.35, 400.0, 0.5, 0.34),
)  # fmt: skip


def test_what_was_planted_breaks_no_limit() -> None:
    assert broken(GOOD) == []
    assert "| seed 1 | study_session | 2,000 | 700 | +0.30 (+0.20 … +0.40) | +25% | works | +30% |" in show([GOOD])


@pytest.mark.parametrize(
    ("company", "message"),
    [
        (
            replace(GOOD, actions=(replace(WORKS, verdict="no_effect"), USELESS, RARE)),
            "study_session is no_effect, planted as an action that works",
        ),
        (
            replace(GOOD, actions=(WORKS, replace(USELESS, verdict="not_enough_evidence"), RARE)),
            "campaign is not_enough_evidence, planted without an effect",
        ),
        (
            replace(GOOD, actions=(WORKS, USELESS, replace(RARE, verdict="works"))),
            "training is works, with too few cases",
        ),
        (
            replace(GOOD, paybacks=(("PG1", "2025-01-01", "never"),)),
            "0 of 1 programmes show the planted month of payback",
        ),
        (
            replace(GOOD, leads=(800.0, 0.45, 400.0, 0.5, 0.34)),
            "45.0% of the accepted leads became deals, planted 34.0%",
        ),
    ],
)
def test_each_limit_is_held(company: Company, message: str) -> None:
    assert broken(company) == [f"seed 1: {message}"]


def test_chance_has_a_limit() -> None:
    """Of ten statements about actions without an effect one may be wrong; WORKS is said of one that is planted."""
    nine = Company("alike", (USELESS,) * 8 + (replace(USELESS, verdict="harms"), RARE), (), ())
    assert by_chance([GOOD], nine) == []
    assert by_chance([], nine) == ["alike: campaign harms"]


@long
def test_planted_effects_are_found(tmp_path: Path) -> None:
    assert broken(measure(Home(tmp_path), 20_000, 1)) == []


@long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_effects_are_found_on_three_seeds(tmp_path: Path, seed: int) -> None:
    assert broken(measure(Home(tmp_path), 50_000, seed)) == []


@long
def test_no_action_works_where_none_is_planted(tmp_path: Path) -> None:
    assert "works" not in measure(Home(tmp_path), 50_000, 1, alike=True).verdicts().values()
