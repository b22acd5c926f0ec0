"""Small workbooks of the kinds that no library at hand writes: .xls, .xlsb and .ods, byte by byte.

A cell is a text, a number, None, an Error, or a Formula without a stored value (.ods only). Each column has one number
format.
"""

import io
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr


@dataclass(frozen=True)
class Error:
    """An error of a spreadsheet: a constant, or the result of a formula."""

    text: str
    is_result: bool = False


@dataclass(frozen=True)
class Formula:
    """A formula whose result the file does not hold."""

    text: str


Cell = str | float | None | Error | Formula
Rows = Sequence[Sequence[Cell]]
CODES = {"#NULL!": 0x00, "#DIV/0!": 0x07, "#VALUE!": 0x0F, "#REF!": 0x17, "#NAME?": 0x1D, "#NUM!": 0x24, "#N/A": 0x2A}
_FREE, _END = 0xFFFFFFFF, 0xFFFFFFFE


def xls(rows: Rows, formats: Sequence[str]) -> bytes:
    """Return a workbook of Excel 97: records in a stream of a compound file."""

    def record(kind: int, data: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    def text(value: str) -> bytes:
        return struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")

    def cell(row: int, column: int, value: Cell) -> bytes:
        at = struct.pack("<HHH", row, column, column + 1)
        match value:
            case Error(error, is_result=True):
                result = struct.pack("<BxBxxxH", 2, CODES[error], 0xFFFF)
                return record(0x06, at + result + struct.pack("<HIH", 0, 0, 3) + b"\x1e\x01\x00")
            case Error(error):
                return record(0x205, at + struct.pack("<BB", CODES[error], 1))
            case str():
                return record(0x204, at + text(value))
            case float() | int():
                return record(0x203, at + struct.pack("<d", value))
        return b""

    def beginning(kind: int) -> bytes:
        return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))

    font = record(0x31, struct.pack("<HHHHHBBBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0, 5, 0) + b"Arial")
    codes = b"".join(record(0x41E, struct.pack("<H", 164 + i) + text(code)) for i, code in enumerate(formats))
    used = (0, *range(164, 164 + len(formats)))
    styles = b"".join(record(0xE0, struct.pack("<HHHB13x", 0, code, 1, 0x20)) for code in used)

    def head(start: int) -> bytes:
        sheet = record(0x85, struct.pack("<IBBBB", start, 0, 0, 5, 0) + b"Sheet")
        page = record(0x42, struct.pack("<H", 1200))
        return beginning(5) + page + font * 5 + codes + styles + sheet + record(0x0A)

    cells = b"".join(cell(r, c, value) for r, row in enumerate(rows) for c, value in enumerate(row))
    return _compound(head(len(head(0))) + beginning(0x10) + cells + record(0x0A))


def _compound(stream: bytes) -> bytes:
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    sectors = len(stream) // 512
    chain = [0xFFFFFFFD, _END, *range(3, sectors + 2), _END]
    magic = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header = struct.pack("<8s16x5H6x9I", magic, 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, _END, 0, _END, 0)

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        raw = name.encode("utf-16-le") + b"\0\0"
        rest = struct.pack("<HBBIII36xII4x", len(raw), kind, 1, _FREE, _FREE, child, start, size)
        return raw.ljust(64, b"\0") + rest

    folder = entry("Root Entry", 5, 1, _END, 0) + entry("Workbook", 2, _FREE, 2, len(stream))
    table = struct.pack("<128I", *chain, *[_FREE] * (128 - len(chain)))
    return header + struct.pack("<109I", 0, *[_FREE] * 108) + table + folder.ljust(512, b"\0") + stream


def xlsb(rows: Rows, formats: Sequence[str]) -> bytes:
    """Return a binary workbook of Excel 2007: parts of records in a zip."""

    def record(kind: int, data: bytes = b"") -> bytes:
        length = len(data)
        begin = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        while length >= 0x80:
            begin, length = begin + bytes([length & 0x7F | 0x80]), length >> 7
        return begin + bytes([length]) + data

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    def cell(column: int, value: Cell) -> bytes:
        at = struct.pack("<II", column, column + 1)
        match value:
            case Error(error, is_result=True):
                return record(11, at + struct.pack("<BHII", CODES[error], 0, 0, 0))
            case Error(error):
                return record(3, at + bytes([CODES[error]]))
            case str():
                return record(6, at + text(value))
            case float() | int():
                return record(5, at + struct.pack("<d", value))
        return b""

    codes = b"".join(record(44, struct.pack("<H", 164 + i) + text(code)) for i, code in enumerate(formats))
    used = (0, *range(164, 164 + len(formats)))
    styles = b"".join(record(47, struct.pack("<HH12x", 0, code)) for code in used)
    counts = [struct.pack("<I", len(formats)), struct.pack("<I", len(used))]
    lines = b"".join(
        record(0, struct.pack("<IIHHBI", r, 0, 0, 0, 0, 0)) + b"".join(cell(c, value) for c, value in enumerate(row))
        for r, row in enumerate(rows)
    )
    size = struct.pack("<IIII", 0, len(rows) - 1, 0, len(rows[0]) - 1)
    sheets = record(156, struct.pack("<II", 0, 1) + text("rId1") + text("Sheet"))
    relation = '<Relationship Id="rId1" Target="worksheets/sheet1.bin" Type="worksheet"/>'
    return _zipped(
        {
            "xl/workbook.bin": record(131) + record(143) + sheets + record(144) + record(132),
            "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="relationships">{relation}</Relationships>'.encode(),
            "xl/styles.bin": record(278) + record(615, counts[0]) + codes + record(616)
            + record(617, counts[1]) + styles + record(618) + record(279),
            "xl/worksheets/sheet1.bin": record(129) + record(148, size) + record(145) + lines + record(146)
            + record(130),
        }
    )  # fmt: skip


def ods(rows: Rows, formats: Sequence[str]) -> bytes:
    """Return a workbook of LibreOffice: the formats are `0000`, `#,##0,` and `#,##0`."""
    names = ("office", "table", "text", "style")
    spaces = {name: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0" for name in names}
    spaces |= {"number": "urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0", "calcext": "calcext"}

    def cell(column: int, value: Cell) -> str:
        style = f' table:style-name="c{column}"'
        match value:
            case None:
                return "<table:table-cell/>"
            case Error(error):
                kinds = 'office:value-type="string" office:string-value="" calcext:value-type="error"'
                formula = f"<table:table-cell{style} table:formula={quoteattr('of:=' + error)} {kinds}>"
                return f"{formula}<text:p>{escape(error)}</text:p></table:table-cell>"
            case Formula(formula):
                return f"<table:table-cell{style} table:formula={quoteattr('of:=' + formula)}/>"
            case str():
                return (
                    f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'
                )
        shown = f"<text:p>{value}</text:p>"
        return f'<table:table-cell{style} office:value-type="float" office:value="{value}">{shown}</table:table-cell>'

    def form(column: int, code: str) -> str:
        number = (
            f'number:min-integer-digits="{len(code)}"'
            if set(code) == {"0"}
            else 'number:min-integer-digits="1" number:grouping="true" number:decimal-places="0"'
            + (' number:display-factor="1000"' if code.endswith(",") else "")
        )
        return (
            f'<number:number-style style:name="n{column}"><number:number {number}/></number:number-style>'
            f'<style:style style:name="c{column}" style:family="table-cell" style:data-style-name="n{column}"/>'
        )

    lines = "".join(
        f"<table:table-row>{''.join(cell(c, value) for c, value in enumerate(row))}</table:table-row>" for row in rows
    )
    styles = "".join(form(c, code) for c, code in enumerate(formats) if code)
    declared = " ".join(f'xmlns:{name}="{uri}"' for name, uri in spaces.items())
    content = (
        f"<office:document-content {declared}><office:automatic-styles>{styles}</office:automatic-styles><office:body>"
        f'<office:spreadsheet><table:table table:name="Sheet">{lines}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    mimetype = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    return _zipped({"mimetype": mimetype, "content.xml": content.encode(), "META-INF/manifest.xml": manifest})


def _zipped(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()
