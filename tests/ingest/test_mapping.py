"""Mapped files: the settings of a mapping, and the messages for its errors."""

import re
from datetime import date, datetime

import pytest

from orchestration.errors import KyotenError
from orchestration.lake.ingest import ingest
from orchestration.sources.mapping import load_mapping

DEALS = "Id;Stage;Amt;Won on;Rep\n1;受注;10;03/04/2026;a\n2;商談;n/a;;a\n3;失注;5;4-3-26;b\n4;受注;5;2026-03-04;b\n"
MAPPING = """\
sources:
  crm:
    path: {path}
    extracted_on: 2026-04-01
    files:
      deals:
        pattern: deals*.csv
        encoding: cp932
        delimiter: ";"
        skip_rows: 1
        nulls: {{Amt: [n/a]}}
    datasets:
      deals:
        from: deals
        where: Id <> '99'
        columns:
          deal_id: Id
          stage: Stage
          amount: = CAST(Amt AS DECIMAL(18, 4)) * 1000
          won_on: Won on
        constants: {{channel: resale, is_deleted: false}}
        values: {{stage: {{受注: won, 失注: lost}}}}
        dates: {{won_on: ["%m/%d/%Y", "%d-%m-%y"]}}
      reps:
        query: SELECT DISTINCT Rep AS rep_id FROM deals
"""


@pytest.fixture
def source(desk, tmp_path):
    folder = tmp_path / "crm"
    folder.mkdir()
    (folder / "deals.csv").write_bytes(("出力日 2026/4/1\n" + DEALS).encode("cp932"))
    path = tmp_path / "sources.yml"
    path.write_text(MAPPING.format(path=folder))
    return path


def test_mapping_makes_datasets(desk, source):
    desk.land("deals/a_2026-04-01.csv", "deal_id,stage\n1,won\n")
    result = desk.load(source)
    found = {(f.dataset, f.source_name): (f.read, f.derived, f.accepted, f.rejected, f.folded) for f in result.files}
    assert found == {
        (None, "crm"): (4, 0, 4, 0, None),
        ("deals", "crm"): (0, 4, 3, 1, 0),
        ("reps", "crm"): (0, 2, 2, 0, 2),
        ("deals", "landing"): (1, 0, 1, 0, None),
    }
    rows = desk.query(
        """SELECT deal_id, stage, amount::int, won_on, channel, is_deleted, file_name, row_number, extracted_on
        FROM raw_deals WHERE source_name = 'crm' ORDER BY 1"""
    )
    lineage = lambda n: ("resale", False, "deals.csv", n, date(2026, 4, 1))  # noqa: E731
    assert rows == [
        ("1", "won", 10000, date(2026, 3, 4), *lineage(1)),
        ("2", "商談", None, None, *lineage(2)),
        ("3", "lost", 5000, date(2026, 3, 4), *lineage(3)),
    ]
    # An ISO date, but this form is not stated.
    ((number, column, value, _, remedy),) = desk.rejected()
    assert (number, column, value) == (4, "won_on", "2026-03-04")
    assert "dates:" in remedy
    assert desk.query("SELECT rep_id, row_number FROM raw_reps ORDER BY 1") == [("a", 1), ("b", 2)]


def test_mapped_files_are_read_again_only_if_file_or_mapping_changes(desk, source, tmp_path):
    desk.load(source)
    assert desk.load(source).files == ()
    source.write_text(source.read_text().replace("* 1000", "* 1"))
    changed = desk.load(source)
    assert {f.dataset for f in changed.files} == {None, "deals"}
    assert desk.query("SELECT sum(amount)::int FROM raw_deals") == [(15,)]
    (tmp_path / "crm" / "deals.csv").write_bytes("x\nId;Stage;Amt;Won on;Rep\n7;受注;7;;c\n".encode("cp932"))
    desk.load(source)
    assert desk.query("SELECT deal_id, amount::int FROM raw_deals") == [("7", 7)]
    assert desk.query("SELECT rep_id FROM raw_reps") == [("c",)]
    assert desk.rejected() == []


def test_dated_files_of_one_pattern_are_separate_extracts(desk, source, tmp_path):
    source.write_text(source.read_text().replace("    extracted_on: 2026-04-01\n", ""))
    (tmp_path / "crm" / "deals.csv").unlink()
    for day in ("2026-04-01", "2026-05-01"):
        (tmp_path / "crm" / f"deals_{day}.csv").write_bytes(("x\n" + DEALS).encode("cp932"))
    desk.load(source)
    days = desk.query("SELECT extracted_on, count(*) FROM raw_deals GROUP BY 1 ORDER BY 1")
    assert days == [(date(2026, 4, 1), 3), (date(2026, 5, 1), 3)]


def test_broken_records_are_counted_before_mapping(desk, source, tmp_path):
    (tmp_path / "crm" / "deals.csv").write_bytes(
        "x\nId;Stage;Amt;Won on;Rep\n1;a;1;;a\n2;b\n3;c;3;;a\n".encode("cp932")
    )
    result = {f.dataset: f for f in desk.load(source).files}
    assert (result[None].read, result[None].accepted, result[None].rejected) == (3, 2, 1)
    assert (result["deals"].derived, result["deals"].accepted) == (2, 2)
    assert desk.query("SELECT row_number FROM raw_deals ORDER BY 1") == [(1,), (3,)]
    assert desk.query("SELECT dataset, row_number FROM rejected") == [(None, 2)]


def test_refused_file_refuses_its_datasets_and_no_others(desk, source, tmp_path):
    (tmp_path / "crm" / "deals.csv").write_bytes("x\nId;Stage\n\x81\n\x81\n".encode("latin-1"))
    desk.land("deals/a_2026-04-01.csv", "deal_id,stage\n1,won\n")
    result = desk.load(source)
    assert {(f.dataset, f.status) for f in result.files if f.source_name == "crm"} == {
        (None, "refused"), ("deals", "refused"), ("reps", "refused")
    }  # fmt: skip
    assert any("line 3" in f.message for f in result.refused)
    assert len(desk.lake()) == 1


def test_sql_that_fails_on_a_value_refuses_its_dataset(desk, source, tmp_path):
    (tmp_path / "crm" / "deals.csv").write_bytes("x\nId;Stage;Amt;Won on;Rep\n1;a;much;;a\n".encode("cp932"))
    (refused,) = desk.load(source).refused
    assert refused.dataset == "deals"
    assert "much" in refused.message


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("deals:\n        from", "deels:\n        from", 13, "did you mean deals?"),
        ("deal_id: Id", "deal_idd: Id", 17, "did you mean deal_id?"),
        ("stage: Stage\n", "stage: Stagee\n", 18, "did you mean Stage?"),
        ("from: deals", "from: deal", 14, "did you mean deals?"),
        ("where: Id <> '99'", "where: Idd <> '99'", 15, "Idd"),
        ("CAST(Amt AS", "CAST(Amount_ AS", 19, "the SQL for deals"),
        ("stage: Stage\n", "stage: = unnest([Stage, Id])\n", 18, "several rows of one record"),
        ("stage: Stage\n", "stage: = unnest(string_split(Stage, ';'))\n", 18, "several rows of one record"),
        ("SELECT DISTINCT Rep AS rep_id", "SELECT DISTINCT Rep AS rep", 25, "did you mean rep_id?"),
        (
            "reps:\n        query: ",
            "reps: {query: SELECT a, max(b) FROM c}\n      staff:\n        query: ",
            24,
            "a comma",
        ),
        ("SELECT DISTINCT Rep AS rep_id", "SELECT Rep rep_id FROM deals; SELECT 1 rep_id", 25, "without semicolons"),
        ("FROM deals", "FROM deals, read_text('/etc/hostname')", 25, "read_text is of the engine"),
        ("FROM deals", "FROM range(3)", 25, "none of the source's files"),
        ("stage: Stage\n", "deal_name: Stage\n", 16, "needs stage"),
        ("encoding: cp932", "encoding: cp9999", 8, "no encoding"),
        ("skip_rows: 1", "skip_row: 1", 10, "did you mean skip_rows?"),
        ("nulls: {Amt:", "nulls: {Amount:", 6, "names Amount"),
        ("extracted_on: 2026-04-01", "extracted_on: 1/4/26", 4, "YYYY-MM-DD"),
        ("pattern: deals*.csv", "pattern: dals*.csv", 6, "matches dals*.csv"),
        ("pattern: deals*.csv", "pattern: ../*.csv", 7, "below the source's path"),
        ("channel: resale", "stage: x", 21, "keep one"),
        ("where: Id", "where: [Id", 16, "not valid YAML"),
        ('["%m/%d/%Y"', '["%Q"', 23, "%Q"),
        ("deal_id: Id\n", "deal_id: Id\n          deal_id: Id\n", 18, "written twice"),
        ("path: ", "path: ${NO_SUCH_VARIABLE}", 3, "NO_SUCH_VARIABLE is not set"),
        ("path: ", "path: /nowhere", 3, "no folder"),
        ("path: ", "preset: [x]\n    path: ", 3, "is no preset"),
        ("path: ", "sql:\n    path: ", 3, "must be a mapping"),
        ("from: deals", "from: deals\n        needs: deal", 15, "did you mean deals?"),
        ("    files:\n", "    encoding: cp9999\n    files:\n", 5, "no encoding"),
        ("    files:\n", "    settings: {A b: c}\n    files:\n", 5, "a setting's name"),
        ("    files:\n", "    tables: {deals: SELECT 1}\n    files:\n", 5, "no alias of a file"),
        ("    files:\n", "    tables: {Open: SELECT 1}\n    files:\n", 5, "lower case"),
        ("    files:\n", "    tables: {x: SELECT 1; SELECT 2}\n    files:\n", 5, "semicolons"),
        ("    files:\n", "    tables: {x: SELECT Idd FROM deals}\n    files:\n", 5, "the table x does not work"),
    ],
)
def test_error_names_file_line_and_key(desk, source, old, new, line, expected):
    text = source.read_text()
    assert old in text
    if "tables: {x" in new:
        text = text.replace("AS rep_id FROM deals", "AS rep_id FROM deals, x")
    source.write_text(text.replace(old, new, 1))
    with pytest.raises(KyotenError) as error:
        desk.load_all(source)
    assert re.search(rf"sources\.yml, line {line}\b", str(error.value)), str(error.value)
    assert expected in str(error.value)


def test_tables_settings_and_columns_of_a_file(desk, source, tmp_path):
    """The settings of presets work in every mapping: a table reads the tables above it and keeps each row's origin."""
    text = source.read_text().replace("from: deals", "from: late").replace("where: Id <> '99'", "where: key <> '3'")
    text = text.replace("deal_id: Id", "deal_id: key").replace(
        "        encoding: cp932\n",
        """\
        encoding: cp932
        columns: {key: ID, product: [Article, 商品]}
""",
    )
    source.write_text(text.replace("    files:\n", """\
    settings: {stages: [受注, 失注]}
    tables:
      closed: SELECT * FROM deals WHERE Stage IN (SELECT unnest(getvariable('stages')))
      late: SELECT *, product IS NULL AS has_none FROM closed
    files:
""", 1))  # fmt: skip
    result = {f.dataset: (f.accepted, f.rejected) for f in desk.load(source).files}
    assert result == {None: (4, 0), "deals": (1, 1), "reps": (2, 0)}
    assert desk.query("SELECT deal_id, stage, row_number FROM raw_deals") == [("1", "won", 1)]
    assert [row[0] for row in desk.rejected()] == [4]
    (tmp_path / "crm" / "deals.csv").write_bytes(("x\n" + DEALS.replace("Id;", "id;")).encode("cp932"))
    assert {f.dataset: f.accepted for f in desk.load(source).files}["deals"] == 1


@pytest.mark.parametrize("columns", ["", "        columns: {of_source: _row_number}\n"])
def test_a_column_with_the_name_of_the_origin_is_renamed(desk, tmp_path, columns):
    """Found by `make fuzz COUNT=28000 SEED=603`: a column _row_number was taken for the number of the record."""
    (tmp_path / "d.csv").write_text("deal_id,stage,_row_number\nD1,won,s-1\nD2,open,s-2\n")
    mapping = tmp_path / "named.yml"
    mapping.write_text(
        f"sources:\n  crm:\n    path: {tmp_path}\n    extracted_on: 2026-04-01\n    files:\n"
        f"      d:\n        pattern: d.csv\n{columns}"
        "    datasets:\n      deals: {from: d, columns: {deal_id: deal_id, stage: stage}}\n"
    )
    result = desk.load(mapping)
    assert [row[0] for row in desk.query("SELECT deal_id FROM raw_deals ORDER BY 1")] == (
        ["D1", "D2"] if columns else []
    )
    assert bool(columns) == (not result.refused)
    if not columns:
        assert "`columns: {of_source: _row_number}`" in result.refused[0].message


def test_several_patterns_of_one_file(desk, source, tmp_path):
    (tmp_path / "crm" / "more_2026-04-01.csv").write_text("x\nId;Stage;Amt;Won on;Rep\n9;商談;1;;c\n", encoding="cp932")
    source.write_text(source.read_text().replace("pattern: deals*.csv", "pattern: [MORE, deals*.csv]"))
    desk.load(source)
    assert desk.query("SELECT deal_id FROM raw_deals ORDER BY 1") == [("1",), ("2",), ("3",), ("9",)]


def test_variables_in_paths(monkeypatch, source, tmp_path):
    text = source.read_text().replace(f"path: {tmp_path}", "path: ${CRM_HOME:-/nowhere}")
    source.write_text(text)
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    assert load_mapping(source).sources["crm"].path == tmp_path / "crm"


def test_timestamps_in_stated_forms(desk, source, tmp_path):
    text = (
        source.read_text()
        .replace("won_on: Won on", "created_at: Won on")
        .replace("dates: {won_on", "dates: {created_at")
    )
    source.write_text(text)
    desk.load(source)
    assert desk.query("SELECT created_at FROM raw_deals WHERE deal_id = '1'") == [(datetime(2026, 3, 3, 15),)]


def test_absent_mapping_file(desk, tmp_path):
    with pytest.raises(KyotenError, match="cannot be read"):
        ingest(desk.home, tmp_path / "nothere.yml")
