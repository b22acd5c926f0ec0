"""The check of the score against planted features sees each broken promise; the samples themselves take minutes."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import KyotenError
from orchestration.home import Home
from tests.conftest import long
from tools.potential import Found, broken, markdown, measure, read
from tools.sample.effects import EFFECTS

GOOD = Found(
    1, 100, 0.4, 1.6, 1.2, 0.7, 0.6, {"sales_headcount": (0.3, 0.1, 0.5), "sells_competitor": (0.0, -0.2, 0.2)},
    4, 4, 0,
)  # fmt: skip


def test_what_is_planted_has_to_be_found() -> None:
    assert GOOD.broken(["sales_headcount"]) == []
    assert replace(GOOD, auc_low=0.49).broken(["sales_headcount"]) == ["seed 1: no lift found, AUC from 0.49"]
    assert GOOD.broken(["sales_headcount", "sells_competitor"]) == [
        "seed 1: sells_competitor not found, 0.00 (-0.20 to 0.20)"
    ]
    assert GOOD.broken([]) == ["seed 1: sales_headcount found without a cause, 0.30 (0.10 to 0.50)"]
    assert replace(GOOD, led=3, too_long=1).broken(["sales_headcount"]) == [
        "seed 1: 3 of 4 worklists begin with potential and no result",
        "seed 1: 1 worklists are longer than the capacity",
    ]
    assert len(replace(GOOD, led=0, lists=0).broken(["sales_headcount"])) == 1
    # Below 0 it would get no weight either. In one sample that may be chance, in many it is not.
    below = replace(GOOD, correlations={**GOOD.correlations, "sells_competitor": (-0.15, -0.3, -0.01)})
    assert broken([GOOD, GOOD, below], ["sales_headcount"]) == []
    assert broken([below] * 9, ["sales_headcount"]) == ["all seeds: sells_competitor -0.15 (-0.22 to -0.08)"]
    assert "| 1 | 100 | 40% | 1.60 (from 1.20) | 0.70 (from 0.60) | 0.30 (0.10 to 0.50) | 0.00" in markdown([GOOD])


def test_one_sample_has_the_lift_and_not_the_useless_feature(built_home: Home) -> None:
    """The company of make cases is small: the area is above one half, and the useless feature is not above chance."""
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as release:
        found = read(release, 1)
    assert found.auc > 0.55 and found.lift > 1.2
    assert found.lists == found.led > 0 and found.too_long == 0
    value, low, high = found.correlations["sells_competitor"]
    assert low < 0 < high, value
    assert found.correlations["target_customer_overlap"][1] > 0


def test_a_release_without_a_past_half_is_an_error(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "empty.duckdb")) as empty:
        empty.execute("create schema segment")
        empty.execute(
            "create table segment.potential_backtest (n int, base_rate double, auc double, auc_low double,"
            " potential_lift double, lift_low double, is_latest boolean, support text, score_bin int)"
        )
        with pytest.raises(KyotenError, match="choose a larger SIZE"):
            read(empty, 1)


@long
def test_three_samples_have_the_lift_and_not_the_useless_feature(tmp_path: Path) -> None:
    found = measure(Home(tmp_path), 10_000, (1, 2, 3))
    assert broken(found, EFFECTS.features) == []
