"""One bad file never stops the good ones, and never ends the process."""

import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from orchestration.errors import KyotenError
from orchestration.home import PROJECT
from orchestration.lake import readers
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
    ("../受注_2026-04-01.csv".encode("cp932"), GOOD.encode(), "has a name that is not plain UTF-8"),
    ("../受注/a_2026-04-01.csv".encode("cp932"), GOOD.encode(), "has a name that is not plain UTF-8"),
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


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.abort()", "because of a fault in Kyoten or its libraries (its process ended with -6)"),
        ("raise IndexError('x y')", "because of a fault in Kyoten or its libraries (IndexError: x y). Report it"),
        ("import sys; sys.exit('memory allocation of 9 bytes failed')", "needs more than 4 GiB of memory"),
        ("x = 'x' * (5 << 30)", "needs more than 4 GiB of memory"),
        ("import os; os.kill(os.getpid(), 9)", "needs more than 4 GiB of memory"),
    ],
)
def test_a_fault_of_the_process_for_workbooks_is_no_lack_of_memory(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    content = io.BytesIO()
    openpyxl.Workbook().save(content)
    desk.land("deals/d_2026-04-01.xlsx", content.getvalue())
    desk.land("deals/good_2026-04-02.csv", GOOD)
    package = tmp_path / "python_calamine"
    package.mkdir()
    (package / "__init__.py").write_text(code)
    (tmp_path / "orchestration").symlink_to(PROJECT / "orchestration")
    monkeypatch.setattr("orchestration.lake.workbook.PROJECT", tmp_path)
    (refused,) = desk.load().refused
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
        desk.load_all(tmp_path / "s.yml")


@pytest.mark.parametrize("expression", ["current_setting('temp_directory')", "getenv('HOME')"])
def test_an_expression_of_a_mapping_sees_no_setting(desk: Desk, tmp_path: Path, expression: str) -> None:
    (tmp_path / "d.csv").write_text(GOOD)
    (tmp_path / "s.yml").write_text(
        f"sources: {{crm: {{path: {tmp_path}, extracted_on: 2026-04-01, files: {{d: d.csv}}, datasets: {{deals: "
        f'{{from: d, columns: {{deal_id: deal_id, stage: "= {expression}"}}}}}}}}}}'
    )
    with pytest.raises(KyotenError, match=r"is of the engine, not of the source"):
        desk.load_all(tmp_path / "s.yml")


MAPPED = """
sources:
  a: {path: A, extracted_on: 2026-04-01, files: {d: {pattern: d.csv, nulls: {Stage: [x]}}},
      datasets: {deals: {from: d, columns: {deal_id: Id, stage: Stage, deal_name: Name}}}}
  b: {path: B, extracted_on: 2026-04-01, files: {d: d.csv}, tables: {t: SELECT Id FROM d},
      datasets: {partners: {from: t, columns: {partner_id: Id, partner_name: Id}},
                 deals: {from: d, columns: {deal_id: Id, stage: Stage}}}}
"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Id,Phase\nD1,won\n", r"a: d.csv|`nulls:` names Stage, which d.csv has not"),
        ("Key,Stage\nD1,won\n", r"deals of a cannot be made: s.yml, line 4.* d has no column Id"),
        (None, r"s.yml, line 3, .*no file below .* matches d.csv"),
        ("no folder", r"s.yml, line 3, .*path: .* is no folder"),
    ],
)
def test_a_file_that_the_mapping_does_not_fit_stops_no_other(
    desk: Desk, tmp_path: Path, content: str | None, message: str
) -> None:
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "d.csv").write_text("Id,Stage,Name\nM1,won,x\n")
    sources = tmp_path / "s.yml"
    sources.write_text(MAPPED.replace("A,", f"{tmp_path}/A,").replace("B,", f"{tmp_path}/B,"))
    (tmp_path / "A" / "d.csv").unlink()
    if content == "no folder":
        (tmp_path / "A").rmdir()
    elif content is not None:
        (tmp_path / "A" / "d.csv").write_text(content)
    desk.land("deals/good_2026-04-02.csv", GOOD)
    with pytest.raises(KyotenError, match=message):
        desk.load_all(sources)
    assert desk.query("SELECT deal_id FROM raw_deals ORDER BY 1") == [("G1",), ("M1",)]
    assert desk.query("SELECT partner_id FROM raw_partners") == [("M1",)]


def test_a_broken_table_stops_only_the_datasets_that_read_it(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("Id,Stage,Name\nM1,won,x\n")
    sources = tmp_path / "s.yml"
    mapping = MAPPED.replace("A,", f"{tmp_path},").replace("B,", f"{tmp_path},")
    sources.write_text(mapping.replace("SELECT Id FROM d", "SELECT Nothing FROM d"))
    with pytest.raises(KyotenError, match=r"partners of b cannot be made: s.yml, line 5, .*the table t does not work"):
        desk.load_all(sources)
    assert desk.query("SELECT count(*) FROM raw_deals") == [(2,)]


def test_a_column_that_is_missing_from_now_on_stops_nothing(desk: Desk, tmp_path: Path) -> None:
    sources = tmp_path / "s.yml"
    mapping = MAPPED.replace("extracted_on: 2026-04-01, files", "files").replace("d.csv", "d_*.csv")
    sources.write_text(mapping.replace("A,", f"{tmp_path},").replace("B,", f"{tmp_path},"))
    headers = ["Id,Stage,Name", "Id,Stage", "Id,Stage"]
    for day, header in enumerate(headers, start=1):
        values = ",".join([f"M{day}", "won", "x"][: header.count(",") + 1])
        (tmp_path / f"d_2026-04-0{day}.csv").write_text(f"{header}\n{values}\n")
        desk.load_all(sources, expectations=None)
    rows = "SELECT deal_id, deal_name FROM raw_deals WHERE source_name = 'a' ORDER BY 1"
    assert desk.query(rows) == [("M1", "x"), ("M2", None), ("M3", None)]


def test_a_revision_without_end_is_refused(desk: Desk) -> None:
    desk.land("deals/good_2026-04-02.csv", GOOD)
    desk.land(f"deals/d_2026-04-01_r{'9' * 30}.csv", GOOD)
    (refused,) = desk.load().refused
    assert "has the revision 999999999 in its name. Write the number of the delivery, such as _r2." in refused.message
    assert desk.query("SELECT deal_id FROM raw_deals") == [("G1",)]


def test_a_damaged_parquet_file_is_refused(desk: Desk, tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "d.parquet"
    duckdb.execute(f"COPY (SELECT 'D' || i AS deal_id, 'won' AS stage FROM range(5) t(i)) TO '{path}'")
    content = path.read_bytes()
    desk.land("deals/good_2026-04-02.csv", GOOD)
    for at in range(4, len(content) - 8, 3):
        spoilt = content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]
        desk.land(f"deals/d{at}_2026-04-01.parquet", spoilt)
    result = desk.load(expectations=None)
    assert len(result.refused) > 20 and all("fault" not in file.message for file in result.refused)
    assert desk.query("SELECT count(*) FROM raw_deals WHERE deal_id = 'G1'") == [(1,)]


def test_a_damaged_workbook_is_refused(desk: Desk) -> None:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in (["deal_id", "stage"], ["D1", "won"]):
        book.active.append(row)
    book.save(content)
    whole = content.getvalue()
    desk.land("deals/good_2026-04-02.csv", GOOD)
    ends = (whole.rindex(b"PK\x05\x06"), whole.index(b"PK\x01\x02"))
    for number, at in enumerate([*ends, *(end + 2 for end in ends), 30, len(whole) // 2]):
        desk.land(f"deals/d{number}_2026-04-01.xlsx", whole[:at] + b"\xff" + whole[at + 1 :])
    refused = desk.load(expectations=None).refused
    assert len(refused) > 3 and all("cannot be read as a workbook" in file.message for file in refused)
    assert desk.query("SELECT deal_id FROM raw_deals WHERE deal_id = 'G1'") == [("G1",)]


def line_without_end(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"deal_id,stage\nD1,won\n")
        file.truncate(2 << 30)  # a sparse file of NULs


def wide(path: Path) -> None:
    path.write_text(",".join(f"c{i}" for i in range(100_000)) + "\n")


def wide_json(path: Path) -> None:
    path.write_text(json.dumps({f"c{i}": i for i in range(2001)}) + "\n")


def bomb(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        file.write(b"deal_id,stage\n" + b"0,\n" * 10_000)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("s_2026-04-01.csv", line_without_end, "has a line of more than 64 MiB after line 2, so it is damaged"),
        ("b_2026-04-01.csv.gz", bomb, "unpacks to more than 200 times its size"),
        ("w_2026-04-01.csv", wide, "has 100,000 columns, and at most 2,000 are read"),
        ("w_2026-04-01.jsonl", wide_json, "has 2,001 columns, and at most 2,000 are read"),
        ("f_2026-04-01.csv", os.mkfifo, "leads nowhere, or to something that is not a file"),
        ("l_2026-04-01.csv", lambda path: path.symlink_to(path), "leads nowhere"),
    ],
)
def test_what_never_ends_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path], None], message: str
) -> None:
    monkeypatch.setattr("orchestration.lake.readers._LARGEST_BOMB", 10_000)
    make(desk.land(f"deals/{name}.x", "").parent / name)
    (desk.home.landing / "deals" / f"{name}.x").unlink()
    desk.land("deals/good_2026-04-02.csv", GOOD)
    (refused,) = desk.load().refused
    assert message in refused.message
    assert desk.query("SELECT deal_id FROM raw_deals") == [("G1",)]


@pytest.mark.parametrize(("old", "new"), [("A,", f"{'x' * 3000},"), ("A,", '"a\\0b",'), ("d.csv", "x" * 300)])
def test_a_path_that_no_file_can_have_is_an_error_of_the_mapping(
    desk: Desk, tmp_path: Path, old: str, new: str
) -> None:
    sources = tmp_path / "s.yml"
    sources.write_text(MAPPED.replace(old, new).replace("A,", f"{tmp_path},").replace("B,", f"{tmp_path},"))
    with pytest.raises(KyotenError, match=r"s.yml, line 3"):
        desk.load_all(sources)


def test_a_file_that_is_removed_during_the_run_stops_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.land("deals/good_2026-04-02.csv", GOOD)
    names = ("a", "b")
    paths = [desk.land(f"deals/{name}_2026-04-01.csv", GOOD.replace("G1", name)) for name in names]
    listed, examine = walk, readers.examine

    def walk_and_lose(folder: Path) -> Any:
        found = list(listed(folder))
        paths[0].unlink()  # after it was listed
        return found

    def examine_and_lose(path: Path, encoding: str) -> Any:
        content = examine(path, encoding)
        if path == paths[1]:
            path.unlink()  # after it was opened
        return content

    monkeypatch.setattr("orchestration.sources.landing.walk", walk_and_lose)
    monkeypatch.setattr("orchestration.lake.readers.examine", examine_and_lose)
    (refused,) = desk.load().refused
    assert refused.file_name == "deals/b_2026-04-01.csv"
    assert desk.query("SELECT deal_id FROM raw_deals") == [("G1",)]


def test_utf16_without_a_byte_order_mark_is_refused(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(GOOD.encode("utf-16-le"))
    desk.land("deals/good_2026-04-02.csv", GOOD)
    sources = tmp_path / "s.yml"
    sources.write_text(
        f"sources: {{crm: {{path: {tmp_path}, extracted_on: 2026-04-01, encoding: utf-16, files: {{d: d.csv}}"
        ", datasets: {deals: {from: d, columns: [deal_id, stage]}}}}"
    )
    with pytest.raises(KyotenError, match=r"d.csv is not utf-16 text \(UTF-16 stream does not start with BOM\)"):
        desk.load_all(sources)
    assert desk.query("SELECT deal_id FROM raw_deals") == [("G1",)]


def test_files_whose_types_do_not_fit_together_are_refused(desk: Desk, tmp_path: Path) -> None:
    import duckdb

    for name, value in (("d1", "{'a': 1}"), ("d2", "'won'")):
        duckdb.execute(f"COPY (SELECT 'D' AS deal_id, {value} AS stage) TO '{tmp_path}/{name}.parquet'")
    desk.land("deals/good_2026-04-02.csv", GOOD)
    sources = tmp_path / "s.yml"
    sources.write_text(
        f"sources: {{crm: {{path: {tmp_path}, extracted_on: 2026-04-01, files: {{d: d*.parquet}}"
        ", datasets: {deals: {from: d, columns: [deal_id, stage]}}}}"
    )
    result = desk.load(sources)
    assert [file.file_name for file in result.refused] == ["d1.parquet", "d2.parquet", "d1.parquet, d2.parquet"]
    assert desk.query("SELECT deal_id FROM raw_deals") == [("G1",)]
