"""Splits a broken delimited file into records, so that each physical line belongs to exactly one.

DuckDB reads valid files; this module repairs the files that it refuses. Lines that are clearly one record are copied
in blocks; the others are parsed in Python. A line that cannot be a record is returned as broken, and reading continues
with the next line. So an unclosed quote costs only its own line.
"""

import io
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby, pairwise
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

# A quoted value may span lines. A value that spans more lines, or a whole record, means an unclosed quote.
LONGEST_VALUE_IN_LINES = 1000
MIN_COLUMNS_OF_A_TELLING_LINE = 3

# has_padding checks the neighbours of values in files with these characters.
KNOWN_MARKS = frozenset(',\t;|"')
LONGEST_SPACE_AND_NEIGHBOURS = 4  # bytes of a space in UTF-8 and of the character before it

_CHUNK = 1 << 20
_NEWLINE, _RETURN, _SPACE = b"\n\r "
_ERRORS = re.compile(rb"#(?:N/A|[A-Z/0?]+!|NAME|GETTING_DATA)|Err:[0-9]")
_OPEN, _JUNK = "open", "junk"


@dataclass(frozen=True)
class Record:
    """One record, valid or broken: without `fields` the line could not be split."""

    number: int
    fields: tuple[str | None, ...] | None
    line: str = ""
    reason: str = ""
    remedy: str = ""


def split(lines: Iterable[str], columns: int, delimiter: str, quote: str) -> Iterator[Record]:
    """Assign every line after the header to one record. Lines keep their ends; blank lines are no data."""
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
            yield _broken(number, first.rstrip("\r\n"), fields, columns, quote)


def _record(
    first: str, source: Iterator[str], ahead: deque[str], columns: int, delimiter: str, quote: str
) -> list[str] | str | int:
    """Return the fields, or the defect: open, junk, or the number of fields found."""
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


def _if_escaped(line: str, quote: str) -> str:
    return '; or state `escape: "\\\\"` for the file in a mapping' if f"\\{quote}" in line else ""


def _broken(number: int, line: str, found: str | int, columns: int, quote: str) -> Record:
    if found == _OPEN:
        reason, remedy = (
            "a quote is opened and not closed",
            "close the quote, or double a quote that is part of a value" + _if_escaped(line, quote),
        )
    elif found == _JUNK:
        reason, remedy = (
            "text follows a closing quote",
            "double a quote that is part of a value" + _if_escaped(line, quote),
        )
    else:
        reason = f"{found} values where the header has {columns} columns"
        remedy = "quote values that contain the delimiter or a line break, and give every row all columns"
        if int(found) < columns:
            remedy += (
                "; or state `short_rows: true` for the file in a mapping if lines leave out empty values at their end"
            )
    return Record(number, None, line, reason, remedy)


def has_lost_values(block: bytes) -> bool:
    """Return whether this text may have an error of a spreadsheet, such as #N/A, or a number such as 1.23E+11."""
    if b"+" in block:
        data = np.frombuffer(block, np.uint8)
        if (data[np.flatnonzero(data[1:] == ord("+"))] | 0x20 == ord("e")).any():
            return True
    return (b"#" in block or b"Err:" in block) and _ERRORS.search(block) is not None


def has_padding(block: bytes) -> bool:
    """Return whether a value in this text may begin or end with a space; the block's first and last byte only serve
    as neighbours.

    Fast and approximate, because trimming each value would cost a third of the load; in doubt the answer is yes.
    """
    data = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(data[1:-1] == ord('"')) + 1
    before, after = data[quotes - 1], data[quotes + 1]
    breaks = _LINE_ENDS[before] | _LINE_ENDS[after]
    if (breaks & _EDGES[before] & _EDGES[after] & (before != ord('"')) & (after != ord('"'))).any():
        return True  # a line break just inside the quotes
    spaces = np.flatnonzero(data[1:-1] == _SPACE) + 1
    if (_EDGES[data[spaces - 1]] | _EDGES[data[spaces + 1]]).any():
        return True
    if block.isascii():
        return False
    # Of the spaces beyond ASCII, which begin in C2, E1, E2 or E3, only U+3000 is common within values.
    wide = np.flatnonzero(data[1:-3] - 0xC2 <= 0x21) + 1
    first, second, third = data[wide], data[wide + 1], data[wide + 2]
    ideographic = wide[(first == 0xE3) & (second == 0x80) & (third == 0x80)]
    if (_EDGES[data[ideographic - 1]] | _EDGES[data[ideographic + 3]]).any():
        return True
    rare = ((first == 0xC2) & (second == 0xA0)) | ((first == 0xE1) & (second == 0x9A) & (third == 0x80))
    rare |= (first == 0xE2) & (second == 0x80) & ((third <= 0x8A) | (third == 0xAF))
    return bool((rare | ((first == 0xE2) & (second == 0x81) & (third == 0x9F))).any())


def _among(characters: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(characters)] = True
    return table


_LINE_ENDS = _among(b"\r\n")
_EDGES = _among("".join(KNOWN_MARKS).encode() + b"\r\n")


def mend(
    source: BinaryIO, target: BinaryIO, columns: int, delimiter: str, quote: str, mark: str
) -> tuple[list[Record], int]:
    """Copy UTF-8 text after its header, with a record of the mark alone in place of each broken record.

    Lines end with a line feed. Return the broken records and the length in bytes of the longest copied record.
    """
    broken: list[Record] = []
    number = longest = 0
    for plain, pieces in groupby(_pieces(source, columns, delimiter, quote), key=lambda piece: piece.is_plain):
        if plain:
            for piece in pieces:
                target.write(piece.text)
                number, longest = number + piece.lines, max(longest, piece.longest)
            continue
        lines = chain.from_iterable(io.StringIO(piece.text.decode(), newline="") for piece in pieces)
        first = number
        for record in split(lines, columns, delimiter, quote):
            number = first + record.number
            if record.fields is None:
                broken.append(replace(record, number=number))
            fields = (mark, *[None] * (columns - 1)) if record.fields is None else record.fields
            line = (delimiter.join(_quoted(field, quote) for field in fields) + "\n").encode()
            longest = max(longest, target.write(line if columns > 1 or fields[0] else (quote * 2 + "\n").encode()))
    return broken, longest


def _quoted(field: str | None, quote: str) -> str:
    return "" if field is None else quote + field.replace(quote, quote * 2) + quote


@dataclass(frozen=True)
class _Piece:
    """Whole lines: either each is clearly one record, or none of them is known to be one."""

    is_plain: bool
    text: bytes
    lines: int = 0
    longest: int = 0


def _pieces(source: BinaryIO, columns: int, delimiter: str, quote: str) -> Iterator[_Piece]:
    telling = columns >= MIN_COLUMNS_OF_A_TELLING_LINE and len(delimiter.encode()) == len(quote.encode()) == 1
    for block in _blocks(source):
        if not telling or delimiter == quote:
            yield _Piece(False, block)
            continue
        ends, plain = _plain_lines(block, columns, ord(delimiter), ord(quote))
        starts = np.concatenate(([0], ends[:-1]))
        has_returns = b"\r" in block
        turns = [0, *(np.flatnonzero(plain[1:] != plain[:-1]) + 1).tolist(), len(plain)]
        for first, beyond in pairwise(turns):
            longest = int((ends[first:beyond] - starts[first:beyond]).max())
            text = block[int(starts[first]) : int(ends[beyond - 1])]
            if plain[first]:
                text = text if text.endswith(b"\n") else text + b"\n"
                text = text.replace(b"\r\n", b"\n") if has_returns else text
            yield _Piece(bool(plain[first]), text, beyond - first, longest)


def _blocks(source: BinaryIO) -> Iterator[bytes]:
    """Yield the text in blocks of whole lines."""
    begun: list[bytes] = []
    while chunk := source.read(_CHUNK):
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r", 0, -1)) + 1
        begun.append(chunk[:end] if end else chunk)
        if end:
            yield b"".join(begun)
            begun = [chunk[end:]] if chunk[end:] else []
    if begun:
        yield b"".join(begun)


def _plain_lines(block: bytes, columns: int, delimiter: int, quote: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where each line ends, and whether it is a record regardless of the lines around it."""
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == _NEWLINE) + 1
    if not ends.size or ends[-1] != len(data):
        ends = np.append(ends, len(data))
    starts = np.concatenate(([0], ends[:-1]))
    delimiters = data == delimiter
    between = np.frombuffer(b"\n" + block + b"\n", np.uint8)  # the first and the last byte have neighbours, too
    returns = np.flatnonzero(data == _RETURN)
    odd = [np.searchsorted(ends, returns[between[returns + 2] != _NEWLINE], "right")]
    quotes = np.flatnonzero(data == quote)
    if quotes.size:
        line = np.searchsorted(ends, quotes, "right")
        per_line = np.bincount(line, minlength=len(ends))
        opens = (np.arange(len(quotes)) - (np.cumsum(per_line) - per_line)[line]) % 2 == 0
        edges = np.zeros(256, dtype=bool)
        edges[[delimiter, quote, _NEWLINE, _RETURN]] = True
        odd += [line[~edges[np.where(opens, between[quotes], between[quotes + 2])]], np.flatnonzero(per_line % 2)]
        turns = np.zeros(len(data), np.uint8)
        turns[quotes] = 1
        turns[ends[per_line % 2 == 1] - 1] ^= 1  # an open quote ends with its line
        delimiters &= np.bitwise_xor.accumulate(turns) == 0
    plain = np.add.reduceat(delimiters, starts, dtype=np.int32) == columns - 1
    plain[np.concatenate(odd)] = False
    return ends, plain
