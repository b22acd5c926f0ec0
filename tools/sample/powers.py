"""The truth about the causes: for each one its size, the deals that could show it, and the chance to find it in them.

The power is of a two-sided test at 5 % with the planted sizes. Nothing is estimated from outcomes: of the deals only
their number is used. A cause is detectable if the power is at least 0.8.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.special import ndtr
from scipy.stats import poisson

from tools.sample.activities import QUICK, SLOW
from tools.sample.calendar import AS_OF, START, iso, month_starts
from tools.sample.causes import MONTHS, PLAN_ACTIONS, PROGRAMMES, Causes
from tools.sample.deals import JPY, OPEN, RENEWAL, WON
from tools.sample.effects import FEATURES, STEPS
from tools.sample.organisation import NEVER, Organisation

Row = dict[str, Any]
ENOUGH, QUANTILE = 0.8, 1.959963984540054
RECENT = AS_OF - 365
LATE_DAYS = 30  # the var late_close_days
COLUMNS = (
    "cause", "entity_type", "entity_id", "detail", "unit", "effect", "reference", "n", "power", "is_detectable",
    "n_recent", "power_recent", "from", "until",
)  # fmt: skip


def power_of_shares(p: Any, reference: Any, n: Any, of: Any = np.inf) -> np.ndarray:
    """Return the power to distinguish a share of n deals from a reference: known, or the share of `of` other deals."""
    n = np.maximum(np.asarray(n, float), 1e-9)
    if_equal = np.sqrt(reference * (1 - reference) * (1 / n + 1 / np.asarray(of, float)))
    if_not = np.sqrt(p * (1 - p) / n + reference * (1 - reference) / np.asarray(of, float))
    return np.asarray(ndtr((np.abs(p - reference) - QUANTILE * if_equal) / if_not))


def power_of_ratio(ratio: float, n: float, of: float) -> float:
    """Return the power to distinguish from 1 the ratio of two rates, of which n and `of` deals came."""
    if min(n, of) < 1 or ratio <= 0:
        return 0.0
    return float(ndtr(abs(np.log(ratio)) / np.sqrt(1 / n + 1 / of) - QUANTILE))


def power_of_correlation(r: float, n: int) -> float:
    """Return the power to distinguish a correlation of n branches from 0."""
    return float(ndtr(abs(np.arctanh(r)) * np.sqrt(max(n - 3, 0)) - QUANTILE))


def power_of_silence(usual: np.ndarray, left: float) -> np.ndarray:
    """Return the power to see that fewer deals came than usual, if only a part is left of the usual number."""
    # The largest number of deals that would be too few by chance in at most 5 % of the cases; -1 where none is.
    few = poisson.ppf(0.05, usual) - 1
    few = np.where(poisson.cdf(few + 1, usual) <= 0.05, few + 1, few)
    return np.asarray(np.where(few < 0, 0.0, poisson.cdf(few, usual * left)))


class Tally:
    """Counts the deals that could show each cause, chunk by chunk, and what the programmes brought."""

    def __init__(self, org: Organisation, causes: Causes) -> None:
        """Begin with no deal."""
        self.org, self.why = org, causes
        n, self.calendar = len(org.weight), month_starts("2022-04-01", "2026-04-01")
        self.margins = np.zeros((len(PROGRAMMES), len(self.calendar)), np.int64)
        # By branch and by rep: closed deals, their planned win rate summed, and the same of the last year.
        self.branch, self.rep = np.zeros((4, n)), np.zeros((4, org.reps))
        self.late = np.zeros(org.reps)  # of the last year: the chances of a late close, summed
        self.entered, self.passes = np.zeros((2, len(STEPS), n)), np.zeros((len(STEPS), n))
        self.months = np.zeros(12)
        self.before_quiet = np.zeros(n)
        self.counts: dict[str, float] = {}

    def count(self, name: str, deals: np.ndarray) -> None:
        """Add up deals, or their planned win rates."""
        self.counts[name] = self.counts.get(name, 0.0) + float(deals.sum())

    def add(self, a: Mapping[str, np.ndarray]) -> None:
        """Count a chunk's deals."""
        why, n = self.why, len(self.org.weight)
        indirect, closed = a["branch"] != NEVER, a["outcome"] != OPEN
        recent = a["close"] > RECENT
        # A deal that does not name its rep cannot show what the rep does.
        named_rep = np.where(a["names_rep"], a["rep"], NEVER)
        for target, group, size in ((self.branch, a["branch"], n), (self.rep, named_rep, self.org.reps)):
            for nth, of in enumerate((closed, closed & recent)):
                of = of & indirect & (group != NEVER)
                target[2 * nth] += np.bincount(group[of], minlength=size)
                target[2 * nth + 1] += np.bincount(group[of], weights=a["chance"][of], minlength=size)
        of = closed & recent & indirect & (named_rep != NEVER)
        self.late += np.bincount(named_rep[of], weights=self.chance_of_late(a)[of], minlength=self.org.reps)
        for step in range(len(STEPS)):
            for nth, of in enumerate((closed, closed & recent)):
                of = of & indirect & (a["reach"] > step)
                self.entered[nth, step] += np.bincount(a["branch"][of], minlength=n)
                if not nth:
                    self.passes[step] += np.bincount(a["branch"][of], weights=a[f"passes_{step}"][of], minlength=n)
        own = indirect & closed
        template = why.has_template(np.maximum(a["branch"], 0), a["credit"])
        for name, flag, of in (
            ("renewal", a["deal_type"] == RENEWAL, own), ("joint_visit", a["visited"], own),
            ("shared_case", a["helped"], own), ("proposal_template", template, own & (a["reach"] > 1)),
        ):  # fmt: skip
            chance = a["passes_1"] if name == "proposal_template" else a["chance"]
            for side, which in (("with", of & flag), ("without", of & ~flag)):
                self.count(f"{name} {side}", which)
                self.count(f"{name} {side}, chance", chance[which])
        week = (a["credit"] - START) // 7
        for name, works in (("study_session", why.taught), ("training", why.trained)):
            ever = np.asarray(works.any(axis=0))
            of = indirect & ever[a["branch"]]
            self.count(f"{name} with", works[week[of], a["branch"][of]])
            self.count(f"{name} without", ~works[week[of], a["branch"][of]])
        for i, (code, *_) in enumerate(PROGRAMMES):
            of = indirect & why.member[i][a["branch"]]
            within = (a["credit"] >= why.joined[i, 0] + 7) & (a["credit"] < why.joined[i, 1])
            self.count(f"{code} with", of & within)
            self.count(f"{code} without", of & ~within)
            paid = (a["programme"] == i) & (a["outcome"] == WON) & (a["currency"] == JPY) & a["header"]
            month = np.searchsorted(self.calendar, a["close"][paid], side="right") - 1
            np.add.at(self.margins[i], month, a["amount"][paid] * 3 // 10)
        for name, codes in (("quick", (QUICK, 2 * QUICK + SLOW)), ("slow", (SLOW, QUICK + 2 * SLOW))):
            self.count(f"{name} leads", np.isin(a["lead"], codes))
        won = a["outcome"] == WON
        month = np.searchsorted(MONTHS, a["close"][won], side="right") - 1
        self.months += np.bincount(month % 12, minlength=12)
        quiet = self.org.quiet_from[a["branch"]]
        usual = indirect & (quiet != NEVER) & (a["credit"] < quiet) & (a["credit"] >= quiet - 365)
        self.before_quiet += np.bincount(a["branch"][usual], minlength=n)
        self.count("wins", won & indirect)
        self.count("wins without a salesperson", won & indirect & (named_rep == NEVER))

    def chance_of_late(self, a: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return each deal's chance to close late: three in four slip, by less than their length; half move once."""
        habit = np.where(a["rep"] == NEVER, self.why.effects.slip_days, self.why.rep_slip[a["rep"]])
        longest = a["close"] - a["created"] - 5
        once, twice = LATE_DAYS + 1, 2 * (LATE_DAYS + 1)
        slips = [np.exp(-0.75 * days / habit) * (longest >= days) for days in (once, twice)]
        return np.asarray(0.75 * (slips[0] + slips[1]) / 2)

    def causes(self, paid_back: Mapping[str, str | None]) -> list[Row]:
        """Return the rows of the truth file, of every cause whose size is not zero."""
        rows = [
            *self.skills(), *self.first_deals(), *self.weak_steps(), *self.steps(), *self.helps(), *self.actions(),
            *self.programmes(paid_back), *self.leads(), *self.features(), *self.slips(), *self.quiet(),
            *self.moves(), *self.seasons(),
        ]  # fmt: skip
        return [complete(row) for row in rows]

    def skills(self) -> Iterable[Row]:
        """Branches and reps whose deals are won more or less often than usual in the company."""
        reference = self.branch[1].sum() / max(self.branch[0].sum(), 1)
        for kind, name, counts in (("branch", branch_id, self.branch), ("rep", rep_id, self.rep)):
            which = np.flatnonzero(counts[0] >= 5)
            n, total, recent, recent_total = counts[:, which]
            rate = total / n
            recent_rate = np.where(recent > 0, recent_total / np.maximum(recent, 1), rate)
            powers = power_of_shares(rate, reference, n)
            recently = power_of_shares(recent_rate, reference, recent)
            for i, at in enumerate(which.tolist()):
                if abs(rate[i] - reference) > 1e-9:
                    yield {
                        "cause": "win_rate", "entity_type": kind, "entity_id": name(at), "unit": "points",
                        "effect": rate[i] - reference, "reference": reference, "n": n[i], "power": powers[i],
                        "n_recent": recent[i], "power_recent": recently[i],
                    }  # fmt: skip

    def first_deals(self) -> Iterable[Row]:
        """Branches of whose salespeople more or fewer are to win within the last year than usual."""
        if not self.why.effects.business:
            return
        a = self.org.assignments
        there = (a.starts <= AS_OF) & ((a.ends == NEVER) | (a.ends > AS_OF))
        # Of the deals of a rep at least one is won.
        winning = 1 - np.exp(-self.rep[3][a.rep[there]])
        n = np.bincount(a.branch[there], minlength=len(self.org.weight))
        total = np.bincount(a.branch[there], weights=winning, minlength=len(self.org.weight))
        reference = total.sum() / max(n.sum(), 1)
        for b in np.flatnonzero(n).tolist():
            rate = total[b] / n[b]
            power = power_of_shares(max(rate, 1e-9), reference, n[b])
            yield {
                "cause": "first_deals", "entity_type": "branch", "entity_id": branch_id(b), "unit": "points",
                "effect": rate - reference, "reference": reference, "n": n[b], "power": power, "n_recent": n[b],
                "power_recent": power,
            }  # fmt: skip

    def weak_steps(self) -> Iterable[Row]:
        """Branches at which fewer deals pass one step."""
        usual = self.passes.sum(axis=1) / np.maximum(self.entered[0].sum(axis=1), 1)
        for b in np.flatnonzero(self.why.weak_step != NEVER).tolist():
            step = int(self.why.weak_step[b])
            n, recent = self.entered[:, step, b]
            if n >= 5 and self.why.effects.weak_passes != 1:
                rate = self.passes[step, b] / n
                yield {
                    "cause": "weak_step", "entity_type": "branch", "entity_id": branch_id(b), "detail": STEPS[step],
                    "unit": "points", "effect": rate - usual[step], "reference": usual[step], "n": n,
                    "power": power_of_shares(rate, usual[step], n), "n_recent": recent,
                    "power_recent": power_of_shares(rate, usual[step], recent),
                }  # fmt: skip

    def steps(self) -> Iterable[Row]:
        """Branches where more or fewer deals pass a step, by all causes together: skills, weak steps and help."""
        usual = self.passes.sum(axis=1) / np.maximum(self.entered[0].sum(axis=1), 1)
        for step, name in enumerate(STEPS):
            for b in np.flatnonzero(self.entered[0, step] >= 5).tolist():
                n, recent = self.entered[:, step, b]
                rate = self.passes[step, b] / n
                if abs(rate - usual[step]) > 1e-9:
                    yield {
                        "cause": "step_rate", "entity_type": "branch", "entity_id": branch_id(b), "detail": name,
                        "unit": "points", "effect": rate - usual[step], "reference": usual[step], "n": n,
                        "power": power_of_shares(rate, usual[step], n), "n_recent": recent,
                        "power_recent": power_of_shares(rate, usual[step], recent),
                    }  # fmt: skip

    def helps(self) -> Iterable[Row]:
        """What helps to win a deal, or to pass a step."""
        effects, counts = self.why.effects, self.counts
        for name, size, days in (
            ("renewal", effects.renewal, None), ("joint_visit", effects.joint_visit, None),
            ("shared_case", effects.shared_case, effects.case_days),
            ("proposal_template", effects.play_passes - 1, effects.play_days),
        ):  # fmt: skip
            n, of = counts[f"{name} with"], counts[f"{name} without"]
            if size == 0 or min(n, of) == 0:
                continue
            rate = counts[f"{name} with, chance"] / n
            reference = counts[f"{name} without, chance"] / of
            yield {
                "cause": name, "entity_type": "company", "unit": "points",
                "detail": "qualified" if name == "proposal_template" else "won",
                "effect": size * reference if name == "proposal_template" else size, "reference": reference, "n": n,
                "power": power_of_shares(rate, reference, n, of), "until": None if days is None else f"{days} days",
            }  # fmt: skip
        # A play and an action that do nothing: an effect that is found is chance.
        planned = self.why.planned
        for name, detail in (("price_review", "proposed"), ("campaign", "new deals")):
            types = [code for code, of in enumerate(PLAN_ACTIONS) if of == name]
            n = np.isin(planned["type"][planned["done"] != NEVER], types).sum()
            yield {
                "cause": name,
                "entity_type": "company",
                "detail": detail,
                "unit": "actions",
                "effect": 0.0,
                "n": int(n),
            }

    def actions(self) -> Iterable[Row]:
        """What brings new deals in the weeks after it."""
        effects = self.why.effects
        for name, more in (("study_session", effects.session_more), ("training", effects.training_more)):
            n, of = self.counts[f"{name} with"], self.counts[f"{name} without"]
            if more != 1:
                yield {
                    "cause": name, "entity_type": "company", "detail": "new deals", "unit": "share", "effect": more - 1,
                    "reference": 1.0, "n": n, "power": power_of_ratio(more, n, of),
                    "from": f"{7 * effects.after} days", "until": f"{7 * effects.until + 6} days",
                }  # fmt: skip

    def programmes(self, paid_back: Mapping[str, str | None]) -> Iterable[Row]:
        """What programmes bring, and when they have paid back."""
        for i, (code, *_) in enumerate(PROGRAMMES):
            more = self.why.effects.programmes[code].more
            n, of = self.counts[f"{code} with"], self.counts[f"{code} without"]
            begin, end = self.why.joined[i]
            yield {
                "cause": "programme", "entity_type": "programme", "entity_id": code, "detail": "new deals",
                "unit": "share", "effect": more - 1, "reference": 1.0, "n": n,
                "power": power_of_ratio(more, n, of) if more != 1 else None, "from": iso(begin),
                "until": iso(end),
            }  # fmt: skip
            margin = int(self.margins[i].sum())
            yield {
                "cause": "payback", "entity_type": "programme", "entity_id": code, "detail": paid_back[code] or "never",
                "unit": "yen", "effect": margin, "from": iso(begin),
            }  # fmt: skip

    def leads(self) -> Iterable[Row]:
        """The yield of accepted leads, and what calling within a week changes."""
        effects, quick, slow = self.why.effects, self.counts["quick leads"], self.counts["slow leads"]
        average = (effects.quick_lead * quick + effects.slow_lead * slow) / max(quick + slow, 1)
        yield {
            "cause": "lead_yield", "entity_type": "company", "detail": "new deals", "unit": "points", "effect": average,
            "n": quick + slow,
        }  # fmt: skip
        if effects.quick_lead != effects.slow_lead and min(quick, slow) > 0:
            yield {
                "cause": "quick_lead", "entity_type": "company", "detail": "new deals", "unit": "points",
                "effect": effects.quick_lead - effects.slow_lead, "reference": effects.slow_lead, "n": quick,
                "power": power_of_shares(effects.quick_lead, effects.slow_lead, quick, slow), "until": "7 days",
            }  # fmt: skip

    def features(self) -> Iterable[Row]:
        """How the features of a potential score go with the logarithm of the last year's business."""
        n = int((self.org.weight[: self.org.real_branches] > 0).sum())
        for name in FEATURES:
            r = self.why.effects.features.get(name, 0.0)
            yield {
                "cause": "potential", "entity_type": "feature", "entity_id": name, "detail": "business",
                "unit": "correlation", "effect": r, "reference": 0.0, "n": n,
                "power": power_of_correlation(r, n) if r else None,
            }  # fmt: skip

    def slips(self) -> Iterable[Row]:
        """Reps whose deals close later after the expected date than the deals of other reps."""
        effects, n, recent = self.why.effects, self.rep[0], self.rep[2]
        usual = self.late.sum() / max(recent.sum(), 1)
        for r in np.flatnonzero((self.why.rep_slip > effects.slip_days) & (n >= 5)).tolist():
            more = self.why.rep_slip[r] - effects.slip_days
            late = self.late[r] / max(recent[r], 1)
            # Three in four deals slip, by an exponential number of days: its deviation is 1.29 of its mean.
            chance = ndtr((more - QUANTILE * 1.29 * effects.slip_days / np.sqrt(n[r]))
                / (1.29 * self.why.rep_slip[r] / np.sqrt(n[r])))  # fmt: skip
            yield {
                "cause": "slip", "entity_type": "rep", "entity_id": rep_id(r), "unit": "days", "effect": more,
                "reference": effects.slip_days, "n": n[r], "power": chance, "n_recent": recent[r],
                # Deals that are too short to close late show nothing.
                "power_recent": power_of_shares(late, usual, recent[r]) if late > usual else 0.0,
            }  # fmt: skip

    def quiet(self) -> Iterable[Row]:
        """Branches that went quiet, some with their partner's end half a year later."""
        org, left = self.org, self.why.effects.quiet
        which = np.flatnonzero((org.quiet_from != NEVER) & (self.before_quiet > 0))
        ended = org.partner_ended[org.branch_partner[which]]
        until = np.where(ended == NEVER, AS_OF, ended)
        usual = self.before_quiet[which] * (until - org.quiet_from[which]) / 365
        powers = power_of_silence(usual, left)
        for i, b in enumerate(which.tolist()):
            yield {
                "cause": "quiet", "entity_type": "branch", "entity_id": branch_id(b),
                "detail": "partner ended" if ended[i] != NEVER else "still open", "unit": "share", "effect": left - 1,
                "reference": usual[i], "n": self.before_quiet[b], "power": powers[i],
                "from": iso(int(org.quiet_from[b])), "until": None if ended[i] == NEVER else iso(int(ended[i])),
            }  # fmt: skip

    def moves(self) -> Iterable[Row]:
        """Reps who changed branch and took a part of its business with them."""
        a = self.org.assignments
        origin = {int(r): int(b) for r, b, first in zip(a.rep, a.branch, a.original, strict=True) if first}
        part = {int(r): float(p) for r, p, first in zip(a.rep, a.pull, a.original, strict=True) if first}
        for at in np.flatnonzero(~a.original & a.primary & (a.starts <= AS_OF)).tolist():
            r = int(a.rep[at])
            if part[r] >= 0.05:
                yield {
                    "cause": "rep_moved", "entity_type": "rep", "entity_id": rep_id(r),
                    "detail": f"{branch_id(origin[r])} to {branch_id(int(a.branch[at]))}", "unit": "share",
                    "effect": part[r], "n": self.rep[0, r], "from": iso(int(a.starts[at])),
                }  # fmt: skip

    def seasons(self) -> Iterable[Row]:
        """The months in which more is won than in the others."""
        weights = self.why.month_weight[:48].reshape(4, 12).sum(axis=0)
        for month in (5, 11):
            others = np.delete(weights, month).mean()
            n = self.months[month]
            yield {
                "cause": "season", "entity_type": "month", "entity_id": str((month + 3) % 12 + 1), "detail": "wins",
                "unit": "share", "effect": weights[month] / others - 1, "reference": 1.0, "n": n,
                "power": power_of_ratio(weights[month] / others, n, self.months.sum() - n),
            }  # fmt: skip


def branch_id(b: int) -> str:
    """Return a branch's id."""
    return f"B{b + 1:05d}"


def rep_id(r: int) -> str:
    """Return a rep's id."""
    return f"R{r + 1:06d}"


def complete(row: Row) -> Row:
    """Return a row with every column, rounded; without a power nothing is said about detection."""
    power = row.get("power")
    row = row | {"is_detectable": None if power is None else bool(power >= ENOUGH)}
    return {c: number(row.get(c), whole=c in ("n", "n_recent")) for c in COLUMNS}


def number(value: Any, *, whole: bool) -> Any:
    """Return a number as the truth file has it, other values unchanged."""
    if not isinstance(value, float | np.floating | np.ndarray):
        return value
    return int(value) if whole else round(float(value), 4)
