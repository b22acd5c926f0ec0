"""`kyoten workbook`: the main tables of the current release as one Excel workbook with Japanese headers.

A code is replaced by its Japanese label, and ids are followed by names. Which figures exist is the business of the
marts.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.errors import KyotenError
from orchestration.home import Home
from orchestration.reading import Row, columns, release, rows, select_list, shows_personal

if TYPE_CHECKING:
    import duckdb

LAST = "(select max(month) from kpi.company_monthly where is_complete)"
YEAR = f"month > {LAST} - interval 13 month and month <= {LAST}"
# The tables that people look at, each with the rows of today or of the last thirteen complete months.
SHEETS = {
    "kpi.headlines": "true",
    "kpi.company_monthly": YEAR,
    "kpi.partner_monthly_as_is": YEAR,
    "kpi.branch_monthly_as_is": YEAR,
    "kpi.performance": f"month = {LAST}",
    "kpi.scorecard": f"month = {LAST}",
    "kpi.rep_concentration": f"month = {LAST} and lever_evidence is not null",
    "kpi.people_worklist": "true",
    "kpi.quiet_warnings": "is_current and evidence != 'none'",
    "kpi.open_deals": "true",
    "kpi.approvals": "is_late",
    "kpi.forecast_history": "is_current",
    "segment.branch_segments": "period_start = (select max(period_start) from segment.branch_segments)",
    "core.dim_entity": "not is_sentinel",
}
MOST_ROWS = 1_048_575  # of a sheet, below its header
# Which id of a table gets a name after it, unless the table has the name already.
NAMED = ("branch", "division", "partner", "rep")


def write_workbook(home: Home, path: Path) -> list[str]:
    """Write the workbook; return the names of its sheets.

    Raises:
        KyotenError: if nothing is published, or openpyxl is not installed.
    """
    try:
        from openpyxl import Workbook
    except ImportError:
        raise KyotenError("A workbook needs openpyxl. Run make bi once, which installs it.") from None

    personal = shows_personal(default=True)
    book = Workbook(write_only=True)
    with release(home) as connection:
        cover = book.create_sheet("このブックについて")
        (about,) = rows(connection, "from ops.release")
        for line in _cover(about, personal=personal):
            cover.append(line)
        for name, condition in SHEETS.items():
            schema, table = name.split(".")
            if described := columns(connection, schema, table):
                _write_sheet(book, connection, described, condition, personal=personal)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    book.save(unfinished)
    unfinished.replace(path)
    return list(book.sheetnames)


def _cover(about: Row, *, personal: bool) -> Iterator[list[Any]]:
    yield ["リリース", about["release_id"]]
    yield ["基準日", about["as_of"]]
    yield ["個人情報", "表示" if personal else "非表示"]
    yield ["注意", "「期間完了」が FALSE の行は期間の途中の値です。組織は現在のものです。"]
    yield ["項目の定義", "各シートの2行目、または ops.catalog"]


def _write_sheet(
    book: Any, connection: "duckdb.DuckDBPyConnection", described: list[Row], condition: str, *, personal: bool
) -> None:
    schema, table = described[0]["table_schema"], described[0]["table_name"]
    query = f'from "{schema}"."{table}" where {condition}'
    (about,) = rows(
        connection,
        "select coalesce(label_ja, table_name) as title from ops.catalog where table_schema = $s and table_name = $t "
        "and column_name is null",
        {"s": schema, "t": table},
    )
    sheet = book.create_sheet(about["title"][:31])
    sheet.freeze_panes = "A3"
    labels = {
        (row["column_name"], row["code"]): row["label_ja"]
        for row in rows(
            connection, "from ops.labels where table_schema = $s and table_name = $t", {"s": schema, "t": table}
        )
    }
    names = [column["column_name"] for column in described]
    added = _added(names)
    keys = [f'"{column["column_name"]}"' for column in described if column["key_position"]]
    found = rows(
        connection,
        f"select {select_list(described, personal=personal)} {query} "
        f"order by {', '.join(keys) or 'all'} limit {MOST_ROWS}",
    )
    entities = _entities(connection, personal=personal) if added else {}
    headers = {column["column_name"]: column["label_ja"] or column["column_name"] for column in described}
    sheet.append([cell for name in names for cell in [headers[name]] + [f"{headers[name]}の名称"] * (name in added)])
    texts = {column["column_name"]: column["description_ja"] for column in described}
    sheet.append([cell for name in names for cell in [texts[name]] + [None] * (name in added)])
    for row in found:
        cells: list[Any] = []
        for name in names:
            cells.append(cell_of(sheet, labels.get((name, row[name]), row[name])))
            if name in added:
                scope = row[added[name]] if added[name] in row else added[name]
                cells.append(cell_of(sheet, entities.get((scope, row[name]))))
        sheet.append(cells)


def _added(names: list[str]) -> dict[str, str]:
    """Return the ids that get a name after them, with their scope or with the column that has it."""
    added = {f"{scope}_id": scope for scope in NAMED if f"{scope}_id" in names and f"{scope}_name" not in names}
    if {"scope", "entity_id"} <= set(names) and "entity_name" not in names:
        added["entity_id"] = "scope"
    return added


def _entities(connection: "duckdb.DuckDBPyConnection", *, personal: bool) -> dict[tuple[str, str], str]:
    described = columns(connection, "core", "dim_entity")
    found = rows(connection, f"select {select_list(described, personal=personal)} from core.dim_entity")
    return {(row["scope"], row["entity_id"]): row["entity_name"] for row in found}


def cell_of(sheet: Any, value: Any) -> Any:
    """Return a cell; a text is a text even where Excel would take it for a formula."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if not isinstance(value, str):
        return value
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:32_767])
    cell.data_type = "s"
    return cell
