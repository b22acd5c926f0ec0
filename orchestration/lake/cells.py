"""What the file of a workbook says about single cells beyond their values: errors, formulas, number formats.

The library that reads workbooks returns values only: an error and a formula without a stored value are empty there, and
0012 is 12. In .xls and .xlsb a formula always has a stored value.
"""

import io
import re
import struct
import zipfile
import zlib
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
# Records of .xlsb: rows, cells with an error or a number, sheets, and what styles are made of.
_ROW, _ERROR_CELLS, _NUMBER_CELLS, _SHEET = 0, (3, 11), (2, 5, 9), 156
_FORMAT, _STYLE, _STYLES, _STYLES_END = 44, 47, 617, 618
_ERROR_CODES = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}  # fmt: skip
_TABLE, _OFFICE, _STYLE_OF_ODS = (
    f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}" for name in ("table", "office", "style")
)
_NUMBER = "{urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0}"
_SHOWN_ERROR = re.compile(r"#(?:N/A|[A-Z/0]+[!?])|Err:[0-9]+")
# What reading a damaged archive, or the XML in it, may raise: RuntimeError for a password, NotImplementedError for an
# unknown compression.
DAMAGED = (
    KeyError, IndexError, struct.error, ElementTree.ParseError, zipfile.BadZipFile, zlib.error, EOFError,
    NotImplementedError, RuntimeError, OSError, ValueError,
)  # fmt: skip
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
    """Look into a workbook's sheet. A workbook that is built unlike Excel's and LibreOffice's shows nothing."""
    try:
        if not zipfile.is_zipfile(path):
            return _look_into_xls(path, sheet)
        with zipfile.ZipFile(path) as archive:
            if "content.xml" in archive.namelist():
                return _look_into_ods(archive, sheet)
            return (_look_into_xlsb if "xl/workbook.bin" in archive.namelist() else _look_into_xlsx)(archive, sheet)
    except DAMAGED:
        return Cells()


def _look_into_xlsx(archive: zipfile.ZipFile, sheet: str) -> Cells:
    found = Cells()
    formats = dict(_formats(archive.read("xl/styles.xml"))) if "xl/styles.xml" in archive.namelist() else {}
    xml = archive.read(_part(archive, sheet))
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


def _look_into_xls(path: Path, sheet: str) -> Cells:
    import xlrd

    found = Cells()
    try:
        book = xlrd.open_workbook(path, formatting_info=True, logfile=io.StringIO())
        content = book.sheet_by_name(sheet)
    except Exception:  # a damaged file raises any of many errors; the other library judges the file
        return found
    codes = {key: one.format_str for key, one in book.format_map.items()}
    formats = {i: one for i, style in enumerate(book.xf_list) if (one := _format(codes.get(style.format_key, "")))}
    for row in range(content.nrows):
        for column in range(content.row_len(row)):
            cell = content.cell(row, column)
            if cell.ctype == xlrd.XL_CELL_ERROR:
                found.errors[row, column] = _ERROR_CODES.get(cell.value, "#VALUE!")
            elif cell.ctype == xlrd.XL_CELL_NUMBER and (one := formats.get(cell.xf_index)):
                found.formats[row, column] = one
    return found


def _look_into_xlsb(archive: zipfile.ZipFile, sheet: str) -> Cells:
    found = Cells()
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.bin.rels"))
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    part = next(targets[id_] for id_, name in _sheets_of_xlsb(archive.read("xl/workbook.bin")) if name == sheet)
    styles = archive.read("xl/styles.bin") if "xl/styles.bin" in archive.namelist() else b""
    formats = {i: one for i, code in enumerate(_codes_of_xlsb(styles)) if (one := _format(code))}
    row = 0
    for kind, data in _records(archive.read(part.lstrip("/") if part.startswith("/") else f"xl/{part}")):
        if kind == _ROW:
            (row,) = struct.unpack_from("<I", data)
        elif kind in _ERROR_CELLS:
            found.errors[row, struct.unpack_from("<I", data)[0]] = _ERROR_CODES.get(data[8], "#VALUE!")
        elif kind in _NUMBER_CELLS:
            column, style = struct.unpack_from("<II", data)
            if one := formats.get(style & 0xFFFFFF):
                found.formats[row, column] = one
    return found


def _records(part: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each record of an .xlsb part; both number and length have seven bits to a byte."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte, at = part[at], at + 1
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(part):
        kind, length = number(), number()
        yield kind, part[at : at + length]
        at += length


def _texts(data: bytes, at: int) -> Iterator[str]:
    """Yield the texts of a record from a place on, each after its length."""
    while at + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        yield data[at : at + 2 * length].decode("utf-16-le")
        at += 2 * length


def _sheets_of_xlsb(book: bytes) -> Iterator[tuple[str, str]]:
    for kind, data in _records(book):
        if kind == _SHEET:
            relation, name, *_ = _texts(data, 8)
            yield relation, name


def _codes_of_xlsb(styles: bytes) -> Iterator[str]:
    """Yield the code of the number format of each style of cells."""
    codes: dict[int, str] = {}
    is_of_cells = False
    for kind, data in _records(styles):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", data)[0]] = next(_texts(data, 2))
        elif kind in (_STYLES, _STYLES_END):
            is_of_cells = kind == _STYLES
        elif kind == _STYLE and is_of_cells:
            yield codes.get(struct.unpack_from("<HH", data)[1], "")


def _look_into_ods(archive: zipfile.ZipFile, sheet: str) -> Cells:
    found = Cells()
    root = ElementTree.fromstring(archive.read("content.xml"))
    table = next(one for one in root.iter(f"{_TABLE}table") if one.get(f"{_TABLE}name") == sheet)
    formats = _formats_of_ods(root)
    row = 0
    for line in table.iter(f"{_TABLE}table-row"):
        times = int(line.get(f"{_TABLE}number-rows-repeated", 1))
        column = 0
        for cell in line:
            wide = int(cell.get(f"{_TABLE}number-columns-repeated", 1))
            error, form = _error_of_ods(cell), formats.get(cell.get(f"{_TABLE}style-name"))
            if error or (form and cell.get(f"{_OFFICE}value-type") == "float"):
                for at in ((row + down, column + right) for down in range(times) for right in range(wide)):
                    if error:
                        found.errors[at] = error
                    elif form:
                        found.formats[at] = form
            column += wide
        row += times
    return found


def _error_of_ods(cell: ElementTree.Element) -> str:
    """Return the error of a cell; also of one whose formula has no result."""
    formula = cell.get(f"{_TABLE}formula")
    if formula is None:
        return ""
    shown = "".join(cell.itertext()).strip()
    if _SHOWN_ERROR.fullmatch(shown) or "error" in (value for key, value in cell.items() if key.endswith("value-type")):
        return shown if shown.startswith(("#", "Err:")) else "#VALUE!"
    has_value = any(key.startswith(_OFFICE) for key in cell.attrib)
    return "" if has_value or shown else f"{NO_VALUE} {formula.split(':=', 1)[-1]}"


def _formats_of_ods(root: ElementTree.Element) -> dict[str | None, Format]:
    """Return the styles whose number format changes what a number says, by the name of the style."""
    forms: dict[str | None, Format] = {}
    for style in root.iter(f"{_NUMBER}number-style"):
        number = style.find(f"{_NUMBER}number")
        if number is None:
            continue
        words = "".join(f'"{one.text or ""}"' for one in style.iter(f"{_NUMBER}text"))
        digits = "0" * int(number.get(f"{_NUMBER}min-integer-digits", 1))
        grouped = number.get(f"{_NUMBER}grouping") == "true" or number.get(f"{_NUMBER}decimal-places", "0") != "0"
        scale = len(number.get(f"{_NUMBER}display-factor", "1")) // 3
        if form := _format(("#,##0" if grouped else digits) + "," * scale + words):
            forms[style.get(f"{_STYLE_OF_ODS}name")] = form
    used = {
        one.get(f"{_STYLE_OF_ODS}name"): forms.get(one.get(f"{_STYLE_OF_ODS}data-style-name"))
        for one in root.iter(f"{_STYLE_OF_ODS}style")
    }
    return {name: form for name, form in used.items() if form}


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
        if form := _format(codes.get(one.get("numFmtId"), "")):
            yield style, form


def _format(code: str) -> Format | None:
    """Return what a number format does to a number, if it does more than to separate and to round."""
    positive = code.split(";")[0]
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.', "", positive).strip()
    commas = re.search(r"[0#?](,+)(?:[.][0#?]+)?$", bare)
    unit = _UNIT.search(positive)
    zeros = len(bare) if re.fullmatch("0{2,}", bare) and not unit else 0
    if not (zeros or commas or unit):
        return None
    word = next(filter(None, unit.groups()), "") if unit else ""
    return Format(code, zeros, 1000 ** len(commas[1]) if commas else 1, word)
