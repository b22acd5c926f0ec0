"""worklist/quarantine.csv: what a person has to decide, in a form that Excel opens. The SQL decides what is in it."""

import csv
import unicodedata
from typing import Any

from orchestration.home import Home

QUARANTINE = "attribution.quarantine"


def export_worklist(home: Home) -> int | None:
    """Write the quarantine of the working database; return its number of rows, or None where there is no such table."""
    if not home.database.exists():
        return None
    import duckdb

    try:
        with duckdb.connect(str(home.database), read_only=True) as connection:
            quarantine = connection.sql(f"from {QUARANTINE} order by all")
            columns, rows = quarantine.columns, quarantine.fetchall()
    except (duckdb.CatalogException, duckdb.IOException):  # not built, or its builder was stopped and still holds it
        return None

    home.worklist.mkdir(parents=True, exist_ok=True)
    path = home.worklist / "quarantine.csv"
    aside = path.with_suffix(".csv.tmp")
    # Excel takes a CSV for UTF-8 only with a byte order mark.
    with aside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([safe_cell(value) for value in row] for row in rows)
    aside.replace(path)
    return len(rows)


def safe_cell(value: Any) -> Any:
    """Keep a spreadsheet from running a text as a formula; an apostrophe in front makes it plain text."""
    if isinstance(value, str):
        read_as = unicodedata.normalize("NFKC", value)  # Japanese Excel takes ＝ for =
        if read_as.lstrip().startswith(("=", "+", "-", "@")) or read_as.startswith(("\t", "\r", "\n")):
            return f"'{value}"
    return value
