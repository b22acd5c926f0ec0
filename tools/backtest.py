"""The errors of the forecast: kpi.forecast_history of sample companies, added up and compared with what came.

Only forecasts whose horizon is over count. tools/sample makes the companies, and tools/accuracy builds the models.
"""

import argparse
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from orchestration.errors import KyotenError
from orchestration.home import PROJECT, Home
from tools.accuracy import report_progress, resolve

if TYPE_CHECKING:
    import duckdb

LEAST_WINS = 10
LARGEST_BIAS = 0.05
HELD = (0.7, 0.9)
ROWS = """
    select
        scope, horizon, forecast_wins, actual_wins, wins_year_before, is_wins_in_interval,
        cast(forecast_amount as double), cast(actual_amount as double), is_amount_in_interval
    from kpi.forecast_history
    where is_over and wins_year_before is not null
"""


@dataclass(frozen=True)
class Forecast:
    """One forecast of one company, and what came."""

    scope: str
    horizon: str
    wins: float
    actual_wins: int
    wins_year_before: int
    is_held: bool
    amount: float
    actual_amount: float
    is_amount_held: bool


@dataclass(frozen=True)
class Score:
    """The errors of forecasts. Bias is of all; the others are of those with at least ten expected wins."""

    forecasts: int
    bias: float
    amount_bias: float
    large: int
    held: float
    amount_held: float
    error: float
    error_of_last_year: float

    def broken(self) -> list[str]:
        """Return the limits that this score misses."""
        checks = (
            (
                abs(self.bias) > LARGEST_BIAS,
                f"forecast wins differ by {self.bias:+.1%} from the wins that came, ±5 % allowed",
            ),
            (
                not HELD[0] <= self.held <= HELD[1],
                f"P10 to P90 holds {self.held:.0%} of the outcomes, 70 to 90 % required",
            ),
            (
                self.error >= self.error_of_last_year,
                f"the median error is {self.error:.2f} wins; as last year has {self.error_of_last_year:.2f}",
            ),
        )
        return [text for is_broken, text in checks if is_broken]


def read(connection: "duckdb.DuckDBPyConnection") -> list[Forecast]:
    """Return the forecasts whose result is known."""
    return [Forecast(*row) for row in connection.execute(ROWS).fetchall()]


def score(forecasts: Collection[Forecast]) -> Score:
    """Compare forecasts with what came."""
    large = [one for one in forecasts if one.wins >= LEAST_WINS]
    came = sum(one.actual_wins for one in forecasts)
    if not large or not came:
        raise KyotenError("No forecast with ten expected wins has a result yet: choose a larger SIZE.")
    return Score(
        len(forecasts),
        sum(one.wins for one in forecasts) / came - 1,
        sum(one.amount for one in forecasts) / sum(one.actual_amount for one in forecasts) - 1,
        len(large),
        sum(one.is_held for one in large) / len(large),
        sum(one.is_amount_held for one in large) / len(large),
        median(abs(one.wins - one.actual_wins) for one in large),
        median(abs(one.wins_year_before - one.actual_wins) for one in large),
    )


def overall(forecasts: Collection[Forecast]) -> Score:
    """Return the score that has to keep the limits: of all forecasts; the bias is that of the company."""
    company = score([one for one in forecasts if one.scope == "company"])
    return Score(**{**vars(score(forecasts)), "bias": company.bias, "amount_bias": company.amount_bias})


HEADER = (
    "scope", "horizon", "forecasts", "wins: forecast − came", "money", "with ≥ 10 wins", "P10–P90 holds", "money",
    "median error, wins", "as last year",
)  # fmt: skip


def cells(scope: str, horizon: str, of: Score) -> tuple[str, ...]:
    """Return a row of the table."""
    return (
        scope, horizon, f"{of.forecasts:,}", f"{of.bias:+.1%}", f"{of.amount_bias:+.1%}", f"{of.large:,}",
        f"{of.held:.0%}", f"{of.amount_held:.0%}", f"{of.error:.1f}", f"{of.error_of_last_year:.1f}",
    )  # fmt: skip


def markdown(forecasts: Collection[Forecast]) -> str:
    """Return the table by scope and horizon in Markdown."""
    lines = ["| " + " | ".join(HEADER) + " |", "|---|---|" + "---:|" * (len(HEADER) - 2)]
    for scope in ("company", "partner", "division", "branch"):
        for horizon in ("quarter", "year"):
            some = [one for one in forecasts if (one.scope, one.horizon) == (scope, horizon)]
            if any(one.wins >= LEAST_WINS for one in some):
                lines.append("| " + " | ".join(cells(scope, horizon, score(some))) + " |")
    return "\n".join([*lines, "| " + " | ".join(cells("all", "both", overall(forecasts))) + " |"])


def measure(home: Home, size: int, seeds: Iterable[int]) -> list[Forecast]:
    """Make one sample per seed below a home, forecast it, and return the forecasts."""
    forecasts: list[Forecast] = []
    for seed in seeds:
        report_progress(f"seed {seed}: {size:,} deals")
        with resolve(home, size, seed, ("forecast_history",)) as connection:
            forecasts += read(connection)
    return forecasts


def main() -> int:
    """Measure and print the errors."""
    from orchestration.lock import write_lock

    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tools.backtest")
    parser.add_argument("--size", type=int, default=3000, help="deals of each sample")
    parser.add_argument("--seeds", type=int, default=3, help="number of samples")
    options = parser.parse_args()
    home = Home(PROJECT / "data" / f"backtest-{options.size}")
    try:
        with write_lock(home):
            forecasts = measure(home, options.size, range(1, options.seeds + 1))
        print(markdown(forecasts))
        if broken := overall(forecasts).broken():
            raise KyotenError("\n".join(["Broken promises:", *broken]))
    except KyotenError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
