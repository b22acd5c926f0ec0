"""Whether the warnings of kpi.quiet_warnings come true: on sample companies with planted causes, and on one without.

tools/backtest runs it for the companies of the forecast. Run: python -m tools.quiet --size 10000 --seeds 3
"""

import argparse
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration import sql
from orchestration.errors import KyotenError
from orchestration.home import Home
from tools.accuracy import report_progress, resolve

if TYPE_CHECKING:
    import duckdb

MODELS = ("quiet_warnings",)
PRECISION, RECALL, OFF, BY_CHANCE = 0.8, 0.5, 0.05, 0.05

# A warning comes true if fewer than half of the deals come that the rhythm before lets one expect. A partner went quiet
# with branches that brought at least half of its deals in the two years before.
ROWS = """
    with quiet as (
        select
            entity_id as branch_id, cast("from" as date) as quiet_from,
            coalesce(cast("until" as date), date '9999-12-31') as quiet_to,
            cast(is_detectable as boolean) as is_detectable
        from read_csv({causes}, header = true, all_varchar = true)
        where cause = 'quiet'
    ),
    shares as (
        select branches.current_partner_id as partner_id, quiet.*,
            count(deals.deal_id) filter (deals.branch_id_current = quiet.branch_id) as own,
            count(deals.deal_id) as deals
        from quiet
        inner join core.dim_branch as branches on quiet.branch_id = branches.branch_id
        inner join core.dim_branch as sisters on branches.current_partner_id = sisters.current_partner_id
        left join core.fct_deals as deals
            on deals.branch_id = sisters.branch_id and deals.created_on < quiet.quiet_from
            and deals.created_on >= quiet.quiet_from - 730
        group by all
    ),
    planted as (
        select 'branch' as scope, branch_id as entity_id, quiet_from, quiet_to, is_detectable from quiet
        union all
        select 'partner', partner_id, min(quiet_from), max(quiet_to), bool_or(is_detectable)
        from shares group by partner_id having sum(own) >= 0.5 * max(deals)
    ),
    days as (
        select min(judged_on) as first_on, max(judged_on) as last_on from kpi.quiet_warnings
    )
    select
        scope, entity_id, coalesce(rows.evidence != 'none', false) as is_warned, rows.warned_since::varchar,
        coalesce(rows.judged_on >= planted.quiet_from and rows.judged_on < planted.quiet_to, rows.judged_on is null),
        coalesce(planted.is_detectable, false) as is_detectable, coalesce(rows.is_over, false), rows.new_deal_chance,
        coalesce(rows.next_deals > 0, false) as has_new_deal,
        coalesce(rows.next_deals < 0.5 * rows.expected_deals * 90 / rows.window_days, false) as is_halved
    from kpi.quiet_warnings as rows
    full join planted using (scope, entity_id)
    cross join days
    -- Also entities that were never judged, if they were quiet for 90 days by the last month end.
    where
        rows.scope is not null or (planted.quiet_to > days.first_on + 90 and planted.quiet_from <= days.last_on - 90)
    order by scope, entity_id, rows.judged_on
"""


@dataclass(frozen=True)
class Judged:
    """One entity of one company at one month end, or never judged. `is_quiet`: planted as quiet on that day."""

    company: str
    scope: str
    entity_id: str
    is_warned: bool
    warned_since: str | None
    is_quiet: bool
    is_detectable: bool
    is_over: bool
    new_deal_chance: float | None
    has_new_deal: bool
    is_halved: bool


@dataclass(frozen=True)
class Score:
    """Rows with a result, warnings among them and how many came true, planted entities that were found, and chances."""

    rows: int
    warned: int
    true: int
    runs: int
    planted_runs: int
    detectable: int
    found: int
    expected: float
    came: float

    def broken(self) -> list[str]:
        """Return the limits that the warnings miss."""
        checks = (
            (self.true < PRECISION * self.warned, f"{self.true} of {self.warned} warnings came true, 80 % required"),
            (
                self.found < RECALL * self.detectable,
                f"{self.found} of {self.detectable} detectable entities found, half required",
            ),
            (
                abs(self.expected - self.came) > OFF,
                f"a deal was expected in {self.expected:.1%} of cases and came in {self.came:.1%}, 5 points allowed",
            ),
        )
        return [text for is_broken, text in checks if is_broken]


def read(connection: "duckdb.DuckDBPyConnection", truth: Path, company: str) -> list[Judged]:
    """Return what was judged of a company, next to the planted causes."""
    rows = connection.execute(ROWS.format(causes=sql.text(str(truth / "causes.csv")))).fetchall()
    return [Judged(company, *row) for row in rows]


def score(rows: Collection[Judged]) -> Score:
    """Compare warnings and chances with what came."""
    over = [row for row in rows if row.is_over]
    if not over:
        raise KyotenError("No branch or partner was judged 90 days ago: choose a larger SIZE.")
    warned = [row for row in over if row.is_warned]
    runs = {(row.company, row.scope, row.entity_id, row.warned_since) for row in rows if row.is_warned}
    planted = {
        (row.company, row.scope, row.entity_id, row.warned_since) for row in rows if row.is_warned and row.is_quiet
    }
    quiet = [row for row in rows if row.is_quiet and row.is_detectable]
    return Score(
        len(over),
        len(warned),
        sum(row.is_halved for row in warned),
        len(runs),
        len(planted),
        len({(row.company, row.scope, row.entity_id) for row in quiet}),
        len({(row.company, row.scope, row.entity_id) for row in quiet if row.is_warned}),
        sum(row.new_deal_chance or 0 for row in over) / len(over),
        sum(row.has_new_deal for row in over) / len(over),
    )


HEADER = (
    "scope", "chance of a new deal", "judged", "expected share with one", "share with one", "warned", "came true",
    "warnings in a row", "of them planted", "detectable", "found",
)  # fmt: skip
BANDS = ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.01))


def cells(scope: str, chance: str, of: Score) -> tuple[str, ...]:
    """Return a row of the table."""
    return (
        scope, chance, f"{of.rows:,}", f"{of.expected:.1%}", f"{of.came:.1%}", str(of.warned),
        f"{of.true} ({of.true / of.warned:.0%})" if of.warned else "0", str(of.runs), str(of.planted_runs),
        str(of.detectable), str(of.found),
    )  # fmt: skip


def markdown(rows: Collection[Judged]) -> str:
    """Return the table by scope and chance in Markdown."""
    lines = ["| " + " | ".join(HEADER) + " |", "|---|---|" + "---:|" * (len(HEADER) - 2)]
    for scope in ("branch", "partner"):
        own = [row for row in rows if row.scope == scope]
        for low, high in BANDS:
            band = [row for row in own if row.new_deal_chance is not None and low <= row.new_deal_chance < high]
            if any(row.is_over for row in band):
                one = cells(scope, f"{low:.0%} to {min(high, 1.0):.0%}", score(band))
                lines.append("| " + " | ".join((*one[:5], *("",) * 6)) + " |")
        if any(row.is_over for row in own):
            lines.append("| " + " | ".join(cells(scope, "all", score(own))) + " |")
    return "\n".join(lines)


def measure(home: Home, size: int, seeds: Iterable[int], *, alike: bool = False) -> list[Judged]:
    """Make one sample per seed below a home, and return what was judged of them."""
    rows: list[Judged] = []
    for seed in seeds:
        report_progress(f"seed {seed}: {size:,} deals" + (", without differences" if alike else ""))
        with resolve(home, size, seed, MODELS, alike=alike) as connection:
            rows += read(connection, home.truth, f"{seed}")
    return rows


def main() -> int:
    """Measure and print; return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tools.quiet")
    parser.add_argument("--size", type=int, default=10_000, help="deals of each sample")
    parser.add_argument("--seeds", type=int, default=3, help="number of samples")
    options = parser.parse_args()
    home = Home(Path(Home.from_environment().root / f"quiet-{options.size}"))
    rows = measure(home, options.size, range(1, options.seeds + 1))
    print(markdown(rows))
    chance = [row for row in measure(home, options.size, (1,), alike=True) if row.new_deal_chance is not None]
    warned = sum(row.is_warned for row in chance)
    print(f"\nIf all are alike: {warned} warnings in {len(chance):,} cases.")
    broken = score(rows).broken()
    if warned > BY_CHANCE * len(chance):
        broken.append(f"{warned} warnings in {len(chance):,} cases of an alike company, 5 % allowed")
    if broken:
        raise KyotenError("\n".join(["Broken promises:", *broken]))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KyotenError as error:
        sys.exit(str(error))
