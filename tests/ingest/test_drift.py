"""New, missing and renamed columns: values are kept, changes reported, datasets stopped, old names suggested."""

import json

import pytest

from orchestration.errors import KyotenError

DRIFT = "SELECT dataset, column_name, contract_column, change, suggestion FROM drift ORDER BY ALL"


@pytest.fixture
def report(desk):
    def rows(query: str = DRIFT) -> list[tuple]:
        folder = desk.home.lake / "drift"
        return desk.query(query.replace("FROM drift", f"FROM read_parquet('{folder}/*.parquet', union_by_name=true)"))

    return rows


def test_new_column_is_kept_and_reported_once(desk, report):
    desk.land("deals/a_2026-04-01.csv", "deal_id,stage,memo\n1,won,x\n")
    desk.load()
    assert report() == [("deals", "memo", None, "new", None)]
    desk.land("deals/a_2026-05-01.csv", "deal_id,stage,memo\n1,won,y\n")
    desk.load()
    assert len(report()) == 1
    extras = desk.query("SELECT extra_columns FROM raw_deals ORDER BY extracted_on")
    assert [json.loads(row[0]) for row in extras] == [{"memo": "x"}, {"memo": "y"}]


def test_missing_optional_column_is_null_and_a_renamed_one_is_suggested(desk, report):
    desk.land("deals/a_2026-04-01.csv", "deal_id,stage,amount,lost_reason\n1,won,5,\n")
    desk.land("deals/a_2026-05-01.csv", "deal_id,stage,amounts\n1,won,5\n")
    desk.load()
    assert report() == [
        ("deals", "amount", "amount", "missing", "amounts"),
        ("deals", "amounts", None, "new", "amount"),
        ("deals", "lost_reason", "lost_reason", "missing", None),
    ]
    assert desk.query("SELECT amount::int FROM raw_deals ORDER BY extracted_on") == [(5,), (None,)]


def test_missing_required_column_stops_its_dataset_and_no_other(desk, report):
    desk.land("deals/a_2026-04-01.csv", "deal_id,stages\n1,won\n")
    desk.land("partners/p_2026-04-01.csv", "partner_id,partner_name\nP,x\n")
    (refused,) = desk.load().refused
    assert "lacks the required column stage (did you mean stages?)" in refused.message
    assert desk.query("SELECT count(*) FROM raw_partners") == [(1,)]
    assert ("deals", "stage", "stage", "missing_required", "stages") in report()
    before = report("SELECT count(*) FROM drift")
    desk.load()
    assert report("SELECT count(*) FROM drift") == before


@pytest.fixture
def crm(desk, tmp_path):
    folder = tmp_path / "crm"
    folder.mkdir()
    (folder / "d_2026-04-01.csv").write_text("Id,Stage,Amt,Note,Kind\n1,won,5,n,x\n")
    (tmp_path / "sources.yml").write_text(f"""\
sources:
  crm:
    path: {folder}
    files: {{d: d_*.csv}}
    datasets:
      deals: {{from: d, columns: {{deal_id: Id, stage: Stage, amount: Amt,
        channel: "= CASE WHEN Kind = 'r' THEN 'resale' END"}}}}
      partners: {{query: "SELECT DISTINCT Id AS partner_id, Id AS partner_name FROM d"}}
""")
    desk.load(tmp_path / "sources.yml")
    return folder


def load_next(desk, crm, header: str) -> list[tuple]:
    (crm / "d_2026-05-01.csv").write_text(f"{header}\n{','.join('2' for _ in header.split(','))}\n")
    desk.load(crm.parent / "sources.yml")
    return desk.query("SELECT extracted_on, amount::int, extra_columns FROM raw_deals ORDER BY 1")


def test_columns_that_a_mapping_does_not_read_are_kept(desk, crm, report):
    assert json.loads(desk.query("SELECT extra_columns FROM raw_deals")[0][0]) == {"Note": "n"}
    assert report() == [(None, "Note", None, "new", None)]


def test_missing_optional_mapped_column_is_null(desk, crm, report):
    rows = load_next(desk, crm, "Id,Stage,Amount,Kind")
    assert rows[1][1] is None and json.loads(rows[1][2]) == {"Amount": "2"}
    found = report("SELECT dataset, column_name, change, suggestion FROM drift WHERE extracted_on > '2026-04-01'")
    assert sorted(found, key=str) == [
        ("deals", "Amt", "missing", "Amount"), (None, "Amount", "new", "Amt")
    ]  # fmt: skip


@pytest.mark.parametrize("header", ["Id,Phase,Amt,Kind", "Id,Stage,Amt"])
def test_missing_required_mapped_column_stops_only_its_dataset(desk, crm, header):
    assert len(load_next(desk, crm, header)) == 1
    assert len(desk.query("SELECT 1 FROM raw_partners")) == 2
    ((message,),) = desk.query("SELECT message FROM loads WHERE status = 'refused'")
    assert "it lacks the column " in message and ", which the extract before had" in message


def test_a_column_that_never_existed_is_an_error_of_the_mapping(desk, crm):
    path = crm.parent / "sources.yml"
    path.write_text(path.read_text().replace("Amt", "Amtt"))
    with pytest.raises(KyotenError, match=r"has no column Amtt \(did you mean Amt\?\)"):
        desk.load_all(path)
