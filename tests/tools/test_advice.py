"""The limits of `make advice` can be missed. The command itself makes and builds companies for a few minutes."""

from dataclasses import replace

import polars as pl
import pytest

from tools.advice import Kind, behind, broken, found_effects, growth, levers, share, total, warnings
from tools.effects import Company, Said
from tools.quiet import Judged

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


def test_a_kind_may_have_few_statements() -> None:
    assert broken(Kind("effect", 6, 1, 1, 1, 1), total([], "effect"), least=1) == []
    assert broken(Kind("effect", 6, 0, 0, 1, 0), total([], "effect"), least=1) == [
        "0 statements, at least 1 required",
        "0.0 % of the detectable causes found, at least 50% required",
    ]


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


def test_a_warning_that_lasts_is_one_statement() -> None:
    """One branch is warned at two month ends and goes quiet, another is warned twice, and once nothing follows."""
    true = Judged("1", "branch", "b0", True, "2025-01-31", True, True, True, 0.2, False, True)
    false = replace(true, entity_id="b1", is_quiet=False, is_detectable=False, is_halved=False)
    calm = replace(false, is_warned=False, warned_since=None, new_deal_chance=0.9)
    rows = [true, true, false, replace(true, entity_id="b1", warned_since="2025-06-30", is_detectable=False), calm]
    never = replace(calm, entity_id="b9", new_deal_chance=None, is_over=False, is_quiet=True, is_detectable=True)
    found = warnings([*rows, never])
    assert (found.entities, found.stated, found.true, found.detectable, found.found) == (2, 3, 2, 2, 1)
    # In a company without differences, what is said today.
    by_chance = warnings(rows, alike=True)
    assert (by_chance.entities, by_chance.stated) == (2, 1)


def test_verdicts_are_compared_with_the_planted_effects() -> None:
    works = Said("study_session", 700, 2_000, 0.3, 0.2, 0.4, 0.25, "works", 0.3, True)
    useless = Said("campaign", 100, 200, 0.0, -0.5, 0.5, 0.0, "no_effect", 0.0)
    rare = Said("training", 0, 9, None, None, None, None, "not_enough_evidence", 0.25)
    paid = (("PG1", "2025-01-01", "2025-02-01"), ("PG2", "2025-01-01", "2025-01-01"), ("PG3", "never", "never"))
    effect, payback = found_effects(Company("1", (works, useless, rare), paid, ()))
    assert (effect.entities, effect.stated, effect.true, effect.detectable, effect.found) == (3, 2, 2, 1, 1)
    assert (payback.entities, payback.stated, payback.true, payback.detectable, payback.found) == (3, 2, 1, 2, 1)
    wrong, _ = found_effects(
        Company("1", (replace(works, verdict="no_effect"), replace(useless, verdict="harms")), (), ())
    )
    assert (wrong.stated, wrong.true, wrong.detectable, wrong.found) == (2, 0, 1, 0)
    by_chance, _ = found_effects(Company("alike", (useless, replace(useless, verdict="works")), (), ()), alike=True)
    assert (by_chance.entities, by_chance.stated) == (2, 1)


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
