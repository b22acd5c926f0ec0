"""Whether effects of actions and paybacks of programmes are found as planted, on samples and where no action works.

Run: python -m tools.effects --size 50000 --seeds 3
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration import sql
from orchestration.errors import KyotenError
from orchestration.home import Home
from tools.accuracy import report_progress, resolve

if TYPE_CHECKING:
    import duckdb

MODELS = ("action_effects", "programme_results", "lead_supply")
WORKS, USELESS, RARE = "study_session", ("campaign", "price_review"), "training"
CLOSE_YIELD = 0.05
BY_CHANCE = 0.1  # largest share of the actions without an effect that may be said to work, or to harm

# What is said of a type of action, and its planted effect on new deals: a share, in some weeks of the months compared.
SAID = """
    with causes as (from read_csv({causes}, header = true, all_varchar = true) where detail = 'new deals')
    select
        said.action_type, said.n, said.actions_done, said.action_effect, said.interval_low, said.interval_high,
        said.effect_share, said.verdict, coalesce(cast(causes.effect as double), 0) as planted,
        coalesce(cast(causes.is_detectable as boolean), false) as is_detectable
    from plan.action_effects as said
    left join causes on causes.cause = said.action_type
    where said.period_type = 'all'
    order by said.action_type
"""
# The files have no types, and "never" is no month.
PAYBACK = """
    select programme_id, coalesce(cast(found.payback_month as varchar), 'never'), causes.detail
    from plan.programme_results as found
    full join (
        from read_csv({causes}, header = true, all_varchar = true) where cause = 'payback'
    ) as causes on found.programme_id = causes.entity_id
    order by programme_id
"""
YIELD = """
    select
        sum(leads_accepted), sum(lead_deals) / sum(leads_accepted), sum(quick_leads),
        sum(quick_lead_deals) / sum(quick_leads),
        (
            select max(cast(effect as double))
            from read_csv({causes}, header = true, all_varchar = true) where cause = 'lead_yield'
        )
    from plan.lead_supply where scope = 'company'
"""


@dataclass(frozen=True)
class Said:
    """What is said of one type of action in one company, and the planted effect."""

    action_type: str
    n: int
    actions_done: int
    effect: float | None
    low: float | None
    high: float | None
    share: float | None
    verdict: str
    planted: float
    is_detectable: bool = False


@dataclass(frozen=True)
class Company:
    """One company: statements about actions, months of payback (found, planted), and the yield of leads."""

    name: str
    actions: tuple[Said, ...]
    paybacks: tuple[tuple[str, str, str], ...]
    leads: tuple[float, ...]

    def verdicts(self) -> dict[str, str]:
        """Return the verdict on each type of action."""
        return {one.action_type: one.verdict for one in self.actions}

    def right_paybacks(self) -> int:
        """Return how many programmes show the planted month, or none where none is planted."""
        return sum(found == planted for _, found, planted in self.paybacks)


def measure(home: Home, size: int, seed: int, *, alike: bool = False) -> Company:
    """Make a sample, build the models on it, and read what they say next to the truth file."""
    causes = sql.text(str(home.truth / "causes.csv"))
    with resolve(home, size, seed, MODELS, alike=alike) as connection:
        return read(connection, causes, f"seed {seed}" if not alike else "alike")


def read(connection: "duckdb.DuckDBPyConnection", causes: str, name: str) -> Company:
    """Read one company."""
    actions = connection.execute(SAID.format(causes=causes)).fetchall()
    paybacks = connection.execute(PAYBACK.format(causes=causes)).fetchall()
    leads = connection.execute(YIELD.format(causes=causes)).fetchone() or ()
    return Company(name, tuple(Said(*row) for row in actions), tuple(paybacks), tuple(float(x or 0) for x in leads))


def broken(company: Company) -> list[str]:
    """Return what a company with planted causes shows otherwise than planted."""
    verdicts = company.verdicts()
    problems = []
    if verdicts.get(WORKS) != "works":
        problems.append(f"{WORKS} is {verdicts.get(WORKS)}, planted as an action that works")
    problems += [
        f"{name} is {verdicts[name]}, planted without an effect on new deals"
        for name in USELESS
        if verdicts.get(name) == "works"
    ]
    if verdicts.get(USELESS[0]) != "no_effect":
        problems.append(f"{USELESS[0]} is {verdicts.get(USELESS[0])}, planted without an effect")
    if verdicts.get(RARE) != "not_enough_evidence":
        problems.append(f"{RARE} is {verdicts.get(RARE)}, with too few cases")
    if (right := company.right_paybacks()) < len(company.paybacks):
        problems.append(f"{right} of {len(company.paybacks)} programmes show the planted month of payback")
    if abs(company.leads[1] - company.leads[4]) > CLOSE_YIELD:
        problems.append(f"{company.leads[1]:.1%} of the accepted leads became deals, planted {company.leads[4]:.1%}")
    return [f"{company.name}: {problem}" for problem in problems]


def by_chance(companies: list[Company], alike: Company) -> list[str]:
    """Return what is said of actions without an effect, if it is said too often: it can only be chance."""
    judged = [(company.name, one) for company in companies for one in company.actions if not one.planted]
    judged += [(alike.name, one) for one in alike.actions]
    judged = [(name, one) for name, one in judged if one.effect is not None]
    said = [f"{name}: {one.action_type} {one.verdict}" for name, one in judged if one.verdict in ("works", "harms")]
    return said if len(said) > BY_CHANCE * len(judged) else []


def show(companies: list[Company]) -> str:
    """Return the tables in Markdown."""
    lines = [
        "| company | action | done | compared | new deals per action, 99 % interval | share | verdict | planted |",
        "|---|---|---:|---:|---:|---:|---|---:|",
    ]
    for company in companies:
        for one in company.actions:
            known = one.effect is not None and one.low is not None and one.high is not None
            effect = f"{one.effect:+.2f} ({one.low:+.2f} … {one.high:+.2f})" if known else ""
            share = f"{one.share:+.0%}" if one.share is not None else ""
            lines.append(
                f"| {company.name} | {one.action_type} | {one.actions_done:,} | {one.n:,} | {effect} | {share} "
                f"| {one.verdict} | {one.planted:+.0%} |"
            )
    lines += ["", "| company | programmes | month of payback as planted | accepted leads | became deals | planted |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {company.name} | {len(company.paybacks)} | {company.right_paybacks()} | {company.leads[0]:,.0f} "
        f"| {company.leads[1]:.1%} | {company.leads[4]:.1%} |"
        for company in companies
    ]
    return "\n".join(lines)


def main() -> int:
    """Print the tables; return 1 if something is not found as planted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=50_000, help="deals per sample")
    parser.add_argument("--seeds", type=int, default=3, help="number of samples")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first sample; the others follow")
    given = parser.parse_args()
    home = Home(Path(Home.from_environment().root / f"effects-{given.size}"))
    companies = []
    for seed in range(given.seed, given.seed + given.seeds):
        report_progress(f"seed {seed}: {given.size:,} deals")
        companies.append(measure(home, given.size, seed))
    report_progress("a company in which no action does anything")
    alike = measure(home, given.size, given.seed, alike=True)
    print(show([*companies, alike]))
    if missed := [*(problem for company in companies for problem in broken(company)), *by_chance(companies, alike)]:
        print("\n".join(["Not as planted:", *missed]), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KyotenError as error:
        sys.exit(str(error))
