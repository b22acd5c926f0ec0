"""How much of what is said about rates is true: sample companies with planted causes, and one without differences.

Run: python -m tools.advice --size 10000 --seeds 3
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from orchestration import sql
from orchestration.errors import KyotenError
from orchestration.home import Home
from tools.accuracy import report_progress, resolve

MODELS = ("rates", "bottlenecks")
PRECISION, RECALL, TOLD, BY_CHANCE = 0.8, 0.5, 20, 0.05

# What is said of an entity, and the planted cause. A rate of a branch or salesperson is said to be above or below that
# of all; of a step only that it is a bottleneck. power_recent is the power of a test in the last year.
SAID = """
    with causes as (from read_csv({causes}, header = true, types = {{'effect': 'double', 'power_recent': 'double'}})),
    said as (
        select 'win rate of a ' || scope as kind, scope as entity_type, entity_id, null as step, versus_reference
        from kpi.rates where rate_name = 'win_rate_t12m' and scope in ('branch', 'rep')
        union all
        select 'step of a branch', 'branch', entity_id, step, case when is_bottleneck then 'below' end
        from kpi.bottlenecks where scope = 'branch'
    ),
    planted as (
        select
            said.*, coalesce(causes.effect, 0) as effect,
            coalesce(causes.power_recent, 0) >= 0.8 and (said.step is null or causes.effect < 0) as is_detectable
        from said
        left join causes
            on causes.entity_type = said.entity_type and causes.entity_id = said.entity_id
            and causes.cause = case when said.step is null then 'win_rate' else 'step_rate' end
            and causes.detail is not distinct from said.step
    )
    select
        kind, count(*), count(versus_reference),
        count(*) filter (versus_reference = case when effect > 0 then 'above' when effect < 0 then 'below' end),
        count(*) filter (is_detectable), count(*) filter (is_detectable and versus_reference is not null)
    from planted group by kind order by kind
"""


@dataclass(frozen=True)
class Kind:
    """One kind of statement: entities, statements, true ones, detectable causes, and how many of these were found."""

    name: str
    entities: int
    stated: int
    true: int
    detectable: int
    found: int


def measure(home: Home, size: int, seed: int, *, alike: bool = False) -> list[Kind]:
    """Make a sample, build the models on it, and compare what they say with the truth file."""
    causes = sql.text(str(home.truth / "causes.csv"))
    with resolve(home, size, seed, MODELS, alike=alike) as connection:
        return [Kind(*row) for row in connection.execute(SAID.format(causes=causes)).fetchall()]


def total(kinds: list[Kind], name: str) -> Kind:
    """Add up statements of one kind, or of all."""
    fields = ("entities", "stated", "true", "detectable", "found")
    return Kind(name, *(sum(getattr(kind, field) for kind in kinds) for field in fields))


def share(part: int, whole: int) -> str:
    """Return a share in percent."""
    return f"{100 * part / whole:.1f} %" if whole else "none"


def broken(said: Kind, chance: Kind) -> list[str]:
    """Return the limits that the statements miss."""
    limits = (
        (said.stated < TOLD, f"{said.stated} statements, at least {TOLD} required"),
        (
            said.true < PRECISION * said.stated,
            f"{share(said.true, said.stated)} of them true, at least {PRECISION:.0%} required",
        ),
        (
            said.found < RECALL * said.detectable,
            f"{share(said.found, said.detectable)} of the detectable causes found, at least {RECALL:.0%} required",
        ),
        (
            chance.stated > BY_CHANCE * chance.entities,
            f"{share(chance.stated, chance.entities)} of alike entities have one, at most {BY_CHANCE:.0%} allowed",
        ),
    )
    return [text for is_broken, text in limits if is_broken]


def main() -> int:
    """Print a table in Markdown; return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10_000, help="deals per sample")
    parser.add_argument("--seeds", type=int, default=3, help="number of samples")
    given = parser.parse_args()
    home = Home(Path(Home.from_environment().root / f"advice-{given.size}"))
    found: list[Kind] = []
    for seed in range(1, given.seeds + 1):
        report_progress(f"seed {seed} of {given.seeds}: {given.size:,} deals")
        found += measure(home, given.size, seed)
    report_progress("a company without differences")
    chance = measure(home, given.size, 1, alike=True)
    print(
        "| statement about | entities | statements | true | detectable causes | found | statements if all are alike |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    names = sorted({kind.name for kind in found})
    said, alike = total(found, "all"), total(chance, "all")
    for kind in [*(total([one for one in found if one.name == name], name) for name in names), said]:
        by_chance = alike if kind is said else total([one for one in chance if one.name == kind.name], kind.name)
        print(
            f"| {kind.name} | {kind.entities:,} | {kind.stated} | {kind.true} ({share(kind.true, kind.stated)}) | "
            f"{kind.detectable} | {kind.found} ({share(kind.found, kind.detectable)}) | "
            f"{by_chance.stated} of {by_chance.entities} |"
        )
    if missed := broken(said, alike):
        print("\n".join(["Limits that were missed:", *missed]), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KyotenError as error:
        sys.exit(str(error))
