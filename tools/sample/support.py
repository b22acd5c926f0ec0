"""The sample company's support: ends of issues, relations with executives, sizes of markets, planted rollouts.

It has random streams of its own, so that nothing here moves what the other modules draw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import poisson

from tools.sample import names
from tools.sample.calendar import AS_OF, DELTA_EXTRACTS, START, business_day, day, iso
from tools.sample.organisation import NEVER, Ints, Organisation
from tools.sample.writing import Writer

TOPICS = ("価格", "競合", "体制", "導入手順", "社内承認")
RATED = tuple(day(d) for d in ("2024-10-10", "2025-10-10"))
# Of the deals of a branch that sells a product well in an industry, so many are of both; their win rate is higher.
SHARE, MORE = 0.45, 0.1
RECENT = AS_OF - 730


def stream(org: Organisation, name: int) -> np.random.Generator:
    """Return a random stream that depends on the company alone."""
    facts = [name, org.size, int(org.branch_opened.sum()) % (1 << 31), int(org.rep_surname.sum())]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(facts)))


def case_ends(org: Organisation, cases: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the topic of each case and, of half of the issues, the end and the sister branch's case that solved it."""
    rng, n = stream(org, 1), len(cases["kind"])
    topic = rng.integers(0, len(TOPICS), n)
    luck, days = rng.random(n), rng.integers(30, 150, n)
    closed, solved_by = np.full(n, NEVER), np.full(n, NEVER)
    partner = org.branch_partner[cases["branch"]]
    is_told = (cases["kind"] == 0) & cases["shareable"]
    for case in np.flatnonzero((cases["kind"] == 2) & (luck < 0.6)).tolist():
        end = int(business_day(np.array([cases["recorded"][case] + days[case]]))[0])
        if end > AS_OF:
            continue
        closed[case] = end
        helps = is_told & (topic == topic[case]) & (partner == partner[case]) & (cases["recorded"] < end)
        found = np.flatnonzero(helps & (cases["branch"] != cases["branch"][case]))
        if len(found) and luck[case] < 0.4:
            solved_by[case] = found[-1]
    return {"topic": topic, "closed": closed, "solved_by": solved_by}


def write_markets(org: Organisation, writer: Writer) -> None:
    """Write invented numbers of establishments by prefecture, with a source that states it."""
    rng = stream(org, 2)
    sizes = np.round(np.exp(11 + 0.8 * rng.standard_normal(len(names.PREFECTURES))), -2).astype(int)
    writer.write_rows(
        "market_sizes",
        DELTA_EXTRACTS[0],
        (
            {"prefecture": place, "as_of": "2024-06-01", "establishments": size, "source": "invented for the sample"}
            for place, size in zip(names.PREFECTURES, sizes.tolist(), strict=True)
        ),
    )


def write_executives(org: Organisation, writer: Writer) -> None:
    """Write ratings of the relations with the executives of two partners in three, twice for some."""
    rng = stream(org, 3)
    level = rng.integers(0, 4, len(org.branch_count))
    for extract, on in zip(DELTA_EXTRACTS, RATED, strict=False):
        rows = [
            {
                "partner_id": f"P{p + 1:04d}", "rated_on": iso(on),
                "level": min(int(level[p]) + (on == RATED[1] and p % 2), 4), "rated_by": "営業企画",
                "reason": "面談の記録から判断",
            }
            for p in range(len(level))
            if p % 3 < 2 and org.partner_since[p] < on and (on == RATED[0] or p % 2 == 0)
        ]  # fmt: skip
        writer.write_rows("executive_relations", extract if on <= extract else DELTA_EXTRACTS[-1], rows)


@dataclass(frozen=True)
class Rollouts:
    """Planted strengths: a branch that sells a product well in an industry, where its sisters have not begun."""

    product: Ints  # by branch that is the source; NEVER for others
    industry: Ints
    partner_product: Ints  # by partner
    partner_industry: Ints

    def shape(self, org: Organisation, a: dict[str, Any], customers: Any, rng: np.random.Generator) -> np.ndarray:
        """Move deals into or out of the planted products and industries; return how much more often each is won."""
        n, branch = len(a["kind"]), np.maximum(a["branch"], 0)
        of_source = (a["branch"] != NEVER) & (self.product[branch] != NEVER) & (rng.random(n) < SHARE)
        partner = np.maximum(a["partner"], 0)
        first, count = customers.first[partner], customers.count[partner]
        # The industry of a customer follows from the last digit of its number.
        digit = (7**3 * self.industry[branch]) % len(names.INDUSTRIES)
        moved = a["customer"] - a["customer"] % 10 + digit
        moved = np.where(moved < first, moved + 10, np.where(moved >= first + count, moved - 10, moved))
        of_source &= (moved >= first) & (moved < first + count)
        a["customer"] = np.where(of_source, moved, a["customer"])
        a["product"] = np.where(of_source, self.product[branch], a["product"])
        industry = (a["customer"] * 17) % len(names.INDUSTRIES)
        is_cell = (a["partner"] != NEVER) & (self.partner_product[partner] == a["product"])
        is_cell &= self.partner_industry[partner] == industry
        elsewhere = is_cell & (self.product[branch] == NEVER)
        # Spread, so that no other kind becomes a strength.
        other = (a["product"] + 1 + a["id"] % (len(names.PRODUCTS) - 1)) % len(names.PRODUCTS)
        a["product"] = np.where(elsewhere, other, a["product"])
        return np.where(is_cell & ~elsewhere, MORE, 0.0)


def plant_rollouts(org: Organisation) -> Rollouts:
    """Choose a source at every partner with four branches and much business, with one product and industry each."""
    rng, n, partners = stream(org, 4), len(org.weight), len(org.branch_count)
    product, industry = rng.integers(0, 12, partners), rng.integers(0, 10, partners)
    of_branch = np.full(n, NEVER), np.full(n, NEVER)
    of_partner = np.full(partners, NEVER), np.full(partners, NEVER)
    settled = (org.branch_closed == NEVER) & (org.branch_opened < START) & (org.quiet_from == NEVER)
    for p in np.flatnonzero((org.branch_count >= 4) & (org.partner_ended == NEVER)).tolist():
        own = np.arange(org.first_branch[p], org.first_branch[p] + org.branch_count[p])
        # Not the largest branch: that one sells everything.
        ranked = own[settled[own]][np.argsort(-org.weight[own[settled[own]]], kind="stable")]
        if len(ranked) >= 3:
            source = ranked[1]
            of_branch[0][source], of_branch[1][source] = product[p], industry[p]
            of_partner[0][p], of_partner[1][p] = product[p], industry[p]
    return Rollouts(*of_branch, *of_partner)


Expected = dict[str, np.ndarray]


def expect_rollouts(planted: Rollouts, a: Mapping[str, np.ndarray]) -> Expected:
    """Return the sources' deals of two years: branch, customer, whether of the planted kind, and chance to win."""
    of = (a["branch"] != NEVER) & (a["close"] > RECENT)
    of &= planted.product[np.maximum(a["branch"], 0)] != NEVER
    branch = a["branch"][of]
    is_kind = planted.product[branch] == a["product"][of]
    is_kind &= (a["customer"][of] * 17) % len(names.INDUSTRIES) == planted.industry[branch]
    return {"branch": branch, "customer": a["customer"][of], "is_kind": is_kind, "chance": a["chance"][of]}


def rollout_truth(org: Organisation, planted: Rollouts, chunks: Sequence[Expected]) -> list[dict[str, Any]]:
    """Return the planted strengths with the customers that they win and the chance to find each.

    Among so many products and industries, a strength shows if chance brings as many customers once in 1,000 times.
    """
    deals = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    rows = []
    for b in np.flatnonzero(planted.product != NEVER).tolist():
        own = deals["branch"] == b
        won = {}
        for is_kind in (True, False):
            of = own & (deals["is_kind"] == is_kind)
            _, group = np.unique(deals["customer"][of], return_inverse=True)
            missed = np.bincount(group, weights=np.log1p(-np.minimum(deals["chance"][of], 0.99)))
            won[is_kind] = float((1 - np.exp(missed)).sum())
        by_chance = won[False] / (len(names.PRODUCTS) * len(names.INDUSTRIES))
        needed = next(k for k in range(3, 1_000) if poisson.sf(k - 1, by_chance) <= 0.001)
        power = float(poisson.sf(needed - 1, won[True]))
        rows.append(
            {
                "product_id": f"PR{planted.product[b] + 1:02d}", "industry": names.INDUSTRIES[planted.industry[b]],
                "source_branch_id": f"B{b + 1:05d}", "partner_id": f"P{org.branch_partner[b] + 1:04d}",
                "customers": round(won[True], 2), "by_chance": round(by_chance, 2), "power": round(power, 4),
                "is_detectable": power >= 0.8,
            }
        )  # fmt: skip
    return rows
