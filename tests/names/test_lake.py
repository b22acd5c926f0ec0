"""From landed files to the lake's tables: their texts, their suggestions, and that each run writes all of them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.home import Home
from orchestration.lake.ingest import ingest
from orchestration.names.lake import lacks_suffixes, write_names
from orchestration.names.tables import TABLES

LANDED = {
    "partners/partners_2026-04-01.csv": "partner_id,partner_name\nP1,株式会社ヤマダ商事\nP2,青葉電機㈱\n",
    "branches/branches_2026-04-01.csv": (
        "branch_id,partner_id,branch_name\nB1,P1,大阪支店\nB2,P1,大阪営業所\nB3,P2,札幌支店\nB4,P1,法人営業ビル\n"
    ),
    "reps/reps_2026-04-01.csv": "rep_id,rep_name\nR1,髙橋 翔太\n",
    "aliases/aliases_2026-04-01.csv": (
        "entity_type,entity_id,alias\npartner,P1,YMD\nbranch,B1,関西センター\nrep,R1,Sho\n"
    ),
    "deals/deals_2026-04-01.csv": (
        "deal_id,stage,partner_id,partner_text,branch_text,rep_text\n"
        "D1,open,,ﾔﾏﾀﾞ商事㈱ 大阪,,髙橋さん\n"
        "D2,open,,ヤマタ商事 大阪支店,,\n"
        "D3,open,,YMD,大坂支店,\n"
        "D4,open,P2,,札晃支店,\n"
        "D5,open,P2,,札幌,\n"
        "D6,open,,なし,-,\n"
        "D7,open,,ヤマダ商事 大坂支店 第一営業部,,\n"
        "D8,open,,ヤマダ商事ホールディングス,,\n"
        "D9,open,,ヤマダ商事 法人営業部,,\n"
        "D10,open,P1,,関西センタ,\n"
    ),
}

Load = Callable[[dict[str, str]], Home]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def land(files: dict[str, str]) -> Home:
        home = Home(tmp_path / "home")
        for name, content in files.items():
            path = home.landing / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        assert not ingest(home, progress=lambda _: None).refused
        return home

    return land


def query(home: Home, table: str, columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
    """Read a table as dbt's source does."""
    files = f"read_parquet('{home.lake / table}/*.parquet', union_by_name=true)"
    return duckdb.sql(f"select {columns} from {files} where {where} order by all").fetchall()


def test_before_the_first_run_the_tables_exist_and_are_empty(load: Load) -> None:
    home = load(LANDED)
    for table, columns in TABLES.items():
        assert query(home, table) == []
        described = duckdb.sql(f"describe from '{home.lake / table}/*.parquet'").fetchall()
        assert {name: type_ for name, type_, *_ in described} == columns


def test_every_text_of_deals_and_registry_is_included_once(load: Load) -> None:
    home = load(LANDED)
    rows = write_names(home)
    assert rows == {table: len(query(home, table)) for table in TABLES}
    texts = [text for (text,) in query(home, "texts", "text")]
    assert len(texts) == len(set(texts))
    assert {"株式会社ヤマダ商事", "大阪営業所", "髙橋 翔太", "関西センター", "YMD", "Sho"} < set(texts)
    assert {"ﾔﾏﾀﾞ商事㈱ 大阪", "大坂支店", "髙橋さん", "なし", "-"} < set(texts)
    assert query(home, "texts", "person_key, surname_key", "text = '髙橋 翔太'") == [("高橋翔太", "高橋")]
    assert query(home, "texts", "text", "is_nobody") == [("-",), ("なし",)]


def test_readings_join_the_registry(load: Load) -> None:
    home = load(LANDED)
    write_names(home)
    [(partner_key, branch_key)] = query(
        home, "readings", "partner_key, branch_key", "text = 'ﾔﾏﾀﾞ商事㈱ 大阪' and partner_key != '' and is_bounded"
    )
    assert query(home, "texts", "text", f"name_key = '{partner_key}'") == [("株式会社ヤマダ商事",)]
    assert query(home, "texts", "text", f"stem = '{branch_key}'") == [("大阪営業所",), ("大阪支店",)]
    assert query(home, "readings", "text", "text in ('なし', '-')") == []
    rows = duckdb.sql(f"from '{home.lake / 'readings' / 'names.parquet'}'").fetchall()
    assert rows == sorted(rows)
    assert query(home, "readings", "branch_key, is_bounded", "text = 'YMD' and partner_key = 'ymd'") == [("", True)]


def test_suggestions_are_made_only_for_texts_without_a_match(load: Load) -> None:
    home = load(LANDED)
    write_names(home)
    found = query(home, "similar_names", "text, partner_id, branch_id, similar_to")
    assert set(found) == {
        ("ヤマタ商事 大阪支店", "P1", None, "株式会社ヤマダ商事"),
        ("大坂支店", "P1", "B1", "大阪支店"),
        ("札晃支店", "P2", "B3", "札幌支店"),
        ("ヤマダ商事 大坂支店 第一営業部", "P1", "B1", "大阪支店"),
        ("ヤマダ商事ホールディングス", "P1", None, "株式会社ヤマダ商事"),
        ("関西センタ", "P1", "B1", "関西センター"),
    }


def test_tables_are_rewritten_and_do_not_depend_on_the_order_of_rows(load: Load) -> None:
    home = load(LANDED)
    write_names(home)
    before = {table: query(home, table) for table in TABLES}
    write_names(home)
    assert {table: query(home, table) for table in TABLES} == before

    later = {"aliases/aliases_2026-05-01.csv": "entity_type,entity_id,alias\npartner,P1,ヤマタ商事\n"}
    home = load(_shuffled(LANDED) | later)
    write_names(home)
    assert query(home, "similar_names", "text", "text = 'ヤマタ商事 大阪支店'") == []
    assert query(home, "readings", "branch_key", "text = 'ヤマタ商事 大阪支店' and partner_key != ''") == [
        ("大阪支店",)
    ]
    assert set(before["texts"]) < set(query(home, "texts"))
    files = {table: sorted(path.name for path in (home.lake / table).iterdir()) for table in TABLES}
    assert set(map(tuple, files.values())) == {("_schema.parquet", "names.parquet")}


def _shuffled(files: dict[str, str]) -> dict[str, str]:
    def turned(lines: Iterable[str]) -> str:
        header, *rows = lines
        return "".join([header, *rows[::-1]])

    return {name: turned(content.splitlines(keepends=True)) for name, content in files.items()}


def test_a_roster_without_suffixes_is_named(load: Load) -> None:
    home = load(
        {
            "branches/branches_2026-04-01.csv": "branch_id,partner_id,branch_name\nB1,P1,高岡\nB2,P1,大阪支店\n",
            "deals/deals_2026-04-01.csv": (
                "deal_id,stage,partner_id,branch_text\nD1,open,P1,高岡支店\nD2,open,P1,大阪支店\n"
            ),
        }
    )
    assert lacks_suffixes(home) is None
    write_names(home)
    notice = lacks_suffixes(home)
    assert notice is not None
    assert notice.startswith(
        "names: texts of deals have a suffix that the roster's branch names lack: 高岡支店 for 高岡"
    )
    assert "1 in all" in notice


def test_an_empty_lake_gives_empty_tables(load: Load) -> None:
    home = load({})
    assert write_names(home) == dict.fromkeys(TABLES, 0)
    assert all(query(home, table) == [] for table in TABLES)
