"""Amounts, dates, encodings and layouts of real files, loaded with a mapping."""

import io
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from orchestration.errors import KyotenError

MAPPING = """\
sources:
  crm:
    path: {path}
    extracted_on: 2026-04-01
    files:
      deals: {{pattern: "deals.*"{file}}}
    datasets:
      deals:
        from: deals
        columns: {{deal_id: 案件番号, stage: 段階{columns}}}
        {more}
"""


@pytest.fixture
def given(desk, tmp_path) -> Callable[..., Any]:
    """Return a function that lands one file, loads it with a mapping, and returns the desk."""

    def load(
        content: str | bytes, *, name: str = "deals.csv", file: str = "", columns: str = "", more: str = ""
    ) -> Any:
        folder = tmp_path / "crm"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        sources = tmp_path / "sources.yml"
        sources.write_text(MAPPING.format(path=folder, file=file, columns=columns, more=more))
        desk.result = desk.load(sources)
        return desk

    return load


def one_by_one(values: list[str]) -> str:
    return "案件番号,段階,値\n" + "".join(f'{i},won,"{value}"\n' for i, value in enumerate(values))


@pytest.mark.parametrize(
    ("unit", "written", "expected"),
    [
        (
            "円",
            ["¥1,234,000", "1,234円", "１，２３４", "￥１２", "\\1,000", "1 000"],
            [1234000, 1234, 1234, 12, 1000, 1000],
        ),
        ("円", ["△1,234", "▲5", "(1,234)", "（¥7）", "-3", "¥-4", "−5", "+6"], [-1234, -5, -1234, -7, -3, -4, -5, 6]),
        ("千円", ["1,234", "1.5", "△2", "5円", "3千円", "1百万円"], [1234000, 1500, -2000, 5, 3000, 1000000]),
        ("百万円", ["12", "0.000001"], [12000000, 1]),
        ("$", ["$1,234.50", "7"], [Decimal("1234.5"), 7]),
        (
            "円",
            ["1億2,000万円", "２千万円", "1.5億", "1兆2億円", "1億2,000円"],
            [120000000, 20000000, 150000000, 1000200000000, 100002000],
        ),
        ("千円", ["1億2,000万円", "1億2,000円"], [120000000, 100002000]),
        ('"%"', ["50%", "50", "12.5％"], [Decimal("0.5"), Decimal("0.5"), Decimal("0.125")]),
    ],
)
def test_written_amounts(given, unit, written, expected):
    desk = given(one_by_one(written), columns=", amount: 値", more=f"amounts: {{amount: {unit}}}")
    assert desk.query("SELECT amount FROM raw_deals ORDER BY deal_id") == [(value,) for value in expected]


@pytest.mark.parametrize(
    "value",
    ["1,23", "1.234,5", "$5", "--5", "(5", "-(5)", "1,2345", "約100", "9" * 40, "1億2000", "1億2千", "万", "円"],
)
def test_amount_of_another_form_rejects_its_row(given, value):
    desk = given(one_by_one([value, "1"]), columns=", amount: 値", more="amounts: {amount: 円}")
    ((number, column, found, _, remedy),) = desk.rejected()
    assert (number, column, found) == (1, "amount", value)
    assert "write an amount" in remedy
    assert desk.query("SELECT count(*) FROM raw_deals") == [(1,)]


def test_whole_numbers_are_whole(given, desk, tmp_path):
    folder = tmp_path / "crm"
    folder.mkdir()
    (folder / "c.csv").write_text('id,n\n1,"1,200名"\n2,１２００\n3,1.5\n')
    sources = tmp_path / "s.yml"
    sources.write_text(
        f"sources: {{crm: {{path: {folder}, files: {{c: c.csv}}, datasets: {{customers: {{from: c, columns: "
        "{customer_id: id, customer_name: id, employee_count: \"= replace(n, '名', '')\"}, "
        "amounts: {employee_count: 1}}}}}"
    )
    desk.load(sources)
    assert desk.query("SELECT employee_count FROM raw_customers ORDER BY 1") == [(1200,), (1200,)]
    assert [row[:3] for row in desk.rejected()] == [(3, "employee_count", "1.5")]


@pytest.mark.parametrize(
    ("forms", "written"),
    [
        ("iso", ["2026-04-01", "2026/4/1", "2026-04-01T00:00:00+09:00"]),
        ("ymd", ["2026/4/1", "2026.04.01", "2026年4月1日", "20260401", "２０２６／４／１", "2026/4/1 13:05"]),
        ("mdy", ["4/1/26", "04/01/2026", "4-1-26 9:00"]),
        ("dmy", ["1/4/26", "01.04.2026"]),
        ("ymd", ["2026年4月1日(水)", "2026年4月1日（水曜日） 13:05", "2026/4/1(水)", "2026年4月1日 水曜日"]),
        ("ymd", ["2026/04/01 午後 1:05", "2026年4月1日 午前0:30", "2026-4-1 1:05 PM", "2026.4.1 12:00:00 a.m."]),
        ("mdy", ["4/1/2026 1:05 PM", "4/1/26 12:05am"]),
        ("javascript", ["Wed Apr 01 2026 10:05:00 GMT+0900 (日本標準時)", "Tue Mar 31 2026 15:05:00 GMT+0000"]),
        ("epoch_ms", ["1775001600000", "1775001600123.5"]),
        ("epoch", ["1775001600"]),
        ("era", ["令和8年4月1日(水)", "令和8年4月1日", "R8.4.1", "r8/4/1", "R08-04-01", "令和８年４月１日"]),
        ("excel", ["46113", "46113.75"]),
        ("excel1904", ["44651"]),
        ("[era, ymd, excel]", ["R8.4.1", "2026/4/1", "46113"]),
        ('"%d %B %Y"', ["1 April 2026"]),
    ],
)
def test_written_dates(given, forms, written):
    desk = given(one_by_one(written), columns=", won_on: 値", more=f"dates: {{won_on: {forms}}}")
    assert desk.query("SELECT won_on FROM raw_deals ORDER BY deal_id") == [(date(2026, 4, 1),)] * len(written)


def test_eras(given):
    written = ["令和元年5月1日", "H31.4.30", "昭和64年1月7日", "T1.7.30", "昭和元年12月25日", "平成元年1月8日"]
    desk = given(one_by_one(written), columns=", won_on: 値", more="dates: {won_on: era}")
    days = [(date(2019, 5, 1),), (date(2019, 4, 30),), (date(1989, 1, 7),), (date(1912, 7, 30),)]
    days += [(date(1926, 12, 25),), (date(1989, 1, 8),)]
    assert desk.query("SELECT won_on FROM raw_deals ORDER BY deal_id") == days


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("ymd", "2026/2/30"), ("ymd", "26/4/1"), ("ymd", "2026-04/01x"), ("mdy", "13/1/26"), ("mdy", "4/1/202"),
        ("dmy", "1/13/26"), ("era", "X8.4.1"), ("era", "R0.4.1"), ("era", "R8.13.1"), ("excel", "60"),
        ("era", "昭和70年1月1日"), ("era", "平成31年5月1日"), ("era", "S64.1.8"), ("era", "R1.4.30"),
        ("era", "昭和1年12月24日"), ("ymd", "2026年4月1日(木)"),
        ("ymd", "2026/4/1 13:05 PM"), ("ymd", "2026/4/1 午後 13:05"), ("javascript", "Wed Apr 01 2026"),
        ("era", "令和8年4月1日(火)"), ("epoch_ms", "1775001600"), ("epoch", "1775001600000"),
        ("excel", "2026-04-01"), ("excel", "99999999"), ("iso", "4/1/26"), ("iso", "epoch"),
    ],
)  # fmt: skip
def test_date_of_another_form_rejects_its_row(given, form, value):
    desk = given(one_by_one([value]), columns=", won_on: 値", more=f"dates: {{won_on: {form}}}")
    ((number, column, found, _, remedy),) = desk.rejected()
    assert (number, column, found) == (1, "won_on", value)
    assert "dates:" in remedy


@pytest.mark.parametrize("forms", ["[mdy, dmy]", '["%m/%d/%y", "%d/%m/%y"]', '[mdy, "%d/%m/%y"]'])
def test_two_orders_of_day_and_month_are_never_guessed(given, forms):
    with pytest.raises(KyotenError, match=r"sources.yml, line 11.* may be both"):
        given(one_by_one(["4/1/26"]), columns=", won_on: 値", more=f"dates: {{won_on: {forms}}}")


def test_times_are_read_in_the_zone_of_the_source(given):
    written = ["2026-04-01 00:30", "2026-04-01T00:30:00+09:00"]
    desk = given(one_by_one(written), columns=", created_at: 値, won_on: 値", more="mode: delta\n    timezone: UTC")
    rows = desk.query("SELECT created_at, won_on FROM raw_deals ORDER BY deal_id")
    assert rows == [(datetime(2026, 4, 1, 0, 30), date(2026, 4, 1)), (datetime(2026, 3, 31, 15, 30), date(2026, 4, 1))]


def test_hours_of_a_half_day(given):
    written = ["4/1/26 12:05 AM", "4/1/26 1:05 a.m.", "4/1/26 午前0:05", "4/1/26 12:05 PM", "4/1/26 午後0:05"]
    desk = given(one_by_one(written), columns=", created_at: 値", more="dates: {created_at: mdy}\n    timezone: UTC")
    times = desk.query("SELECT strftime(created_at, '%H:%M') FROM raw_deals ORDER BY row_number")
    assert times == [("00:05",), ("01:05",), ("00:05",), ("12:05",), ("12:05",)]


@pytest.mark.parametrize("forms", ["", "dates: {created_at: iso, won_on: iso}"])
def test_a_zone_is_an_offset_or_the_name_of_a_place(given, forms):
    zones = ["+0900", " +0900", " +09:00", "Z", " UTC", " GMT", " Asia/Tokyo", " CST", " BST", " IST", " PST"]
    desk = given(
        one_by_one([f"2026-04-01 00:30:00{zone}" for zone in zones]), columns=", created_at: 値, won_on: 値", more=forms
    )
    tokyo, utc = datetime(2026, 3, 31, 15, 30), datetime(2026, 4, 1, 0, 30)
    rows = desk.query("SELECT created_at FROM raw_deals ORDER BY row_number")
    assert rows == [(at,) for at in [tokyo, tokyo, tokyo, utc, utc, utc, tokyo]]
    assert desk.query("SELECT DISTINCT won_on FROM raw_deals") == [(date(2026, 4, 1),)]
    assert [row[0] for row in desk.rejected()] == [8, 9, 10, 11]
    assert all("+09:00" in remedy for *_, remedy in desk.rejected())


def test_a_pattern_with_the_name_of_a_zone_is_refused(given):
    with pytest.raises(KyotenError, match=r"%Z .*`%z`"):
        given(one_by_one(["x"]), columns=", created_at: 値", more='dates: {created_at: "%Y-%m-%d %H:%M %Z"}')


def test_the_remedies_of_values_work_when_followed(given):
    desk = given(one_by_one(["50%", " -   ", "―"]), columns=", amount: 値")
    remedies = {value.strip(): remedy for _, _, value, _, remedy in desk.rejected()}
    assert '`amounts: {amount: "%"}`' in remedies["50%"]
    assert '`values: {amount: {"-": 0}}`' in remedies["-"]
    assert '`values: {amount: {"―": 0}}`' in remedies["―"]
    zero = 'amounts: {amount: 円}\n        values: {amount: {"-": 0, "―": 0}}'
    desk = given(one_by_one(["1", " -   ", "―"]), columns=", amount: 値", more=zero)
    assert desk.query("SELECT amount FROM raw_deals ORDER BY row_number") == [(1,), (0,), (0,)]
    desk = given(one_by_one(["Wed Apr 01 2026 10:05:00 GMT+0900 (日本標準時)"]), columns=", created_at: 値")
    assert "`dates: {created_at: javascript}`" in desk.rejected()[0][4]
    desk = given(one_by_one(["1775001600000"]), columns=", created_at: 値")
    ((*_, remedy),) = desk.rejected()
    assert "`dates: {created_at: epoch_ms}`" in remedy
    desk = given(one_by_one(["1775001600000"]), columns=", created_at: 値", more="dates: {created_at: epoch_ms}")
    assert desk.query("SELECT created_at FROM raw_deals") == [(datetime(2026, 4, 1),)]


def test_the_remedy_of_a_boolean_works_when_followed(given):
    desk = given(one_by_one(["済", "", "×"]), columns=", is_deleted: 値")
    remedies = [remedy for *_, remedy in desk.rejected()]
    assert "`values: {is_deleted: {済: true}}`" in remedies[0]
    desk = given(one_by_one(["済", "", "×"]), columns=", is_deleted: 値", more="values: {is_deleted: {済: true}}")
    assert desk.query("SELECT is_deleted FROM raw_deals ORDER BY row_number") == [(True,), (None,), (False,)]


def test_a_decimal_comma_is_stated(given):
    written = ["1.234,50 €", "12.500", "12,5", "△1.000"]
    desk = given(one_by_one(written), columns=", amount: 値", more="amounts: {amount: €}\n    decimal: ','")
    amounts = [Decimal("1234.5"), Decimal(12500), Decimal("12.5"), Decimal(-1000)]
    assert desk.query("SELECT amount FROM raw_deals ORDER BY row_number") == [(amount,) for amount in amounts]
    desk = given(one_by_one(["12.500", "100.000"]), columns=", amount: 値", more="mode: full\n    decimal: ','")
    assert desk.query("SELECT amount FROM raw_deals ORDER BY row_number") == [(12500,), (100000,)]
    assert desk.result.warnings == ()


def test_a_point_that_may_separate_thousands_is_said(given):
    desk = given(one_by_one(["12.500", "7", "100.000"]), columns=", amount: 値")
    assert desk.query("SELECT amount FROM raw_deals ORDER BY row_number") == [(Decimal("12.5"),), (7,), (100,)]
    (said,) = desk.result.warnings
    assert "amount: 12.500 is read as 12.5" in said
    assert '`decimal: ","`' in said
    assert given(one_by_one(["12.500", "12.5"]), columns=", amount: 値").result.warnings == ()
    desk = given(one_by_one(["1.234,50"]), columns=", amount: 値", more="amounts: {amount: €}")
    assert '`decimal: ","`' in desk.rejected()[0][4]


SPECIAL = "案件番号,段階\n㈱髙橋①～,受注\n"


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", SPECIAL.encode()),
        ("utf-8", b"\xef\xbb\xbf" + SPECIAL.encode()),
        ("cp932", SPECIAL.encode("cp932")),
        ("shift_jis", SPECIAL.encode("cp932")),
        ("utf-16", SPECIAL.encode("utf-16")),
        ("utf-16-le", b"\xff\xfe" + SPECIAL.encode("utf-16-le")),
        ("utf-16-be", SPECIAL.encode("utf-16-be")),
    ],
)
def test_encodings(given, encoding, content):
    desk = given(content, file=f", encoding: {encoding}")
    assert desk.query("SELECT deal_id, stage FROM raw_deals") == [("㈱髙橋①～", "受注")]


def test_lines_above_the_header_and_totals_are_no_data(given):
    content = "売上一覧\n\n案件番号,段階,金額\n1,a,5\n小計,,5\n2,b,6\n合計 2件,,11\n総計\n\n合計番号,c,1\n"
    desk = given(content, file=", skip_rows: 2, footer: [小計, 合計, 総計]", columns=", amount: 金額")
    assert desk.query("SELECT deal_id FROM raw_deals ORDER BY 1") == [("1",), ("2",)]
    (loads,) = desk.query(
        "SELECT rows_read, rows_accepted, rows_rejected, rows_not_data FROM loads WHERE dataset IS NULL"
    )
    assert loads == (2, 2, 0, 4)
    assert desk.rejected() == []


def workbook(rows: list[list[Any]], sheet: str = "案件") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "説明"
    book.active.append(["読み方"])
    tab = book.create_sheet(sheet)
    for row in rows:
        tab.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_a_sheet_of_a_workbook(given):
    rows = [
        ["出力"], [], ["案件番号", "段階", "金額", "受注日", "更新"],
        ["007", "受注", 1234.5, date(2026, 4, 1), datetime(2026, 4, 1, 9, 30)],
        [8, "a,b\n\"c\"", "△1,000", "令和8年4月1日", None], [], ["合計", None, 234.5],
    ]  # fmt: skip
    desk = given(
        workbook(rows),
        name="deals.xlsx",
        file=", sheet: 案件, skip_rows: 1, footer: 合計",
        columns=", amount: 金額, won_on: 受注日, updated_at: 更新",
        more="amounts: {amount: 円}\n        dates: {won_on: [iso, era]}",
    )
    assert desk.query("SELECT deal_id, stage, amount, won_on, updated_at, row_number FROM raw_deals ORDER BY 1") == [
        ("007", "受注", Decimal("1234.5"), date(2026, 4, 1), datetime(2026, 4, 1, 0, 30), 1),
        ("8", 'a,b\n"c"', Decimal(-1000), date(2026, 4, 1), None, 2),
    ]


@pytest.mark.parametrize(
    ("content", "file", "expected"),
    [
        (workbook([["案件番号", "段階"]]), ", sheet: 売上", "has no sheet 売上; it has 説明, 案件"),
        (b"PK\x03\x04 not a workbook", "", "cannot be read as a workbook"),
        (b"", "", "cannot be read as a workbook"),
        (workbook([]), ", sheet: 案件", "empty sheet"),
    ],
)
def test_workbook_that_cannot_be_read_is_refused(given, content, file, expected):
    (entry, *_) = given(content, name="deals.xlsx", file=file).result.refused
    assert expected in entry.message


def test_a_contract_shaped_workbook_needs_no_mapping(desk):
    book = openpyxl.Workbook()
    book.active.append(["deal_id", "stage", "amount"])
    book.active.append([1, "won", 12])
    buffer = io.BytesIO()
    book.save(buffer)
    desk.land("deals/deals_2026-04-01.xlsx", buffer.getvalue())
    assert (desk.only().read, desk.query("SELECT deal_id, amount::int FROM raw_deals")) == (1, [("1", 12)])


def test_two_sources_feed_one_dataset(desk, tmp_path: Path):
    text = "sources:\n"
    for name in ("east", "west"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "d.csv").write_text("id,stage,partner,branch\n1,won,P1,B1\n2,won,,\n")
        (tmp_path / name / "o.csv").write_text("id,branch,by\n1,B1,x\n2,DIRECT,x\n")
        (tmp_path / name / "a.csv").write_text("kind,id,alias\npartner,P1,ア\nbranch,B1,イ\n")
        text += f"""\
  {name}:
    path: {tmp_path / name}
    extracted_on: 2026-04-01
    key_prefix: {name}-
    shared_ids: [partner_id]
    files: {{d: d.csv, o: o.csv, a: a.csv}}
    datasets:
      deals: {{from: d, columns: {{deal_id: id, stage: stage, partner_id: partner, branch_id: branch}}}}
      attribution_overrides: {{from: o, columns: {{deal_id: id, branch_id: branch, decided_by: by, reason: by}}}}
      aliases: {{from: a, columns: {{entity_type: kind, entity_id: id, alias: alias}}}}
"""
    (tmp_path / "sources.yml").write_text(text)
    assert not [f for f in desk.load(tmp_path / "sources.yml").files if f.rejected or f.status == "refused"]
    assert desk.query("SELECT deal_id, partner_id, branch_id FROM raw_deals ORDER BY 1") == [
        ("east-1", "P1", "east-B1"), ("east-2", None, None), ("west-1", "P1", "west-B1"), ("west-2", None, None),
    ]  # fmt: skip
    overrides = desk.query("SELECT deal_id, branch_id FROM raw_attribution_overrides WHERE source_name = 'east'")
    assert sorted(overrides) == [("east-1", "east-B1"), ("east-2", "DIRECT")]
    aliases = desk.query("SELECT entity_id FROM raw_aliases WHERE source_name = 'west' ORDER BY 1")
    assert aliases == [("P1",), ("west-B1",)]


def test_a_query_carries_the_record_that_its_rows_come_from(desk, tmp_path):
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "d.csv").write_text("id,stage,name\n1,won,ア\n2,,イ\n3,won,ア\n")
    (tmp_path / "sources.yml").write_text(f"""\
sources:
  crm:
    path: {tmp_path / "crm"}
    extracted_on: 2026-04-01
    files: {{d: d.csv}}
    datasets:
      deals: {{query: "SELECT id AS deal_id, stage, _file_name, _file_sha256, _row_number FROM d"}}
      partners:
        query: >-
          SELECT name AS partner_id, any_value(name) AS partner_name, min(_row_number) AS _row_number,
          any_value(_file_name) AS _file_name, any_value(_file_sha256) AS _file_sha256 FROM d GROUP BY name
      products:
        query: >-
          SELECT id || letter AS product_id, letter AS product_name, _file_name, _file_sha256, _row_number
          FROM d, unnest(['a', 'b']) AS l(letter)
""")
    result = {f.dataset: f for f in desk.load(tmp_path / "sources.yml").files}
    assert desk.query("SELECT deal_id, file_name, row_number FROM raw_deals ORDER BY 1") == [
        ("1", "d.csv", 1), ("3", "d.csv", 3)
    ]  # fmt: skip
    assert desk.query("SELECT dataset, file_name, row_number FROM rejected") == [("deals", "d.csv", 2)]
    assert desk.query("SELECT partner_id, row_number FROM raw_partners ORDER BY 1") == [("ア", 1), ("イ", 2)]
    assert result["partners"].folded == 1
    # One record became two rows: they are numbered by their values, and none is lost.
    assert desk.query("SELECT count(*), count(DISTINCT row_number) FROM raw_products") == [(6, 6)]
