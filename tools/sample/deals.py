"""The sample company's ordinary deals: their evidence, which agrees with the intended branch, and their CRM data.

The answer comes first and the evidence is made from it, so the truth does not depend on any attribution code. Deals are
made in chunks, so that ten million fit into memory. Planted deals are in traps.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tools.sample import names, noise, spelling
from tools.sample.calendar import (
    AS_OF,
    DELTA_EXTRACTS,
    FX_PAUSE_FROM,
    FX_PAUSE_TO,
    START,
    business_day,
    day,
    some_business_day,
)
from tools.sample.causes import MONTHS, PROGRAMMES, Causes
from tools.sample.effects import STEPS
from tools.sample.noise import DAMAGED, spoilt, spoilt_address
from tools.sample.organisation import NEVER, Ints, Organisation
from tools.sample.support import Rollouts
from tools.sample.writing import Writer, register, sql_list

Arrays = dict[str, np.ndarray]

(
    DIRECT, REG_BRANCH, REG_REP, REG_EMAIL, BRANCH_ID, REP_ID, REP_EMAIL, MAILBOX, PARTY_BRANCH, PARTY_REP, TWO_TIER,
    PARTNER_ONLY, NAMES_ONLY, BRANCH_MISSING,
) = range(14)  # fmt: skip
LABELS = (
    "direct", "registration_branch", "registration_rep", "registration_email", "branch_id", "rep_id", "rep_email",
    "shared_mailbox", "participant_branch", "participant_rep", "two_tier", "partner_alone", "names_only",
        "branch_missing",
)  # fmt: skip
MIX = np.array([0.14, 0.12, 0.09, 0.30, 0.11, 0.08, 0.04, 0.05, 0.03, 0.04])  # REG_BRANCH … TWO_TIER
OPEN, WON, LOST = 0, 1, 2
CHANNELS = ("direct", "resale", "referral", "matching", "distributor", "oem")
CHANNEL_OF = {
    "reseller": "resale",
    "si": "resale",
    "referral": "referral",
    "bank": "matching",
    "oem": "oem",
    "distributor": "resale",
}
SUBJECTS = ("クラウド勤怠", "経費精算", "電子契約", "販売管理", "文書管理", "入退室")
LOST_REASONS = ("価格", "競合", "時期", "予算なし")
CURRENCIES = ("JPY", "USD", "EUR")
JPY = 0
DEAL_TYPES = ("new", "renewal", "upsell")
RENEWAL, UPSELL = 1, 2

ABANDONED = 0.02  # share of deals that nobody closes
VISITED = 0.28
UNIT_RATES = {"USD": 147.0, "EUR": 160.0}


@dataclass(frozen=True)
class Customers:
    """End customers, each in one partner's territory, so that two partners never share an opportunity by chance."""

    first: Ints  # by partner; the last pool is that of direct sales
    count: Ints
    total: int


def customers_of(org: Organisation) -> Customers:
    """Divide the customers between the partners by their share of the business."""
    share = np.bincount(org.branch_partner, weights=org.weight, minlength=len(org.branch_count))
    count = np.concatenate([np.maximum(3, 0.3 * org.size * share), [max(20.0, 0.1 * org.size)]]).astype(np.int64)
    return Customers(np.cumsum(count) - count, count, int(count.sum()))


def within(rng: np.random.Generator, n: int, share: float) -> np.ndarray:
    """Draw n booleans."""
    return rng.random(n) < share


def seconds(rng: np.random.Generator, n: int) -> Ints:
    """Draw seconds of the day in local time: office hours, and some nights, when the UTC date differs."""
    office = rng.integers(8 * 3600, 20 * 3600, n)
    return np.where(within(rng, n, 0.04), rng.integers(0, 86_400, n), office)


def make(
    org: Organisation,
    causes: Causes,
    customers: Customers,
    rng: np.random.Generator,
    n: int,
    base: int,
    level: float = 0.0,
    unresolved: int = 0,
    strengths: Rollouts | None = None,
) -> Arrays:
    """Make n deals in order of creation, with dates, branch, outcome, evidence and money; then add the noise.

    Where `unresolved` planted deals have no branch, fewer of the others lack theirs: the company is to be publishable.
    """
    a: Arrays = {}
    cumulative = np.cumsum(causes.month_weight)
    month = np.searchsorted(cumulative / cumulative[-1], rng.random(n), side="right").clip(0, len(MONTHS) - 2)
    first, last = np.array(MONTHS)[month], np.array(MONTHS)[month + 1]
    close = first + np.floor((last - first) * rng.random(n)).astype(np.int64)
    cycle = (6 + rng.gamma(2.2, 27, n)).astype(np.int64)
    # A deal that would begin after today is moved to the same season of an earlier year.
    close -= 364 * rng.integers(1, 4, n) * (close - cycle > AS_OF - 12)
    created = close - cycle
    created = np.where(created < START, START + np.floor((close - START) * rng.random(n)).astype(np.int64), created)
    created = some_business_day(rng, np.maximum(np.minimum(created, close), START))
    close = np.maximum(some_business_day(rng, close), created)
    order = np.argsort(created, kind="stable")
    a["credit"], planned = created[order], close[order]
    on = a["credit"]

    drawn = causes.branch_of_week((on - START) // 7, rng.random(n))
    a["branch"] = org.place(drawn, on)
    a["partner"] = org.branch_partner[a["branch"]]
    has_reps = org.assignments.count[a["branch"]] > 0
    kind = 1 + np.searchsorted(np.cumsum(MIX) / MIX.sum(), rng.random(n), side="right").clip(0, len(MIX) - 1)
    kind[~has_reps | (org.is_single(a["branch"]) & within(rng, n, 0.25))] = PARTNER_ONLY
    kind[within(rng, n, 0.25)] = DIRECT
    a["amount"] = (np.round(np.exp(np.log(1_500_000) + 0.85 * rng.standard_normal(n)) / 1000) * 1000).astype(
        np.int64
    ).clip(80_000, 40_000_000)  # fmt: skip
    a["kind"] = scarce_evidence(org, rng, a, kind, unresolved // 12)
    direct = a["kind"] == DIRECT
    a["assignment"] = np.where(direct, NEVER, org.pick_seller(rng, a["branch"], on))
    a["rep"] = np.where(a["assignment"] == NEVER, NEVER, org.assignments.rep[a["assignment"]])
    a["id"] = base + np.arange(n)
    a["post_branch"] = a["branch"].copy()
    a["branch"] = np.where(direct, NEVER, a["branch"])
    a["partner"] = np.where(direct, NEVER, a["partner"])
    decide(org, causes, rng, a, planned, customers, strengths)
    add_evidence(org, rng, a)
    add_history(causes, rng, a, planned)
    add_programmes(causes, rng, a)
    a["lead"] = np.zeros(n, np.int64)
    add_money(rng, a)
    add_noise(rng, a, level, unresolved // 6)
    return a


def decide(
    org: Organisation,
    causes: Causes,
    rng: np.random.Generator,
    a: Arrays,
    planned: Ints,
    customers: Customers,
    strengths: Rollouts | None,
) -> None:
    """Choose customer and product, then the outcome by what the deal has for it; renewals follow a deal won before."""
    n, branch, on = len(a["kind"]), a["branch"], a["credit"]
    pool = np.where(a["partner"] == NEVER, len(customers.count) - 1, a["partner"])
    a["customer"] = customers.first[pool] + np.floor(customers.count[pool] * rng.random(n) ** 1.3).astype(np.int64)
    a["product"] = rng.integers(0, len(names.PRODUCTS), n)
    strong = strengths.shape(org, a, customers, rng.spawn(1)[0]) if strengths else np.zeros(n)
    # The lines of a deal are of several products, but a deal of a planted strength has its product only.
    a["line_step"] = np.where(strong > 0, 0, 5)
    a["deal_type"], a["parent"] = np.zeros(n, dtype=np.int64), np.full(n, NEVER)
    a["visited"] = (branch != NEVER) & within(rng, n, VISITED)
    luck, is_open = rng.random(n), (planned > AS_OF) | within(rng, n, ABANDONED)
    a["outcome"] = np.where(is_open, OPEN, LOST)
    a["reach"], a["chance"], a["helped"] = np.ones(n, np.int64), np.zeros(n), np.zeros(n, bool)
    a |= {f"passes_{step}": np.zeros(n) for step in range(len(STEPS))}

    def settle(which: Ints) -> None:
        helped = causes.is_helped(branch[which], a["product"][which], on[which]) & (branch[which] != NEVER)
        effects = causes.effects
        more = (
            effects.renewal * (a["deal_type"][which] == RENEWAL) + effects.joint_visit * a["visited"][which]
            + effects.shared_case * helped + strong[which]
        )  # fmt: skip
        passes = causes.passes(branch[which], a["rep"][which], on[which], more)
        reached = np.cumprod(passes, axis=0)
        a["helped"][which], a["chance"][which] = helped, reached[2]
        for step in range(len(STEPS)):
            a[f"passes_{step}"][which] = passes[step]
        a["reach"][which] = 1 + (luck[which] < reached[:2]).sum(axis=0)
        won = (luck[which] < reached[2]) & ~is_open[which]
        a["outcome"][which[won]] = WON

    stated = ~np.isin(a["kind"], (PARTNER_ONLY, NAMES_ONLY, BRANCH_MISSING))
    drawn = rng.random(n)
    # First the deals without a parent, then deals that follow one of them, then deals that may follow either.
    generation = np.where(stated & (drawn < 0.17), np.where(drawn < 0.11, 1, 2), 0)
    settle(np.flatnonzero(generation == 0))
    settled = generation == 0
    for nth in (1, 2):
        add_parents(rng, a, planned, np.flatnonzero(generation == nth), np.flatnonzero(settled & stated))
        settle(np.flatnonzero(generation == nth))
        settled |= generation == nth
    a["is_won"] = a["outcome"] == WON
    a["close"] = np.where(a["outcome"] == OPEN, NEVER, planned)


def add_parents(rng: np.random.Generator, a: Arrays, planned: Ints, wanted: Ints, of: Ints) -> None:
    """Make deals renewals or upsells of one that the branch won half a year before; the others stay new deals."""
    branch = a["branch"]
    won = of[a["outcome"][of] == WON]
    key = (branch[won] + 1) << 20 | planned[won]
    sorted_by = np.argsort(key, kind="stable")
    won, key = won[sorted_by], key[sorted_by]
    if not len(won) or not len(wanted):
        return
    at = np.searchsorted(key, (branch[wanted] + 1) << 20 | (a["credit"][wanted] - 200), side="right") - 1
    at = at - np.minimum(rng.integers(0, 4, len(at)), np.maximum(at, 0))
    parent = won[np.maximum(at, 0)]
    found = (at >= 0) & (branch[parent] == branch[wanted]) & (a["partner"][parent] == a["partner"][wanted])
    child, parent = wanted[found], parent[found]
    a["parent"][child] = a["id"][parent]
    a["deal_type"][child] = np.where(within(rng, len(child), 0.7), RENEWAL, UPSELL)
    a["customer"][child] = a["customer"][parent]
    a["product"][child] = a["product"][parent]


def scarce_evidence(org: Organisation, rng: np.random.Generator, a: Arrays, kind: Ints, spared: int) -> Ints:
    """Leave some deals with names only, and a few with a partner but no branch; small amounts, fixed shares."""
    branch, n = a["branch"], len(kind)
    named = (kind != DIRECT) & (org.branch_count[a["partner"]] >= 3) & (branch < org.real_branches)
    named &= (branch % 97 != 41) & (a["amount"] < 3_000_000)  # a renamed branch would make the names depend on the date
    named &= a["credit"] >= org.partner_known[a["partner"]]
    pool = rng.permutation(np.flatnonzero(named))
    few = round(n * 0.03)
    kind = kind.copy()
    kind[pool[:few]] = NAMES_ONLY
    kind[pool[few : few + max(1, round(n * 0.004) - spared)]] = BRANCH_MISSING
    return kind


def add_evidence(org: Organisation, rng: np.random.Generator, a: Arrays) -> None:
    """Make each deal's evidence: one main signal, and others that agree with it."""
    kind, n = a["kind"], len(a["kind"])
    registered = np.isin(kind, (REG_BRANCH, REG_REP, REG_EMAIL))
    with_reps = (a["rep"] != NEVER) & ~np.isin(kind, (PARTNER_ONLY, NAMES_ONLY, BRANCH_MISSING))
    a["registered"] = registered
    a["on_branch"] = (kind == BRANCH_ID) | (with_reps & (kind != TWO_TIER) & within(rng, n, 0.15))
    a["on_rep"] = (kind == REP_ID) | (with_reps & (kind != TWO_TIER) & within(rng, n, 0.15))
    a["on_email"] = (kind == REP_EMAIL) | (with_reps & (kind != MAILBOX) & (kind != TWO_TIER) & within(rng, n, 0.10))
    a["on_mailbox"] = kind == MAILBOX
    known = a["credit"] >= org.partner_known[np.maximum(a["partner"], 0)]
    partner_named = (kind == PARTNER_ONLY) & within(rng, n, 0.05) & known
    a["on_partner"] = (np.isin(kind, (PARTNER_ONLY, BRANCH_MISSING)) & ~partner_named) | (
        with_reps & (kind != TWO_TIER) & within(rng, n, 0.6)
    )
    only = (kind == NAMES_ONLY) | partner_named
    named = only | (with_reps & (kind != TWO_TIER) & within(rng, n, 0.2))
    spelling.choose(org, rng, a, named, only, partner_named)
    a["by_name"] = only
    # If the deal names another branch of the same partner, the registration decides, and there is no conflict.
    main = org.first_branch[np.maximum(a["partner"], 0)]
    elsewhere = registered & (kind == REG_BRANCH) & (a["branch"] != main) & within(rng, n, 0.04)
    a["branch_on_deal"] = np.where(a["on_branch"], np.where(elsewhere, main, a["branch"]), NEVER)
    a["elsewhere"] = elsewhere & a["on_branch"]

    rung = np.full(n, 13)
    for level, signal in (
        (11, kind == BRANCH_MISSING), (10, kind == PARTNER_ONLY),
        (8, (kind == NAMES_ONLY) & (a["said_rep"] >= 0)), (7, (kind == NAMES_ONLY) & (a["said_branch"] >= 0)),
        (6, a["on_mailbox"]), (5, a["on_email"]), (4, a["on_rep"] | (kind == PARTY_REP)),
        (3, a["on_branch"] | (kind == PARTY_BRANCH) | (kind == TWO_TIER)), (2, np.isin(kind, (REG_REP, REG_EMAIL))),
        (1, kind == REG_BRANCH),
    ):  # fmt: skip
        rung[signal] = level
    a["rung"] = rung
    a["decided_by_hand"] = (kind == BRANCH_MISSING) & within(rng, n, 0.3)
    a["rung"][a["decided_by_hand"]] = 0

    usual = np.array([CHANNELS.index(CHANNEL_OF[t]) for t in org.partner_type])
    a["channel"] = np.where(
        kind == DIRECT,
        np.where(within(rng, n, 0.7), CHANNELS.index("direct"), NEVER),
        usual[np.maximum(a["partner"], 0)],
    )
    a["channel"][kind == TWO_TIER] = CHANNELS.index("distributor")
    distributors = np.flatnonzero(org.partner_type == "distributor")
    a["distributor"] = np.where(kind == TWO_TIER, distributors[rng.integers(0, len(distributors), n)], NEVER)
    # Some deals also name another partner's branch that helped: influence, never credit.
    helper = org.first_branch[rng.integers(0, max(1, int((org.branch_count > 0).sum())), n)]
    helped = (
        np.isin(kind, (PARTY_BRANCH, PARTY_REP)) & (org.branch_partner[helper] != a["partner"]) & within(rng, n, 0.2)
    )
    a["helper"] = np.where(helped, helper, NEVER)
    a["names_rep"] = np.isin(kind, (REG_REP, REG_EMAIL, REP_ID, REP_EMAIL, PARTY_REP))
    a["names_rep"] |= a["on_rep"] | a["on_email"] | (a["said_rep"] >= 0)
    a["second_s"], a["zulu"] = seconds(rng, n), within(rng, n, 0.3)
    a["reg_second"], a["reg_zulu"] = seconds(rng, n), within(rng, n, 0.4)
    a["approved"] = np.where(registered, a["credit"] + rng.integers(1, 6, n), NEVER)
    a["spurned"] = (kind != DIRECT) & (kind != BRANCH_MISSING) & (kind != NAMES_ONLY) & within(rng, n, 0.04)
    a["spurned"] |= (kind == DIRECT) & within(rng, n, 0.01)


def add_history(causes: Causes, rng: np.random.Generator, a: Arrays, planned: Ints) -> None:
    """Set the stages between creation and close, the joint visit, and the close dates that the CRM expects."""
    n, credit = len(a["credit"]), a["credit"]
    end = np.where(a["outcome"] == OPEN, np.maximum(planned, credit), a["close"])
    created = np.where(a["registered"], np.minimum(credit + rng.integers(0, 4, n), end), credit)
    created = np.maximum(business_day(np.minimum(created, AS_OF)), credit)
    a["created"] = created
    span = end - created

    def at(part: float) -> Ints:
        on = created + np.floor(span * (part + 0.1 * rng.random(n))).astype(np.int64)
        step: Ints = np.maximum(business_day(on), created)
        return step

    qualified, proposed, quoted = at(0.2), at(0.45), at(0.7)
    has_quote = (quoted <= AS_OF) & (a["is_won"] | ((a["reach"] == 3) & within(rng, n, 0.5))) & within(rng, n, 0.8)
    # Only a step that a later entry implies is sometimes left out.
    passed = a["is_won"] | has_quote
    has_proposal = (a["reach"] >= 3) & (proposed <= AS_OF) & (~passed | within(rng, n, 0.95))
    passed |= has_proposal
    is_qualified = (a["reach"] >= 2) & (qualified <= AS_OF) & (~passed | within(rng, n, 0.85))
    for name, on, seen in (
        ("qualified", qualified, is_qualified), ("proposed", proposed, has_proposal), ("quoted", quoted, has_quote),
    ):  # fmt: skip
        a[name] = np.where(seen, on, NEVER)
    a["has_history"] = within(rng, n, 0.9)
    # The creation date of these is unknown; the first stage entry replaces it.
    a["created_known"] = a["registered"] | ~a["has_history"] | ~within(rng, n, 0.005)
    visit = created + np.floor(span * (0.15 + 0.4 * rng.random(n))).astype(np.int64)
    visit = np.maximum(some_business_day(rng, visit), created)
    a["visit"] = np.where(a["visited"] & (visit <= AS_OF), visit, NEVER)

    # The first expected date is too early by the rep's habit; when it has passed, every second one is moved once.
    habit = np.where(a["rep"] == NEVER, causes.effects.slip_days, causes.rep_slip[a["rep"]])
    late = np.floor(habit / 0.75 * rng.exponential(1.0, n) * within(rng, n, 0.75)).astype(np.int64)
    a["slip"] = np.minimum(late, np.maximum(end - created - 5, 0))
    a["promised"] = end - a["slip"]
    moves = (a["slip"] > 14) & (a["promised"] + 7 <= AS_OF) & within(rng, n, 0.5)
    a["revised"] = np.where(moves, np.minimum(business_day(a["promised"] + 7), end), NEVER)
    a["again"] = end - a["slip"] // 2
    touched = np.stack([created, a["qualified"], a["proposed"], a["quoted"], a["close"], a["revised"]])
    for k, extract in enumerate(DELTA_EXTRACTS):
        before = DELTA_EXTRACTS[k - 1] if k else -1
        a[f"in_{k}"] = (created <= extract) & ((touched > before) & (touched <= extract)).any(axis=0)


def add_programmes(causes: Causes, rng: np.random.Generator, a: Arrays) -> None:
    """Choose the programme that brought a deal: of its branches' deals, as many as it brings more."""
    n = len(a["kind"])
    a["programme"] = np.full(n, NEVER)
    a["lead_programme"] = np.full(n, NEVER)
    for i, (code, *_) in enumerate(PROGRAMMES):
        more = causes.effects.programmes[code].more
        within_time = (a["credit"] >= causes.joined[i, 0] + 7) & (a["credit"] < causes.joined[i, 1])
        of = (a["branch"] != NEVER) & causes.member[i][a["branch"]] & within_time & (a["deal_type"] == 0)
        a["programme"][of & within(rng, n, 1 - 1 / more)] = i


def add_money(rng: np.random.Generator, a: Arrays) -> None:
    """Choose currency, lines and later changes of the amount; the header equals the sum of lines or is empty."""
    n = len(a["kind"])
    recognised = np.where(a["outcome"] == OPEN, AS_OF, a["close"])
    paused = (recognised >= FX_PAUSE_FROM) & (recognised < FX_PAUSE_TO)
    foreign = within(rng, n, 0.02) & ~paused & (a["kind"] != NAMES_ONLY) & (a["kind"] != BRANCH_MISSING)
    a["currency"] = np.where(foreign, np.where(within(rng, n, 0.7), 1, 2), 0)
    a["foreign_cents"] = np.where(foreign, np.round(a["amount"] / 1.5).astype(np.int64), 0)
    a["lines"] = np.where(~foreign & within(rng, n, 0.4), rng.integers(1, 4, n), 0)
    a["header"] = (a["lines"] == 0) | ~within(rng, n, 0.12)
    a["header"] &= ~((a["lines"] == 0) & (a["outcome"] == OPEN) & within(rng, n, 0.01))
    changed = a["is_won"] & ~foreign & within(rng, n, 0.012) & (a["close"] < AS_OF - 30)
    a["changed_on"] = np.where(changed, np.minimum(a["close"] + rng.integers(20, 300, n), AS_OF), NEVER)
    a["change"] = np.where(changed, rng.integers(0, 3, n), NEVER)


def add_noise(rng: np.random.Generator, a: Arrays, level: float, spared: int) -> None:
    """Damage the evidence of some deals, but never so that it points to another target."""
    kind = a["kind"]
    # If a registration overrules another branch on the deal, its loss would leave wrong evidence.
    agreeing = ~a["elsewhere"]
    present = {
        "registration": a["registered"] & agreeing,
        "branch_id": (a["branch_on_deal"] != NEVER) & agreeing,
        "rep_id": a["on_rep"],
        "rep_email": a["on_email"] | a["on_mailbox"],
        "participant": np.isin(kind, (PARTY_BRANCH, PARTY_REP, TWO_TIER)),
        "partner_id": a["on_partner"] | (kind == TWO_TIER),
        "partner_name": a["said_partner"] != NEVER,
        "branch_name": a["said_branch"] != NEVER,
        "rep_name": a["said_rep"] != NEVER,
    }
    able = ~np.isin(kind, (DIRECT, BRANCH_MISSING))
    # A separate random stream, so that the level of noise changes nothing else.
    one_text = a["layout"] == spelling.ONE_TEXT
    noise.damage(rng.spawn(1)[0], a, level, present, able, kind == PARTNER_ONLY, one_text, spared)
    for name in ("partner", "branch", "rep"):
        harm = a[f"harm_{name}_name"]
        a[f"said_{name}"] = np.where(harm == noise.DROPPED, NEVER, a[f"said_{name}"])
        a[f"typo_{name}"] = np.where(harm == noise.MISTYPED, a["way"], NEVER)
    # Some direct deals contain a word for "no partner"; a partner's deal contains one only by mistake.
    frank = (kind == DIRECT) & within(rng, len(kind), 0.06)
    a["nobody"] = np.where(frank | a["nobody_said"], a["id"] % len(spelling.NOBODY), NEVER)


CHANNEL = f"{sql_list(CHANNELS)}[1 + channel]"
# The rows since the extract before. RX are registrations without success, RN are registrations without a deal.
REGISTRATIONS = f"""
select 'RG' || lpad((id + 1)::varchar, 8, '0') as registration_id, deal_of(id) as deal_id,
    partner_of(partner) as partner_id,
    case when kind = {REG_BRANCH} then {spoilt("harm_registration", "branch_of(branch)")} end as branch_id,
    case when kind = {REG_REP} then {spoilt("harm_registration", "rep_of(rep)")} end as rep_id,
    case when kind = {REG_EMAIL}
        then {spoilt_address("harm_registration", "email_of(rep, surname, partner)")} end as rep_email,
    case when id % 11 = 0 then 'vendor_on_behalf' else 'partner' end as submitted_by,
    {CHANNEL} as channel, customer_of(customer) as customer_id,
    case when id % 4 = 0 then customer_name_of(customer) end as customer_name, product_of(product) as product_id,
    case when reg_zulu then zulu_of(credit, reg_second)
        else local_of(credit, reg_second)::varchar end as submitted_at,
    local_of(approved, 36000) as approved_at, 'approved' as status, day_of(approved + 180) as expires_on
from d where registered and approved > {{after}} and approved <= {{until}}
union all
select 'RX' || lpad((id + 1)::varchar, 8, '0'), deal_of(id), partner_of(coalesce(nullif(partner, -1), id % 3)),
    branch_of(real_branch), null, null, 'partner', null, customer_of(customer), null, product_of(product),
    local_of(created, reg_second)::varchar, null, ['rejected', 'expired', 'withdrawn'][1 + id % 3], day_of(created + 90)
from d where spurned and created > {{after}} and created <= {{until}}
union all
select 'RN' || lpad((id + 1)::varchar, 8, '0'), null, partner_of(partner),
    branch_of(real_branch), null, null, 'partner', {CHANNEL}, customer_of(customer), null, product_of(product),
    local_of(created, reg_second)::varchar, null, 'submitted', day_of(created + 180)
from d where kind = {BRANCH_ID} and id % 37 = 0 and created > {{after}} and created <= {{until}}
"""
PARTY_BRANCH_ID, PARTY_REP_ID = (
    spoilt("harm_participant", "branch_of(branch)"),
    spoilt("harm_participant", "rep_of(rep)"),
)
PARTICIPANTS = f"""
with parties as (
    select *, 'seller' as role, 'branch' as party_type, {PARTY_BRANCH_ID} as party_id, true as is_primary
        from d where kind = {PARTY_BRANCH}
    union all select *, 'seller', 'rep', {PARTY_REP_ID}, true from d where kind = {PARTY_REP}
    union all select *, 'reseller', 'branch', {PARTY_BRANCH_ID}, true from d where kind = {TWO_TIER}
    union all select *, 'distributor', 'partner', partner_of(distributor), false from d where kind = {TWO_TIER}
    union all select *, 'co_sell', 'branch', branch_of(helper), false from d where helper >= 0
)
select deal_of(id) as deal_id, role, party_type, party_id, is_primary, local_of(created, 36000) as added_at
from parties where created > {{after}} and created <= {{until}}
"""
AMOUNT_EVENTS = """
select 'AE' || lpad((id + 1)::varchar, 8, '0') as event_id, deal_of(id) as deal_id,
    ['return', 'cancel', 'adjust'][1 + change] as event_type, day_of(changed_on) as event_on,
    case change when 0 then -(amount // 4) when 1 then -amount else amount // 10 end as amount_delta,
    'JPY' as currency, ['返品', '解約', '追加発注'][1 + change] as reason
from d where changed_on > {after} and changed_on <= {until}
"""
OVERRIDES = """
select deal_of(id) as deal_id, branch_of(branch) as branch_id, rep_of(rep) as rep_id, '営業企画' as decided_by,
    day_of(decided) as decided_on, 'パートナーに確認済み' as reason
from d where decided > {after} and decided <= {until}
"""


def write(org: Organisation, writer: Writer, a: Mapping[str, np.ndarray], part: int | None) -> None:
    """Write one chunk of deals and their dependent rows, for each extract."""
    extra = {
        "surname": org.rep_surname[np.maximum(a["rep"], 0)],
        "given": org.rep_given[np.maximum(a["rep"], 0)],
        "deal_staff": np.where(a["partner"] == NEVER, a["id"] % 5, org.partner_staff[np.maximum(a["partner"], 0)]),
        "real_branch": np.where(a["branch"] < org.real_branches, a["branch"], NEVER),
        "decided": np.where(a["decided_by_hand"], np.minimum(a["created"] + 20, AS_OF), NEVER),
    }
    register(writer.con, "d", {**a, **extra})
    writer.con.execute(f"create or replace table texts as {spelling.TEXTS}")
    for k, x in enumerate(DELTA_EXTRACTS):
        before = DELTA_EXTRACTS[k - 1] if k else NEVER
        writer.write("deals", x, deals_query(k, x), part)
        writer.write("deal_stage_history", x, history_query(before, x), part, ordered=True)
        for dataset, query in (
            ("deal_registrations", REGISTRATIONS),
            ("deal_participants", PARTICIPANTS),
            ("deal_amount_events", AMOUNT_EVENTS),
            ("attribution_overrides", OVERRIDES),
        ):
            writer.write(dataset, x, query.format(after=before, until=x), part)
    write_lines(writer, a, len(a["id"]), part)


def deals_query(k: int, x: int) -> str:
    """Return the query of deals that are new or changed in an extract, in their state of its day."""
    later_steps = ("qualified", "proposed", "quoted", "close", "revised")
    touched = ", ".join(f"case when {step} <= {x} then {step} else 0 end" for step in later_steps)
    won = f"outcome = {WON} and close <= {x}"
    partner_id = (
        f"case when kind = {TWO_TIER} then partner_of(distributor) when on_partner then partner_of(partner) end"
    )
    address = """case when on_mailbox then mailbox_of(branch, partner)
        when on_email then email_of(rep, surname, partner) end"""
    return f"""select deal_of(id) as deal_id, {sql_list(SUBJECTS)}[1 + product % 6] || '導入' as deal_name,
        customer_of(customer) as customer_id, case when id % 3 = 0 then customer_name_of(customer) end as customer_name,
        case when not header then null when currency = 0 then amount::varchar
            else (foreign_cents // 100)::varchar || '.' || lpad((foreign_cents % 100)::varchar, 2, '0') end as amount,
        {sql_list(CURRENCIES)}[1 + currency] as currency,
        case when {won} then '受注' when close between 0 and {x} then '失注' when quoted between 0 and {x} then '見積'
            when proposed between 0 and {x} then '提案' when qualified between 0 and {x} then '有効商談'
            else '商談' end as stage,
        {sql_list(DEAL_TYPES)}[1 + deal_type] as deal_type, {CHANNEL} as channel,
        case when created_known and zulu then zulu_of(created, second_s)
            when created_known then local_of(created, second_s)::varchar end as created_at,
        day_of(case when revised between 0 and {x} then again else promised end) as expected_close_on,
        case when {won} then day_of(close) end as won_on, case when close <= {x} then day_of(close) end as closed_on,
        case when outcome = {LOST} and close <= {x} then {sql_list(LOST_REASONS)}[1 + id % 4] end as lost_reason,
        staff_of(deal_staff) as owner_staff_id,
        {spoilt("harm_partner_id", partner_id)} as partner_id,
        {spoilt("harm_branch_id", "branch_of(branch_on_deal)")} as branch_id,
        {spoilt("harm_rep_id", "case when on_rep then rep_of(rep) end")} as rep_id,
        {spoilt_address("harm_rep_email", address)} as rep_email,
        coalesce(partner_text, {sql_list(spelling.NOBODY)}[nobody + 1]) as partner_text, branch_text, rep_text,
        deal_of(parent) as parent_deal_id,
        case when lines = 0 then product_of(product) end as product_id,
        case when {won} and partner >= 0 and lines > 0 and header then amount // 10 end as partner_commission,
        case when {won} and currency = 0 and header then amount * 3 // 10 end as vendor_margin,
        local_of(greatest(created, {touched}), 68400) as updated_at, false as is_deleted
    from d
    left join texts using (id)
    where in_{k}"""


def history_query(before: int, x: int) -> str:
    """Return the stage entries between two extracts."""
    steps = (
        ("created", "'商談'"),
        ("qualified", "'有効商談'"),
        ("proposed", "'提案'"),
        ("quoted", "'見積'"),
        ("close", f"case outcome when {WON} then '受注' else '失注' end"),
    )
    entries = " union all ".join(
        f"select id, {i} as step, {stage} as stage, {on} as entered from d "
        f"where has_history and {on} > {before} and {on} <= {x}"
        for i, (on, stage) in enumerate(steps)
    )
    return f"""select deal_of(id) as deal_id, stage, local_of(entered, 32400 + step * 7200 + id % 3600) as entered_at
    from ({entries}) order by id, step"""


def write_lines(writer: Writer, a: Mapping[str, np.ndarray], n: int, part: int | None) -> None:
    """Write the product lines; they add up to the header."""
    lines = a["lines"]
    deal = np.repeat(np.arange(n), lines)
    nth = np.arange(len(deal)) - np.repeat(np.cumsum(lines) - lines, lines)
    amount, of = a["amount"][deal], lines[deal]
    piece = amount // of // 1000 * 1000
    register(
        writer.con,
        "l",
        {
            "id": a["id"][deal], "nth": nth, "amount": np.where(nth == of - 1, amount - piece * (of - 1), piece),
            "product": (a["product"][deal] + a["line_step"][deal] * nth) % len(names.PRODUCTS),
            "created": a["created"][deal],
        },
    )  # fmt: skip
    for k, x in enumerate(DELTA_EXTRACTS):
        before = DELTA_EXTRACTS[k - 1] if k else -1
        writer.write(
            "deal_lines",
            x,
            f"""select deal_of(id) || '-' || (nth + 1) as line_id, deal_of(id) as deal_id,
                product_of(product) as product_id,
                1 + (id + nth) % 20 as quantity, amount, product < 5 as is_recurring,
                    case when product < 5 then 12 end as term_months
            from l where created > {before} and created <= {x}""",
            part,
            ordered=True,
        )


def write_truth(org: Organisation, writer: Writer, a: Mapping[str, np.ndarray], target: str) -> None:
    """Write one chunk's answers."""
    branch = np.maximum(a["branch"], 0)
    partner = np.maximum(a["partner"], 0)
    merged = np.where(org.partner_successor[partner] == NEVER, partner, org.partner_successor[partner])
    successor = org.current[branch]
    register(
        writer.con,
        "t",
        {
            "id": a["id"], "kind": a["kind"], "rung": a["rung"], "branch": a["branch"], "partner": a["partner"],
                "successor": successor,
            "merged": merged, "credit": a["credit"], "by_hand": a["decided_by_hand"], "by_name": a["by_name"],
            "nobody_said": a["nobody_said"], **{f"harm_{s}": a[f"harm_{s}"] for s in noise.SIGNALS},
        },
    )  # fmt: skip
    real = org.real_branches
    missing = f"kind = {BRANCH_MISSING} and not by_hand"

    def branch_id(code: str) -> str:
        return f"""case when partner < 0 then 'DIRECT' when {missing} then 'UNKNOWN:' || partner_of(partner)
            when branch >= {real} then 'IMPLICIT:' || partner_of(partner) else branch_of({code}) end"""

    writer.con.execute(
        f"""copy (
            select deal_of(id) as deal_id, '' as trap, {sql_list(LABELS)}[kind + 1] as "case",
                {branch_id("branch")} as expected_branch_id,
                case when partner < 0 then 'DIRECT' else partner_of(partner) end as expected_partner_id,
                    'L' || rung as expected_rung,
                case when {missing} then 'BRANCH_UNKNOWN' else '' end as expected_reason,
                    day_of(credit) as expected_credit_on,
                {branch_id("successor")} as expected_branch_id_current, not ({missing}) as evidence_sufficient,
                case when by_name then 'names' else '' end as needs, true as expected_is_counted,
                case when partner < 0 then 'DIRECT' else partner_of(merged) end as expected_partner_id_current,
                {DAMAGED} as damaged, '' as expected_rep_id
            from t
        ) to '{target.replace("'", "''")}' (format csv, header)"""
    )


def place_customers(org: Organisation, homes: Ints, a: Arrays) -> None:
    """Let customers that no branch has served before be in the prefecture of the branch of their first deal."""
    served = np.flatnonzero((a["branch"] != NEVER) & (a["branch"] < org.real_branches))
    customer, first = np.unique(a["customer"][served], return_index=True)
    place = {name: code for code, name in enumerate(names.PREFECTURES)}
    of_branch = np.array([place[name] for name in org.branch_prefecture[: org.real_branches]])
    new = homes[customer] == NEVER
    homes[customer[new]] = of_branch[a["branch"][served[first[new]]]]


def write_customers(homes: Ints, writer: Writer) -> None:
    """Write the customers, products and exchange rates. One customer in seven is not near the branch that serves it."""
    x = AS_OF
    register(writer.con, "homes", {"c": np.arange(len(homes)), "home": homes})
    writer.write(
        "customers",
        x,
        f"""select customer_of(c) as customer_id, customer_name_of(c) as customer_name,
            lpad((2000000000 + c * 13)::varchar, 13, '0') as corporate_number,
            {sql_list(names.PREFECTURES)}[
                1 + case when home >= 0 and c % 7 != 3 then home else (c * 31) % {len(names.PREFECTURES)} end
            ] as prefecture,
                {sql_list(names.INDUSTRIES)}[1 + (c * 17) % {len(names.INDUSTRIES)}] as industry,
            case when c % 9 > 0 then 10 + (c * 7919) % 3000 end as employee_count
        from homes order by c""",
        ordered=True,
    )
    writer.write_rows(
        "products",
        x,
        (
            {"product_id": f"PR{i + 1:02d}", "product_name": name, "product_family": family, "is_service": service}
            for i, (name, family, service) in enumerate(names.PRODUCTS)
        ),
    )
    days = np.arange(day("2022-03-25"), AS_OF + 1)
    business = days[((days + 3) % 7 < 5) & ~np.isin((days - day("2022-01-01")) % 365, (0, 1, 2))]
    for k, extract in enumerate(DELTA_EXTRACTS):
        since = business[(business > (DELTA_EXTRACTS[k - 1] if k else -1)) & (business <= extract)]
        rows = []
        for d in since.tolist():
            wave = np.sin((d - START) / 190.0)
            usd = round(UNIT_RATES["USD"] + 9 * float(wave) + (d % 17) * 0.05, 4)
            if writer.planted:
                usd = PLANTED_RATES.get(d, usd)
            if not (writer.planted and FX_PAUSE_FROM <= d < FX_PAUSE_TO):
                rows.append({"rate_on": day_text(d), "currency": "USD", "base_per_unit": usd})
            rows.append(
                {"rate_on": day_text(d), "currency": "EUR", "base_per_unit": round(usd * 1.085 + 0.01 * (d % 5), 4)}
            )
        writer.write_rows("fx_rates", extract, rows)


# The rate for trap 16's convertible deal; its amount ends with half a yen.
PLANTED_RATES = {day("2025-08-07"): 147.25}


def day_text(number: int) -> str:
    """Return a day as text for a CSV."""
    return str(np.datetime64(number, "D"))
