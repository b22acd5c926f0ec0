"""The Excel file of a page's lists, inside the page: it also opens where only the page was sent."""

import base64
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import xlsxwriter

from orchestration.language import language
from orchestration.report.queries import Rows
from orchestration.spreadsheet import safe_cell

MADE = datetime(2000, 1, 1)  # the same rows make the same bytes
LONGEST_NAME = 31  # of a sheet
OPTIONS = {"in_memory": True, "strings_to_formulas": False, "default_date_format": "yyyy-mm-dd"}


Head = tuple[str, str, str]  # a column with its labels in Japanese and English


def uri(lists: Mapping[str, tuple[Sequence[Head], Rows]]) -> str:
    """Return lists as an Excel file in a data URI, a sheet each."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, OPTIONS) as book:
        book.set_properties({"created": MADE})
        bold = book.add_format({"bold": True})
        for name, (heads, rows) in lists.items():
            sheet = book.add_worksheet(name[:LONGEST_NAME])
            sheet.write_row(0, 0, [ja if language() == "ja" else en for _, ja, en in heads], bold)
            sheet.freeze_panes(1, 0)
            for at, row in enumerate(rows, start=1):
                for column, (field, _, _) in enumerate(heads):
                    value = row[field]
                    if isinstance(value, str):
                        sheet.write_string(at, column, safe_cell(value))
                    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
                        sheet.write_number(at, column, value)
                    elif value is not None:
                        sheet.write(at, column, value)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return f"data:{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
