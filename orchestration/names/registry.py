"""The registered names of partners and branches in all extracts. SQL decides which of them count on a day."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestration.names.readings import Reading


@dataclass(frozen=True, slots=True)
class Registered:
    """One key under which a partner or its branch is registered, and the name from which the key comes."""

    key: str
    text: str
    partner_id: str
    branch_id: str | None = None
    is_bare: bool = False  # the name of a branch without a suffix such as 支店


class Registry:
    """All partners by key, all branches by partner."""

    def __init__(self, partners: Iterable[Registered], branches: Iterable[Registered]) -> None:
        """Index the names."""
        self.partners = list(partners)
        self.partners_of_key: dict[str, set[str]] = {}
        for entry in self.partners:
            self.partners_of_key.setdefault(entry.key, set()).add(entry.partner_id)
        self.branches_of_partner: dict[str, list[Registered]] = {}
        for entry in branches:
            self.branches_of_partner.setdefault(entry.partner_id, []).append(entry)
        self._branch_keys = {
            partner_id: frozenset(entry.key for entry in entries)
            for partner_id, entries in self.branches_of_partner.items()
        }
        self.branch_keys = frozenset().union(*self._branch_keys.values())
        self.bare_keys = frozenset(
            entry.key for entries in self.branches_of_partner.values() for entry in entries if entry.is_bare
        )

    def names_branch(self, reading: Reading, partner_id: str) -> bool:
        """Return whether a reading ends in a branch that this partner ever had."""
        keys = self._branch_keys.get(partner_id, frozenset())
        return reading.branch_key in keys or reading.branch_stem in keys

    def partners_read(self, readings: Iterable[Reading]) -> set[str]:
        """Return the partners that a text may name: up to a boundary, or up to a branch of theirs."""
        return {
            partner_id
            for reading in readings
            for partner_id in self.partners_of_key.get(reading.partner_key, ())
            if reading.is_bounded or self.names_branch(reading, partner_id)
        }
