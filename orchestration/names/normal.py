"""A text as typed → what it is compared by. Pure functions of one text and the seeds; nothing is looked up here.

The order is NFKC, hyphens, variant kanji, case, legal forms, then spaces and punctuation. Legal forms go first because
brackets and dots belong to them. Each removed part leaves a boundary: `words` are the texts between two boundaries.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from orchestration.names.rules import LegalForm, NameRules

# NFKC would leave of ㊑ a bare 株, of ™ the letters tm, and a space between a kana and its sound mark ゛ or ゜.
_BEFORE_NFKC = {"゛": "\u3099", "゜": "\u309a", "™": " ", "℠": " "} | {
    circled: f"({unicodedata.normalize('NFKC', circled)})" for circled in "㊑㊒㊓㊔㊕㊖㊩㊪㊫㊬㊭㊮㊯"
}
_HYPHENS = "‐‑‒–—―−⁃﹘⸺⸻─━"  # never ー, the long vowel, nor 一, the number
_OPEN, _CLOSE = "([{<〔【〈《「『〘〚⦅«‹", ")]}>〕】〉》」』〙〛⦆»›"
_GAP = r"[\W_]*"
_NOT_AFTER_LATIN, _NOT_BEFORE_LATIN = r"(?<![a-z0-9à-ɏ])", r"(?![a-z0-9à-ɏ])"


@dataclass(frozen=True, slots=True)
class Name:
    """A normalised text: its words, and the legal form that was taken out, the first of several."""

    words: tuple[str, ...]
    legal_form: str | None = None

    @property
    def key(self) -> str:
        """What is compared; empty where nothing is left."""
        return "".join(self.words)

    @property
    def boundaries(self) -> frozenset[int]:
        """Positions in the key, its start and end among them, where something was taken out."""
        positions = [0]
        for word in self.words:
            positions.append(positions[-1] + len(word))
        return frozenset(positions)

    def parts_from(self, start: int) -> set[str]:
        """Return the texts between a position and each boundary behind it."""
        return {self.key[start:end] for end in self.boundaries if end > start}


class Entry(NamedTuple):
    """One row of the table texts: everything that is known of a text by itself, None where nothing is left."""

    text: str
    name_key: str | None
    legal_form: str | None
    stem: str | None
    person_key: str | None
    surname_key: str | None
    is_nobody: bool


class _Table(dict[int, str | None]):
    """What str.translate looks characters up in, filled as they come."""

    def __init__(self, rule: Callable[[str], str | None]) -> None:
        self.rule = rule

    def __missing__(self, code: int) -> str | None:
        self[code] = self.rule(chr(code))
        return self[code]


def _visible(character: str) -> str | None:
    """Drop what does not print: marks of direction and width, and selectors of a kanji's drawing."""
    selects_variant = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    if unicodedata.category(character) == "Cf" or selects_variant or character == "\u034f":
        return None
    return _BEFORE_NFKC.get(character, character)


def _separated(character: str) -> str:
    """Make a space of space, punctuation and symbol.

    Letters of a private use area stay: they are the 外字 that a company made for names without a code point.
    """
    category = unicodedata.category(character)
    return " " if category[0] in "ZPS" or category == "Cc" else character


_VISIBLE, _SEPARATED = _Table(_visible), _Table(_separated)


class Normaliser:
    """The functions of one text, with the seeds made ready once."""

    def __init__(self, rules: NameRules) -> None:
        """Compile the seeds."""
        self.rules = rules
        self._characters = str.maketrans(dict.fromkeys(_HYPHENS, "-") | rules.variants)
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
    def _nobody(self) -> frozenset[str]:
        return frozenset(self.name(word).key for word in self.rules.nobody_words)

    def entry(self, text: str) -> Entry:
        """Return everything that is known of a text by itself."""
        blanked, legal_form = self._without_legal_forms(self._folded(text))
        name = self._name(blanked, legal_form)
        person_key, surname_key = self._person(blanked)
        return Entry(
            text=text,
            name_key=name.key or None,
            legal_form=name.legal_form,
            stem=self.stem(name.key),
            person_key=person_key,
            surname_key=surname_key,
            is_nobody=self.is_nobody(name),
        )

    def name(self, text: str) -> Name:
        """Normalise the name of a company, a branch or both."""
        return self._name(*self._without_legal_forms(self._folded(text)))

    def _name(self, blanked: str, legal_form: str | None) -> Name:
        words = _words(blanked)
        # What is left, or was separate, may be a legal form or a character of its own: a key must be its own key.
        if (legal_form or len(words) > 1) and not self._is_stable(key := "".join(words)):
            again = self.name(key)
            return Name(again.words, legal_form or again.legal_form)
        return Name(words, legal_form)

    def _is_stable(self, key: str) -> bool:
        return unicodedata.is_normalized("NFKC", key) and not any(form.search(key) for form in self._legal_forms)

    def stem(self, key: str) -> str | None:
        """Return a branch's key without its suffix (大阪 of 大阪支店), or None where it has none or nothing is left."""
        match = self._suffix.search(key)
        return key[: match.start()] or None if match else None

    def is_nobody(self, name: Name) -> bool:
        """Return whether a text means that there is no partner. With a legal form it names a company."""
        return name.legal_form is None and (not name.key.strip("ー") or name.key in self._nobody)

    def person(self, text: str) -> tuple[str | None, str | None]:
        """Return a person's key, without spaces, honorifics and titles, and the surname where a space sets it off."""
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
        """Apply everything that looks at single characters and takes none out that was seen."""
        text = unicodedata.normalize("NFKC", text.translate(_VISIBLE)).translate(self._characters)
        return unicodedata.normalize("NFKC", text.casefold()).translate(self._characters)

    def _without_legal_forms(self, text: str) -> tuple[str, str | None]:
        """Blank the legal forms, keeping every position, and return the first one's canonical name."""
        found: list[tuple[int, str]] = []

        def blank(match: re.Match[str]) -> str:
            found.append((match.start(), re.sub(_GAP, "", match[0])))
            return " " * len(match[0])

        for pattern in self._legal_forms:
            text = pattern.sub(blank, text)
        return text, self._canonical[min(found)[1]] if found else None

    def _letters(self, text: str) -> tuple[str, ...]:
        return _words(self._folded(text))

    def _pattern(self, form: LegalForm) -> str:
        """Return a pattern that allows for gaps: between the kanji of 株 式 会 社, around the dots of co., ltd."""
        words = self._letters(form.form)
        parts = words if form.kind.startswith("latin") else "".join(words)
        return _GAP.join(map(re.escape, parts))

    def ending(self, texts: Iterable[str]) -> re.Pattern[str]:
        """Return a pattern for the longest of these endings, normalised, at the end of a key."""
        endings = {"".join(self._letters(text)) for text in texts} - {""}
        return re.compile(f"(?:{'|'.join(map(re.escape, sorted(endings)))})$" if endings else r"(?!)")


def _legal_form_pattern(kind: str, forms: Iterable[str]) -> re.Pattern[str]:
    """Return one pattern for all forms of a kind, the longest first."""
    any_form = f"(?:{'|'.join(sorted(forms, key=lambda form: (-len(form), form)))})"
    opened, closed = f"[{re.escape(_OPEN)}]{_GAP}", rf"\s*[{re.escape(_CLOSE)}]"
    match kind:
        case "bracketed":  # of a pair of brackets one may be missing at the text's front or end
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
    # A mark whose letter was taken out would sit on the word before.
    return tuple(word for word in map(_without_leading_marks, words) if word)


def _without_leading_marks(word: str) -> str:
    start = 0
    while start < len(word) and unicodedata.category(word[start])[0] == "M":
        start += 1
    return word[start:]
