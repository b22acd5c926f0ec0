"""Errors in CRM data: empty fields, mistyped ids and names, unregistered addresses.

Noise removes evidence and never adds any. A mistyped value matches no id, name or address; an indirect deal keeps its
channel; and if strong evidence overrules weaker evidence, both stay undamaged. So the answer does not change:
attribution may fail to find it, but a different answer is an error of attribution.
"""

import math

import numpy as np

from tools.sample.organisation import Ints

Arrays = dict[str, np.ndarray]

SIGNALS = (
    "registration", "branch_id", "rep_id", "rep_email", "participant", "partner_id", "partner_name", "branch_name",
    "rep_name",
)  # fmt: skip
# Each of these identifies the branch alone.
STRONG = ("registration", "branch_id", "rep_id", "rep_email", "participant")
DROPPED, MISTYPED, UNREGISTERED = 1, 2, 3

# By level, as shares of all deals: deals that lose evidence that they do not need, and deals that lose necessary
# evidence.
HARMLESS, FATAL, NOBODY = 0.035, 0.008, 0.01
# People check large deals twice, so these get less damage.
CAREFUL_FROM = 3_000_000


def damage(
    rng: np.random.Generator,
    a: Arrays,
    level: float,
    present: Arrays,
    able: Ints,
    sole: Ints,
    one_text: Ints,
    spared: int = 0,
) -> None:
    """Damage signals that are `present` on deals that are `able` to take it.

    The damage is recorded as `harm_<signal>` and `nobody_said`; deals that lost the evidence for their branch are
    `beyond_help`. For `sole` deals the partner alone identifies the branch; `one_text` deals have both in one
    field. In each round, `spared` deals fewer lose necessary evidence.
    """
    n = len(able)
    there = np.stack([present[name] for name in SIGNALS])
    able = able & (a["amount"] < CAREFUL_FROM)
    intact, nobody = there.copy(), np.zeros(n, dtype=bool)
    for full in range(math.ceil(level)):
        share = min(1.0, level - full)
        picked = np.argmax(rng.random(there.shape, dtype=np.float32) * intact, axis=0)
        after = intact & (np.arange(len(SIGNALS))[:, None] != picked)
        fatal = decidable(intact, sole) & ~decidable(after, sole)
        pool = rng.permutation(np.flatnonzero(able & intact.any(axis=0)))
        needed = max(0, round(FATAL * n * share) - spared)
        hit = np.concatenate([pool[fatal[pool]][:needed], pool[~fatal[pool]][: round(HARMLESS * n * share)]])
        intact[picked[hit], hit] = False
        silent = rng.permutation(np.flatnonzero(able & ~present["partner_name"]))
        nobody[silent[: round(NOBODY * n * share)]] = True
    a["beyond_help"] = decidable(there, sole) & ~decidable(intact, sole)
    way = rng.integers(0, 3, n)
    for row, name in enumerate(SIGNALS):
        harm = np.where(there[row] & ~intact[row], 1 + way % possible(name), 0)
        if name == "participant":  # a participant without its party is no valid row
            harm = np.where(harm > 0, MISTYPED, 0)
        if name.endswith("_name"):  # a text with both names loses letters, not one of the names
            harm = np.where((harm > 0) & one_text, MISTYPED, harm)
        a[f"harm_{name}"] = harm
    a["way"] = way
    a["nobody_said"] = nobody


def possible(signal: str) -> int:
    """Return how many kinds of damage a signal has."""
    return UNREGISTERED if signal == "rep_email" else MISTYPED


def decidable(intact: np.ndarray, sole: Ints) -> Ints:
    """Return which deals still have evidence for their branch."""
    has = dict(zip(SIGNALS, intact, strict=True))
    partner = has["partner_id"] | has["partner_name"]
    strong = np.logical_or.reduce([has[name] for name in STRONG])
    decided: Ints = strong | (partner & (has["branch_name"] | has["rep_name"] | sole))
    return decided


# The damage as text for the truth file.
DAMAGED = "concat_ws('; ', " + ", ".join(
    f"case harm_{name} when 1 then '{name} dropped' when 2 then '{name} mistyped' when 3 then '{name} unregistered' end"
    for name in SIGNALS
) + ", case when nobody_said then 'partner_text says nobody' end)"  # fmt: skip


def spoilt(code: str, value: str) -> str:
    """Return SQL for an id that may be dropped or mistyped."""
    return f"case {code} when {DROPPED} then null when {MISTYPED} then slip_of({value}, way) else {value} end"


def spoilt_address(code: str, value: str) -> str:
    """Return SQL for an address that may be dropped, mistyped in its local part, or of a mail provider."""
    return f"""case {code} when {DROPPED} then null when {MISTYPED} then slip_of({value}, 0)
        when {UNREGISTERED} then split_part({value}, '@', 1) || '@freemail.example' else {value} end"""
