"""Whether the planted rollout opportunities are found, and no others: on samples with strengths, and on one without.

Run: python -m tools.rollouts --size 10000 --seeds 3
"""

import argparse
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration import sql
from orchestration.home import Home
from tools.accuracy import percent, report_progress, resolve

if TYPE_CHECKING:
    import duckdb

MODELS = ("rollout_opportunities",)
PRECISION, RECALL, BY_CHANCE = 0.8, 0.8, 0.02
# A strength is a product, an industry and the branch that wins in it.
STRENGTHS = """
    with found as (
        select distinct product_id, industry, source_branch_id, true as is_found
        from segment.rollout_opportunities
    ),
    planted as (
        select product_id, industry, source_branch_id, cast(is_detectable as boolean) as is_detectable
        from read_csv({truth}, header = true, all_varchar = true)
    )
    select
        product_id, industry, source_branch_id, coalesce(is_found, false), is_detectable is not null,
        coalesce(is_detectable, false)
    from found
    full join planted using (product_id, industry, source_branch_id)
    order by all
"""
# Branches and kinds of deals that could be reported by chance: with enough wins.
SEARCHED = "select count(*) from intermediate.int_product_cells where customers_won >= 3"


@dataclass(frozen=True)
class Strength:
    """One product, industry and source branch of one company."""

    product_id: str
    industry: str
    branch_id: str
    is_found: bool
    is_planted: bool
    is_detectable: bool


@dataclass(frozen=True)
class Score:
    """How many strengths were found, planted, and both."""

    found: int
    true: int
    detectable: int
    detected: int

    def broken(self) -> list[str]:
        """Return the limits that are missed."""
        checks = (
            (self.true < PRECISION * self.found, f"{self.true} of {self.found} are planted, {PRECISION:.0%} required"),
            (
                self.detected < RECALL * self.detectable,
                f"{self.detected} of {self.detectable} detectable ones found, {RECALL:.0%} required",
            ),
        )
        return [text for is_broken, text in checks if is_broken]


def read(connection: "duckdb.DuckDBPyConnection", truth: Path) -> list[Strength]:
    """Return what was found in a company, next to what was planted."""
    rows = connection.execute(STRENGTHS.format(truth=sql.text(str(truth / "rollouts.csv")))).fetchall()
    return [Strength(*row) for row in rows]


def score(rows: Collection[Strength]) -> Score:
    """Count."""
    found = [row for row in rows if row.is_found]
    detectable = [row for row in rows if row.is_detectable]
    return Score(
        len(found), sum(row.is_planted for row in found), len(detectable), sum(row.is_found for row in detectable)
    )


def measure(home: Home, size: int, seeds: Iterable[int]) -> list[tuple[int, Score]]:
    """Make one sample per seed below a home, and compare what was found with what was planted."""
    scores = []
    for seed in seeds:
        report_progress(f"seed {seed}: {size:,} deals")
        with resolve(home, size, seed, MODELS, rollouts=True) as connection:
            scores.append((seed, score(read(connection, home.truth))))
    return scores


def by_chance(home: Home, size: int, seed: int) -> tuple[int, int]:
    """Return how many strengths are reported of a company without any, and how many were searched."""
    report_progress(f"seed {seed}: {size:,} deals, without strengths")
    with resolve(home, size, seed, MODELS) as connection:
        counted = connection.execute(
            "select count(distinct (product_id, industry, source_branch_id)) from segment.rollout_opportunities"
        ).fetchone()
        searched = connection.execute(SEARCHED).fetchone()
    assert counted and searched
    return int(counted[0]), int(searched[0])


def main() -> int:
    """Measure and print; return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tools.rollouts")
    parser.add_argument("--size", type=int, default=10_000, help="deals of each sample")
    parser.add_argument("--seeds", type=int, default=3, help="number of samples")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first sample; the others follow")
    options = parser.parse_args()
    home = Home(Path(Home.from_environment().root / f"rollouts-{options.size}"))
    scores = measure(home, options.size, range(options.seed, options.seed + options.seeds))
    print("| seed | found | of them planted | detectable | found of these |\n|---|---:|---:|---:|---:|")
    for seed, one in scores:
        print(f"| {seed} | {one.found} | {one.true} | {one.detectable} | {one.detected} |")
    total = Score(
        *(sum(getattr(one, name) for _, one in scores) for name in ("found", "true", "detectable", "detected"))
    )
    print(f"| all | {total.found} | {total.true} | {total.detectable} | {total.detected} |")
    print(f"\nPrecision {percent(total.true, total.found)}, recall {percent(total.detected, total.detectable)}.")
    reported, searched = by_chance(home, options.size, options.seed)
    print(f"Without planted strengths: {reported} of {searched:,} searched are reported.")
    broken = total.broken()
    if reported > BY_CHANCE * searched:
        broken.append(f"{reported} of {searched:,} are reported without strengths, {BY_CHANCE:.0%} allowed")
    for text in broken:
        print(text, file=sys.stderr)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
