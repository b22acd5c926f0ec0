"""Names that are written alike: which known name an unknown column or key may mean."""

import re
from collections.abc import Iterable

_ALIKE = 65.0  # of 100: how alike two names are at least, where one is suggested for the other


def folded(name: str) -> str:
    """Return a name without what spellings differ in: case, spaces and underscores."""
    return re.sub(r"[\s_.\-]+", "", name).casefold()


def resembling(name: str, others: Iterable[str]) -> tuple[str, float] | None:
    """Return the name most like this one, and how much from 0 to 1; the first in order of equals."""
    from rapidfuzz import fuzz, process

    best = process.extractOne(name, sorted(others), scorer=fuzz.ratio, processor=folded, score_cutoff=_ALIKE)
    return (best[0], round(best[1] / 100, 3)) if best else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean x?)" for the known name most like this one, or nothing."""
    close = resembling(name, known)
    return f" (did you mean {close[0]}?)" if close else ""
