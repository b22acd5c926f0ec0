"""Partial pooling on entities whose true rates are known: what is said holds."""

from collections.abc import Callable

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy import stats

from orchestration import warehouse
from orchestration.home import Home

Pooled = Callable[[np.ndarray, np.ndarray], pl.DataFrame]
ROUNDS, MEAN = 40, 0.3


@pytest.fixture(scope="module")
def pooled(compiled: Home, tmp_path_factory: pytest.TempPathFactory) -> Pooled:
    """A function that runs the compiled model on branches with these successes and trials."""
    nodes = warehouse.read_manifest(compiled, {})["nodes"]
    file = tmp_path_factory.mktemp("rates") / "rates.parquet"
    sql = nodes["model.kyoten.int_pooled_rates"]["compiled_code"].replace(
        '"kyoten"."intermediate"."int_rates"', f"'{file}'"
    )

    def run(successes: np.ndarray, trials: np.ndarray) -> pl.DataFrame:
        branches = pl.DataFrame(
            {"scope": "branch", "entity_id": range(len(trials)), "numerator": successes, "denominator": trials}
        )
        company = branches.select(
            scope=pl.lit("company"),
            entity_id=pl.lit(-1, pl.Int64),
            numerator=pl.col("numerator").sum(),
            denominator=pl.col("denominator").sum(),
        )
        rates = pl.concat([branches, company]).with_columns(
            rate_name=pl.lit("win_rate_t12m"), partner_id=None, window_start=None, window_end=None
        )
        rates.write_parquet(file)
        with duckdb.connect() as connection:
            found = connection.execute(f"from ({sql}) where scope = 'branch' order by entity_id")
            columns = [column[0] for column in found.description or ()]
            return pl.DataFrame(found.fetchall(), schema=columns, orient="row", infer_schema_length=None)

    return run


def company(chance: np.random.Generator, branches: int, deals: float, deviation: float) -> tuple[np.ndarray, ...]:
    """Return true rates, wins and deals of branches of very different size."""
    trials = chance.poisson(chance.gamma(1.2, deals / 1.2, branches)) + 1
    if deviation == 0:
        rates = np.full(branches, MEAN)
    else:
        strength = MEAN * (1 - MEAN) / deviation**2 - 1
        rates = chance.beta(MEAN * strength, (1 - MEAN) * strength, branches)
    return rates, chance.binomial(trials, rates), trials


@pytest.mark.parametrize(("branches", "deals"), [(200, 40), (50, 60), (30, 100)])
def test_what_is_said_is_true(pooled: Pooled, branches: int, deals: int) -> None:
    chance, said, right, strong, held = np.random.default_rng(1), 0, 0, [0, 0], []
    for _ in range(ROUNDS):
        rates, wins, trials = company(chance, branches, deals, deviation=0.08)
        found = pooled(wins, trials)
        is_below = rates < wins.sum() / trials.sum()
        told = found["versus_reference"].is_not_null().to_numpy()
        true = told & (found["versus_reference"].cast(pl.String).eq_missing("below").to_numpy() == is_below)
        said, right = said + told.sum(), right + true.sum()
        is_strong = (found["evidence"] == "strong").to_numpy()
        strong = [strong[0] + is_strong.sum(), strong[1] + (is_strong & true).sum()]
        if found["interval_low"].null_count() == 0:
            low, high = found["interval_low"].to_numpy(), found["interval_high"].to_numpy()
            held.append(((low <= rates) & (rates <= high)).mean())
    assert said > 0.15 * branches * ROUNDS
    assert right / said > 0.93
    assert strong[1] / strong[0] > 0.975
    assert 0.84 < np.mean(held) < 0.93  # of 90 %: the prior is estimated, too


def test_without_differences_next_to_nothing_is_said(pooled: Pooled) -> None:
    chance = np.random.default_rng(2)
    companies = [company(chance, 100, 40, deviation=0) for _ in range(ROUNDS)]
    told = sum(pooled(wins, trials)["versus_reference"].is_not_null().sum() for _, wins, trials in companies)
    assert told / (100 * ROUNDS) < 0.01
    naive = sum(
        (stats.binomtest(w, t, MEAN).pvalue < 0.2)
        for _, wins, trials in companies[:3]
        for w, t in zip(wins, trials, strict=True)
    )
    assert naive > 30  # the same companies, each branch judged by itself


def test_the_interval_is_that_of_the_beta_distribution(pooled: Pooled) -> None:
    """The quantiles by the logarithm of the odds are near the quantiles of scipy, for branches of every size."""
    _, wins, trials = company(np.random.default_rng(3), 200, 40, deviation=0.08)
    found = pooled(wins, trials)
    # Two branches give the prior: estimate = (mean × strength + wins) ÷ (strength + deals).
    estimates = found["estimated_rate"].to_numpy()
    matrix = np.column_stack([np.ones_like(estimates), -estimates])
    (first, strength), *_ = np.linalg.lstsq(matrix, estimates * trials - wins, rcond=None)
    a, b = first + wins, strength - first + trials - wins
    assert np.allclose(estimates, a / (a + b))
    assert np.abs(found["interval_low"].to_numpy() - stats.beta.ppf(0.05, a, b)).max() < 0.012
    assert np.abs(found["interval_high"].to_numpy() - stats.beta.ppf(0.95, a, b)).max() < 0.012
