"""The ways to read a partner's or branch's text: partner, then branch, then at most a department. Pure functions.

All readings are listed and none is chosen. SQL decides which partner is meant, whose branches count and on which day.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from orchestration.names.normal import Name, Normaliser

_NUMBER = "[0-9〇一二三四五六七八九十]+"
_ORDINAL = re.compile(f"第?{_NUMBER}")


class Reading(NamedTuple):
    """One row of the table readings, without its text. The three keys joined are the key of the text."""

    partner_key: str
    is_bounded: bool  # a boundary, or the text's end, follows the partner
    branch_key: str
    department: str
    allows_stem: bool  # False: the part that was read as a department may belong to the branch's name
    branch_stem: str | None = None  # the branch key without its suffix, if a branch is registered without one


class Reader:
    """Lists readings of texts, split at the keys of registered partners and branches."""

    def __init__(
        self,
        normaliser: Normaliser,
        partner_keys: Collection[str],
        branch_keys: Collection[str],
        bare_keys: Collection[str] = (),
    ) -> None:
        """Store the keys of every registered partner, the keys and stems of every registered branch.

        bare_keys: keys of branches that are registered without a suffix. A text may have one: 高岡支店 for 高岡.
        """
        rules = normaliser.rules
        suffixes = [normaliser.name(suffix).key for suffix in rules.branch_suffixes] if bare_keys else []
        with_suffix = {key + suffix: key for key in bare_keys for suffix in suffixes}
        # 高岡支店 → 高岡, unless a longer suffix leaves another key.
        self._bare = {long: key for long, key in with_suffix.items() if normaliser.stem(long) == key}
        self._partner_keys, self._branch_keys = partner_keys, branch_keys
        self._department_ending = normaliser.ending(rules.department_endings)
        self._company_honorific = normaliser.ending(rules.company_honorifics)
        departments, endings = (
            "|".join(re.escape(normaliser.name(text).key) for text in texts) or "(?!)"
            for texts in (rules.departments, rules.department_endings)
        )
        self._department = re.compile(f"(?:{departments})(?:{endings})*")
        self._numbered = re.compile(f"第{_NUMBER}(?:{endings})(?:第?{_NUMBER}(?:{endings}))*")

    def readings(self, name: Name) -> Iterator[Reading]:
        """List every reading of a normalised text, and of the same text without 様 and 御中 after its words."""
        yield from self._of(name)
        plain = tuple(filter(None, (self._company_honorific.sub("", word) for word in name.words)))
        if plain and plain != name.words:
            yield from self._of(Name(plain, unbroken=name.unbroken))

    def _of(self, name: Name) -> Iterator[Reading]:
        key, boundaries = name.key, name.boundaries
        for start in range(len(key) + 1):
            if start and key[:start] not in self._partner_keys:
                continue
            partner_key, is_bounded = key[:start], start in boundaries
            rest = key[start:]
            yield Reading(partner_key, is_bounded, rest, "", True, self._bare.get(rest))
            for end in self._department_starts(key, start):
                department = key[end:]
                # Without a boundary, 大阪+北営業部 may also be a department of the branch 大阪北.
                allows_stem = end in boundaries or self.is_department(department)
                rest = key[start:end]
                bare = self._bare.get(rest)
                yield Reading(partner_key, is_bounded, rest, department, allows_stem or bare is not None, bare)

    def _department_starts(self, key: str, start: int) -> Iterator[int]:
        """Yield where a department may begin: after a registered branch or, if it is clearly one, after the partner."""
        if not self._department_ending.search(key, start):
            return
        if self.is_department(key[start:]):
            yield start
        for end in range(start + 1, len(key)):
            part = key[start:end]
            if (part in self._branch_keys or part in self._bare) and self._department_ending.search(key, end):
                yield end

    def is_department(self, text: str) -> bool:
        """Return whether a text alone is a department, apart from ordinals: 第一営業部, 法人営業2課, 第3事業部."""
        if self._department.fullmatch(_ORDINAL.sub("", text)):
            return True
        return self._numbered.fullmatch(text) is not None
