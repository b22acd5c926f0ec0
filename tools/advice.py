"""How much of what is said is true: rates, levers, warnings and effects of sample companies with planted causes.

A company without differences shows what is said by chance.

Run: python -m tools.advice --size 10000 --seeds 3
"""

import argparse
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from orchestration import sql
from orchestration.errors import KyotenError
from orchestration.home import Home
from tools import effects, quiet
from tools.accuracy import report_progress, resolve
from tools.sample.powers import ENOUGH, power_of_shares

if TYPE_CHECKING:
    import duckdb

MODELS = ("rates", "bottlenecks", "rep_concentration", "performance", *quiet.MODELS, *effects.MODELS)
PRECISION, RECALL, TOLD, BY_CHANCE, LARGEST_SHARE = 0.8, 0.5, 20, 0.05, 0.5

# What is said of an entity, and the planted cause. A rate of a branch or salesperson is said to be above or below that
# of all; of a step only that it is a bottleneck. Fewer deals of a rep without the planted cause close late than of all.
# power_recent is the power of a test in the last year.
SAID = """
    with causes as (from read_csv({causes}, header = true, types = {{'effect': 'double', 'power_recent': 'double'}})),
    said as (
        select
            'win rate of a ' || scope as kind, scope as entity_type, entity_id, null as step, versus_reference,
            'win_rate' as cause, 0 as usual
        from kpi.rates where rate_name = 'win_rate_t12m' and scope in ('branch', 'rep')
        union all
        select 'late closes of a rep', scope, entity_id, null, versus_reference, 'slip', {usual_slip}
        from kpi.rates where rate_name = 'closed_late_rate' and scope = 'rep'
        union all
        select 'step of a branch', 'branch', entity_id, step, case when is_bottleneck then 'below' end, 'step_rate', 0
        from kpi.bottlenecks where scope = 'branch'
    ),
    planted as (
        select
            said.* exclude (cause), coalesce(causes.effect, said.usual) as effect,
            coalesce(causes.power_recent, 0) >= 0.8 and (said.step is null or causes.effect < 0) as is_detectable
        from said
        left join causes
            on causes.entity_type = said.entity_type and causes.entity_id = said.entity_id
            and causes.cause = said.cause
            and causes.detail is not distinct from said.step
    )
    select
        kind, count(*), count(versus_reference),
        count(*) filter (versus_reference = case when effect > 0 then 'above' when effect < 0 then 'below' end),
        count(*) filter (is_detectable), count(*) filter (is_detectable and versus_reference is not null)
    from planted group by kind order by kind
"""

# Levers that rest on a rate with a planted cause. Of deal sizes and of names of salespeople none is planted: a lever
# that rests on their rates is false. Names, contact and training of people are what the vendor did: the sample plants
# no cause.
CAUSE_OF = {"raise_win_rate": "win_rate", "first_deals": "first_deals"}
LEVER = "lever of a branch"
PEOPLE, FACTS = f"{LEVER}, people reached", f"{LEVER}, counts"
OF_PEOPLE = ("get_names", "reach_people", "train_people")
WARNING, EFFECT, PAYBACK = "warning of a branch or partner", "effect of an action", "payback of a programme"
LEVERS = """
    select branch_id, lever, lever_evidence as evidence from kpi.rep_concentration
    where scope = 'branch' and lever_evidence is not null
"""


# Headroom of a year ago, and the growth since: branches that were open in both years.
HEADROOM = """
    with of as (
        select month, entity_id, headroom_amount from kpi.rep_concentration
        where scope = 'branch' and headroom_amount is not null
    ),
    last as (select max(month) as month from kpi.rep_concentration where is_complete)
    select
        cast(of.headroom_amount as double) as headroom, cast(before.won_amount_t12m as double) as before,
        cast(now.won_amount_t12m as double) as now
    from of
    inner join last on of.month = last.month - interval 12 month
    inner join kpi.performance as before
        on before.scope = 'branch' and before.entity_id = of.entity_id and before.month = of.month
    inner join kpi.performance as now
        on now.scope = 'branch' and now.entity_id = of.entity_id and now.month = last.month
"""
SHARE = """
    select cast(sum(of.headroom_amount) as double) / cast(sum(sales.won_amount_t12m) as double)
    from kpi.rep_concentration as of
    inner join kpi.performance as sales on sales.scope = 'company' and sales.month = of.month
    where of.scope = 'company' and of.month = (select max(month) from kpi.rep_concentration where is_complete)
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


def measure(home: Home, size: int, seed: int, *, alike: bool = False) -> tuple[list[Kind], float, pl.DataFrame]:
    """Make a sample, build the models on it, and compare what they say with the truth file.

    Returns the statements, headroom as a share of the partners' sales, and the headroom of branches a year ago.
    """
    causes = sql.text(str(home.truth / "causes.csv"))
    with resolve(home, size, seed, MODELS, alike=alike) as connection:
        query = SAID.format(causes=causes, usual_slip=0 if alike else -1)
        said = [Kind(*row) for row in connection.execute(query).fetchall()]
        said += levers(frame(connection, LEVERS), behind(pl.read_csv(home.truth / "causes.csv")))
        said.append(warnings(quiet.read(connection, home.truth, f"{seed}"), alike=alike))
        said += found_effects(effects.read(connection, causes, f"{seed}"), alike=alike)
        ((share_of_sales,),) = connection.execute(SHARE).fetchall()
        return said, share_of_sales, frame(connection, HEADROOM)


def frame(connection: "duckdb.DuckDBPyConnection", query: str) -> pl.DataFrame:
    """Return the rows of a query."""
    found = connection.execute(query)
    names = [column[0] for column in found.description or ()]
    # The first hundred values of a column may be empty.
    return pl.DataFrame(found.fetchall(), names, orient="row", infer_schema_length=None)


def behind(causes: pl.DataFrame) -> pl.DataFrame:
    """Return the planted causes of levers: branches below the upper quartile of all, with the power to notice that."""
    # The file of a company without differences has no types.
    of = causes.filter(pl.col("entity_type") == "branch", pl.col("cause").is_in([*CAUSE_OF.values(), "quiet"]))
    of = of.with_columns(pl.col("effect", "reference", "n_recent", "power").cast(pl.Float64, strict=False))
    parts = [pl.DataFrame(schema={"branch_id": pl.String, "lever": pl.String, "power": pl.Float64})]
    for lever, cause in CAUSE_OF.items():
        rows = of.filter(pl.col("cause") == cause, pl.col("n_recent") > 0)
        rate, n = (rows["effect"] + rows["reference"]).to_numpy(), rows["n_recent"].to_numpy()
        if len(rate):
            benchmark = np.quantile(rate, 0.75)
            # A rate of 0 has no variance.
            power = np.where((benchmark - rate) * n >= 1, power_of_shares(np.maximum(rate, 1e-9), benchmark, n), 0.0)
            part = pl.DataFrame({"branch_id": rows["entity_id"], "lever": lever, "power": power})
            parts.append(part.filter(pl.Series(rate < benchmark)))
    # Nobody could talk to the salespeople of a partner whose contract has ended.
    silent = of.filter(pl.col("cause") == "quiet", pl.col("detail") == "still open")
    parts.append(silent.select(branch_id="entity_id", lever=pl.lit("keep_producer"), power=pl.lit(0.0)))
    return pl.concat(parts)


def levers(told: pl.DataFrame, planted: pl.DataFrame) -> list[Kind]:
    """Compare the levers with the planted causes. A fact is a count, which needs none."""
    rated = told.filter(pl.col("evidence") != "fact").drop_nulls("lever")
    people = rated.filter(pl.col("lever").is_in(OF_PEOPLE))
    of_deals = rated.filter(~pl.col("lever").is_in(OF_PEOPLE))
    true = of_deals.join(planted, on=["branch_id", "lever"], how="semi")
    detectable = planted.filter(pl.col("power") >= ENOUGH).join(told, on="branch_id", how="semi")
    found = detectable.join(true, on="branch_id", how="semi")
    return [
        Kind(LEVER, len(told), len(of_deals), len(true), detectable["branch_id"].n_unique(),
            found["branch_id"].n_unique()),
        Kind(PEOPLE, len(told), len(people), 0, 0, 0),
        Kind(FACTS, len(told), len(told.filter(pl.col("evidence") == "fact")), 0, 0, 0),
    ]  # fmt: skip


def warnings(rows: Collection[quiet.Judged], *, alike: bool = False) -> Kind:
    """Count the warnings of 24 month ends; one that lasts counts once. In an alike company, of the last month."""
    judged = [row for row in rows if row.new_deal_chance is not None]
    entities = {(row.scope, row.entity_id): row for row in judged}
    if alike:
        return Kind(WARNING, len(entities), sum(row.is_warned for row in entities.values()), 0, 0, 0)
    runs: dict[tuple[str, str, str | None], bool] = {}
    for row in judged:
        if row.is_warned and row.is_over:
            runs.setdefault((row.scope, row.entity_id, row.warned_since), row.is_halved)
    score = quiet.score(rows)
    return Kind(WARNING, len(entities), len(runs), sum(runs.values()), score.detectable, score.found)


def found_effects(company: effects.Company, *, alike: bool = False) -> list[Kind]:
    """Count verdicts on actions, without "not enough evidence", and months of payback."""
    actions, programmes = company.actions, company.paybacks
    if alike:
        by_chance = sum(one.verdict in ("works", "harms") for one in actions)
        return [Kind(EFFECT, len(actions), by_chance, 0, 0, 0), Kind(PAYBACK, 0, 0, 0, 0, 0)]
    told = [one for one in actions if one.verdict in ("works", "no_effect", "harms")]
    true = [one for one in told if one.verdict == ("works" if one.planted > 0 else "no_effect")]
    detectable = [one for one in actions if one.is_detectable and one.planted]
    paid = [(found, planted) for _, found, planted in programmes if found not in (None, "never")]
    return [
        Kind(
            EFFECT, len(actions), len(told), len(true), len(detectable),
            sum(one.verdict == "works" for one in detectable),
        ),
        Kind(
            PAYBACK, len(programmes), len(paid), sum(found == planted for found, planted in paid),
            sum(planted not in (None, "never") for _, _, planted in programmes),
            sum(found == planted for found, planted in paid),
        ),
    ]  # fmt: skip


def total(kinds: list[Kind], name: str) -> Kind:
    """Add up statements of one kind, or of all."""
    fields = ("entities", "stated", "true", "detectable", "found")
    return Kind(name, *(sum(getattr(kind, field) for kind in kinds) for field in fields))


def share(part: int, whole: int) -> str:
    """Return a share in percent."""
    return f"{100 * part / whole:.1f} %" if whole else "none"


def broken(said: Kind, chance: Kind, least: int = TOLD) -> list[str]:
    """Return the limits that the statements miss."""
    limits = (
        (said.stated < least, f"{said.stated} statements, at least {least} required"),
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


@dataclass(frozen=True)
class Growth:
    """The headroom of a year ago of branches of several companies, and what they won more or less since."""

    shares: tuple[float, ...]  # by company: headroom ÷ sales of the partners, now
    fifths: tuple[
        tuple[float, float, float], ...
    ]  # from most to least headroom: means of headroom, sales before, growth
    correlation: float  # of ranks

    def broken(self) -> list[str]:
        """Return the limits that headroom misses."""
        limits = (
            (
                max(self.shares) >= LARGEST_SHARE,
                f"headroom is {max(self.shares):.0%} of sales, below {LARGEST_SHARE:.0%} required",
            ),
            (self.correlation <= 0, f"a rank correlation of {self.correlation:.2f} of headroom and growth"),
        )  # fmt: skip
        return [text for is_broken, text in limits if is_broken]


def growth(shares: list[float], branches: pl.DataFrame) -> Growth:
    """Divide branches into fifths by the headroom of a year ago. branches: headroom, before and now, in yen."""
    from scipy.stats import spearmanr

    grown = branches.with_columns(growth=pl.col("now") - pl.col("before")).sort("headroom", descending=True)
    fifths = [
        tuple(grown[part.tolist()].select("headroom", "before", "growth").mean().row(0))
        for part in np.array_split(np.arange(len(grown)), 5)
    ]
    return Growth(tuple(shares), tuple(fifths), float(spearmanr(grown["headroom"], grown["growth"]).statistic))


def main() -> int:
    """Print a table in Markdown; return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10_000, help="deals per sample")
    parser.add_argument("--seeds", type=int, default=3, help="number of samples")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first sample; the others follow")
    given = parser.parse_args()
    home = Home(Path(Home.from_environment().root / f"advice-{given.size}"))
    found: list[Kind] = []
    shares, headrooms = [], []
    for seed in range(given.seed, given.seed + given.seeds):
        report_progress(f"seed {seed}: {given.size:,} deals")
        kinds, share_of_sales, headroom = measure(home, given.size, seed)
        found += kinds
        shares.append(share_of_sales)
        headrooms.append(headroom)
    report_progress("a company without differences")
    chance, _, _ = measure(home, given.size, given.seed, alike=True)
    print(
        "| statement about | entities | statements | true | detectable causes | found | statements if all are alike |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    # A statement about people who were reached has no planted cause; a count is no estimate.
    names = sorted({kind.name for kind in found})
    rated = [kind for kind in found if kind.name not in (PEOPLE, FACTS)]
    said, alike = total(rated, "all"), total([kind for kind in chance if kind.name != FACTS], "all")
    for kind in [*(total([one for one in found if one.name == name], name) for name in names), said]:
        by_chance = alike if kind is said else total([one for one in chance if one.name == kind.name], kind.name)
        compared = (
            f"{kind.true} ({share(kind.true, kind.stated)}) | {kind.detectable} | "
            f"{kind.found} ({share(kind.found, kind.detectable)})"
        )
        compared = "no planted cause | | " if kind.name in (PEOPLE, FACTS) else compared
        print(
            f"| {kind.name} | {kind.entities:,} | {kind.stated} | {compared} | "
            f"{by_chance.stated:,} of {by_chance.entities:,} |"
        )
    measured = growth(shares, pl.concat(headrooms))
    print(f"\nHeadroom ÷ sales of the partners: {', '.join(f'{one:.0%}' for one in shares)}.\n")
    print(
        "| fifth of branches by headroom a year ago | mean headroom | mean sales then | mean growth since "
        "| growth ÷ sales |"
    )
    print("|---|---:|---:|---:|---:|")
    for nth, row in enumerate(measured.fifths, 1):
        print(f"| {nth} | {' | '.join(f'{value:,.0f}' for value in row)} | {row[2] / row[1]:.0%} |")
    print(f"\nRank correlation of headroom and growth: {measured.correlation:.2f}.")
    of_levers = total([kind for kind in chance if kind.name in (LEVER, PEOPLE)], LEVER)
    by_lever = replace(of_levers, entities=of_levers.entities // 2)  # each branch is in both
    missed = [*broken(said, alike), *broken(said, by_lever), *measured.broken()]
    # Each of these has its own precision and recall, too; whether few effects are chance is for make effects.
    for name in (WARNING, EFFECT, PAYBACK):
        own = total([kind for kind in found if kind.name == name], name)
        missed += [f"{name}: {text}" for text in broken(own, total([], name), least=1)]
    if missed:
        print("\n".join(["Limits that were missed:", *missed]), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KyotenError as error:
        sys.exit(str(error))
