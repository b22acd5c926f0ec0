"""The workbook has the figures of the release under Japanese headers, and no cell of it is a formula."""

from pathlib import Path

import duckdb
import openpyxl
import pytest

from orchestration.home import Home
from orchestration.workbook import SHEETS, write_workbook


def test_a_workbook_has_the_figures_with_japanese_words(
    built_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KYOTEN_PERSONAL", "hide")
    sheets = write_workbook(built_home, tmp_path / "book.xlsx")
    assert len(sheets) == len(SHEETS) + 1
    book = openpyxl.load_workbook(tmp_path / "book.xlsx", read_only=True)
    cells = {name: list(book[name].iter_rows(values_only=True)) for name in sheets}
    assert all(len(found) > 2 for name, found in cells.items() if name != sheets[0])

    header, _, *rows = cells["拠点月次KPI(現組織)"]
    month, name, won = header.index("月"), header.index("拠点IDの名称"), header.index("受注金額")
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as release:
        last = "(select max(month) from kpi.company_monthly where is_complete)"
        expected = release.execute(
            "select months.month, branches.branch_name, months.won_amount from kpi.branch_monthly_as_is as months"
            " inner join core.dim_branch as branches on months.branch_id = branches.branch_id"
            f" where months.month > {last} - interval 13 month and months.month <= {last}"
        ).fetchall()
        (people,) = release.execute("select list(rep_name) from core.dim_rep where not is_sentinel").fetchone() or ([],)
    found = sorted((row[month].date(), row[name], row[won]) for row in rows)
    assert found == sorted((month, name, int(won)) for month, name, won in expected)
    assert len(found) > 500

    written = {cell for found in cells.values() for row in found for cell in row if isinstance(cell, str)}
    assert len(people) > 20
    assert written & set(people) == set()  # hidden
    assert "拠点" in written and "branch" not in written


def test_a_text_is_no_formula(built_home: Home, tmp_path: Path) -> None:
    from openpyxl import Workbook

    from orchestration.workbook import cell_of

    book = Workbook(write_only=True)
    sheet = book.create_sheet("x")
    sheet.append([cell_of(sheet, "=1+1\x07"), cell_of(sheet, "+81")])
    book.save(tmp_path / "x.xlsx")
    ((first, second),) = openpyxl.load_workbook(tmp_path / "x.xlsx")["x"].iter_rows()
    assert (first.value, first.data_type, second.value) == ("=1+1", "s", "+81")
