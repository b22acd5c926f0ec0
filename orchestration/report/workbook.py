"""The Excel file of a list, inside the page: it also opens where only the page was sent."""

import base64
import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import xlsxwriter
from markupsafe import Markup

from orchestration.language import language
from orchestration.report.queries import Rows
from orchestration.spreadsheet import safe_cell

MADE = datetime(2000, 1, 1)  # the same rows make the same bytes
LONGEST_NAME = 31  # of a sheet
OPTIONS = {"in_memory": True, "strings_to_formulas": False, "default_date_format": "yyyy-mm-dd"}


def uri(name: str, heads: Sequence[tuple[str, str, str]], rows: Rows) -> Markup:
    """Return a list as an Excel file in a data URI; heads: each column with its labels in Japanese and English."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, OPTIONS) as book:
        book.set_properties({"created": MADE})
        sheet = book.add_worksheet(name[:LONGEST_NAME])
        sheet.write_row(
            0, 0, [ja if language() == "ja" else en for _, ja, en in heads], book.add_format({"bold": True})
        )
        for at, row in enumerate(rows, start=1):
            for column, (field, _, _) in enumerate(heads):
                value = row[field]
                if isinstance(value, str):
                    sheet.write_string(at, column, safe_cell(value))
                elif isinstance(value, bool | int | float | Decimal | date):
                    sheet.write(at, column, value)
        sheet.freeze_panes(1, 0)
        sheet.autofit()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Markup(f"data:{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}")
