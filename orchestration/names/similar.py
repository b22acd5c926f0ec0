"""Registered names that are similar to a text without a match. They are suggestions for a person and never decide.

東京支店 and 東京支社 are similar by any measure, but they are two branches.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from orchestration.names.registry import Registered

# Jaro-Winkler gives more weight to the beginning. So it finds a mistyped partner that a branch follows without a space,
# which measures over the whole length do not.
CUTOFF = 0.80
LIMIT = 3
_CELLS = 4_000_000  # cells of the matrix that is compared at a time: 16 MB


class Similar(NamedTuple):
    """One row of the table similar_names."""

    text: str
    partner_id: str
    branch_id: str | None
    similar_to: str
    score: float


def similar(wanted: Mapping[str, Iterable[str]], registered: Iterable[Registered]) -> Iterator[Similar]:
    """Yield for each text and its keys the few partners or branches with the most similar names."""
    by_key: dict[str, list[Registered]] = {}
    for entry in registered:
        by_key.setdefault(entry.key, []).append(entry)
    keys = sorted(by_key)
    close = _close(sorted({query for queries in wanted.values() for query in queries}), keys)
    for text, queries in sorted(wanted.items()):
        best: dict[tuple[str, str], Similar] = {}
        for query in queries:
            for index, score in close.get(query, ()):
                for entry in by_key[keys[index]]:
                    found = Similar(text, entry.partner_id, entry.branch_id, entry.text, score)
                    of = (entry.partner_id, entry.branch_id or "")
                    best[of] = min(best.get(of, found), found, key=lambda one: (-one.score, one.similar_to))
        yield from [best[of] for of in sorted(best, key=lambda of: (-best[of].score, of))[:LIMIT]]


def _close(queries: Sequence[str], keys: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
    """Compare all queries with all keys; return for each query the positions of similar keys with scores (0 to 100)."""
    close: dict[str, list[tuple[int, float]]] = {}
    if not keys:
        return close
    size = max(1, _CELLS // len(keys))
    for start in range(0, len(queries), size):
        block = queries[start : start + size]
        scores = process.cdist(
            block, keys, scorer=JaroWinkler.normalized_similarity, score_cutoff=CUTOFF, dtype=np.float32
        )
        for row, column in zip(*np.nonzero(scores), strict=True):
            score = round(float(scores[row, column]) * 100, 2)
            close.setdefault(block[row], []).append((int(column), score))
    return close
