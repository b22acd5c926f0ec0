"""What the file of an .xlsx workbook says about single cells beyond their values: errors, formulas, number formats.

The library that reads workbooks returns values only: an error and a formula without a stored value are empty there, and
0012 is 12. Other kinds of workbooks (.xls, .xlsb, .ods) are not looked into.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

At = tuple[int, int]  # row and column, from 0
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ERROR = re.compile(
    rb'<(?:\w+:)?c\s(?=[^>]*\bt="e")[^>]*\br="([A-Z]+)([0-9]+)"[^>]*>.*?<(?:\w+:)?v>([^<]*)<', re.DOTALL
)
_FORMULA = re.compile(
    rb'<(?:\w+:)?c\s([^>]*\br="([A-Z]+)([0-9]+)"[^>]*)>\s*<(?:\w+:)?f(?:\s[^>]*?)?(?:/>|>([^<]*)</(?:\w+:)?f>)\s*'
    rb"(<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_STYLED = re.compile(rb'<(?:\w+:)?c\s(?=[^>]*\bs="([0-9]+)")[^>]*\br="([A-Z]+)([0-9]+)"')
_UNIT = re.compile(r'"\s*(百万円|千円|万円|億円|千|百万|万|億|%)\s*"|\\?(千円|百万円|億円|万円)')
NO_VALUE = "#FORMULA!"  # begins a text like an error of a spreadsheet: a formula whose value the file does not hold


@dataclass(frozen=True)
class Format:
    """What a number format does to a number, beyond separators and decimals."""

    code: str
    zeros: int = 0  # digits to which a whole number is filled up with zeros
    scale: int = 1  # by which a number is divided
    unit: str = ""  # written after the number

    def text(self, value: Any, plain: str) -> str:
        """Return a cell's number with the zeros and the unit that people see."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return plain
        if self.zeros and float(value).is_integer():
            return f"{int(value):0{self.zeros}d}"
        return f"{Decimal(plain) / self.scale:f}{self.unit}" if self.unit else plain


@dataclass
class Cells:
    """The cells of a sheet whose value alone is not what people see."""

    errors: dict[At, str] = field(default_factory=dict)
    formats: dict[At, Format] = field(default_factory=dict)


def look(path: Path, sheet: str) -> Cells:
    """Look into a workbook's sheet. A workbook of another kind, or built unlike Excel's, shows nothing."""
    found = Cells()
    if path.suffix.lower() not in (".xlsx", ".xlsm") or not zipfile.is_zipfile(path):
        return found
    try:
        with zipfile.ZipFile(path) as archive:
            formats = dict(_formats(archive.read("xl/styles.xml"))) if "xl/styles.xml" in archive.namelist() else {}
            xml = archive.read(_part(archive, sheet))
    except (KeyError, ElementTree.ParseError, zipfile.BadZipFile, OSError):
        return found
    if b't="e"' in xml:
        found.errors |= {_at(m[1], m[2]): m[3].decode() for m in _ERROR.finditer(xml)}
    if b"<f" in xml or b":f" in xml:
        for match in _FORMULA.finditer(xml):
            if not (match[5] and b't="str"' in match[1]):  # a formula whose value is an empty text
                found.errors[_at(match[2], match[3])] = f"{NO_VALUE} {(match[4] or b'').decode()}".strip()
    if formats:
        styled = ((_at(m[2], m[3]), formats.get(int(m[1]))) for m in _STYLED.finditer(xml))
        found.formats |= {at: one for at, one in styled if one}
    return found


def _at(column: bytes, row: bytes) -> At:
    number = 0
    for letter in column:
        number = number * 26 + letter - 64
    return int(row) - 1, number - 1


def reference(at: At) -> str:
    """Return a cell's name, such as B12."""
    row, column, letters = at[0] + 1, at[1] + 1, ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def _part(archive: zipfile.ZipFile, sheet: str) -> str:
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    for one in book.iter():
        if one.tag.endswith("}sheet") and one.get("name") == sheet:
            target = targets[one.get(_RELATION)]
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(sheet)


def _formats(styles: bytes) -> Iterator[tuple[int, Format]]:
    """Yield the styles whose number format changes what a number says."""
    root = ElementTree.fromstring(styles)
    codes = {one.get("numFmtId"): one.get("formatCode", "") for one in root.iter() if one.tag.endswith("}numFmt")}
    (cells,) = [one for one in root if one.tag.endswith("}cellXfs")] or [ElementTree.Element("none")]
    for style, one in enumerate(cells):
        code = codes.get(one.get("numFmtId"), "")
        positive = code.split(";")[0]
        bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.', "", positive).strip()
        commas = re.search(r"[0#?](,+)(?:[.][0#?]+)?$", bare)
        unit = _UNIT.search(positive)
        zeros = len(bare) if re.fullmatch("0{2,}", bare) and not unit else 0
        if zeros or commas or unit:
            word = next(filter(None, unit.groups()), "") if unit else ""
            yield style, Format(code, zeros, 1000 ** len(commas[1]) if commas else 1, word)
