"""Cells of workbooks and of their exports that do not show their value, or show another one."""

import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from tests.ingest import workbooks
from tests.ingest.workbooks import Error, Formula

MAPPING = """\
sources:
  erp:
    path: {path}
    extracted_on: 2026-04-30
    {source}
    files:
      d: {{pattern: "d.*"{file}}}
    datasets:
      deals:
        from: d
        columns: {{deal_id: 番号, stage: 進捗, partner_id: 代理店, customer_id: {mapped}, amount: 金額}}
        {more}
"""
HEADER = ["番号", "進捗", "代理店", "顧客", "金額"]


@pytest.fixture
def given(desk, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that loads one file, or a workbook that a function fills, with a mapping."""

    def load(
        content: str | bytes | Callable[[Worksheet], object],
        *,
        file: str = "",
        more: str = "",
        source: str = "",
        ending: str = "",
        mapped: str = "顧客",
    ) -> Any:
        folder = tmp_path / "erp"
        folder.mkdir(exist_ok=True)
        if isinstance(content, bytes):
            (folder / f"d.{ending}").write_bytes(content)
        elif isinstance(content, str):
            (folder / "d.csv").write_text(content)
        else:
            book = openpyxl.Workbook()
            book.active.append(HEADER)
            content(book.active)
            buffer = io.BytesIO()
            book.save(buffer)
            (folder / "d.xlsx").write_bytes(buffer.getvalue())
        sources = tmp_path / "sources.yml"
        sources.write_text(MAPPING.format(path=folder, file=file, more=more, source=source, mapped=mapped))
        desk.result = desk.load(sources, expectations=None)
        return desk

    return load


def deals(desk: Any, column: str) -> list[Any]:
    return [row[0] for row in desk.query(f"SELECT {column} FROM raw_deals ORDER BY row_number")]


def row(sheet: Worksheet, *cells: Any, **formats: str) -> None:
    """Append cells; a cell like {"error": "#N/A"} is an error, and `formats` are number formats by column."""
    sheet.append([cell if not isinstance(cell, dict) else cell["error"] for cell in cells])
    for i, cell in enumerate(cells):
        if isinstance(cell, dict):
            sheet.cell(sheet.max_row, i + 1).data_type = "e"
    for letter, code in formats.items():
        sheet[f"{letter}{sheet.max_row}"].number_format = code


def test_a_formula_without_a_stored_value_is_no_empty_value(given):
    def fill(sheet):
        row(sheet, "D1", "won", "P1", "C1", "=1+2")
        row(sheet, "D2", "won", "=A1", "C1", 5)
        row(sheet, "D3", "won", "P1", "C1", 5)

    desk = given(fill)
    assert deals(desk, "deal_id") == ["D3"]
    found = [(number, column, value) for number, column, value, _, _ in desk.rejected()]
    assert found == [(1, "amount", "#FORMULA! 1+2"), (2, "partner_id", "#FORMULA! A1")]
    assert all("save it and deliver it again" in remedy for *_, remedy in desk.rejected())


def test_an_error_of_a_formula_is_no_empty_value(given):
    def fill(sheet):
        row(sheet, "D1", "won", {"error": "#N/A"}, "C1", 1)
        row(sheet, "D2", "won", "P1", "C1", {"error": "#VALUE!"})

    desk = given(fill)
    assert [(column, value) for _, column, value, _, _ in desk.rejected()] == [
        ("partner_id", "#N/A"),
        ("amount", "#VALUE!"),
    ]
    desk = given(fill, file=', nulls: ["#N/A", "#VALUE!"]')
    assert (desk.rejected(), deals(desk, "partner_id"), deals(desk, "amount")) == ([], [None, "P1"], [1, None])


@pytest.mark.parametrize("ending", ["xls", "xlsb", "ods"])
def test_errors_and_formats_of_other_workbooks(given, ending):
    rows = [
        HEADER,
        ["D1", "won", Error("#N/A"), "C1", 1],
        ["D2", "won", 12, "C1", Error("#VALUE!", is_result=True)],
        [Error("#REF!", is_result=True), "won", 12, "C1", 1],
        [],
        ["D4", "won", 12, "C1", 1234567],
        ["D5", "won", 7, "C1", Formula("A1+1") if ending == "ods" else Error("#DIV/0!")],
    ]
    content = getattr(workbooks, ending)(rows, ["", "", "0000", "", "#,##0,"])
    desk = given(content, ending=ending, more="amounts: {amount: 千円}")
    last = "#FORMULA! A1+1" if ending == "ods" else "#DIV/0!"
    assert [(column, value) for _, column, value, _, _ in desk.rejected()] == [
        ("partner_id", "#N/A"),
        ("amount", "#VALUE!"),
        ("deal_id", "#REF!"),
        ("amount", last),
    ]
    assert all("save it and deliver it again" in remedy for *_, remedy in desk.rejected())
    assert (deals(desk, "partner_id"), deals(desk, "amount")) == (["0012"], [1234567])


def test_errors_of_libreoffice(given):
    rows = [HEADER, ["D1", "won", Error("Err:502"), "C1", 1], ["D2", "won", Error("なし"), "C1", 1]]
    desk = given(workbooks.ods(rows, [""] * 5), ending="ods")
    assert [value for _, _, value, _, _ in desk.rejected()] == ["Err:502", "#VALUE!"]


def test_errors_of_an_export_of_libreoffice(desk):
    desk.land("deals/a_2026-04-30.csv", "deal_id,stage,customer_id\nD1,won,Err:502\nD2,won,Err:A\n")
    assert desk.only().accepted == 1


def test_a_prefix_hides_no_lost_id(given):
    rows = ["D1,won,P1,1.23457E+11,1", "#N/A,won,P1,C1,1", "D3,won,P1,C1,1"]
    desk = given("\n".join([",".join(HEADER), *rows]) + "\n", source="key_prefix: x-")
    assert [(column, value) for _, column, value, _, _ in desk.rejected()] == [
        ("customer_id", "1.23457E+11"),
        ("deal_id", "#N/A"),
    ]
    assert deals(desk, "customer_id") == ["x-C1"]


def test_ids_that_a_spreadsheet_rounded_to_15_digits(given):
    def rows(*ids: str) -> str:
        return "\n".join([",".join(HEADER), *(f"D{i},won,P1,{id_},1" for i, id_ in enumerate(ids))]) + "\n"

    lost = ["1234567890123450", "1234567890123460", "12345678901234700000"]
    for source in ("", "key_prefix: x-"):
        desk = given(rows(*lost, "C1", lost[0]), source=source)
        assert len(deals(desk, "customer_id")) == 1
        assert {column for _, column, *_ in desk.rejected()} == {"customer_id"}
        _, _, value, reason, remedy = desk.rejected()[0]
        assert value.endswith(lost[0])
        assert "several ids become one" in reason
        assert "format the column as text" in remedy
    # The last digit of one id proves that the others are whole.
    assert len(deals(given(rows(*lost, "1234567890123451")), "customer_id")) == 4
    desk = given(rows(*lost[:2], "C1"))
    assert deals(desk, "customer_id") == [*lost[:2], "C1"]
    assert desk.result.warnings == (
        f"erp: d.csv: customer_id: {lost[0]} has zeros from the 16th digit on: a spreadsheet may have rounded it",
    )


def test_whole_ids_that_end_in_zeros_get_a_letter(given):
    lines = [f"D{i},won,P1,12345678901234{i}00,1" for i in range(3)]
    content = "\n".join([",".join(HEADER), *lines]) + "\n"
    assert len(given(content).rejected()) == 3
    desk = given(content, mapped="= 'N' || 顧客")
    assert (deals(desk, "customer_id")[0], desk.rejected()) == ("N12345678901234000", [])


def test_rounded_ids_of_a_landed_file(desk):
    rows = "".join(f"D{i},won,{123456789012345 + i}00\n" for i in range(3))
    desk.land("deals/a_2026-04-30.csv", "deal_id,stage,customer_id\n" + rows + "D4,won,C1\n")
    assert (desk.only().accepted, len(desk.rejected())) == (1, 3)


def test_errors_and_lost_ids_of_a_text_file(given):
    rows = ["D1,won,#REF!,C1,1", "D2,won,P1,1.23457E+11,1", "D3,won,P1,#N/A,1", "D4,won,#5,E+1,1", "D5,won,P1,C1,1E+2"]
    desk = given("\n".join([",".join(HEADER), *rows]) + "\n")
    assert [(column, value) for _, column, value, _, _ in desk.rejected()] == [
        ("partner_id", "#REF!"),
        ("customer_id", "1.23457E+11"),
        ("customer_id", "#N/A"),
    ]
    (reason, remedy) = desk.rejected()[1][3:]
    assert "several ids become one" in reason
    assert "format the column as text" in remedy
    assert (deals(desk, "partner_id"), deals(desk, "customer_id")) == (["#5", "P1"], ["E+1", "C1"])


def test_lost_ids_of_a_landed_file(desk):
    desk.land("deals/a_2026-04-30.csv", "deal_id,stage,customer_id\nD1,won,1.23457E+11\nD2,won,#N/A\nD3,won,C1\n")
    assert desk.only().accepted == 1


def test_a_number_of_more_digits_than_a_workbook_holds_is_no_id(given):
    def fill(sheet):
        row(sheet, "D1", "won", "P1", 1234567890123456789, 1)
        row(sheet, "D2", "won", "P1", 1234567890123456, 1)
        row(sheet, "D3", "won", "P1", 123456789012345, 1)

    desk = given(fill)
    assert deals(desk, "customer_id") == ["123456789012345"]
    assert {column for _, column, *_ in desk.rejected()} == {"customer_id"}


def test_zeros_that_a_spreadsheet_keeps(given):
    lines = ['="0001",won,="0012",C1,="100"', '0002,won,"=""0012""",="C,2",1', "3,won,0012,=C3,1"]
    desk = given(",".join(HEADER) + "\n" + "\n".join(lines).replace('="C,2"', '"=""C,2"""') + "\n")
    assert deals(desk, "deal_id") == ["0001", "0002", "3"]
    assert deals(desk, "partner_id") == ["0012"] * 3
    assert deals(desk, "customer_id") == ["C1", "C,2", "=C3"]
    assert deals(desk, "amount") == [100, 1, 1]


def test_zeros_that_a_number_format_shows(given):
    desk = given(lambda sheet: row(sheet, 1, "won", 12, "C1", 5, A="0000", C="000000", E="#,##0"))
    assert (deals(desk, "deal_id"), deals(desk, "partner_id"), deals(desk, "amount")) == (["0001"], ["000012"], [5])


def test_merged_cells_count_in_all_their_rows(given):
    def fill(sheet):
        for i, partner in enumerate(["P1", None, None, "P2", None], start=1):
            row(sheet, f"D{i}", "won", partner, "C1", i)
        sheet.merge_cells("C2:C4")
        sheet.merge_cells("C5:C9")

    desk = given(fill)
    assert deals(desk, "partner_id") == ["P1", "P1", "P1", "P2", "P2"]
    assert desk.result.warnings == ("erp: d.xlsx: 代理店: C3, C4, C6 take the value of the merged cell above",)


def test_a_number_in_merged_cells_is_refused(given):
    def fill(sheet):
        row(sheet, "D1", "won", "P1", "C1", 100)
        row(sheet, "D2", "won", "P1", "C1", None)
        sheet.merge_cells("E2:E3")

    desk = given(fill)
    assert "金額 in a cell that is merged over several rows (E3)" in desk.result.refused[0].message
    assert "Unmerge these cells" in desk.result.refused[0].message


@pytest.mark.parametrize(
    ("code", "unit", "expected"),
    [
        ("#,##0,", "千円", 1234567), ("#,##0,;[Red]-#,##0,", "千円", 1234567), ("#,##0,", "", 1234567),
        ("#,##0,", "円", 1234567), ("#,##0,,", "百万円", 1234567), ("#,##0", "千円", 1234567000),
        ('#,##0"千円"', "円", 1234567000), ('#,##0,"千円"', "円", 1234567), ("0.0,", "千円", 1234567),
    ],
)  # fmt: skip
def test_a_number_format_that_divides(given, code, unit, expected):
    more = f"amounts: {{amount: {unit}}}" if unit else ""
    desk = given(lambda sheet: row(sheet, "D1", "won", "P1", "C1", 1234567, E=code), more=more)
    assert deals(desk, "amount") == [Decimal(expected)]


def test_a_unit_that_only_the_format_names_must_be_stated(given):
    desk = given(lambda sheet: row(sheet, "D1", "won", "P1", "C1", 5, E='#,##0"千円"'))
    ((_, column, value, _, remedy),) = desk.rejected()
    assert (column, value) == ("amount", "5千円")
    assert "amounts:" in remedy


def test_two_formats_in_one_column_are_refused(given):
    def fill(sheet):
        row(sheet, "D1", "won", "P1", "C1", 1234567, E="#,##0,")
        row(sheet, "D2", "won", "P1", "C1", 5)

    assert "give all cells one format" in given(fill, more="amounts: {amount: 千円}").result.refused[0].message
    assert deals(given(fill, more="amounts: {amount: 円}"), "amount") == [1234567, 5]


def test_the_first_visible_sheet_is_read(desk):
    book = openpyxl.Workbook()
    book.active.append(["説明"])
    book.active.sheet_state = "veryHidden"
    book.create_sheet("案件").append(["deal_id", "stage"])
    book["案件"].append(["D1", "won"])
    buffer = io.BytesIO()
    book.save(buffer)
    desk.land("deals/a_2026-04-30.xlsx", buffer.getvalue())
    result = desk.load(expectations=None)
    assert deals(desk, "deal_id") == ["D1"]
    assert "the sheet Sheet is hidden" in result.warnings[0]
