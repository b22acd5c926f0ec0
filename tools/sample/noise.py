"""What goes wrong between a deal and the CRM: fields left empty, ids and names mistyped, addresses nobody registered.

Noise takes evidence away and never makes any: a slip matches no id, name or address, an indirect deal keeps its
channel, and where strong evidence overrules weaker one both are left alone. So the answer stays what it was; a resolver
may fail to find it, and finds another one only by its own mistake.
"""

import math

import numpy as np

from tools.sample.organisation import Ints

Arrays = dict[str, np.ndarray]

SIGNALS = (
    "registration", "branch_id", "rep_id", "rep_email", "participant", "partner_id", "partner_name", "branch_name",
    "rep_name",
)  # fmt: skip
# Each of these places the deal by itself.
STRONG = ("registration", "branch_id", "rep_id", "rep_email", "participant")
DROPPED, MISTYPED, UNREGISTERED = 1, 2, 3

# Of all deals, for each level: how many lose evidence that they can do without, how many what they need. The planted
# deals use up the margin of a small company, which has to be publishable too.
HARMLESS, FATAL, MARGIN, NOBODY = 0.035, 0.008, 6, 0.01
# Large deals are looked at twice before anybody saves them.
CAREFUL_FROM = 3_000_000


def damage(
    rng: np.random.Generator, a: Arrays, level: float, present: Arrays, able: Ints, sole: Ints, one_text: Ints
) -> None:
    """Damage signals that are `present` on deals that are `able` to take it.

    The harm is noted as `harm_<signal>` and `nobody_said`; deals that lost what placed them are `beyond_help`. `sole`
    deals are placed by their partner alone, `one_text` ones say both names in one field.
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
        needed = max(0, round(FATAL * n * share) - MARGIN)
        hit = np.concatenate([pool[fatal[pool]][:needed], pool[~fatal[pool]][: round(HARMLESS * n * share)]])
        intact[picked[hit], hit] = False
        silent = rng.permutation(np.flatnonzero(able & ~present["partner_name"]))
        nobody[silent[: round(NOBODY * n * share)]] = True
    a["beyond_help"] = decidable(there, sole) & ~decidable(intact, sole)
    way = rng.integers(0, 3, n)
    for row, name in enumerate(SIGNALS):
        harm = np.where(there[row] & ~intact[row], 1 + way % possible(name), 0)
        if name == "participant":  # a row without its party would be no row
            harm = np.where(harm > 0, MISTYPED, 0)
        if name.endswith("_name"):  # a text that holds both names loses letters, not one of the names
            harm = np.where((harm > 0) & one_text, MISTYPED, harm)
        a[f"harm_{name}"] = harm
    a["way"] = way
    a["nobody_said"] = nobody


def possible(signal: str) -> int:
    """Return how many kinds of damage a signal has."""
    return UNREGISTERED if signal == "rep_email" else MISTYPED


def decidable(intact: np.ndarray, sole: Ints) -> Ints:
    """Return which deals still have what places them."""
    has = dict(zip(SIGNALS, intact, strict=True))
    partner = has["partner_id"] | has["partner_name"]
    strong = np.logical_or.reduce([has[name] for name in STRONG])
    decided: Ints = strong | (partner & (has["branch_name"] | has["rep_name"] | sole))
    return decided


# The damage in words, for the truth file.
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
