"""Whether the potential score finds what the sample has planted: three features go with business, one does not.

And whether the worklists of account managers begin with the branches that have a high score and no result.

Run: python -m tools.potential --size 10000 --seeds 3
"""

import argparse
import math
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.warehouse import var
from tools.accuracy import report_progress, resolve

if TYPE_CHECKING:
    import duckdb

MODELS = ("potential_backtest", "potential_feature_results", "activation_worklist")


@dataclass(frozen=True)
class Found:
    """The backtest of one sample: the latest cut-off, the correlation of each feature over all, and the worklists.

    lists: worklists with a branch of high potential and no result that fits into the hours for such branches; led:
    lists of these that begin with one; too_long: lists with more hours than their account manager has.
    """

    seed: int
    branches: int
    base_rate: float
    lift: float
    lift_low: float
    auc: float
    auc_low: float
    correlations: dict[str, tuple[float, float, float]]
    lists: int
    led: int
    too_long: int

    def broken(self, planted: Collection[str]) -> list[str]:
        """Return what was planted and not found, or would get a weight without a cause."""
        missed = [] if self.auc_low > 0.5 else [f"seed {self.seed}: no lift found, AUC from {self.auc_low:.2f}"]
        for feature, (value, low, high) in self.correlations.items():
            if (low > 0) != (feature in planted):
                word = "not found" if feature in planted else "found without a cause"
                missed.append(f"seed {self.seed}: {feature} {word}, {value:.2f} ({low:.2f} to {high:.2f})")
        if self.led < self.lists or not self.lists:
            missed.append(f"seed {self.seed}: {self.led} of {self.lists} worklists begin with potential and no result")
        if self.too_long:
            missed.append(f"seed {self.seed}: {self.too_long} worklists are longer than the capacity")
        return missed


def together(found: Collection[Found]) -> dict[str, tuple[float, float, float]]:
    """Return each feature's correlation over all samples, with a 95 % interval, by the mean of Fisher's z.

    Of twenty intervals of single samples one misses the true value by chance; over all samples it is closer.
    """
    result = {}
    for feature in next(iter(found)).correlations:
        weights = [one.branches - 3 for one in found]
        z = sum(w * math.atanh(one.correlations[feature][0]) for w, one in zip(weights, found, strict=True)) / sum(
            weights
        )
        error = 1.03 / math.sqrt(sum(weights))
        result[feature] = (math.tanh(z), math.tanh(z - 1.96 * error), math.tanh(z + 1.96 * error))
    return result


def broken(found: Collection[Found], planted: Collection[str]) -> list[str]:
    """Return the broken promises of each sample and of all together."""
    missed = [text for one in found for text in one.broken(planted)]
    for feature, (value, low, high) in together(found).items():
        if (low <= 0 <= high) == (feature in planted):
            missed.append(f"all seeds: {feature} {value:.2f} ({low:.2f} to {high:.2f})")
    return missed


def read(connection: "duckdb.DuckDBPyConnection", seed: int) -> Found:
    """Return the latest cut-off's lift and area, and the correlations over all cut-offs."""
    whole = connection.execute(
        "select n, base_rate, auc, auc_low from segment.potential_backtest"
        " where is_latest and support = 'all' and score_bin = 0"
    ).fetchone()
    top = connection.execute(
        "select potential_lift, lift_low from segment.potential_backtest"
        " where is_latest and support = 'all' and score_bin = 1"
    ).fetchone()
    if whole is None or top is None or whole[2] is None or top[0] is None:
        raise KyotenError("No past half has an outcome, or too few branches: choose a larger SIZE.")
    rows = connection.execute(
        "select feature, correlation, interval_low, interval_high from segment.potential_feature_results"
        " where cutoff_on is null order by feature"
    ).fetchall()
    lists = connection.execute(
        """
        select count(*) filter (has_any), count(*) filter (has_any and begins), count(*) filter (is_too_long)
        from (
            select
                account_manager_id,
                max(action_hours) filter (list_priority = 1) <= $share * max(capacity_hours) as has_any,
                bool_or(list_priority = 1 and list_rank = 1) as begins,
                max(hours_so_far) > max(capacity_hours) as is_too_long
            from segment.activation_worklist
            group by account_manager_id
        )
        """,
        {"share": var("activation_share")},
    ).fetchone() or (0, 0, 0)
    return Found(
        seed,
        whole[0],
        whole[1],
        top[0],
        top[1],
        whole[2],
        whole[3],
        {name: (r, low, high) for name, r, low, high in rows},
        *lists,
    )


def markdown(found: Collection[Found]) -> str:
    """Return a table with one row per sample, and one of all together."""
    lines: list[str] = []
    for one in found:
        if not lines:
            head = ["seed", "branches", "win in the year after", "lift of the top fifth", "AUC"]
            head += [*one.correlations, "worklists"]
            lines += ["| " + " | ".join(head) + " |", "|---:" * len(head) + "|"]
        cells = [
            str(one.seed), str(one.branches), f"{one.base_rate:.0%}", f"{one.lift:.2f} (from {one.lift_low:.2f})",
            f"{one.auc:.2f} (from {one.auc_low:.2f})",
            *(f"{value:.2f} ({low:.2f} to {high:.2f})" for value, low, high in one.correlations.values()),
            f"{one.led} of {one.lists}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    whole = [f"{value:.2f} ({low:.2f} to {high:.2f})" for value, low, high in together(found).values()]
    lines.append("| " + " | ".join(["all", str(sum(one.branches for one in found)), "", "", "", *whole, ""]) + " |")
    return "\n".join(lines)


def measure(home: Home, size: int, seeds: Iterable[int]) -> list[Found]:
    """Make one sample per seed below a home, and return the backtest of each."""
    found = []
    for seed in seeds:
        report_progress(f"seed {seed}: {size:,} deals")
        with resolve(home, size, seed, MODELS) as connection:
            found.append(read(connection, seed))
    return found


def main() -> int:
    """Measure and print; fail if what was planted is not found."""
    from tools.sample.effects import EFFECTS

    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tools.potential")
    parser.add_argument("--size", type=int, default=10_000, help="deals of each sample")
    parser.add_argument("--seeds", type=int, default=3, help="number of samples")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first sample; the others follow")
    options = parser.parse_args()
    home = Home(Home.from_environment().root / f"potential-{options.size}")
    found = measure(home, options.size, range(options.seed, options.seed + options.seeds))
    print(markdown(found))
    if missed := broken(found, EFFECTS.features):
        raise KyotenError("\n".join(["Broken promises:", *missed]))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KyotenError as error:
        sys.exit(str(error))
