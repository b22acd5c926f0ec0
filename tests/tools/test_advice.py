"""The limits of `make advice` can be missed. The command itself makes and builds companies for a few minutes."""

import polars as pl
import pytest

from tools.advice import Kind, behind, broken, growth, levers, share, total

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


CAUSES = pl.DataFrame(
    [
        ("win_rate", "branch", f"B{n}", "", 0.02 * n - 0.1, 0.3, 200, 0.9) for n in range(11)
    ]
    + [
        ("win_rate", "rep", "R1", "", -0.2, 0.3, 200, 0.9),
        ("first_deals", "branch", "B0", "", -0.1, 0.1, 3, 0.1),
        ("first_deals", "branch", "B1", "", 0.3, 0.1, 3, 0.1),
        ("quiet", "branch", "B9", "still open", -0.9, 10.0, None, 0.9),
        ("quiet", "branch", "B8", "partner ended", -0.9, 10.0, None, 0.9),
    ],
    schema=["cause", "entity_type", "entity_id", "detail", "effect", "reference", "n_recent", "power"],
    orient="row",
)  # fmt: skip


def test_a_branch_below_the_upper_quartile_is_behind() -> None:
    """Win rates are 0.2 to 0.4, the upper quartile is 0.35; 200 deals show a rate of 0.2 and hardly one of 0.32."""
    found = behind(CAUSES)
    won = found.filter(pl.col("lever") == "raise_win_rate")
    assert won["branch_id"].to_list() == [f"B{n}" for n in range(8)]
    power = dict(won.select("branch_id", "power").iter_rows())
    assert power["B0"] > 0.95 and power["B6"] < 0.4
    # Less than one person is missing there.
    assert found.filter(pl.col("lever") == "first_deals").rows() == [("B0", "first_deals", 0.0)]
    assert found.filter(pl.col("lever") == "keep_producer")["branch_id"].to_list() == ["B9"]


def test_levers_are_compared_with_their_own_causes() -> None:
    stated = pl.DataFrame(
        [
            ("B0", "raise_win_rate", "strong"),  # true, and detectable
            ("B10", "raise_win_rate", "some"),  # false: the best branch
            ("B1", "first_deals", "some"),  # false: more of its people win than elsewhere
            ("B2", "name_reps", "some"),  # false: no such cause is planted
            ("B3", "name_reps", "fact"),  # a count
            ("B4", "reach_people", "strong"),
            ("B5", None, "none"),
        ],
        schema=["branch_id", "lever", "evidence"],
        orient="row",
    )
    of_deals, people, facts = levers(stated, behind(CAUSES))
    assert (of_deals.entities, of_deals.stated, of_deals.true) == (7, 4, 1)
    # B0 to B3 are behind by more than their deals hide; B0 alone has its true lever.
    assert of_deals.detectable >= 3 and of_deals.found == 1
    assert (people.stated, facts.stated) == (1, 1)


def test_headroom_is_compared_with_the_growth_that_came() -> None:
    rows = pl.DataFrame(
        {"headroom": [float(n) for n in range(10)], "before": 100.0, "now": [100.0 + n for n in range(10)]}
    )
    good = growth([0.4, 0.3], rows)
    assert good.fifths[0] == (8.5, 100.0, 8.5) and good.fifths[4] == (0.5, 100.0, 0.5)
    assert good.correlation == pytest.approx(1) and good.broken() == []
    bad = growth([0.4, 0.6], rows.with_columns(now=200 - pl.col("now")))
    assert bad.broken() == [
        "headroom is 60% of sales, below 50% required",
        "a rank correlation of -1.00 of headroom and growth",
    ]
