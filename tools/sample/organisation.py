"""The sample company's partners, branches, reps and assignments, and the dated roster extracts that contain them.

Everything is an array by index. Branch 0 of a partner is its main branch; assignment 0 of a branch is its anchor, a rep
who never moves. Planted organisations are in traps.py.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.sample import names
from tools.sample.calendar import AS_OF, ROSTER_EXTRACTS, START, WEEKS, day
from tools.sample.effects import FEATURES, Effects
from tools.sample.writing import Writer, register, sql_list

Ints = NDArray[Any]
NEVER = -1
SIZES = np.log([1e3, 1e4, 1e6, 1e7])
# Reorganisations: branches open and close, reps and heads change. Some of each year, and of the last month.
MOVES = [
    day(d)
    for d in ("2022-10-01", "2023-04-01", "2023-10-01", "2024-04-01", "2024-10-01", "2025-04-01", "2025-10-01",
        "2026-03-16", "2026-04-01")
]  # fmt: skip
ENDINGS = [day(d) for d in ("2022-10-01", "2023-10-01", "2024-04-01", "2025-04-01", "2025-10-01", "2026-03-16")]
OPENINGS = [day(d) for d in ("2022-10-03", "2023-04-03", "2024-04-01", "2025-04-01", "2025-10-01", "2026-03-16")]
# A smaller company wins no partner, so that the new partners of known.py are the only ones among the planted cases.
NEWCOMERS_FROM = 2_000
SNAPSHOT_MOVES = [d for d in ROSTER_EXTRACTS[1:-1]]
FULL_HISTORY, CURRENT_POSTS, SNAPSHOT = 0, 1, 2


def scaled(size: int, at: tuple[int, int, int, int]) -> int:
    """Interpolate a count between the sizes 1,000, 10,000, 1,000,000 and 10,000,000 (both axes logarithmic)."""
    return round(float(np.exp(np.interp(np.log(size), SIZES, np.log(at)))))


@dataclass(frozen=True)
class Assignments:
    """Assignments of reps to branches, grouped by branch, sellers first."""

    rep: Ints
    branch: Ints
    starts: Ints
    ends: Ints  # NEVER if it has not ended
    known_from: Ints  # the day from which extracts contain the beginning
    end_known_from: Ints
    primary: Ints
    role: Ints  # an index of ROLES
    original: Ints  # whether it is the rep's first one
    pull: np.ndarray  # the assignment's part of its branch's business; the parts of the first reps sum to 1
    first: Ints  # by branch: index of its anchor's assignment
    count: Ints  # by branch
    sellers: Ints  # by branch: the number of its first assignments with wins
    head: Ints  # by branch: the rep who is head; NEVER for an implicit branch
    next_head: Ints  # by branch: the head from `head_changed` on
    head_changed: Ints


@dataclass(frozen=True)
class Organisation:
    """Partners, branches and assignments."""

    size: int
    partner_type: np.ndarray
    partner_name: np.ndarray
    partner_core: np.ndarray  # the name without its legal form
    partner_alias: np.ndarray  # None for some
    partner_successor: Ints
    partner_succeeded: Ints
    partner_since: Ints  # the day of its contract
    partner_known: Ints  # the first extract that has it; its name is known from that day on
    partner_ended: Ints  # NEVER while the contract runs
    first_branch: Ints  # by partner, also for partners with an implicit branch only
    branch_count: Ints  # by partner; 0 means implicit
    branch_partner: Ints
    branch_name: np.ndarray
    branch_kind: np.ndarray
    branch_alias: np.ndarray  # None for most
    branch_twin: Ints  # the partner's other branch in the same city, NEVER for most
    branch_renamed: Ints
    branch_division: Ints
    branch_prefecture: np.ndarray
    branch_opened: Ints
    branch_closed: Ints
    successor: Ints  # by branch: the heaviest successor; NEVER without one
    current: Ints  # by branch: as is
    succession: list[tuple[int, int, int, str, float | None]]
    weight: np.ndarray  # by branch: its share of the indirect business
    weight_at: np.ndarray  # the same at the calendar's beginning and end, one row each
    features: dict[str, np.ndarray]  # by branch: normal scores of what a potential score reads
    quiet_from: Ints  # by branch: the day from which it brings few deals; NEVER for most
    headcount: Ints  # by branch: salespeople whom the roster contained first
    real_branches: int
    reps: int
    rep_style: Ints
    rep_from: Ints
    rep_left: Ints
    rep_surname: Ints
    rep_given: Ints
    rep_partner: Ints
    assignments: Assignments
    staff: int
    partner_staff: Ints

    def is_single(self, branch: Ints) -> Ints:
        """Return for each branch whether it is the only one of its partner."""
        single: Ints = self.branch_count[self.branch_partner[branch]] <= 1
        return single

    def place(self, branch: Ints, on: Ints) -> Ints:
        """Return the branch that had a deal on a day: the main branch before its opening, the successor after it."""
        main = self.first_branch[self.branch_partner[branch]]
        placed = np.where(on < self.branch_opened[branch], main, branch)
        closed = (self.branch_closed[placed] != NEVER) & (on >= self.branch_closed[placed])
        successor = np.where(self.successor[placed] == NEVER, main, self.successor[placed])
        return np.where(closed, successor, placed)

    def pick_seller(self, rng: np.random.Generator, branch: Ints, on: Ints) -> Ints:
        """Return the assignment of the rep who brings a deal; few reps bring most deals. NEVER without reps."""
        a = self.assignments
        has_reps = a.count[branch] > 0
        first = np.minimum(a.first[branch], len(a.rep) - 1)
        total = np.cumsum(a.pull)
        before, whole = (total - a.pull)[first], total[np.minimum(first + a.count[branch], len(a.rep)) - 1]
        chosen, undecided = first.copy(), np.flatnonzero(has_reps)
        # A rep who is not there on that day is drawn again; in the end the anchor takes the deal.
        for _ in range(4):
            low, high = before[undecided], whole[undecided]
            drawn = np.searchsorted(total, low + (high - low) * rng.random(len(undecided)), side="right")
            drawn = np.minimum(drawn, first[undecided] + a.count[branch[undecided]] - 1)
            on_day = on[undecided]
            held = (on_day >= a.starts[drawn]) & ((a.ends[drawn] == NEVER) | (on_day < a.ends[drawn]))
            chosen[undecided[held]] = drawn[held]
            undecided = undecided[~held]
        return np.where(has_reps, chosen, NEVER)

    def head_of(self, branch: Ints, on: Ints) -> Ints:
        """Return the rep who is the branch's head on a day; NEVER for an implicit branch."""
        a = self.assignments
        changed = (a.head_changed[branch] != NEVER) & (on >= a.head_changed[branch])
        return np.where(changed, a.next_head[branch], a.head[branch])

    def business(self) -> np.ndarray:
        """Return week × branch: the usual business, which grows, follows the reps, begins and ends with the branch."""
        week = np.arange(WEEKS)
        passed = (week / WEEKS)[:, None]
        level: np.ndarray = (self.weight_at[0] ** (1 - passed)) * (self.weight_at[1] ** passed)
        a, n = self.assignments, len(self.weight)

        def week_of(on: Ints) -> Ints:
            number: Ints = np.clip((on - START + 6) // 7, 0, WEEKS)
            return number

        change = np.zeros((WEEKS + 1, n))
        valid = a.primary & (a.starts <= AS_OF)
        np.add.at(change, (week_of(a.starts[valid]), a.branch[valid]), a.pull[valid])
        ending = valid & (a.ends != NEVER)
        np.add.at(change, (week_of(a.ends[ending]), a.branch[ending]), -a.pull[ending])
        staffed = np.cumsum(change, axis=0)[:WEEKS]
        level *= np.where(a.count > 0, np.maximum(staffed, 0.02), 1.0)
        since = np.maximum(self.branch_opened, self.partner_since[self.branch_partner])
        ended = self.partner_ended[self.branch_partner]
        closing = np.where(self.branch_closed == NEVER, (ended - START) // 7, week_of(self.branch_closed))
        endless = (self.branch_closed == NEVER) & (ended == NEVER)
        age = week[:, None] - week_of(since)[None, :]
        # A new branch needs half a year until it brings what it can.
        level *= np.where(since > START, np.clip(0.2 + age / 26 * 0.8, 0.0, 1.0) * (age >= 0), 1.0)
        level *= endless | (week[:, None] < closing)
        return level

    def pick_assignment(self, branch: Ints, on: Ints, u: np.ndarray, only_sellers: Ints) -> Ints:
        """Return an assignment at each branch on each day; the anchor's if the drawn one is not valid on the day.

        NEVER for a branch without reps.
        """
        reach = np.where(only_sellers, self.assignments.sellers[branch], self.assignments.count[branch])
        drawn = self.assignments.first[branch] + np.floor(reach * u**2).astype(np.int64)
        drawn = np.minimum(drawn, len(self.assignments.rep) - 1)
        held = (on >= self.assignments.starts[drawn]) & (
            (self.assignments.ends[drawn] == NEVER) | (on < self.assignments.ends[drawn])
        )
        chosen = np.where(held & self.assignments.primary[drawn], drawn, self.assignments.first[branch])
        return np.where(self.assignments.count[branch] > 0, chosen, NEVER)


def normal_share(scores: np.ndarray) -> np.ndarray:
    """Return the share of a standard normal distribution below each score."""
    return np.array([NormalDist().cdf(score) for score in scores.tolist()])


def normal_quantiles(n: int) -> np.ndarray:
    """Return n evenly spread quantiles of the standard normal distribution."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse((i + 0.5) / n) for i in range(n)])


def branch_counts(rng: np.random.Generator, partners: int, branches: int) -> Ints:
    """Return branches per partner: few large ones, a quarter with one branch, some with an implicit one (0)."""
    implicit = max(1, round(partners * 0.15))
    single = max(2, round(partners * 0.25))
    large = partners - implicit - single
    tail = np.exp(rng.permutation(normal_quantiles(large)))
    wanted = tail / tail.sum() * (branches - single - 3 * large)
    counts = 3 + np.floor(wanted).astype(np.int64)
    return np.concatenate([np.sort(np.minimum(counts, 110))[::-1], np.ones(single, int), np.zeros(implicit, int)])


def partner_names(rng: np.random.Generator, types: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return unique names that suit each partner's type, with their legal form and without."""
    named: np.ndarray = np.empty(len(types), dtype=object)
    cores: np.ndarray = np.empty(len(types), dtype=object)
    for kind, words in names.BUSINESS.items():
        which = np.flatnonzero(types == kind)
        pool = [m + r + w for m in names.MODIFIERS for w in words for r in names.REGIONS]
        # Plain names first; names with a modifier only if a large sample needs them.
        plain = rng.permutation(len(words) * len(names.REGIONS))
        order = np.concatenate([plain, np.arange(len(plain), len(pool))])
        for style, (index, pick) in enumerate(zip(which, order, strict=False)):
            named[index], cores[index] = names.with_legal_form(pool[pick], style), pool[pick]
    return named, cores


def twins(first_branch: Ints, branch_partner: Ints, rank: Ints) -> Ints:
    """Return each branch's twin, the partner's other branch in the city; partners with many branches have some."""
    n, cities = len(rank), len(names.CITIES)
    count = np.bincount(branch_partner)[branch_partner]
    other = np.where(rank >= cities, rank - cities, rank + cities)
    # The head office has no city in its name.
    has_one = (other < count) & (rank != 0) & (other != 0)
    return np.where(has_one, np.minimum(first_branch[branch_partner] + other, n - 1), NEVER)


def build(size: int, rng: np.random.Generator, effects: Effects) -> Organisation:
    """Build the organisation for a number of deals."""
    partners = scaled(size, (12, 40, 600, 1_500))
    counts = branch_counts(rng, partners, scaled(size, (60, 250, 6_000, 15_000)))
    partners = len(counts)
    types = rng.choice(["reseller", "si", "referral", "bank", "oem"], partners, p=[0.5, 0.18, 0.1, 0.12, 0.1])
    types = types.astype(object)
    types[:2] = "reseller", "si"  # the largest ones
    singles = np.flatnonzero(counts == 1)
    distributors = singles[: max(1, round(partners * 0.04))]
    types[distributors] = "distributor"
    partner_name, partner_core = partner_names(rng, types)

    # Partners with an implicit branch come last, so that their indexes do not collide with real branches.
    slots = np.maximum(counts, 1)
    first_branch = np.concatenate([[0], np.cumsum(slots)[:-1]])
    branch_partner = np.repeat(np.arange(partners), slots)
    n = len(branch_partner)
    real = int(counts.sum())
    rank = np.arange(n) - first_branch[branch_partner]

    kinds: np.ndarray = np.empty(n, dtype=object)
    branch_name: np.ndarray = np.empty(n, dtype=object)
    prefecture: np.ndarray = np.empty(n, dtype=object)
    cities = np.stack([rng.permutation(len(names.CITIES)) for _ in range(partners)])
    for b in range(real):
        p, r = int(branch_partner[b]), int(rank[b])
        city = names.CITIES[cities[p, r % len(names.CITIES)]]
        kinds[b] = "本社" if r == 0 else names.BRANCH_KINDS[r // len(names.CITIES)]
        branch_name[b] = "本社" if r == 0 else city[0] + kinds[b]
        prefecture[b] = city[1]
    division = np.where(counts[branch_partner] >= 12, rank % len(names.DIVISIONS), NEVER)

    # Partners are won all along, but the largest and the distributors were there before.
    since = day("2016-04-01") + rng.integers(0, START - day("2016-07-01"), partners)
    # An implicit branch would be known only from the extract that first has its partner.
    can = np.flatnonzero((np.arange(partners) >= 3) & (counts > 0) & ~np.isin(np.arange(partners), distributors))
    late = rng.permutation(can)[: max(4, round(0.35 * len(can))) if size >= NEWCOMERS_FROM else 0]
    spread = (np.arange(len(late)) + 0.6 * rng.random(len(late))) / len(late)
    since[late] = START + 270 + np.floor((AS_OF - START - 290) * spread).astype(np.int64)
    known = np.where(since < START, 0, np.array(ROSTER_EXTRACTS)[np.searchsorted(ROSTER_EXTRACTS, since)])
    ended = np.full(partners, NEVER)

    opened = np.maximum(np.full(n, day("2015-04-01")), np.where(since > START, since, 0)[branch_partner])
    closed = np.full(n, NEVER)
    eligible = np.flatnonzero((rank >= 3) & (opened < START))
    few = min(max(len(OPENINGS), round(0.08 * len(eligible))), len(eligible))
    new = np.sort(rng.choice(eligible, few, replace=False))
    opened[new] = np.array(OPENINGS)[np.arange(len(new)) % len(OPENINGS)]

    # A few branches of the large partners end: merged, split with and without weights, or under a new id.
    succession: list[tuple[int, int, int, str, float | None]] = []
    successor, current = np.full(n, NEVER), np.arange(n)
    movable = np.flatnonzero((rank >= 4) & (opened < START) & (counts[branch_partner] >= 7))
    ending = np.sort(rng.choice(movable, min(max(len(ENDINGS), round(real * 0.02)), len(movable)), replace=False))
    for i, b in enumerate(ending.tolist()):
        closed[b] = ENDINGS[i % len(ENDINGS)]
        successors = [int(first_branch[branch_partner[b]]) + k for k in (1, 2)]
        kind = ("merge", "split", "split", "transfer")[i % 4]
        weights: list[float | None] = (
            [None] if kind in ("merge", "transfer") else ([0.6, 0.4] if i % 4 == 1 else [None, None])
        )
        succession += [(b, h, int(closed[b]), kind, w) for h, w in zip(successors, weights, strict=False)]
        successor[b] = successors[0]
        current[b] = b if kind == "split" and weights[0] is None else successors[0]

    # Heavy-tailed productivity that changes over the years; distributors sell only through others.
    later = rng.permutation(normal_quantiles(n))
    scores = np.stack([0.85 * later + np.sqrt(1 - 0.85**2) * rng.standard_normal(n), later])
    # The largest branch belongs to a large partner, as in reality.
    top, head = int(np.argmax(scores.sum(axis=0))), 1
    scores[:, [head, top]] = scores[:, [top, head]]
    features = {
        name: r * scores[1] + np.sqrt(1 - r**2) * rng.standard_normal(n)
        for name, r in ((name, effects.features.get(name, 0.0)) for name in FEATURES)
    }
    # Where all are alike, each salesperson brings as much business as another.
    alike = np.zeros_like(scores) + 0.6 * features["sales_headcount"]
    weight_at = np.exp(effects.business * scores if effects.business else alike)
    weight_at[:, np.isin(branch_partner, distributors)] = 0.0
    weight_at /= weight_at.sum(axis=1, keepdims=True)
    weight = weight_at.mean(axis=0)

    partner_successor, partner_succeeded = np.full(partners, NEVER), np.full(partners, NEVER)
    if partners > 20:  # one merger of companies at ordinary sizes; the planted merger exists at every size
        partner_successor[partners - 1], partner_succeeded[partners - 1] = 0, day("2025-04-01")
        # It has no real branch to close; from that day the other company has its business.
        closed[n - 1], successor[n - 1] = day("2025-04-01"), 0
    # Some go quiet: of these, the partners end their contracts half a year later.
    quiet = np.full(n, NEVER)
    if effects.quiet < 1:
        size_of = np.bincount(branch_partner, weights=weight, minlength=partners)
        settled = (since < START) & (np.arange(partners) >= 3) & (counts > 0) & (size_of > 0)
        # Of a small partner or branch nobody would see it.
        settled &= size_of >= np.median(size_of[settled])
        leaving = rng.permutation(np.flatnonzero(settled))[: max(1, round(0.05 * partners))]
        ended[leaving] = rng.integers(day("2023-10-01"), day("2026-02-01"), len(leaving))
        quiet = np.where(ended[branch_partner] != NEVER, ended[branch_partner] - 182, quiet)
        can = (quiet == NEVER) & (closed == NEVER) & (opened < START) & (np.arange(n) > 2)
        can = np.flatnonzero(can & (weight > np.quantile(weight, 0.6)))
        fallen = rng.choice(can, max(3, round(0.1 * len(can))), replace=False)
        quiet[fallen] = rng.integers(AS_OF - 300, AS_OF - 90, len(fallen))

    assignments, style, begins, left = build_assignments(
        rng, size, weight, features["sales_headcount"], branch_partner, first_branch, counts, opened, closed, successor
    )
    staff = 10 + real // 40
    rep_partner = np.full(len(style), NEVER)
    rep_partner[assignments.rep] = branch_partner[assignments.branch]
    return Organisation(
        size=size, partner_type=types, partner_name=partner_name, partner_core=partner_core,
        partner_alias=names.partner_aliases(partner_core), partner_successor=partner_successor,
        partner_succeeded=partner_succeeded, partner_since=since, partner_known=known, partner_ended=ended,
        first_branch=first_branch,
        branch_count=counts, branch_partner=branch_partner, branch_name=branch_name, branch_kind=kinds,
        branch_alias=names.branch_aliases(branch_name, kinds), branch_twin=twins(first_branch, branch_partner, rank),
        branch_renamed=(np.arange(n) % 97 == 41) & (kinds != "本社"), branch_division=division,
        branch_prefecture=prefecture, branch_opened=opened, branch_closed=closed, successor=successor, current=current,
        succession=succession, weight=weight, weight_at=weight_at, features=features, quiet_from=quiet,
        headcount=np.bincount(assignments.branch[assignments.original], minlength=n), real_branches=real,
        reps=len(style), rep_style=style, rep_from=begins, rep_left=left,
        rep_surname=rng.integers(0, len(names.SURNAMES), len(style)),
        rep_given=rng.integers(0, len(names.GIVEN), len(style)), rep_partner=rep_partner, assignments=assignments,
        staff=staff, partner_staff=5 + np.arange(partners) % (staff - 5),
    )  # fmt: skip


def build_assignments(
    rng: np.random.Generator,
    size: int,
    weight: np.ndarray,
    large: np.ndarray,
    branch_partner: Ints,
    first_branch: Ints,
    counts: Ints,
    opened: Ints,
    closed: Ints,
    successor: Ints,
) -> tuple[Assignments, Ints, Ints, Ints]:
    """Assign reps to branches; some move, leave, pause or have two assignments; set the days of their extracts."""
    real = np.flatnonzero(counts[branch_partner] > 0)
    wanted = np.exp(0.6 * large[real])
    target = scaled(size, (300, 1_500, 40_000, 100_000))
    per_branch = np.maximum(2, np.floor(wanted / wanted.sum() * target).astype(np.int64))
    home = np.repeat(real, per_branch)
    reps = len(home)
    nth = np.arange(reps) - np.repeat(np.cumsum(per_branch) - per_branch, per_branch)
    anchor = nth == 0
    # The last rep is the branch's head, who sells nothing and may change places with the head of another branch.
    is_head = nth == per_branch.repeat(per_branch) - 1

    luck = rng.random(reps)
    siblings = counts[branch_partner[home]]
    can_move = ~anchor & ~is_head & (siblings >= 3) & (closed[home] == NEVER) & (opened[home] < START)
    moves = can_move & (luck < 0.22)
    leaves = ~anchor & ~is_head & (luck >= 0.22) & (luck < 0.32)
    concurrent = can_move & (luck >= 0.32) & (luck < 0.345)
    style = rng.choice([FULL_HISTORY, CURRENT_POSTS, SNAPSHOT], reps, p=[0.6, 0.2, 0.2])
    joined_late = ~anchor & ~is_head & (rng.random(reps) < 0.12)
    # Only a full history can contain reps who left, second assignments or reps who joined between two extracts.
    style[leaves | concurrent | joined_late | is_head | (closed[home] != NEVER)] = FULL_HISTORY

    begins = np.maximum(opened[home], day("2021-04-01"))
    begins[joined_late] = np.maximum(begins, START + rng.integers(30, 700, reps))[joined_late]
    style[begins > ROSTER_EXTRACTS[0]] = FULL_HISTORY
    moved_on = rng.choice(MOVES, reps)
    moved_on = np.where(style == SNAPSHOT, rng.choice(SNAPSHOT_MOVES, reps), moved_on)
    moved_on = np.maximum(moved_on, np.where(begins > START, day("2024-10-01"), 0))
    pause = np.where(moves & (style == FULL_HISTORY) & (rng.random(reps) < 0.1), rng.integers(5, 40, reps), 0)
    known_late = moves & (style == FULL_HISTORY) & (rng.random(reps) < 0.1) & (moved_on + 200 <= AS_OF)
    left_on = day("2023-06-30") + rng.integers(0, 900, reps)

    ends = np.full(reps, NEVER)
    ends[moves] = moved_on[moves]
    ends[leaves] = np.maximum(left_on, begins + 60)[leaves]
    leaves &= ends < AS_OF
    ends[~leaves & ~moves] = NEVER
    ends = np.where(closed[home] != NEVER, np.where(leaves, np.minimum(ends, closed[home]), closed[home]), ends)
    goes_along = (closed[home] != NEVER) & ~leaves & (begins < closed[home])

    step = 1 + rng.integers(0, 1 << 30, reps) % np.maximum(siblings - 1, 1)
    first = first_branch[branch_partner[home]]
    other = first + (home - first + step) % siblings
    # A move never goes to a branch that has closed or is about to.
    other = np.where(closed[other] != NEVER, np.where(home == first + 1, first + 2, first + 1), other)
    other = np.where((other == home) | (opened[other] > START), np.where(home == first, first + 1, first), other)
    head, next_head, head_changed = change_heads(rng, home, is_head, branch_partner, opened, closed)
    changing = np.flatnonzero(is_head & (head_changed[home] != NEVER))
    moves[changing], ends[changing], pause[changing] = True, head_changed[home[changing]], 0
    changed = np.flatnonzero(head_changed != NEVER)
    other[next_head[changed]] = changed
    second = moves | goes_along | concurrent
    to = np.where(goes_along, successor[home], other)[second]
    second_starts = np.where(concurrent, np.maximum(begins, START) + 30, ends + pause)[second]
    late = np.where(known_late, 200, 0)

    # What a rep sells goes with him. The first reps of a branch share its business; few of them have most of it.
    pull = pulls(nth, per_branch.repeat(per_branch), is_head)
    brought = np.minimum(pull[second] * weight[home[second]] / np.maximum(weight[to], 1e-12), 2.0)
    role = np.where(
        is_head, HEAD, np.where(np.arange(reps) % 9 == 4, MANAGER, np.where(np.arange(reps) % 17 == 5, KEY, 0))
    )

    rep = np.arange(reps)
    branch = np.concatenate([home, to])
    starts = np.concatenate([begins, second_starts])
    row = {
        "rep": np.concatenate([rep, rep[second]]),
        "starts": starts,
        "ends": np.concatenate([ends, np.full(len(to), NEVER)]),
        "known_from": np.concatenate([begins, (second_starts + late[second])]),
        "end_known_from": np.concatenate([np.where(ends == NEVER, NEVER, ends + late), np.full(len(to), NEVER)]),
        "primary": np.concatenate([np.ones(reps, bool), ~concurrent[second]]),
        "role": np.concatenate([role, np.where(goes_along[second] & (role[second] == HEAD), MANAGER, role[second])]),
        "original": np.concatenate([np.ones(reps, bool), np.zeros(len(to), bool)]),
        "pull": np.concatenate([pull, np.where(concurrent[second], 0.0, brought)]),
    }
    # Sellers first, because few reps win; reps who moved to a branch come after its original reps.
    order = np.lexsort((np.concatenate([nth, np.full(len(to), 1 << 20)]), branch))
    count = np.bincount(branch, minlength=len(branch_partner))
    assignments = Assignments(
        branch=branch[order],
        first=np.minimum(np.cumsum(count) - count, len(branch) - 1),
        count=count,
        sellers=np.where(count > 0, np.maximum(1, np.floor(0.3 * count).astype(np.int64)), 0),
        head=head,
        next_head=next_head,
        head_changed=head_changed,
        **{name: values[order] for name, values in row.items()},
    )
    left = np.where(leaves, ends, NEVER)
    return assignments, style, begins, left


ROLES = ("rep", "manager", "key_person", "branch_head")
MANAGER, KEY, HEAD = 1, 2, 3


def pulls(nth: Ints, of: Ints, is_head: Ints) -> np.ndarray:
    """Return each rep's part of the branch's business: 30 % of the reps have 96 % of it, some others the rest."""
    sellers = np.maximum(1, np.floor(0.3 * of))
    some = np.where(of > 2, np.ceil(0.08 * of), 0)
    part = (np.sqrt((nth + 1) / sellers) - np.sqrt(nth / sellers)) * np.where(some > 0, 0.96, 1.0)
    rest = 0.04 / np.maximum(some, 1)
    return np.where(is_head, 0.0, np.where(nth < sellers, part, np.where(nth < sellers + some, rest, 0.0)))


def change_heads(
    rng: np.random.Generator, home: Ints, is_head: Ints, branch_partner: Ints, opened: Ints, closed: Ints
) -> tuple[Ints, Ints, Ints]:
    """Return by branch its head, the next head and the day of the change. Heads of a partner change places in pairs."""
    n = len(branch_partner)
    head, next_head, changed = np.full(n, NEVER), np.full(n, NEVER), np.full(n, NEVER)
    head[home[is_head]] = np.flatnonzero(is_head)
    can = np.flatnonzero((head != NEVER) & (opened < START) & (closed == NEVER))
    can = rng.permutation(can)
    can = can[np.argsort(branch_partner[can], kind="stable")]
    pairs = 0
    for first, other in zip(can[:-1].tolist(), can[1:].tolist(), strict=True):
        alike = branch_partner[first] == branch_partner[other]
        if alike and changed[first] == NEVER and changed[other] == NEVER and rng.random() < 0.6:
            changed[[first, other]] = MOVES[pairs % len(MOVES)]
            next_head[first], next_head[other] = head[other], head[first]
            pairs += 1
    return head, next_head, changed


def write_roster(org: Organisation, writer: Writer, rng: np.random.Generator) -> None:
    """Write every roster dataset: full extracts at each extract date, profiles as deltas."""
    con = writer.con
    partners, n = len(org.branch_count), org.real_branches
    register(
        con,
        "org_partners",
        {
            "p": np.arange(partners), "partner_name": org.partner_name, "partner_type": org.partner_type,
            "successor": org.partner_successor, "succeeded": org.partner_succeeded,
            "industry": np.array(names.INDUSTRIES, dtype=object)[rng.integers(0, len(names.INDUSTRIES), partners)],
            "contracted": org.partner_since, "ended": org.partner_ended,
            "focus": rng.random(partners) < 0.35, "alias": org.partner_alias,
        },
    )  # fmt: skip
    division = np.array([*names.DIVISIONS, None], dtype=object)[org.branch_division[:n]]
    register(
        con,
        "org_branches",
        {
            "b": np.arange(n), "p": org.branch_partner[:n], "branch_name": org.branch_name[:n],
                "kind": org.branch_kind[:n],
            "division": org.branch_division[:n], "division_name": division, "prefecture": org.branch_prefecture[:n],
            "opened": org.branch_opened[:n], "closed": org.branch_closed[:n], "known": (org.assignments.count[:n] * 1),
            "dice": rng.random(n), "spread": rng.random(n), "headcount": org.headcount[:n],
            "overlap": np.round(0.8 * normal_share(org.features["target_customer_overlap"][:n]), 2),
            "customers": np.round(np.exp(4.7 + 0.7 * org.features["customer_count"][:n])).astype(np.int64),
            "competitor": org.features["sells_competitor"][:n] > 0.25,
            "renamed": org.branch_renamed[:n], "alias": org.branch_alias[:n],
        },
    )  # fmt: skip
    assignments = org.assignments
    register(
        con,
        "org_assignments",
        {
            "rep": assignments.rep, "branch": assignments.branch, "starts": assignments.starts,
            "ends": assignments.ends, "known_from": assignments.known_from,
            "end_known_from": assignments.end_known_from, "is_primary": assignments.primary,
            "style": org.rep_style[assignments.rep], "role": assignments.role,
        },
    )  # fmt: skip
    register(
        con,
        "org_reps",
        {
            "r": np.arange(org.reps), "starts": org.rep_from, "left_on": org.rep_left,
            "surname": org.rep_surname, "given": org.rep_given, "p": org.rep_partner,
        },
    )  # fmt: skip
    con.execute(
        "create or replace table successions (a bigint, b bigint, effective_on bigint, kind varchar, weight double)"
    )
    if org.succession:
        columns = zip(("a", "b", "effective_on", "kind", "weight"), zip(*org.succession, strict=True), strict=True)
        register(con, "successions", dict(columns))
    for extract in ROSTER_EXTRACTS:
        write_extract(writer, extract)
    for extract in ROSTER_EXTRACTS:
        # Sales headcount is declared by the partner: unknown for some, rarely below the number in the roster.
        writer.write(
            "branch_profiles",
            extract,
            f"""select branch_of(b) as branch_id, day_of({extract}) as as_of,
                case when dice >= 0.15 then greatest(known + 1,
                    round(headcount * (1.5 + spread)))::bigint end as sales_headcount,
                case when dice < 0.9 then customers end as customer_count,
                case when dice > 0.1 then overlap end as target_customer_overlap,
                (3 + 60 * spread)::bigint as products_carried, competitor as sells_competitor,
                case when dice > 0.3 then product_of(b % 12) || ';' || product_of((b + 5) % 12) end as focus_products,
                case when dice > 0.45 then ['粗利評価', '売上評価', '件数評価'][b % 3 + 1] end as evaluation_scheme,
                case when b % 3 = 0 then 'partner_survey' else 'account_manager' end as source,
                case when b % 11 = 5 then 'company' else 'branch' end as level,
                case when dice > 0.4 then ['粗利額', '受注件数', '新規顧客数', '継続率'][b % 4 + 1] end as own_kpi,
                case when dice > 0.25 then 1 + (b * 7) % 6 end as product_rank,
                case when competitor then ['他社勤怠', '他社経費', '他社契約'][b % 3 + 1] end as competitor_products
            from org_branches where opened <= {extract} and (closed < 0 or closed > {extract})""",
        )


def write_extract(writer: Writer, x: int) -> None:
    """Write the roster extract of one day."""
    writer.write(
        "partners",
        x,
        f"""select partner_of(p) as partner_id, partner_name,
            lpad((1000000 + p * 7919)::varchar, 13, '0') as corporate_number,
            partner_type, case when p % 10 = 9 then partner_of(p // 10) end as parent_partner_id, industry,
            day_of(contracted) as contract_started_on,
            case when succeeded <= {x} then day_of(succeeded) when ended <= {x} then day_of(ended) end
                as contract_ended_on, focus as is_focus,
            case when succeeded <= {x} then partner_of(successor) end as successor_partner_id,
            case when succeeded <= {x} then day_of(succeeded) end as succeeded_on
        from org_partners where contracted <= {x}""",
    )
    writer.write(
        "branches",
        x,
        f"""select branch_of(b) as branch_id, partner_of(p) as partner_id,
            case when renamed and {x} >= {ROSTER_EXTRACTS[3]}
                then replace(replace(branch_name, '支店', '支社'), '営業所', 'オフィス')
                else branch_name end as branch_name,
            case when division >= 0 then partner_of(p) || '-D' || (division + 1) end as division_id, division_name,
            kind as branch_kind, kind = '本社' as is_head_office, prefecture, day_of(opened) as opened_on,
            case when closed <= {x} then day_of(closed) end as closed_on,
            case when dice < 0.2 then true when dice > 0.9 then false end as is_focus,
            case when division >= 0 and opened + 365 <= {x} then day_of(opened + 365) end as contract_started_on
        from org_branches where opened <= {x}""",
    )
    writer.write(
        "branch_successions",
        x,
        f"""select branch_of(a) as from_branch_id, branch_of(b) as to_branch_id, day_of(effective_on) as effective_on,
            kind, weight
        from successions where effective_on <= {x}""",
    )
    writer.write(
        "branch_territories",
        x,
        f"""with covered as (
            select b, prefecture, opened, closed from org_branches
            union select b, {sql_list(names.PREFECTURES)}[1 + (b * 7 + 3) % {len(names.PREFECTURES)}], opened, closed
                from org_branches where b % 3 = 0
        )
        select branch_of(b) as branch_id, prefecture, day_of(opened) as valid_from,
            case when closed <= {x} then day_of(closed) end as valid_to
        from covered where opened <= {x}""",
    )
    writer.write(
        "reps",
        x,
        f"""select rep_of(r) as rep_id,
            {sql_list(names.SURNAMES)}[surname + 1] || ' ' || {sql_list(names.GIVEN)}[given + 1] as rep_name,
            case when r % 10 < 6 then email_of(r, surname, p) end as rep_email,
            case r % 7 when 0 then '課長' when 1 then '主任' else '営業' end as job_title,
            case when left_on <= {x} then day_of(left_on) end as left_on
        from org_reps where starts <= {x}""",
    )
    # Three ways to keep a roster: the whole history, only current assignments with dates, current ones without dates.
    writer.write(
        "rep_assignments",
        x,
        f"""select rep_of(rep) as rep_id, branch_of(branch) as branch_id,
            case when style < {SNAPSHOT} then day_of(starts) end as valid_from,
            case when style = {FULL_HISTORY} and end_known_from <= {x} then day_of(ends) end as valid_to,
            is_primary, {sql_list(ROLES)}[role + 1] as role
        from org_assignments
        where known_from <= {x} and (style = {FULL_HISTORY} or end_known_from < 0 or end_known_from > {x})""",
    )
    writer.write(
        "contact_points",
        x,
        f"""select 'rep' as owner_type, rep_of(r) as owner_id, 'email' as kind, email_of(r, surname, p) as value,
                day_of(starts) as valid_from, null::date as valid_to from org_reps where starts <= {x}
            union all select 'branch', branch_of(b), 'email', mailbox_of(b, p), day_of(opened),
                case when closed <= {x} then day_of(closed) end from org_branches where opened <= {x}
            union all select 'branch', branch_of(b), 'phone',
                '000-0' || lpad((b % 1000)::varchar, 3, '0') || '-' || lpad((b // 1000)::varchar, 4, '0'),
                day_of(opened), case when closed <= {x} then day_of(closed) end from org_branches where opened <= {x}
            union all select 'partner', partner_of(p), 'domain', lower(partner_of(p)) || '.example',
                day_of({day("2015-04-01")}), null from org_partners where contracted <= {x}""",
    )
    writer.write(
        "aliases",
        x,
        f"""select 'partner' as entity_type, partner_of(p) as entity_id, alias, null::date as valid_from
            from org_partners where alias is not null and contracted <= {x}
        union all select 'branch', branch_of(b), alias, day_of(opened)
            from org_branches where alias is not null and opened <= {x}""",
    )
    writer.write(
        "status_history",
        x,
        f"""with ladder as (
            select p, unnest(['候補', '契約', '稼働']) as status,
                unnest([contracted - 120, contracted, contracted + 150]) as since
            from org_partners where contracted <= {x}
        )
        select 'partner' as entity_type, partner_of(p) as entity_id, status, day_of(since) as valid_from from ladder
            where since <= {x}
        union all select 'branch', branch_of(b),
            case when closed > 0 and closed <= {x} then '終了' when b % 6 = 0 then '立上支援' else '稼働' end,
            day_of(case when closed > 0 and closed <= {x} then closed else opened + 30 end)
            from org_branches where opened + 30 <= {x} and b % 2 = 0
        union all select 'rep', rep_of(r), '接触', day_of(starts + 40) from org_reps where r % 8 = 0
            and starts + 40 <= {x}""",
    )
