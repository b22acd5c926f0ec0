"""Splits a broken delimited file into records, so that each physical line belongs to exactly one.

The engine reads sound files; this reads only those it refuses, one line at a time in Python. A line that cannot be a
record is given back as broken, alone, and reading goes on with the next: an unclosed quote costs its own line only.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A quoted value may span lines. One that spans more, or runs over a whole record, is taken for an unclosed quote.
LONGEST_VALUE_IN_LINES = 1000
MIN_COLUMNS_OF_A_TELLING_LINE = 3

_OPEN, _JUNK = "open", "junk"


@dataclass(frozen=True)
class Record:
    """One record, sound or broken: `fields` is None where the line could not be split."""

    number: int
    fields: tuple[str | None, ...] | None
    line: str = ""
    reason: str = ""
    remedy: str = ""


def split(lines: Iterable[str], columns: int, delimiter: str, quote: str) -> Iterator[Record]:
    """Give every line after the header to one record. Lines keep their ends; blank lines are no data."""
    source = iter(lines)
    ahead: deque[str] = deque()
    number = 0
    while ahead or (line := next(source, None)) is not None:
        first = ahead.popleft() if ahead else line
        assert first is not None
        if not first.strip() and columns > 1:
            continue
        number += 1
        fields = _record(first, source, ahead, columns, delimiter, quote)
        if isinstance(fields, list):
            yield Record(number, tuple(value or None for value in fields))
        else:
            yield _broken(number, first.rstrip("\r\n"), fields, columns)


def _record(
    first: str, source: Iterator[str], ahead: deque[str], columns: int, delimiter: str, quote: str
) -> list[str] | str | int:
    """Return the fields, or what is wrong: open, junk, or the number of fields found."""
    text = first
    fields = _fields(text.rstrip("\r\n"), delimiter, quote)
    used = 0
    while fields == _OPEN and used < LONGEST_VALUE_IN_LINES:
        if used == len(ahead):
            following = next(source, None)
            if following is None:
                break
            ahead.append(following)
        alone = _fields(ahead[used].rstrip("\r\n"), delimiter, quote)
        if columns >= MIN_COLUMNS_OF_A_TELLING_LINE and isinstance(_fit(alone, columns), list):
            break
        text += ahead[used]
        used += 1
        fields = _fields(text.rstrip("\r\n"), delimiter, quote)
    fitting = _fit(fields, columns)
    if isinstance(fitting, list):
        for _ in range(used):
            ahead.popleft()
    return fitting


def _fit(fields: list[str] | str, columns: int) -> list[str] | str | int:
    if isinstance(fields, str):
        return fields
    if len(fields) == columns + 1 and not fields[-1].strip():  # a delimiter at the line's end, as the engine allows
        return fields[:-1]
    return fields if len(fields) == columns else len(fields)


def _fields(text: str, delimiter: str, quote: str) -> list[str] | str:
    if quote not in text:
        return text.split(delimiter)
    fields: list[str] = []
    at = 0
    while True:
        start = at
        while text.startswith(" ", start) and delimiter != " ":
            start += 1
        if not text.startswith(quote, start):
            end = text.find(delimiter, at)
            fields.append(text[at:] if end < 0 else text[at:end])
        else:
            close = text.find(quote, start + 1)
            while close >= 0 and text.startswith(quote, close + 1):
                close = text.find(quote, close + 2)
            if close < 0:
                return _OPEN
            end = text.find(delimiter, close + 1)
            if text[close + 1 : end if end >= 0 else len(text)].strip(" "):
                return _JUNK
            fields.append(text[start + 1 : close].replace(quote * 2, quote))
        if end < 0:
            return fields
        at = end + len(delimiter)


def _broken(number: int, line: str, found: str | int, columns: int) -> Record:
    if found == _OPEN:
        reason, remedy = (
            "a quote is opened and not closed",
            "close the quote, or double a quote that is part of a value",
        )
    elif found == _JUNK:
        reason, remedy = "text follows a closing quote", "double a quote that is part of a value"
    else:
        reason = f"{found} values where the header has {columns} columns"
        remedy = "quote values that hold the delimiter or a line break, and give every row all columns"
    return Record(number, None, line, reason, remedy)
