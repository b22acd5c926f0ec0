"""The limits of `make advice` can be missed. The command itself makes and builds companies for a few minutes."""

import pytest

from tools.advice import Kind, broken, share, total

GOOD, NOTHING = Kind("all", 200, 40, 40, 10, 8), Kind("all", 100, 0, 0, 0, 0)


def test_good_advice_breaks_no_limit() -> None:
    assert broken(GOOD, NOTHING) == []


@pytest.mark.parametrize(
    ("said", "chance", "message"),
    [
        (Kind("all", 200, 19, 19, 10, 8), NOTHING, "19 statements, at least 20 required"),
        (Kind("all", 200, 40, 31, 10, 8), NOTHING, "77.5 % of them true, at least 80% required"),
        (Kind("all", 200, 40, 40, 10, 4), NOTHING, "40.0 % of the detectable causes found, at least 50% required"),
        (GOOD, Kind("all", 100, 6, 0, 0, 0), "6.0 % of alike entities have one, at most 5% allowed"),
    ],
)
def test_each_limit_is_held(said: Kind, chance: Kind, message: str) -> None:
    assert broken(said, chance) == [message]


def test_kinds_add_up() -> None:
    assert total([GOOD, NOTHING], "both") == Kind("both", 300, 40, 40, 10, 8)
    assert share(1, 3) == "33.3 %" and share(0, 0) == "none"
