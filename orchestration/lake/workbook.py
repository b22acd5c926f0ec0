"""Writes a sheet of a workbook as delimited text with the stored values of its cells; readers.py reads the text."""

import csv
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from orchestration.sql import RefusedError

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_LARGEST = 2 << 30  # bytes after unpacking: no workbook that a person made unpacks to more


def is_workbook(path: Path) -> bool:
    """Return whether the name has the ending of a workbook."""
    return path.suffix.lower() in SUFFIXES


def write_sheet(path: Path, sheet: str, target: Path) -> int:
    """Write a sheet (by default the first) and return its number of lines; blank rows are no data."""
    from python_calamine import CalamineError, CalamineWorkbook

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _LARGEST:
                raise RefusedError("unpacks to more than 2 GiB. Deliver it as CSV.")
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        names = workbook.sheet_names
        if sheet and sheet not in names:
            raise RefusedError(f"has no sheet {sheet}; it has {', '.join(names)}. Correct `sheet:`, or the workbook.")
        if not names:
            raise RefusedError("has no sheet. Deliver it again.")
        rows = workbook.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError) as error:
        raise RefusedError(
            f"cannot be read as a workbook ({str(error).splitlines()[0]}). Open it in Excel, remove a password, "
            "save it again, or save it as “CSV UTF-8”."
        ) from error
    lines = 0
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for row in rows:
            texts = [_text(cell) for cell in row]
            if any(texts):
                writer.writerow(texts)
                lines += 1 + sum(text.count("\n") for text in texts)
    return lines


def _text(cell: Any) -> str:
    """Return a cell's value as text: whole numbers without a point, days and times in ISO order."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if cell.time() != time() else cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
