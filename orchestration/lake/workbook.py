"""Writes a sheet of a workbook as delimited text with the stored values of its cells; readers.py reads the text."""

import csv
import os
import pickle
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from orchestration.home import PROJECT
from orchestration.lake import cells
from orchestration.lake.cells import Cells
from orchestration.sql import RefusedError, fault

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_EXACT = 1e15
_SHOWN = 3
MEMORY = 4 << 30
_LACKS_MEMORY = re.compile(r"memory allocation of|MemoryError")  # the library ends its process
_IN_TURN = Lock()
_LARGEST = 2 << 30  # bytes after unpacking: no workbook that a person made unpacks to more


def is_workbook(path: Path) -> bool:
    """Return whether the name has the ending of a workbook."""
    return path.suffix.lower() in SUFFIXES


@dataclass
class Sheet:
    """A sheet that was written as text; columns are counted from 0, cells have names such as B12."""

    lines: int = 0
    filled: dict[int, list[str]] = field(default_factory=dict)  # cells that took the value of a merged cell, by column
    scaled: dict[int, dict[str, int]] = field(default_factory=dict)  # cells that show a number divided, by column
    whole: set[int] = field(default_factory=set)  # columns with a number that is shown undivided
    hidden: str = ""  # sheets before this one that nobody sees


def write_sheet(path: Path, sheet: str, target: Path) -> Sheet:
    """Write a sheet (by default the first visible one) as text; blank rows are no data.

    The value of a cell that is merged with cells below it is written in each of their rows. Another process does it:
    the library takes memory for the whole area up to the last cell, and ends its process where there is not enough.
    """
    command = [sys.executable, "-P", "-m", "orchestration.lake.workbook_process", str(path), sheet, str(target)]
    with _IN_TURN:  # each may take all memory that it is allowed
        done = subprocess.run(
            command, cwd=PROJECT, capture_output=True, check=False, env=os.environ | {"PYTHONPATH": str(PROJECT)}
        )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode != -signal.SIGKILL and not _LACKS_MEMORY.search(said):
            raise fault(said.splitlines()[-1] if said else f"its process ended with {done.returncode}")
        raise RefusedError(
            f"needs more than {MEMORY >> 30} GiB of memory. A common cause is a cell far away from the others: "
            "Ctrl+End in Excel goes to the last one. Delete the rows and columns after the table."
        )
    result: Sheet | RefusedError = pickle.loads(done.stdout)
    if isinstance(result, RefusedError):
        raise result
    return result


def convert_sheet(path: Path, sheet: str, target: Path) -> Sheet:
    """Write a sheet as text, in this process."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if sum(part.file_size for part in archive.infolist()) > _LARGEST:
                    raise RefusedError("unpacks to more than 2 GiB. Deliver it as CSV.")
        workbook = CalamineWorkbook.from_path(str(path))
        names = workbook.sheet_names
        if sheet and sheet not in names:
            raise RefusedError(f"has no sheet {sheet}; it has {', '.join(names)}. Correct `sheet:`, or the workbook.")
        if not names:
            raise RefusedError("has no sheet. Deliver it again.")
        seen = [one.name for one in workbook.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
        sheet = sheet or (seen or names)[0]
        content = workbook.get_sheet_by_name(sheet)
        rows = content.to_python(skip_empty_area=False)
        merged = content.merged_cell_ranges or []
    except (CalamineError, *cells.DAMAGED) as error:
        problem = (str(error).splitlines() or [type(error).__name__])[0]
        raise RefusedError(
            f"cannot be read as a workbook ({problem}). Open it in Excel, remove a password, "
            "save it again, or save it as “CSV UTF-8”."
        ) from error
    before = names[: names.index(sheet)]
    written = Sheet(hidden="" if set(before) & set(seen) else ", ".join(before))
    looked = cells.look(path, sheet)
    _fill_down(rows, merged, looked, written)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, row in enumerate(rows):
            texts = [_written(cell, (number, column), looked, written) for column, cell in enumerate(row)]
            if any(texts):
                writer.writerow(texts)
                written.lines += 1 + sum(text.count("\n") for text in texts)
    return written


def said(sheet: Sheet, names: Sequence[str], name: str) -> Iterator[str]:
    """Yield what a person should know of how a sheet was read. `names` are the names of its columns."""
    if sheet.hidden:
        yield f"{name}: the sheet {sheet.hidden} is hidden; the first visible one is read. Name another under `sheet:`"
    for column, filled in sheet.filled.items():
        if column < len(names):
            which = "takes" if len(filled) == 1 else "take"
            yield f"{name}: {names[column]}: {shown(filled)} {which} the value of the merged cell above"


def shown(cells_: Sequence[str]) -> str:
    """Return the first of many cells in words."""
    more = f" and {len(cells_) - _SHOWN:,} more" if cells_[_SHOWN:] else ""
    return ", ".join(cells_[:_SHOWN]) + more


def check_merged(sheet: Sheet, columns: Mapping[int, tuple[str, str]]) -> None:
    """Refuse numbers in merged cells: filled down, one amount would count several times.

    `columns` are the columns that become numbers, by their position: the name in the file and in the contract.
    """
    for position, (name, column) in columns.items():
        if filled := sheet.filled.get(position):
            raise RefusedError(
                f"has one value of {name} in a cell that is merged over several rows ({shown(filled)}), and {column} "
                "would count it in each. Unmerge these cells and give each row its own number."
            )


def _fill_down(rows: list[list[Any]], merged: list[tuple[cells.At, cells.At]], looked: Cells, written: Sheet) -> None:
    for (top, column), (bottom, _) in sorted(merged):
        for row in range(top + 1, min(bottom + 1, len(rows))):
            if rows[top][column] in ("", None) or not any(cell not in ("", None) for cell in rows[row]):
                continue
            rows[row][column] = rows[top][column]
            written.filled.setdefault(column, []).append(cells.reference((row, column)))
            if form := looked.formats.get((top, column)):
                looked.formats[row, column] = form


def _written(cell: Any, at: cells.At, looked: Cells, written: Sheet) -> str:
    """Return a cell as text, and note where its number is not the one that people see."""
    if error := looked.errors.get(at):
        return error
    text, form = _text(cell), looked.formats.get(at)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return text
    if form and form.scale > 1 and not form.unit:
        written.scaled.setdefault(at[1], {})[cells.reference(at)] = form.scale
    else:
        written.whole.add(at[1])
    return form.text(cell, text) if form else text


def _text(cell: Any) -> str:
    """Return a cell's value as text: whole numbers without a point, days and times in ISO order."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < _EXACT:
            return str(int(cell))
        # A workbook keeps 15 digits of a number. A longer one shows by its exponent that it is no longer whole.
        return repr(cell) if abs(cell) < _EXACT else f"{cell:.15e}"
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if cell.time() != time() else cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
