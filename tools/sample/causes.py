"""The sample company's causes: who is good at what, what the vendor did and when, and what followed from it.

Everything here is decided before the deals, which are drawn from it. powers.py compares the sizes with chance.
"""

from dataclasses import dataclass

import numpy as np

from tools.sample.calendar import AS_OF, FISCAL_YEARS, START, WEEKS, business_day, day, month_starts, some_business_day
from tools.sample.effects import STEPS, Effects
from tools.sample.names import PRODUCTS
from tools.sample.organisation import NEVER, Ints, Organisation, scaled

Arrays = dict[str, np.ndarray]

# Weights of the months April … March: a half year ends in September, the fiscal year in March.
SEASON = (0.72, 0.72, 0.8, 0.75, 0.7, 2.15, 0.7, 0.78, 0.95, 0.75, 0.8, 2.45)
MONTHS = month_starts("2022-04-01", "2026-10-01")
# The share of a win rate's logarithm that each step has.
STEP_SHARES = np.array([0.16, 0.2, 0.64])
SESSIONS_PER_DEAL = 0.27
PROGRAMMES = (
    ("PG1", "秋の販売キャンペーン", "campaign", "2023-08-01", "2023-10-31", "short"),
    ("PG2", "営業勉強会シリーズ", "training", "2022-06-01", "2026-03-31", "long"),
    ("PG3", "共催セミナー", "seminar", "2023-04-01", "2025-03-31", "long"),
    ("PG4", "期末プロモーション", "campaign", "2025-01-06", "2025-03-31", "short"),
    ("PG5", "パートナーポータル", "portal", "2024-04-01", None, "long"),
    ("PG6", "紹介手数料アップ", "incentive", "2025-07-01", "2025-12-31", "short"),
)
WORKS_LONGER = 56  # days for which a programme works after its end
# The action of a plan: sessions bring deals, the template helps at its step, the others do nothing.
PLAN_ACTIONS = ("study_session", "proposal_template", "campaign", "study_session", "price_review", "campaign")


@dataclass(frozen=True)
class Causes:
    """What differs between branches and reps, what was done, and the business that results."""

    effects: Effects
    month_weight: np.ndarray  # of MONTHS
    cumulated: np.ndarray  # week × branch, flat: the share of a week's deals up to the branch, plus the week
    branch_skill: np.ndarray
    rep_skill: np.ndarray
    weak_step: Ints  # by branch: an index of STEPS, NEVER for most
    rep_slip: np.ndarray  # mean days
    sessions: Arrays  # branch, on; `kind` is the activity type
    taught: np.ndarray  # week × branch: in the weeks after a study session
    trained: np.ndarray
    member: np.ndarray  # programme × branch
    joined: np.ndarray  # programme × 2: the days on which it begins and stops to work
    planned: Arrays  # the actions of plans: year, rank, branch, nth, type, due, done
    cases: Arrays
    shares: Arrays  # case, to, shared, adopted
    helped: Ints  # sorted keys of branch, product and day of shared success cases
    templates: Ints  # sorted keys of branch and day of the play that works

    def branch_of_week(self, week: Ints, u: np.ndarray) -> Ints:
        """Return a branch for each week, by the business of the week."""
        n = len(self.branch_skill)
        found = np.searchsorted(self.cumulated, week + u, side="right") - week * n
        branch: Ints = np.clip(found, 0, n - 1)
        return branch

    def is_helped(self, branch: Ints, product: Ints, on: Ints) -> Ints:
        """Return whether a success case for the product was shared with the branch before."""
        return since(self.helped, branch * len(PRODUCTS) + product, on, self.effects.case_days)

    def has_template(self, branch: Ints, on: Ints) -> Ints:
        """Return whether the play that works was done at the branch before."""
        return since(self.templates, branch, on, self.effects.play_days)

    def programme_of(self, branch: Ints, on: Ints, begin: int) -> Ints:
        """Return the programme in which the branch was on the day, from `begin` days after the start; else NEVER."""
        found: Ints = np.full(len(branch), NEVER)
        for i, (first, last) in enumerate(self.joined):
            found[self.member[i][branch] & (on >= first + begin) & (on < last)] = i
        return found

    def passes(self, branch: Ints, rep: Ints, on: Ints, more: np.ndarray) -> np.ndarray:
        """Return step × deal: the probability to pass. `more` is the win rate's change by what helps this deal."""
        effects, direct = self.effects, branch == NEVER
        of_rep = np.where(rep == NEVER, 0, self.rep_skill[rep])
        skill = np.where(direct, effects.direct, self.branch_skill[branch] + of_rep)
        chance = np.clip(effects.win_rate + skill + more, 0.04, 0.9)
        steps: np.ndarray = chance ** STEP_SHARES[:, None]
        weak = np.where(direct, NEVER, self.weak_step[branch])
        steps = np.where(np.arange(len(STEPS))[:, None] == weak, steps * effects.weak_passes, steps)
        helps = self.has_template(branch, on) & ~direct
        steps[1] = np.where(helps, np.minimum(steps[1] * effects.play_passes, 0.98), steps[1])
        return steps


def key(group: Ints, on: Ints) -> Ints:
    """Return keys in the order of group and day."""
    return group.astype(np.int64) << 16 | on


def since(keys: Ints, group: Ints, on: Ints, days: int) -> Ints:
    """Return whether the group has a key of the last `days` days."""
    if not len(keys):
        return np.zeros(len(group), bool)
    at = np.searchsorted(keys, key(group, on), side="right") - 1
    last = keys[np.maximum(at, 0)]
    found: Ints = (at >= 0) & (last >> 16 == group) & (on - (last & 0xFFFF) < days)
    return found


def build(org: Organisation, effects: Effects, rng: np.random.Generator) -> Causes:
    """Decide the causes for an organisation."""
    n = len(org.weight)
    growth = np.array([1 + 0.08 * (i // 12) for i in range(len(MONTHS) - 1)])
    market = np.exp(0.05 * rng.standard_normal(len(MONTHS) - 1))
    season = np.array([SEASON[i % 12] for i in range(len(MONTHS) - 1)])
    planned = plan_actions(org, rng)
    cases, shares = share_cases(org, rng)
    sessions = hold_sessions(org, planned, rng, alike=not effects.business)
    taught, trained = (weeks_after(sessions, kind, n, effects) for kind in ("study_session", "training"))
    business = org.business()
    quiet = (org.quiet_from != NEVER) & (START + 7 * np.arange(WEEKS)[:, None] >= org.quiet_from)
    business *= np.where(quiet, effects.quiet, 1.0)
    business *= np.where(taught, effects.session_more, 1.0) * np.where(trained, effects.training_more, 1.0)
    joined = np.array([
        (day(start), (AS_OF if end is None else day(end)) + WORKS_LONGER) for _, _, _, start, end, _ in PROGRAMMES
    ])  # fmt: skip
    member = np.zeros((len(PROGRAMMES), n), bool)
    for i, (code, *_) in enumerate(PROGRAMMES):
        can = (org.branch_closed[: org.real_branches] == NEVER) & (org.branch_opened[: org.real_branches] < START)
        can &= org.partner_ended[org.branch_partner[: org.real_branches]] == NEVER
        member[i, np.flatnonzero(can & (np.arange(org.real_branches) % 7 == i))[:2_000]] = True
        first, last = (joined[i] - START) // 7
        business[first + 1 : last, member[i]] *= effects.programmes[code].more
    cumulated = np.cumsum(business, axis=1)
    cumulated /= cumulated[:, -1:]
    success = shares["case"][cases["kind"][shares["case"]] == 0]
    told = cases["kind"][shares["case"]] == 0
    done = (planned["type"] == PLAN_ACTIONS.index("proposal_template")) & (planned["done"] != NEVER)
    weak = np.where(rng.random(n) < effects.weak_branches, rng.integers(0, len(STEPS), n), NEVER)
    late = rng.random(org.reps) < effects.late_reps
    return Causes(
        effects=effects,
        month_weight=season * growth * market,
        cumulated=(cumulated + np.arange(WEEKS)[:, None]).ravel(),
        branch_skill=effects.branch_skill * rng.standard_normal(n),
        rep_skill=effects.rep_skill * rng.standard_normal(org.reps),
        weak_step=weak,
        rep_slip=np.where(late, effects.late_slip_days, effects.slip_days),
        sessions=sessions,
        taught=taught,
        trained=trained,
        member=member,
        joined=joined,
        planned=planned,
        cases=cases,
        shares=shares,
        helped=np.sort(key(shares["to"][told] * len(PRODUCTS) + success % len(PRODUCTS), shares["shared"][told])),
        templates=np.sort(key(planned["branch"][done], planned["done"][done])),
    )


def weeks_after(sessions: Arrays, kind: str, n: int, effects: Effects) -> np.ndarray:
    """Return week × branch: whether a session works in the week."""
    chosen = sessions["kind"] == kind
    week, branch = (sessions["on"][chosen] - START) // 7, sessions["branch"][chosen]
    change = np.zeros((WEEKS + effects.until + 2, n), np.int32)
    np.add.at(change, (week + effects.after, branch), 1)
    np.add.at(change, (week + effects.until + 1, branch), -1)
    works: np.ndarray = np.cumsum(change, axis=0)[:WEEKS] > 0
    return works


def plan_actions(org: Organisation, rng: np.random.Generator) -> Arrays:
    """Return six actions per year of a branch with a plan. Three in four are done; every tenth plan has a training."""
    count = min(org.real_branches, scaled(org.size, (8, 30, 600, 1_500)))
    best = np.argsort(-org.weight[: org.real_branches], kind="stable")[:count]
    settled = (org.branch_closed == NEVER) & (org.branch_opened < START)
    settled &= org.partner_ended[org.branch_partner] == NEVER
    best = np.sort(best[settled[best]])
    n = len(PLAN_ACTIONS)
    year, rank, nth = (g.ravel() for g in np.meshgrid(FISCAL_YEARS, np.arange(len(best)), np.arange(n), indexing="ij"))
    months = np.array([month_starts(f"{y}-04-01", f"{y + 1}-03-01") for y in FISCAL_YEARS])
    due = months[year - FISCAL_YEARS[0], 2 * nth] + rng.integers(10, 50, len(year))
    done = business_day(due + rng.integers(-10, 20, len(due)))
    happened = (rng.random(len(due)) < 0.75) & (done <= AS_OF)
    kind = np.where((nth == n - 1) & ((rank + year) % 10 == 3), n, (nth + rank) % n)
    return {
        "year": year, "rank": rank, "branch": best[rank], "nth": nth, "type": kind, "due": due,
        "done": np.where(happened, done, NEVER),
    }  # fmt: skip


def action_type(code: int) -> str:
    """Return the type of a planned action."""
    return (*PLAN_ACTIONS, "training")[code]


def hold_sessions(org: Organisation, planned: Arrays, rng: np.random.Generator, *, alike: bool) -> Arrays:
    """Return study sessions and trainings by day: sessions of plans, and rounds of sessions at other times.

    Where all branches are alike, each has as many rounds as another, at regular intervals.
    """
    wanted = round(SESSIONS_PER_DEAL * org.size)
    types = np.array([action_type(code) for code in range(len(PLAN_ACTIONS) + 1)], dtype=object)[planned["type"]]
    agreed = (planned["done"] != NEVER) & np.isin(types.astype(str), ("study_session", "training"))
    # Five rounds per branch in four years; a large branch invites several teams to each.
    n = org.real_branches
    rounds = min(wanted, 5 * n)
    interest = org.weight[:n] ** 0.3
    which = np.arange(rounds) % n if alike else rng.choice(n, rounds, p=interest / interest.sum())
    begins = np.maximum(np.maximum(org.branch_opened, org.partner_since[org.branch_partner])[which], START)
    ends = np.where(org.branch_closed[which] == NEVER, AS_OF, org.branch_closed[which] - 1)
    ended = org.partner_ended[org.branch_partner[which]]
    ends = np.where(ended == NEVER, ends, np.minimum(ends, ended - 1))
    when = (np.arange(rounds) // n + rng.random(n)[which]) / -(-rounds // n) if alike else rng.random(rounds)
    on = begins + np.floor(np.maximum(ends - begins, 1) * when).astype(np.int64)
    extra = max(0, wanted - rounds)
    more = np.arange(extra) % max(rounds, 1) if alike else rng.integers(0, max(rounds, 1), extra)
    of = np.concatenate([np.arange(rounds), more])
    branch = np.concatenate([which[of], planned["branch"][agreed]])
    held = np.concatenate([on[of] + rng.integers(0, 4, len(of)), planned["done"][agreed]])
    held = some_business_day(rng, np.minimum(held, AS_OF))
    kind = np.concatenate([np.full(len(of), "study_session"), types[agreed].astype(str)])
    order = np.argsort(held, kind="stable")
    return {"branch": branch[order], "on": held[order], "kind": kind[order]}


def share_cases(org: Organisation, rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """Return the cases of branches, and their sharing with up to four other branches of the partner."""
    n = scaled(org.size, (60, 400, 8_000, 20_000))
    cum = np.cumsum(org.weight[: org.real_branches])
    on = business_day(np.sort(rng.integers(START, AS_OF - 60, n)))
    drawn = np.searchsorted(cum / cum[-1], rng.random(n), side="right").clip(0, len(cum) - 1)
    branch = org.place(drawn, on)
    kind = rng.choice(3, n, p=[0.6, 0.25, 0.15])
    shareable = rng.random(n) < 0.7
    siblings = org.branch_count[org.branch_partner[branch]]
    first = org.first_branch[org.branch_partner[branch]]
    parts = []
    step = 1 + rng.integers(0, 1 << 30, n) % np.maximum(siblings - 1, 1)
    for nth in range(4):
        to = first + (branch - first + step + nth) % np.maximum(siblings, 1)
        shared = business_day(on + rng.integers(5, 60, n))
        valid = shareable & (nth < siblings - 1) & (to != branch) & (org.branch_closed[to] == NEVER)
        valid &= (org.branch_opened[to] < on) & (branch < org.real_branches)
        case = np.flatnonzero(valid)
        adopted = np.where(rng.random(n) < 0.4, business_day(shared + 45), NEVER)
        parts.append({"case": case, "to": to[case], "shared": shared[case], "adopted": adopted[case]})
    shares = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {"recorded": on, "branch": branch, "kind": kind, "shareable": shareable}, shares
