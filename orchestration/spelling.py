"""Similar names: which known name an unknown column or key may mean."""

import re
from collections.abc import Iterable

_ALIKE = 65.0  # the least similarity, of 100, at which a name is suggested


def folded(name: str) -> str:
    """Return a name without case, spaces and underscores, in which spellings differ."""
    return re.sub(r"[\s_.\-]+", "", name).casefold()


def resembling(name: str, others: Iterable[str]) -> tuple[str, float] | None:
    """Return the most similar name and its similarity from 0 to 1; among equals the first in alphabetical order."""
    from rapidfuzz import fuzz, process

    best = process.extractOne(name, sorted(others), scorer=fuzz.ratio, processor=folded, score_cutoff=_ALIKE)
    return (best[0], round(best[1] / 100, 3)) if best else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean x?)" with the most similar known name, or empty text."""
    close = resembling(name, known)
    return f" (did you mean {close[0]}?)" if close else ""
