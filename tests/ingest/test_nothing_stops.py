"""One bad file never stops the good ones, and never ends the process."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from orchestration.errors import KyotenError
from orchestration.sources.landing import walk
from tests.ingest.conftest import Desk

GOOD = "deal_id,stage\nG1,won\n"


def far_cell() -> bytes:
    book = openpyxl.Workbook()
    for row in (["deal_id", "stage"], ["D1", "won"]):
        book.active.append(row)
    book.active.cell(1_048_576, 16_384, "x")
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


BAD: list[tuple[bytes, bytes | Callable[[], bytes], str]] = [
    (b"far_2026-04-01.xlsx", far_cell, "a cell far away from the others: Ctrl+End in Excel goes to the last one"),
    (b"nul_2026-04-01.csv", b"deal_id,st\0age\nD1,won\n", r"has the column 'st\x00age', with a NUL character"),
    ("受注_2026-04-01.csv".encode("cp932"), GOOD.encode(), "in the Shift_JIS of Windows it is 受注_2026-04-01.csv"),
    (b"e\x1b[31m_2026-04-01.csv", GOOD.encode(), r"deals/e\x1b[31m_2026-04-01.csv has a name that is not plain UTF-8"),
    (b"f_2026-04-01.csv/x.csv", GOOD.encode(), "is a folder, but is named like a data file"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_a_bad_file_is_refused_and_the_good_one_loaded(desk: Desk, name: bytes, content: Any, message: str) -> None:
    desk.land("deals/good_2026-04-02.csv", GOOD)
    path = Path(os.fsdecode(os.fsencode(desk.home.landing) + b"/deals/" + name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content() if callable(content) else content)
    for _ in range(2):
        result = desk.load()
        (refused,) = result.refused
        assert message in refused.message
        assert desk.query("SELECT deal_id FROM raw_deals") == [("G1",)]


def test_names_with_spaces_of_any_width_are_plain(desk: Desk) -> None:
    desk.land("deals/受注\u3000一覧\u00a0(1)\u200b_2026-04-01.csv", GOOD)
    assert [file.status for file in desk.load().files] == ["loaded"]


def test_a_character_cut_in_half_rejects_its_row_alone(desk: Desk, tmp_path: Path) -> None:
    lines = [
        "番号,段階,名".encode("cp932"),
        "D1,won,髙橋".encode("cp932"),
        "D2,won,株式".encode("cp932")[:-1],
        b"D3,won,x",
    ]
    (tmp_path / "d.csv").write_bytes(b"\n".join(lines) + b"\n")
    sources = tmp_path / "s.yml"
    sources.write_text(
        f"sources: {{crm: {{path: {tmp_path}, extracted_on: 2026-04-01, files: {{d: {{pattern: d.csv, encoding: cp932}}"
        "}, datasets: {deals: {from: d, columns: {deal_id: 番号, stage: 段階, deal_name: 名}}}}}"
    )
    assert desk.load(sources).refused == []
    assert desk.query("SELECT deal_id, deal_name FROM raw_deals ORDER BY 1") == [("D1", "髙橋"), ("D3", "x")]
    ((number, _, _, reason, remedy),) = desk.rejected()
    assert (number, remedy) == (2, "correct the character, and deliver the file again")
    assert "line 3 has the byte 0x8e, which is not cp932 text" in reason


def test_bytes_of_another_encoding_in_one_line_of_utf8(desk: Desk) -> None:
    rows = [f"D{i},won,株{i}".encode() for i in range(150)]
    rows[100] = b"D100,won,\xff\xfe"
    desk.land("deals/d_2026-04-01.csv", b"\n".join([b"deal_id,stage,deal_name", *rows]))
    (result,) = desk.load().files
    assert (result.status, result.accepted, result.rejected) == ("loaded", 149, 1)
    rows[3:6] = [b"D3,won,\xff", b"D4,won,\xff", b"D5,won,\xff"]
    desk.land("deals/d_2026-04-02.csv", b"\n".join([b"deal_id,stage,deal_name", *rows]))
    (refused,) = desk.load().refused
    assert "is not utf-8 text: line 5 has the byte 0xff" in refused.message


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 8)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (f"{ALIASES}sources: *a11\n", r"s.yml, line \d+, .*unfold to more than 100,000 values"),
        ("sources: &s\n  crm: *s\n", r"s.yml, line 2, .*an alias contains itself"),
    ],
)
def test_aliases_without_end_are_an_error_of_the_mapping(
    desk: Desk, tmp_path: Path, mapping: str, message: str
) -> None:
    (tmp_path / "s.yml").write_text(mapping)
    with pytest.raises(KyotenError, match=message):
        desk.load(tmp_path / "s.yml")


def test_a_folder_that_cannot_be_read_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.land("deals/good_2026-04-02.csv", GOOD)
    closed = desk.land("deals/closed/d_2026-04-01.csv", GOOD).parent
    scandir = os.scandir

    def denied(path: Any) -> Any:
        if not isinstance(path, int) and Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert closed in walk(desk.home.landing)
    (refused,) = desk.load().refused
    assert "deals/closed is a folder that cannot be read" in refused.message
    assert desk.query("SELECT deal_id FROM raw_deals") == [("G1",)]


def test_a_damaged_ledger_is_named(desk: Desk) -> None:
    desk.land("deals/good_2026-04-02.csv", GOOD)
    desk.load()
    (path,) = [path for path in (desk.home.lake / "loads").glob("2*.parquet")]
    path.write_bytes(b"x")
    with pytest.raises(KyotenError, match=f"The ledger's file {path} cannot be read"):
        desk.load()


OF_THE_ENGINE = [
    "duckdb_settings()", "duckdb_views()", "pragma_database_list()", "read_text('/etc/passwd')", "glob('/*')",
    "information_schema.tables", "rejects", "sqlite_master", "parquet_metadata('x')", "query('SELECT 1')",
]  # fmt: skip


@pytest.mark.parametrize("table", OF_THE_ENGINE)
def test_sql_of_a_mapping_sees_only_its_files(desk: Desk, tmp_path: Path, table: str) -> None:
    (tmp_path / "d.csv").write_text(GOOD)
    (tmp_path / "s.yml").write_text(
        f"sources: {{crm: {{path: {tmp_path}, extracted_on: 2026-04-01, files: {{d: d.csv}}, datasets: {{deals: "
        f"{{query: \"SELECT deal_id, stage FROM d UNION ALL SELECT 'x', 'y' FROM {table}\"}}}}}}}}"
    )
    with pytest.raises(KyotenError, match=r"s.yml, line 1, .*(is of the engine|does not work)"):
        desk.load(tmp_path / "s.yml")


@pytest.mark.parametrize("expression", ["current_setting('temp_directory')", "getenv('HOME')"])
def test_an_expression_of_a_mapping_sees_no_setting(desk: Desk, tmp_path: Path, expression: str) -> None:
    (tmp_path / "d.csv").write_text(GOOD)
    (tmp_path / "s.yml").write_text(
        f"sources: {{crm: {{path: {tmp_path}, extracted_on: 2026-04-01, files: {{d: d.csv}}, datasets: {{deals: "
        f'{{from: d, columns: {{deal_id: deal_id, stage: "= {expression}"}}}}}}}}}}'
    )
    with pytest.raises(KyotenError, match=r"is of the engine, not of the source"):
        desk.load(tmp_path / "s.yml")
