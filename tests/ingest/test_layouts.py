"""Headers of several lines or none, quotes after a backslash, and JSON by id."""

import json
from pathlib import Path
from typing import Any

import pytest


def load(desk: Any, tmp_path: Path, name: str, content: str, file: str, columns: str) -> Any:
    (tmp_path / name).write_text(content)
    (tmp_path / "s.yml").write_text(
        f"sources: {{erp: {{path: {tmp_path}, extracted_on: 2026-04-30, files: {{d: {{pattern: {name}{file}}}}}, "
        f"datasets: {{deals: {{from: d, columns: {{{columns}}}}}}}}}}}"
    )
    desk.result = desk.load(tmp_path / "s.yml", expectations=None)
    return desk.query("SELECT deal_id, stage, deal_name, amount, row_number FROM raw_deals ORDER BY row_number")


def test_two_header_lines(desk, tmp_path):
    content = '一覧\n案件,,4月,,5月,\n番号,進捗,件数,金額,件数,金額\nD1,won,1,100,2,200\nD2,won,1,"1\n",2,5\nD3,won\n'
    columns = "deal_id: 案件 番号, stage: 案件 進捗, amount: 5月 金額"
    rows = load(desk, tmp_path, "d.csv", content, ", skip_rows: 1, header_rows: 2", columns)
    assert [(row[0], row[3], row[4]) for row in rows] == [("D1", 200, 1), ("D2", 5, 2)]
    assert [row[0] for row in desk.rejected()] == [3]


def test_the_remedy_for_two_header_lines_is_their_setting(desk, tmp_path):
    content = "番号,進捗,4月,\n,,件数,件数\nD1,won,1,2\n"
    load(desk, tmp_path, "d.csv", content, ", skip_rows: 1", "deal_id: 番号, stage: 進捗")
    assert "`header_rows: 2`" in desk.result.refused[0].message
    rows = load(
        desk,
        tmp_path,
        "d.csv",
        "番号,進捗,4月,5月\n,,件数,件数\nD1,won,1,2\n",
        ", header_rows: 2",
        "deal_id: 番号, stage: 進捗, amount: 5月 件数",
    )
    assert [(row[0], row[3]) for row in rows] == [("D1", 2)]


@pytest.mark.parametrize(
    "content", ["D1,won,x\nD2,lost,y\n", "D1,won,x\nD2,lost,y\nD3,won\n", "D1,won,won\nD2,lost,y\n"]
)
def test_a_file_without_a_header(desk, tmp_path, content):
    rows = load(
        desk, tmp_path, "d.csv", content, ", header: [id, stage, name]", "deal_id: id, stage: stage, deal_name: name"
    )
    assert [(row[0], row[4]) for row in rows] == [("D1", 1), ("D2", 2)]
    assert [row[0] for row in desk.rejected()] == ([3] if "D3" in content else [])


def test_the_names_of_a_file_without_a_header_are_counted(desk, tmp_path):
    load(desk, tmp_path, "d.csv", "D1,won,x\n", ", header: [id, stage]", "deal_id: id, stage: stage")
    assert "3 values in its first line, and `header:` names 2 columns" in desk.result.refused[0].message


def test_a_backslash_before_quotes(desk, tmp_path):
    content = 'id,stage,name\n1,won,"19\\" ラック"\n2,won,"a \\"b\\", c"\n3,won,"C:\\\\x"\n4,won,\\N\n'
    load(desk, tmp_path, "d.csv", content, "", "deal_id: id, stage: stage, deal_name: name")
    remedies = [remedy for *_, remedy in desk.rejected()]
    assert remedies
    assert all('`escape: "\\\\"`' in remedy for remedy in remedies)
    rows = load(desk, tmp_path, "d.csv", content, ', escape: "\\\\"', "deal_id: id, stage: stage, deal_name: name")
    assert [row[2] for row in rows] == ['19" ラック', 'a "b", c', "C:\\x", None]


def test_json_by_id(desk, tmp_path):
    content = json.dumps({"D/1": {"stage": "won", "amount": 5}, "D~2": {"stage": "lost", "amount": None}})
    load(desk, tmp_path, "d.json", content, "", "deal_id: id, stage: stage, amount: amount")
    assert "`keyed_by: id`" in desk.result.refused[0].message
    rows = load(desk, tmp_path, "d.json", content, ", keyed_by: id", "deal_id: id, stage: stage, amount: amount")
    assert [(row[0], row[1], row[3]) for row in rows] == [("D/1", "won", 5), ("D~2", "lost", None)]


@pytest.mark.parametrize("stated", ["", ", keyed_by: id"])
def test_json_by_id_below_the_top(desk, tmp_path, stated):
    deals = {"D1": {"stage": "won", "amount": 5}, "D2": {"stage": "lost", "amount": None}}
    columns = "deal_id: id, stage: stage, amount: amount"
    for content, place in (
        ({"data": deals}, "data"),
        ({"status": "ok", "count": 2, "result": {"deals": deals}}, "result.deals"),
    ):
        load(desk, tmp_path, "d.json", json.dumps(content), stated, columns)
        message = desk.result.refused[0].message
        assert f"has its records as members of {place}, such as D1" in message
        assert f"`keyed_by: {place}.id`" in message
        rows = load(desk, tmp_path, "d.json", json.dumps(content), f", keyed_by: {place}.id", columns)
        assert [(row[0], row[1], row[3]) for row in rows] == [("D1", "won", 5), ("D2", "lost", None)]


def test_the_place_of_json_by_id_must_be_there(desk, tmp_path):
    load(desk, tmp_path, "d.json", '{"data": {}}', ", keyed_by: rows.id", "deal_id: id, stage: stage")
    assert "has no object rows with members" in desk.result.refused[0].message


def test_one_json_object_is_one_record(desk):
    record = {"deal_id": "D1", "stage": "won", "owner": {"name": {"type": "x", "value": 1}, "id": {"type": "y"}}}
    desk.land("deals/a_2026-04-30.json", json.dumps(record))
    assert desk.only().accepted == 1


def test_lines_without_their_empty_values(desk, tmp_path):
    content = 'id,stage,name,note\n1,won\n2,won,"a\nb",\n\n3,won,"x, y"\n4,won,a,b\n5,won,a,b,c\n'
    columns = "deal_id: id, stage: stage, deal_name: name"
    load(desk, tmp_path, "d.csv", content, "", columns)
    assert [(row[0], "`short_rows: true`" in row[-1]) for row in desk.rejected()] == [(1, True), (3, True), (5, False)]
    rows = load(desk, tmp_path, "d.csv", content, ", short_rows: true", columns)
    assert [(row[0], row[2]) for row in rows] == [("1", None), ("2", "a\nb"), ("3", "x, y"), ("4", "a")]
    assert [row[0] for row in desk.rejected()] == [5]


@pytest.mark.parametrize("file", ["", ", skip_rows: 1, delimiter: ';'"])
def test_a_first_line_for_excel_names_the_delimiter(desk, tmp_path, file):
    rows = load(desk, tmp_path, "d.csv", "\ufeffsep=;\r\nid;st\r\nD1;won\r\n", file, "deal_id: id, stage: st")
    assert [(row[0], row[1], row[4]) for row in rows] == [("D1", "won", 1)]


def test_a_header_with_another_delimiter_is_named(desk, tmp_path):
    load(desk, tmp_path, "d.csv", "id\tst\nD1\twon\n", "", "deal_id: id, stage: st")
    (refused,) = desk.result.refused
    assert 'state `delimiter: "\\t"` for the file' in refused.message
    rows = load(desk, tmp_path, "d.csv", "id\tst\nD1\twon\n", ', delimiter: "\\t"', "deal_id: id, stage: st")
    assert [row[0] for row in rows] == ["D1"]
