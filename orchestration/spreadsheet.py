"""Cells of CSV files that people open in a spreadsheet: text stays text. The files are written elsewhere."""

import re
import unicodedata
from typing import overload

# Ids come back from the spreadsheet. It must not turn 0012 into 12, a long number into 1.2E+11, or 4-1 into a date.
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
READ_AS_NUMBER_OR_DATE = re.compile(
    r"(?![1-9]\d{0,10}$)[\d\s.,:/¥$%+\-年月日時分秒]+|\d+(\.\d*)?e[+-]?\d+|true|false"
    rf"|\d{{1,4}}[-/ .]?{_MONTH}|(\d{{1,4}}[-/ .]?)?{_MONTH}([-/ .,]*\d{{1,4}})+",
    re.IGNORECASE,
)


@overload
def safe_cell(value: str, *, is_id: bool = False) -> str: ...
@overload
def safe_cell(value: object, *, is_id: bool = False) -> object: ...
def safe_cell(value: object, *, is_id: bool = False) -> object:
    """Return a cell that a spreadsheet does not run as a formula: an apostrophe in front makes it plain text.

    A text that begins with an apostrophe gets another, so that the row checks can remove exactly one when it returns.
    """
    if not isinstance(value, str):
        return value
    read_as = unicodedata.normalize("NFKC", value)  # Japanese Excel takes ＝ for =
    if (
        read_as.lstrip().startswith(("=", "+", "-", "@"))
        or read_as.startswith(("\t", "\r", "\n", "'"))
        or (is_id and READ_AS_NUMBER_OR_DATE.fullmatch(read_as))
    ):
        return f"'{value}"
    return value
