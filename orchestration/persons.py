"""A person's values in a home, as patterns that find and replace them in texts and tables. Files are not opened here.

A value that only this person has (an address, a full name that no other rep has) is replaced wherever it is. Any other
value, such as a family name, is replaced only where it is a whole cell of a record that also names the person's id or
address. So no other person and no company loses a name.
"""

import json
import re
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from orchestration import sql

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so that no word comes out
BLANK = r"[\s\x{3000}]*"  # in DuckDB's patterns
LEAST_NAME = 3  # letters; a shorter text is part of too many others


@dataclass(frozen=True)
class Person:
    """What identifies a person, and what replaces it."""

    rep_id: str
    pseudonym: str
    addresses: tuple[str, ...]  # e-mail addresses and telephone numbers
    names: tuple[str, ...]  # that no other rep has
    shared: tuple[str, ...]  # short names, and names that others have, too

    @classmethod
    def of(cls, rep_id: str, addresses: Iterable[str], names: Iterable[str], others: Iterable[str]) -> "Person":
        """Choose a pseudonym by chance: nothing leads from it to the person."""
        pseudonym = "FORGOTTEN-" + "".join(secrets.choice(ALPHABET) for _ in range(12))
        taken = {_folded(other) for other in others}
        all_names = {_folded(name): name for name in names if name.strip()}
        own = {key: name for key, name in all_names.items() if key not in taken and len(key) >= LEAST_NAME}
        shared = tuple(sorted(name for key, name in all_names.items() if key not in own))
        return cls(rep_id, pseudonym, tuple(sorted({a.strip() for a in addresses})), tuple(own.values()), shared)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Person":
        """Return the person of a record that `record` made."""
        lists = {name: tuple(record[name]) for name in ("addresses", "names", "shared")}
        return cls(record["rep_id"], record["pseudonym"], **lists)

    def record(self) -> dict[str, Any]:
        """Return all as JSON."""
        return asdict(self)

    @property
    def has_sure_id(self) -> bool:
        """Return whether the id cannot be taken for a number or a word: otherwise it stays, without a name."""
        return bool(re.search(r"\d", self.rep_id) and re.search(r"[^\W\d]", self.rep_id) and len(self.rep_id) > 3)

    def new_address(self, address: str) -> str:
        """Return what replaces an address. The domain stays: it is the company's, and evidence of a branch."""
        return f"{self.pseudonym.lower()}@{address.partition('@')[2]}" if "@" in address else self.pseudonym

    def pairs(self) -> list[tuple[str, str]]:
        """Return patterns and what replaces each; for Python and, as they use no more than both have, for DuckDB."""
        found = [(f"(?i:{_pattern(a)})", self.new_address(a)) for a in self.addresses]
        found += [(f"(?i:{_pattern(name)})", self.pseudonym) for name in self.names]
        if self.has_sure_id:
            found.append((rf"(^|[^A-Za-z0-9_-]){re.escape(self.rep_id)}($|[^A-Za-z0-9_-])", rf"\1{self.pseudonym}\2"))
        return found

    def in_text(self, text: str) -> str:
        """Return a text, such as a file, without the person; a line is a record."""
        for pattern, new in self._compiled():
            text = pattern.sub(new, text)
            if r"\1" in new:  # of two ids with one character between them the first pass replaces one
                text = pattern.sub(new, text)
        if self.shared:
            marks = re.compile(rf"(?i:{self.pseudonym})|(^|[,\t\"]){re.escape(self.rep_id)}($|[,\t\"\r\n])")
            cells = "|".join(_pattern(name) for name in self.shared)
            cell = re.compile(rf'(^|[,\t"])(?:{cells.replace(BLANK, PYTHON_BLANK)})(?=$|[,\t"\r])')
            lines = text.splitlines(keepends=True)
            text = "".join(cell.sub(rf"\g<1>{self.pseudonym}", line) if marks.search(line) else line for line in lines)
        return text

    def _compiled(self) -> list[tuple[re.Pattern[str], str]]:
        pairs = [(pattern.replace(BLANK, PYTHON_BLANK), new) for pattern, new in self.pairs()]
        for value in self.names:  # as JSON writes them in plain ASCII
            if (escaped := json.dumps(value)[1:-1]) != value:
                pairs.append((f"(?i:{re.escape(escaped)})", self.pseudonym))
        return [(re.compile(pattern, re.MULTILINE), new) for pattern, new in pairs]

    def in_cell(self, column: str, is_of_person: str) -> str:
        """Return SQL of a text column without the person; is_of_person: SQL, whether the row names the person."""
        new_cell = column
        for pattern, new in self.pairs():
            for _ in range(1 + (r"\1" in new)):
                new_cell = f"regexp_replace({new_cell}, {sql.text(pattern)}, {sql.text(new)}, 'g')"
        if not self.shared:
            return new_cell
        is_shared = f"({is_of_person}) and {self._is_shared(column)}"
        return f"case when {is_shared} then {sql.text(self.pseudonym)} else {new_cell} end"

    def found_in(self, column: str, is_of_person: str = "false") -> str:
        """Return SQL that is true where `in_cell` changes a text column."""
        any_of = "|".join(f"(?:{pattern})" for pattern, _ in self.pairs())
        found = f"regexp_matches({column}, {sql.text(any_of)})" if any_of else "false"
        return f"({found} or (({is_of_person}) and {self._is_shared(column)}))" if self.shared else found

    def _is_shared(self, column: str) -> str:
        any_of = "|".join(f"(?:{_pattern(name)})" for name in self.shared)
        return f"regexp_full_match({column}, {sql.text(any_of)})"

    def is_in(self, text: str) -> bool:
        """Return whether a text has a value of this person alone."""
        return any(pattern.search(text) for pattern, _ in self._compiled())


PYTHON_BLANK = r"[\s\u3000]*"


def _folded(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def _pattern(value: str) -> str:
    """Return a pattern for a value in any width, and with any blanks, as people write names."""
    letters = [c for c in unicodedata.normalize("NFKC", value) if not c.isspace()]
    return BLANK.join(_letter(c) for c in letters)


def _letter(letter: str) -> str:
    if "!" <= letter <= "~":  # its wide form is 0xFEE0 further on
        return f"[{re.escape(letter)}{chr(ord(letter) + 0xFEE0)}]"
    return re.escape(letter)
