"""The comparison of rollout opportunities with what was planted sees each broken promise."""

from dataclasses import replace

from tools import rollouts
from tools.rollouts import Strength

FOUND = Strength("PR01", "製造", "B1", is_found=True, is_planted=True, is_detectable=True)


def test_what_is_planted_and_found_keeps_the_promises() -> None:
    small = replace(FOUND, branch_id="B2", is_found=False, is_detectable=False)
    score = rollouts.score([FOUND, small])
    assert (score.found, score.true, score.detectable, score.detected) == (1, 1, 1, 1)
    assert score.broken() == []


def test_each_broken_promise_is_seen() -> None:
    false = replace(FOUND, is_planted=False, is_detectable=False)
    assert rollouts.score([FOUND, false]).broken() == ["1 of 2 are planted, 80% required"]
    missed = replace(FOUND, branch_id="B2", is_found=False)
    assert rollouts.score([FOUND, missed]).broken() == ["1 of 2 detectable ones found, 80% required"]
