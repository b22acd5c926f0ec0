"""The comparison of quiet warnings with what came sees each broken promise."""

from dataclasses import replace

import pytest

from orchestration.errors import KyotenError
from tools import quiet
from tools.quiet import Judged

# Of a warned branch fewer than half of the deals came; nine others had a chance of 90 %, and eight of them a deal.
WARNED = Judged("1", "branch", "b0", True, "2026-01-31", True, True, True, 0.2, False, True)
CALM = [Judged("1", "branch", f"b{n}", False, None, False, False, True, 0.9, n > 1, False) for n in range(1, 10)]
GOOD = [WARNED, *CALM]


def test_warnings_that_come_true_keep_the_promises() -> None:
    score = quiet.score(GOOD)
    assert (score.rows, score.warned, score.true, score.runs, score.planted_runs) == (10, 1, 1, 1, 1)
    assert (score.detectable, score.found, score.came) == (1, 1, 0.8)
    assert score.expected == pytest.approx(0.83)
    assert score.broken() == []
    assert "| branch | all | 10 | 83.0% | 80.0% | 1 | 1 (100%) | 1 | 1 | 1 | 1 |" in quiet.markdown(GOOD)
    assert "| branch | 80% to 100% | 9 | 90.0% | 88.9% |" in quiet.markdown(GOOD)


def test_each_broken_promise_is_seen() -> None:
    false = [replace(WARNED, is_halved=False), *CALM]
    assert quiet.score(false).broken() == ["0 of 1 warnings came true, 80 % required"]
    missed = [replace(WARNED, is_warned=False, warned_since=None), *CALM]
    assert quiet.score(missed).broken() == ["0 of 1 detectable entities found, half required"]
    never = replace(WARNED, is_warned=False, is_over=False, new_deal_chance=None, entity_id="unjudged")
    assert quiet.score([*GOOD, never, replace(never, entity_id="unjudged 2")]).detectable == 3
    sure = [replace(row, new_deal_chance=0.95) for row in GOOD]
    assert quiet.score(sure).broken() == ["a deal was expected in 95.0% of cases and came in 80.0%, 5 points allowed"]
    with pytest.raises(KyotenError, match="choose a larger SIZE"):
        quiet.score([never])


def test_one_warning_that_lasts_is_one_run() -> None:
    again = replace(WARNED, is_over=False)
    anew = replace(WARNED, warned_since="2026-06-30")
    assert quiet.score([*GOOD, again]).runs == 1
    assert quiet.score([*GOOD, again, anew]).runs == 2
