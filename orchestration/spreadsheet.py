"""Cells of the CSV files that people open in a spreadsheet: texts stay texts. Who writes them is not known here."""

import re
import unicodedata
from typing import overload

# Ids go out and come back; a spreadsheet must not make 12 of 0012, 1.2E+11 of a long number, a day of 4-1 or of MAR-1.
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
    """Keep a spreadsheet from running a text as a formula; an apostrophe in front makes it plain text.

    Also of a text that begins with one, so that the row checks may take off exactly one from the text that comes back.
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
