"""Turns one landed file of any format into a scan: numbered rows of text (or of a Parquet file's own types).

It handles encodings, compression and broken files. It does not use the contract; rules.py checks values.
"""

import codecs
import csv
import gzip
import hashlib
import io
import re
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO, TextIO

import duckdb

from orchestration import sql
from orchestration.lake import records, workbook
from orchestration.lake.workbook import Sheet
from orchestration.sql import RefusedError

_CHUNK = 1 << 20
_LONGEST_RECORD = 2_000_000  # bytes of a line that DuckDB accepts by default
_MOST_COLUMNS = 2_000
_LONGEST_LINE = 1 << 26  # bytes that are certainly no record
_LARGEST_BOMB, _MOST_TIMES = 1 << 30, 200  # bytes that a .gz may unpack to anyway, and how often its size
_LARGEST_ANSWER = 1 << 28  # bytes of one JSON object
_LISTS = ("$", "$.records", "$.results")  # the paths at which a document or an API's answer may have its records
_NO_JSON = "\\x01"  # never inside a line of JSON, where control characters are escaped
_UNREADABLE = "kyoten.unreadable"  # the handler of bytes that are not of the encoding
_MARK = "\U0010fffd"  # before such a byte; of a plane for private use, so that no text has it
_LINES_PER_UNREADABLE = 100  # where more lines have such bytes, the encoding is another one
WHITESPACE = " \t\r\n\v\f\u3000"


@dataclass(frozen=True)
class Dialect:
    """How a delimited text file is written."""

    encoding: str = "utf-8"
    delimiter: str = ""
    quote: str = '"'
    skip_rows: int = 0
    sheet: str = ""
    header: tuple[str, ...] = ()  # names of the columns, where the file has no header
    header_rows: int = 1
    escape: str = ""  # before a quote within quotes, where quotes are not doubled
    short_rows: bool = False  # empty values at the end of a line are left out
    keyed_by: str = ""  # for JSON: where records are stored under keys, and the name of the column for these
    nested: bool = False  # for JSON: the members of an object are columns too, as object.member


@dataclass(frozen=True)
class Content:
    """The result of one pass over the bytes: the delivered file's hash, and the shape of the text in it."""

    sha256: str
    lines: int = 0
    has_quotes: bool = True
    has_tabs: bool = True
    is_padded: bool = True  # a value may begin or end with a space
    is_empty: bool = False
    has_lost_values: bool = True  # there may be errors of a spreadsheet, or numbers such as 1.23E+11
    has_formulas: bool = True  # there may be values such as ="0012"
    unreadable: str = ""  # the first byte that is not of the encoding, where a few lines have such bytes


@dataclass(frozen=True)
class SourceColumn:
    """A column of a file: its name there, and its SQL and type in the scan."""

    name: str
    sql: str
    type: str = "VARCHAR"
    header: str = ""  # the name in the file, where the column has another one in SQL


@dataclass(frozen=True)
class Scan:
    """A FROM item over one file with the columns c0 … cn."""

    sql: str
    columns: tuple[SourceColumn, ...]
    row_number: str  # evaluated over the rows in file order
    valid: str = "true"  # false for a record that could not be split
    invalid: tuple[str, str] = ("", "")  # why, and the remedy
    present: str = "true"  # false for a record that only replaces a broken one
    raw: str = ""  # SQL of the whole row as JSON; built from the columns where empty
    expected: int | None = None  # records, if every line holds one; None where lines do not show it
    at_most: int | None = None  # records, however they lie in the lines
    lost: bool = True  # there may be errors of a spreadsheet, or numbers such as 1.23E+11
    sheet: Sheet = field(default_factory=Sheet, repr=False)  # where the file is a workbook
    padded: bool = True  # values may begin or end with a space
    odd_space: bool = True  # these may be tabs or line breaks
    broken: tuple[records.Record, ...] = ()
    text: "DelimitedText | None" = field(default=None, repr=False)

    @property
    def raw_row(self) -> str:
        """SQL of the whole row, as a JSON object of column to text."""
        pairs = ", ".join(f"{sql.text(c.name)}, CAST({c.sql} AS VARCHAR)" for c in self.columns)
        return self.raw or f"CAST(json_object({pairs}) AS VARCHAR)"


@dataclass(frozen=True)
class DelimitedText:
    """A delimited file with what is needed to read it again line by line."""

    path: Path
    dialect: Dialect
    header_lines: int
    staging: Path  # the folder for a copy without the broken records
    has_formulas: bool = True


def examine(path: Path, encoding: str = "utf-8") -> Content:
    """Hash a file; if it is text, also count lines and prove the encoding. All in one streamed pass."""
    if path.suffix.lower() == ".parquet" or workbook.is_workbook(path):
        with path.open("rb") as file:
            return Content(hashlib.file_digest(file, "sha256").hexdigest())
    decoder = codecs.getincrementaldecoder(_python_encoding(encoding))(errors=_UNREADABLE)
    is_utf8 = _python_encoding(encoding) == "utf-8-sig"
    wide = codecs.lookup(_python_encoding(encoding)).name.startswith(("utf-16", "utf-32", "utf-7"))
    digest = hashlib.sha256()
    newlines = returns = size = since = 0
    quotes = tabs = lost = formulas = False
    bad = 0  # lines with bytes of another encoding
    fits = False  # a line shows that the encoding is right
    first: tuple[int, str] | None = None  # the first of these lines, and the byte
    padded = not is_utf8
    last = b"\n"  # the end of the chunk before, so that neighbours across two chunks are seen
    with path.open("rb") as file:
        for chunk in _chunks(path, file, digest):
            text = _decoded(decoder, chunk, encoding)
            if _MARK in text:
                parts = text.split("\n")
                bad += sum(_MARK in line for line in parts)
                fits = fits or any(_MARK not in line and not line.isascii() for line in parts)
                at = text.index(_MARK)
                first = first or (newlines + text[:at].count("\n") + 1, text[at + 3 : at + 5])
            else:
                fits = fits or not text.isascii()
            chunk = text.encode() if wide else chunk
            size += len(chunk)
            since = since + len(chunk) if (end := max(map(chunk.rfind, b"\n\r"))) < 0 else len(chunk) - 1 - end
            if since > _LONGEST_LINE and kind(path) != "json":
                raise RefusedError(
                    f"has a line of more than {_LONGEST_LINE >> 20} MiB after line {newlines:,}, so it is damaged, "
                    "or no text. Deliver it again."
                )
            newlines += chunk.count(b"\n")
            returns += chunk.count(b"\r") if not newlines else 0
            quotes = quotes or b'"' in chunk
            tabs = tabs or b"\t" in chunk
            lost = lost or records.has_lost_values(last + chunk)
            formulas = formulas or (b"=" in chunk and b'="' in last + chunk)
            padded = padded or records.has_padding(last + chunk)
            last = (last + chunk)[-records.LONGEST_SPACE_AND_NEIGHBOURS :]
        if _MARK in (rest := _decoded(decoder, b"", encoding, final=True)):
            bad, first = bad + 1, first or (newlines + 1, rest[3:5])
    padded = padded or records.has_padding(last + b"\n")
    lines = (newlines or returns) + (1 if size and last[-1:] not in b"\r\n" else 0)
    unreadable = ""
    if first:
        unreadable = f"line {first[0]:,} has the byte 0x{first[1]}, which is not {encoding} text"
        guess = _guess(path, encoding)
        if wide or (guess and not fits) or first[0] == 1 or bad > max(1, lines // _LINES_PER_UNREADABLE):
            raise RefusedError(
                f"is not {encoding} text: line {first[0]} has the byte 0x{first[1]}{guess}. Save it as “CSV UTF-8”, or "
                "state its `encoding:` in a mapping."
            )
    return Content(digest.hexdigest(), lines, quotes, tabs, padded, size == 0, lost, formulas, unreadable)


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, encoding: str, *, final: bool = False) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeError as error:  # such as UTF-16 without the mark of its byte order
        raise RefusedError(
            f"is not {encoding} text ({error}). Save it as “CSV UTF-8”, or state its `encoding:` in a mapping."
        ) from error


def _chunks(path: Path, file: BinaryIO, digest: "hashlib._Hash") -> Iterator[bytes]:
    """Yield a file's text bytes, decompressed, while hashing the bytes as delivered."""
    if path.suffix.lower() != ".gz":
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            yield chunk
        return
    size = 0
    try:
        with gzip.open(path) as unpacked:
            while chunk := unpacked.read(_CHUNK):
                size += len(chunk)
                if size > max(_LARGEST_BOMB, _MOST_TIMES * path.stat().st_size):
                    raise RefusedError(
                        f"unpacks to more than {_MOST_TIMES} times its size, as no real data does. Deliver it unpacked."
                    )
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedError(f"cannot be unpacked as gzip ({error}). Deliver the file again.") from error
    while chunk := file.read(_CHUNK):
        digest.update(chunk)


def _marked(error: UnicodeError) -> tuple[str, int]:
    """Return a mark and the byte that is not of the encoding, and where decoding goes on."""
    assert isinstance(error, UnicodeDecodeError)
    return f"{_MARK}\\x{error.object[error.start]:02x}", error.start + 1


codecs.register_error(_UNREADABLE, _marked)


def _guess(path: Path, encoding: str) -> str:
    """Return which encoding a file may have that is not of the expected one."""
    with open_bytes(path) as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return " (it looks like utf-16)"
    if _python_encoding(encoding) == "cp932":
        return ""
    try:
        with open_bytes(path) as file, io.TextIOWrapper(file, encoding="cp932") as text:
            while text.read(_CHUNK):
                pass
    except UnicodeDecodeError:
        return ""
    return " (it looks like cp932, the Shift_JIS of Windows)"


def _python_encoding(encoding: str) -> str:
    plain = encoding.lower().replace("_", "-")
    if plain in ("shift-jis", "shiftjis", "sjis", "s-jis", "windows-31j", "ms932"):
        return "cp932"  # what people mean by it: Windows writes ①, ㈱ and 髙, which the standard lacks
    return "utf-8-sig" if plain in ("utf-8", "utf8") else encoding


def kind(path: Path) -> str:
    """Return the format by the file's ending: csv, tsv, json, jsonl or parquet; no known ending means csv."""
    suffixes = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    last = suffixes[-1].lstrip(".") if suffixes else "csv"
    return last if last in ("tsv", "json", "jsonl", "parquet") else "csv"


def open_scan(
    connection: duckdb.DuckDBPyConnection, path: Path, content: Content, dialect: Dialect, staging: Path
) -> Scan:
    """Return a file's scan. Raises RefusedError where the file as a whole cannot be read."""
    if content.is_empty:
        raise RefusedError(
            "is empty: not even a header line. Deliver it again; a dataset without rows has its header line."
        )
    if workbook.is_workbook(path):
        path, content, sheet = _sheet(path, content, dialect.sheet, staging)
        scan = open_scan(
            connection, path, content, replace(dialect, delimiter="", quote='"', encoding="utf-8", escape=""), staging
        )
        return replace(scan, sheet=sheet)
    path = _readable(path, content, dialect, staging)
    if kind(path) == "parquet":
        return _parquet(connection, path)
    if kind(path) == "jsonl":
        return _jsonl(connection, _lines(path), dialect.nested)
    if kind(path) == "json":
        return _jsonl(connection, _objects(connection, path, dialect), dialect.nested)
    dialect = replace(dialect, encoding="utf-8") if path.parent == staging else dialect
    dialect = _announced(path, dialect)
    delimiter = dialect.delimiter or ("\t" if kind(path) == "tsv" else ",")
    return _delimited(path, content, replace(dialect, delimiter=delimiter), staging)


def _announced(path: Path, dialect: Dialect) -> Dialect:
    """Return the dialect with the delimiter that a first line such as `sep=;` announces to Excel."""
    with open_text(path, dialect.encoding) as text:
        first = re.fullmatch("\ufeff?sep=(.)[\r\n]*", text.readline(10), re.IGNORECASE)
    if not first or dialect.skip_rows:
        return dialect
    return replace(dialect, delimiter=dialect.delimiter or first[1], skip_rows=1)


def _sheet(path: Path, content: Content, sheet: str, staging: Path) -> tuple[Path, Content, Sheet]:
    """Return a workbook's sheet as text, with the same hash and its own shape."""
    text = staging / f"{content.sha256[:16]}-{hashlib.sha256(sheet.encode()).hexdigest()[:8]}.csv"
    written = workbook.write_sheet(path, sheet, text)
    if not written.lines:
        raise RefusedError("has an empty sheet. Name the sheet with the rows under `sheet:` in a mapping.")
    return text, Content(content.sha256, written.lines, has_formulas=False), written


def _readable(path: Path, content: Content, dialect: Dialect, staging: Path) -> Path:
    """Return a path that DuckDB can read: text in UTF-8, and no pattern characters in the name."""
    is_text = kind(path) != "parquet"
    if is_text and (_python_encoding(dialect.encoding) != "utf-8-sig" or dialect.escape or content.unreadable):
        decoded = staging / f"{content.sha256[:16]}.{kind(path)}"
        with open_text(path, dialect.encoding) as text, decoded.open("w", encoding="utf-8", newline="") as file:
            while chunk := text.read(_CHUNK):
                while dialect.escape and chunk.endswith(dialect.escape) and (more := text.read(1)):
                    chunk += more  # what is escaped may be in the next chunk
                file.write(_unescaped(chunk, dialect) if dialect.escape else chunk)
        return decoded
    if re.search(r"[*?\[\]{}]", str(path)):
        link = staging / f"link-{content.sha256[:16]}{''.join(path.suffixes[-2:])}"
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())
        return link
    return path


def _unescaped(text: str, dialect: Dialect) -> str:
    """Return text with doubled quotes in place of escaped ones, and without other escapes."""
    meant = {dialect.quote: dialect.quote * 2, "N": "", "0": "", "n": "\n", "r": "\r", "t": "\t"}
    return re.sub(f"(?s){re.escape(dialect.escape)}(.)", lambda match: meant.get(match[1], match[1]), text)


def open_bytes(path: Path) -> BinaryIO:
    """Open a file, decompressed if its name ends with .gz."""
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open text with its line ends unchanged."""
    with (
        open_bytes(path) as raw,
        io.TextIOWrapper(raw, encoding=_python_encoding(encoding), errors=_UNREADABLE, newline="") as text,
    ):
        yield text


def _delimited(path: Path, content: Content, dialect: Dialect, staging: Path) -> Scan:
    with open_text(path, dialect.encoding) as text:
        skipped = sum(1 for _ in islice(text, dialect.skip_rows))
        reader = csv.reader(text, delimiter=dialect.delimiter, quotechar=dialect.quote)
        lines: list[list[str]] = []
        above = 0  # lines before the last record of the header
        try:
            for _ in range(1 if dialect.header else dialect.header_rows):
                above = reader.line_num
                lines.append(next(reader, []))
        except csv.Error as error:
            raise RefusedError(
                f"has a header line that cannot be read ({error}). Correct line {skipped + 1}."
            ) from error
        header_lines = dialect.skip_rows + (0 if dialect.header else reader.line_num)
    if dialect.header and len(dialect.header) != len(lines[0]):
        raise RefusedError(
            f"has {len(lines[0])} values in its first line, and `header:` names {len(dialect.header)} columns. "
            "Name each column."
        )
    names = list(dialect.header) or _joined([[cell.strip().strip("\ufeff") for cell in line] for line in lines])
    if not any(names):
        raise RefusedError(f"has no header: line {skipped + 1} is blank. Put the column names in the first line.")
    if bad := next((name for name in names if _MARK in name), None):
        raise RefusedError(f"has bytes of another encoding in its header ({bad.replace(_MARK, '')}). Correct it.")
    if odd := next((name for name in names if "\0" in name), None):
        raise RefusedError(f"has the column {odd!r}, with a NUL character in its name. Rename the column.")
    columns = tuple(SourceColumn(name or f"column {i + 1}", f"c{i}") for i, name in enumerate(names))
    _no_twins(columns)
    if dialect.short_rows:
        path = _filled_up(path, dialect, header_lines, len(columns), staging)
        dialect = replace(dialect, encoding="utf-8")
    compression = "'gzip'" if path.suffix.lower() == ".gz" else "'none'"
    known = records.KNOWN_MARKS.issuperset((dialect.delimiter, dialect.quote))
    has_tabs = content.has_tabs and dialect.delimiter != "\t"
    has_header = str(not dialect.header).lower()
    options = {"header": has_header, "skip": str(dialect.skip_rows + above), "compression": compression}
    whole = f"concat_ws('', {', '.join(c.sql for c in columns)})"
    return Scan(
        sql=_read_csv(path, columns, dialect, content.has_formulas, **options),
        columns=columns,
        row_number="row_number() OVER ()",
        expected=max(content.lines - header_lines, 0),
        at_most=max(content.lines, 1),
        padded=content.is_padded or has_tabs or not known,
        odd_space=content.has_quotes or has_tabs or dialect.quote != '"',
        text=DelimitedText(path, dialect, header_lines, staging, content.has_formulas),
        lost=content.has_lost_values,
        valid=f"NOT contains({whole}, {sql.text(_MARK)})" if content.unreadable else "true",
        invalid=(
            f"has bytes of another encoding ({content.unreadable})",
            "correct the character, and deliver the file again",
        ),
    )


def _read_csv(
    path: Path, columns: tuple[SourceColumn, ...], dialect: Dialect, has_formulas: bool, **options: str
) -> str:
    options |= {
        "columns": "{" + ", ".join(f"'{c.sql}': 'VARCHAR'" for c in columns) + "}",
        "delim": sql.text(dialect.delimiter),
        "quote": sql.text(dialect.quote),
        "escape": sql.text(dialect.quote),
    }
    listed = ", ".join(f"{option}={value}" for option, value in options.items())
    rows = f"read_csv({sql.text(str(path))}, auto_detect=false, strict_mode=true, {listed})"
    if not has_formulas:
        return rows
    # Spreadsheets keep the zeros of ="0012"; it means 0012.
    plain = ", ".join(
        f"CASE WHEN starts_with({c.sql}, '=\"') AND ends_with({c.sql}, '\"') "
        f"THEN {c.sql}[3:-2] ELSE {c.sql} END AS {c.sql}"
        for c in columns
    )
    return f"(SELECT {plain} FROM {rows})"


def _filled_up(path: Path, dialect: Dialect, header_lines: int, columns: int, staging: Path) -> Path:
    """Write a copy in which each line has all its delimiters; a line of a value that spans lines stays as it is."""
    target = staging / f"{uuid.uuid4().hex}.csv"
    inside = False
    with open_text(path, dialect.encoding) as lines, target.open("w", encoding="utf-8", newline="") as file:
        file.writelines(islice(lines, header_lines))
        for line in lines:
            text = line.rstrip("\r\n")
            turns = text.count(dialect.quote) % 2 == 1
            if text and not inside and not turns:
                values = len(next(csv.reader([text], delimiter=dialect.delimiter, quotechar=dialect.quote)))
                line = text + dialect.delimiter * (columns - values) + line[len(text) :]
            inside ^= turns
            file.write(line)
    return target


def _joined(lines: list[list[str]]) -> list[str]:
    """Return the names of columns whose header has several lines; a name above several columns counts for each."""
    width = max(map(len, lines))
    rows = [line + [""] * (width - len(line)) for line in lines]
    for above, below in pairwise(rows):
        for i in range(1, width):
            if not above[i] and below[i - 1] and below[i]:
                above[i] = above[i - 1]
    return [" ".join(dict.fromkeys(filter(None, column))) for column in zip(*rows, strict=True)]


def _check_number(columns: tuple[SourceColumn, ...]) -> None:
    """Refuse a file whose SQL would take minutes: the time grows with the square of the columns."""
    if len(columns) > _MOST_COLUMNS:
        raise RefusedError(
            f"has {len(columns):,} columns, and at most {_MOST_COLUMNS:,} are read. Deliver it without the others; "
            "rows and columns may be interchanged."
        )


def _no_twins(columns: tuple[SourceColumn, ...]) -> None:
    _check_number(columns)
    seen: dict[str, int] = {}
    for position, column in enumerate(columns, start=1):
        first = seen.setdefault(column.name.casefold(), position)
        if first != position:
            raise RefusedError(
                f"has the column {column.name} twice, as columns {first} and {position}. Rename or remove one of them; "
                "or in a mapping state `header_rows: 2` if the header has two lines, `header:` with a name for each "
                "column if this line is a record."
            )


def balances(connection: duckdb.DuckDBPyConnection, scan: Scan, total: int) -> bool:
    """Return whether DuckDB's records account for every line: one each, plus the lines inside quoted values.

    Also false if a value contains a line that looks like a whole record: then a quote was probably not closed.
    """
    if scan.expected is None or scan.text is None or total == scan.expected:
        return True
    inside = " + ".join(f"coalesce(length({c.sql}) - length(replace({c.sql}, chr(10), '')), 0)" for c in scan.columns)
    delimiter = sql.text(scan.text.dialect.delimiter)
    telling = " OR ".join(
        f"(contains({c.sql}, chr(10)) AND len(list_filter(string_split({c.sql}, chr(10))[2:], "
        f"lambda line: len(string_split(line, {delimiter})) >= {len(scan.columns)})) > 0)"
        for c in scan.columns
    )
    row = connection.execute(f"SELECT sum({inside}), bool_or(coalesce({telling}, false)) FROM {scan.sql}").fetchone()
    embedded, suspicious = row if row else (0, False)
    if suspicious and len(scan.columns) >= records.MIN_COLUMNS_OF_A_TELLING_LINE:
        return False
    missing = scan.expected - total - int(embedded or 0)
    return missing == 0 or missing == _blank_lines(scan.text)


def _blank_lines(text: DelimitedText) -> int:
    with open_text(text.path, text.dialect.encoding) as lines:
        return sum(1 for line in islice(lines, text.header_lines, None) if line in ("\n", "\r\n"))


def without_broken(scan: Scan) -> Scan:
    """Write a copy of the file with a mark in place of each broken record, and return the scan of the others."""
    assert scan.text is not None
    text, width = scan.text, len(scan.columns)
    mark = uuid.uuid4().hex
    path = text.staging / f"{mark}.csv"
    with open_text(text.path, text.dialect.encoding) as lines:
        before = "".join(islice(lines, text.header_lines)).encode()
    with open_bytes(text.path) as source, path.open("wb") as target:
        source.seek(len(before) + (len(codecs.BOM_UTF8) if source.read(3) == codecs.BOM_UTF8 else 0))
        broken, longest = records.mend(source, target, width, text.dialect.delimiter, text.dialect.quote, mark)
    options = {"header": "false", "new_line": "'\\n'"}
    if longest > _LONGEST_RECORD:
        options["max_line_size"] = str(longest)
    return replace(
        scan,
        sql=_read_csv(path, scan.columns, text.dialect, text.has_formulas, **options),
        present=f"c0 IS DISTINCT FROM '{mark}'",
        expected=None,
        broken=tuple(broken),
        text=None,
    )


def _lines(path: Path) -> str:
    compression = "gzip" if path.suffix.lower() == ".gz" else "none"
    return (
        f"(SELECT line FROM read_csv({sql.text(str(path))}, auto_detect=false, header=false, delim=E'{_NO_JSON}', "
        f"quote='', escape='', compression='{compression}', columns={{'line': 'VARCHAR'}}) WHERE trim(line) <> '')"
    )


def _objects(connection: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect) -> str:
    """Return the records of a JSON document: a list, an API's answer that contains one, or successive objects."""
    document = (
        f"(SELECT json(json) AS line FROM read_json_objects({sql.text(str(path))}, format='auto', "
        f"maximum_object_size={_LARGEST_ANSWER}))"
    )
    is_list = " OR ".join(f"json_type(line, '{at}') = 'ARRAY'" for at in _LISTS)
    try:
        lists = connection.execute(f"SELECT bool_and(coalesce({is_list}, false)) FROM {document}").fetchone()
    except duckdb.Error as error:
        raise RefusedError(f"cannot be read as JSON: {first_line(error)}. Deliver the file again.") from error
    if not lists or not lists[0]:
        return _members_as_records(connection, document, dialect)
    held = ", ".join(f"json_extract(line, '{at}[*]')" for at in _LISTS)
    return f"(SELECT CAST(unnest(flatten([{held}])) AS VARCHAR) AS line FROM {document})"


def _members_as_records(connection: duckdb.DuckDBPyConnection, document: str, dialect: Dialect) -> str:
    """Return the members of an object as records, if the mapping names a column for their keys.

    Before the column, `keyed_by` has the names that lead to the object, such as data.id.
    """
    *way, column = dialect.keyed_by.split(".")
    place, first = ("", "") if way else _keyed_objects(connection, document, is_deep=not dialect.nested)
    stated = f"{place}.{column or 'id'}".lstrip(".")
    if first and stated != dialect.keyed_by:
        inside = f"members of {place}" if place else "members of one object"
        raise RefusedError(
            f"has its records as {inside}, such as {first}. In a mapping state `keyed_by: {stated}` for the file; then "
            f"the column {column or 'id'} has these names."
        )
    if not column:
        return document
    members = _members_of(document, way)
    if way and not sql.scalar(connection, f"SELECT count(*) FROM {members}"):
        raise RefusedError(
            f"has no object {'.'.join(way)} with members, which `keyed_by: {dialect.keyed_by}` names. Correct it in "
            "the mapping, or deliver the file again."
        )
    key = f"json_object({sql.text(column)}, key)"
    return f"(SELECT CAST(json_merge_patch({key}, member) AS VARCHAR) AS line FROM {members})"


def _members_of(document: str, way: Sequence[str]) -> str:
    """Return key and content of each member of the object to which names lead."""
    inside = f"json_extract(line, {sql.text(_pointer(*way))})" if way else "line"
    member = "json_extract(object, '/' || replace(replace(key, '~', '~0'), '/', '~1'))"
    keys = f"SELECT object, unnest(json_keys(object)) AS key FROM (SELECT {inside} AS object FROM {document})"
    return f"(SELECT key, {member} AS member FROM ({keys} WHERE json_type(object) = 'OBJECT'))"


def _keyed_objects(connection: duckdb.DuckDBPyConnection, document: str, *, is_deep: bool) -> tuple[str, str]:
    """Return where a document of one object has several members that are all objects, and the first of them.

    Below the top, fields such as {"type": …, "value": …} are no records.
    """
    if sql.scalar(connection, f"SELECT count(*) FROM {document}") != 1:
        return "", ""
    way: list[str] = []
    while True:
        query = f"SELECT key, json_type(member), json_keys(member) FROM {_members_of(document, way)}"
        members = connection.execute(query).fetchall()
        objects = {key: set(keys) for key, type_, keys in members if type_ == "OBJECT"}
        if len(objects) == len(members) > 1 and not (way and {"type", "value"} in objects.values()):
            return ".".join(way), min(objects)
        if len(objects) != 1 or not is_deep or "." in min(objects):
            return "", ""
        way += objects


def _jsonl(connection: duckdb.DuckDBPyConnection, lines: str, nested: bool) -> Scan:
    valid = "(json_valid(line) AND json_type(CASE WHEN json_valid(line) THEN line END) = 'OBJECT')"
    try:
        found = connection.execute(
            f"SELECT DISTINCT unnest(json_keys(line)) FROM (SELECT line FROM {lines} WHERE {valid}) ORDER BY 1"
        ).fetchall()
    except duckdb.Error as error:
        raise RefusedError(
            f"cannot be read as JSON lines: {first_line(error)}. Write one JSON object per line."
        ) from error
    if odd := [str(row[0]) for row in found if "\0" in str(row[0])]:
        raise RefusedError(f"has the key {odd[0]!r}, with a NUL character in it. Rename the key.")
    pointed = {str(row[0]): _pointer(str(row[0])) for row in found}
    if nested:
        pointed = _members(connection, f"(SELECT line FROM {lines} WHERE {valid})", pointed)
    names, pointers = list(pointed), sql.texts(pointed.values())
    values = f"CASE WHEN {valid} THEN json_extract_string(line, [{pointers}]) END" if names else "NULL::VARCHAR[]"
    columns = tuple(SourceColumn(name or f"column {i + 1}", f"c{i}") for i, name in enumerate(names))
    _no_twins(columns)
    listed = "".join(f", f[{i + 1}] AS c{i}" for i in range(len(names)))
    return Scan(
        sql=f"(SELECT line, is_object{listed} FROM (SELECT line, {valid} AS is_object, {values} AS f FROM {lines}))",
        columns=columns,
        row_number="row_number() OVER ()",
        valid="is_object",
        invalid=("is not a JSON object", "write each record as one JSON object"),
        raw="CASE WHEN is_object THEN line ELSE CAST(json_object('_line', line) AS VARCHAR) END",
    )


def _pointer(*names: str) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def _members(connection: duckdb.DuckDBPyConnection, lines: str, pointed: dict[str, str]) -> dict[str, str]:
    """Replace the columns that contain only objects with the members of these objects."""
    found: dict[str, str] = {}
    for name, pointer in pointed.items():
        at = sql.text(pointer)
        members = connection.execute(
            f"SELECT DISTINCT unnest(json_keys(line, {at})) FROM {lines} WHERE (SELECT bool_and(json_type(line, {at}) "
            f"IN ('OBJECT', 'NULL')) FROM {lines}) AND json_type(line, {at}) = 'OBJECT' ORDER BY 1"
        ).fetchall()
        inside = {f"{name}.{row[0]}": _pointer(name, str(row[0])) for row in members}
        found |= inside or {name: pointer}
    return found


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Scan:
    source = f"read_parquet({sql.text(str(path))}, file_row_number=true)"
    try:
        described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {source}").fetchall()
    except duckdb.Error as error:
        if "column named file_row_number" in str(error):
            raise RefusedError(
                "has a column file_row_number, a name of the engine. Deliver it under another name"
            ) from error
        raise RefusedError(f"cannot be read as Parquet: {first_line(error)}. Deliver the file again.") from error
    columns = tuple(SourceColumn(str(row[0]), f"c{i}", str(row[1])) for i, row in enumerate(described))
    _check_number(columns)
    listed = "".join(f", {sql.name(c.name)} AS {c.sql}" for c in columns)
    return Scan(f"(SELECT file_row_number + 1 AS row_number{listed} FROM {source})", columns, "row_number")


def first_line(error: Exception) -> str:
    """Return the first line of DuckDB's error, the cause; the rest is advice about its own options."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
