"""Normalises a text as typed to a key for comparison. Pure functions of one text and the seeds, without look-ups.

The order is NFKC, hyphens, variant kanji, case, legal forms, then spaces and punctuation. Legal forms are removed
before punctuation because brackets and dots belong to them. Each removed part leaves a boundary: `words` are the texts
between two boundaries.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from orchestration.names.rules import LegalForm, NameRules

# NFKC would turn ㊑ into a bare 株, ™ into the letters tm, and put a space between a kana and its sound mark ゛ or ゜.
_BEFORE_NFKC = {"゛": "\u3099", "゜": "\u309a", "™": " ", "℠": " "} | {
    circled: f"({unicodedata.normalize('NFKC', circled)})" for circled in "㊑㊒㊓㊔㊕㊖㊩㊪㊫㊬㊭㊮㊯"
}
_HYPHENS = "‐‑‒–—―−⁃﹘⸺⸻─━"  # never ー, the long vowel, nor 一, the number
_OPEN, _CLOSE = "([{<〔【〈《「『〘〚⦅«‹", ")]}>〕】〉》」』〙〛⦆»›"
_GAP = r"[\W_]*"
_NOT_AFTER_LATIN, _NOT_BEFORE_LATIN = r"(?<![a-z0-9à-ɏ])", r"(?![a-z0-9à-ɏ])"


@dataclass(frozen=True, slots=True)
class Name:
    """A normalised text: its words, and the first of the legal forms that were removed.

    unbroken: length of the part before a legal form that is not at the text's start. That part is one name, so that
    nothing in it is a boundary: 甲・テクノロジー株式会社 is not 甲.
    """

    words: tuple[str, ...]
    legal_form: str | None = None
    unbroken: int = 0

    @property
    def key(self) -> str:
        """The key for comparison; empty if nothing is left."""
        return "".join(self.words)

    @property
    def boundaries(self) -> frozenset[int]:
        """Positions in the key at which something was removed, including its start and end."""
        positions, end = [0], 0
        for word in self.words:
            end += len(word)
            if end >= self.unbroken:
                positions.append(end)
        return frozenset(positions)

    def parts_from(self, start: int) -> set[str]:
        """Return the texts between a position and each later boundary."""
        return {self.key[start:end] for end in self.boundaries if end > start}


class Entry(NamedTuple):
    """One row of the table texts: everything that follows from the text alone; None if nothing is left."""

    text: str
    name_key: str | None
    spelling: str | None  # the key, with the kanji as they were typed
    legal_form: str | None
    stem: str | None
    person_key: str | None
    surname_key: str | None
    is_nobody: bool


class _Table(dict[int, str | None]):
    """A table for str.translate that computes the replacement of a character at its first use."""

    def __init__(self, rule: Callable[[str], str | None]) -> None:
        self.rule = rule

    def __missing__(self, code: int) -> str | None:
        self[code] = self.rule(chr(code))
        return self[code]


def _visible(character: str) -> str | None:
    """Drop characters that do not print: marks of direction and width, and variation selectors of kanji."""
    selects_variant = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    if unicodedata.category(character) == "Cf" or selects_variant or character == "\u034f":
        return None
    return _BEFORE_NFKC.get(character, character)


def _separated(character: str) -> str:
    """Replace space, punctuation and symbols with a space.

    Characters of a private use area stay: they are 外字, which a company made for names without a code point.
    """
    category = unicodedata.category(character)
    return " " if category[0] in "ZPS" or category == "Cc" else character


_VISIBLE, _SEPARATED = _Table(_visible), _Table(_separated)


class Normaliser:
    """The normalising functions, with the seeds compiled once."""

    def __init__(self, rules: NameRules) -> None:
        """Compile the seeds."""
        self.rules = rules
        self._characters = str.maketrans(dict.fromkeys(_HYPHENS, "-") | rules.variants)
        self._as_typed = str.maketrans(dict.fromkeys(_HYPHENS, "-"))
        self._variants = frozenset(rules.variants)
        self._canonical: dict[str, str] = {}
        by_kind: dict[str, list[str]] = {}
        for form in rules.legal_forms:
            letters = "".join(self._letters(form.form))
            self._canonical.setdefault(letters, form.canonical)
            by_kind.setdefault(form.kind, []).append(self._pattern(form))
        self._legal_forms = tuple(_legal_form_pattern(kind, forms) for kind, forms in by_kind.items())
        self._suffix = self.ending(rules.branch_suffixes)
        self._honorific = self.ending(rules.honorifics)

    @cached_property
    def _no_partner_keys(self) -> frozenset[str]:
        return frozenset(self.name(word).key for word in self.rules.nobody_words)

    def entry(self, text: str) -> Entry:
        """Return everything that follows from a text alone."""
        blanked, legal_form, formed_at = self._without_legal_forms(self._folded(text))
        name = self._name(blanked, legal_form, formed_at)
        person_key, surname_key = self._person(blanked)
        return Entry(
            text=text,
            name_key=name.key or None,
            spelling=self._spelling(text, blanked, name.key) or None,
            legal_form=name.legal_form,
            stem=self.stem(name.key),
            person_key=person_key,
            surname_key=surname_key,
            is_nobody=self.is_nobody(name),
        )

    def name(self, text: str) -> Name:
        """Normalise the name of a company, a branch or both."""
        return self._name(*self._without_legal_forms(self._folded(text)))

    def _spelling(self, text: str, blanked: str, key: str) -> str:
        """Return the key with the kanji as they were typed, if each of its characters replaces one of the text."""
        if self._variants.isdisjoint(text):
            return key
        visible = unicodedata.normalize("NFKC", text.translate(_VISIBLE))
        typed = unicodedata.normalize("NFKC", visible.translate(self._as_typed).casefold()).translate(self._as_typed)
        if len(typed) != len(blanked):
            return key
        kept = "".join(" " if letter == " " else original for letter, original in zip(blanked, typed, strict=True))
        spelling = "".join(_words(kept))
        return spelling if len(spelling) == len(key) else key

    def _name(self, blanked: str, legal_form: str | None, formed_at: int) -> Name:
        words = _words(blanked)
        # The rest may contain a legal form again. Normalising a key must return the same key.
        if (legal_form or len(words) > 1) and not self._is_stable(key := "".join(words)):
            again = self.name(key)
            return Name(again.words, legal_form or again.legal_form)
        unbroken = sum(map(len, _words(blanked[:formed_at]))) if formed_at and len(words) > 1 else 0
        return Name(words, legal_form, unbroken)

    def _is_stable(self, key: str) -> bool:
        return unicodedata.is_normalized("NFKC", key) and not any(form.search(key) for form in self._legal_forms)

    def stem(self, key: str) -> str | None:
        """Return a branch's key without its suffix (大阪 for 大阪支店); None if it has none or is only a suffix."""
        match = self._suffix.search(key)
        return key[: match.start()] or None if match else None

    def is_nobody(self, name: Name) -> bool:
        """Return whether a text means that there is no partner. With a legal form it names a company."""
        return name.legal_form is None and (not name.key.strip("ー") or name.key in self._no_partner_keys)

    def person(self, text: str) -> tuple[str | None, str | None]:
        """Return a person's key, without spaces, honorifics and titles, and the surname if a space follows it."""
        return self._person(self._without_legal_forms(self._folded(text))[0])

    def _person(self, blanked: str) -> tuple[str | None, str | None]:
        chunks = [list(words) for chunk in blanked.split() if (words := _words(chunk))]
        for end in (-1, 0):
            while chunks and chunks[end][end] in self.rules.latin_honorifics:
                chunks[end].pop(end)
                chunks = [chunk for chunk in chunks if chunk]
        parts = ["".join(chunk) for chunk in chunks]
        while parts and (match := self._honorific.search(parts[-1])):
            parts[-1] = parts[-1][: match.start()]
            if not parts[-1]:
                parts.pop()
        return ("".join(parts) or None), (parts[0] if len(parts) > 1 else None)

    def _folded(self, text: str) -> str:
        """Apply the rules for single characters, none of which removes a visible character."""
        text = unicodedata.normalize("NFKC", text.translate(_VISIBLE)).translate(self._characters)
        return unicodedata.normalize("NFKC", text.casefold()).translate(self._characters)

    def _without_legal_forms(self, text: str) -> tuple[str, str | None, int]:
        """Blank the legal forms, keeping every position; return the first one's canonical name and its position."""
        found: list[tuple[int, str]] = []

        def blank(match: re.Match[str]) -> str:
            found.append((match.start(), re.sub(_GAP, "", match[0])))
            return " " * len(match[0])

        for pattern in self._legal_forms:
            text = pattern.sub(blank, text)
        if not found:
            return text, None, 0
        start, form = min(found)
        return text, self._canonical[form], start

    def _letters(self, text: str) -> tuple[str, ...]:
        return _words(self._folded(text))

    def _pattern(self, form: LegalForm) -> str:
        """Return a pattern that allows for gaps: between the kanji of 株 式 会 社, around the dots of co., ltd."""
        words = self._letters(form.form)
        parts = words if form.kind.startswith("latin") else "".join(words)
        return _GAP.join(map(re.escape, parts))

    def ending(self, texts: Iterable[str]) -> re.Pattern[str]:
        """Return a pattern for the longest of these endings, in normalised form, at the end of a key."""
        endings = {"".join(self._letters(text)) for text in texts} - {""}
        return re.compile(f"(?:{'|'.join(map(re.escape, sorted(endings)))})$" if endings else r"(?!)")


def _legal_form_pattern(kind: str, forms: Iterable[str]) -> re.Pattern[str]:
    """Return one pattern for all forms of a kind, the longest first."""
    any_form = f"(?:{'|'.join(sorted(forms, key=lambda form: (-len(form), form)))})"
    opened, closed = f"[{re.escape(_OPEN)}]{_GAP}", rf"\s*[{re.escape(_CLOSE)}]"
    match kind:
        case "bracketed":  # one bracket of a pair may be missing at the start or end of the text
            return re.compile(rf"{opened}{any_form}{closed}|^\s*{any_form}{closed}|{opened}{any_form}\s*$")
        case "latin":
            return re.compile(rf"{_NOT_AFTER_LATIN}{any_form}{_NOT_BEFORE_LATIN}")
        case "latin_at_edge":
            return re.compile(
                rf"^{_GAP}{any_form}{_NOT_BEFORE_LATIN}|{_NOT_AFTER_LATIN}{any_form}(?={_GAP}$)",
            )
        case _:
            return re.compile(any_form)


def _words(text: str) -> tuple[str, ...]:
    """Split at spaces, punctuation and symbols, and drop them."""
    words = text.translate(_SEPARATED).split()
    # A combining mark whose letter was removed would attach to the word before.
    return tuple(word for word in map(_without_leading_marks, words) if word)


def _without_leading_marks(word: str) -> str:
    start = 0
    while start < len(word) and unicodedata.category(word[start])[0] == "M":
        start += 1
    return word[start:]
