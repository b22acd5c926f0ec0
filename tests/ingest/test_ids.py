"""One record has one id, however a system or a person writes it."""

import pytest

from tests.ingest.test_presets import source  # noqa: F401

GUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"


@pytest.mark.parametrize(
    ("written", "one"),
    [
        ("0065g00000AbCdE", "0065g00000AbCdEAAV"),  # Salesforce: a report writes 15 characters
        ("0065g00000AbCdEAAV", "0065g00000AbCdEAAV"),
        ("0065g00000abcde", "0065g00000abcdeAAA"),  # another record, whose letters differ in case only
        ("a0B5g00000XyZ12", "a0B5g00000XyZ12EAF"),  # of a custom object
        ("006000000000001", "006000000000001"),  # digits alone may be anything
        ("0065G00000ABCDEAAV", "0065G00000ABCDEAAV"),  # its case is lost
        ("ProjectAlphaOne", "ProjectAlphaOne"),
        (GUID, GUID),
        (GUID.upper(), GUID),
        (f"{{{GUID.upper()}}}", GUID),
        ("０012", "0012"),
        ("Ｂ－１２", "B-12"),
        ("B12\u200b", "B12"),
        ("\u200fB\u00ad12\u2060", "B12"),
        ("\u3000B12\u3000", "B12"),
        ("カ\u3099-1", "ガ-1"),  # a letter and its mark, as macOS writes them
        ("東京-01", "東京-01"),
        ("＝～（1", "＝～（1"),  # other signs stay as written
        ("0012", "0012"),  # leading zeros count
        ("b12", "b12"),
    ],
)
def test_an_id_has_one_spelling(desk, written, one):
    desk.land("deals/d_2026-04-01.csv", f"deal_id,stage,partner_id,deal_name\n{written},won,{written},{written}\n")
    assert desk.only().accepted == 1
    ((deal, partner, name),) = desk.query("SELECT deal_id, partner_id, deal_name FROM raw_deals")
    assert (deal, partner) == (one, one)
    assert name == written.strip("\u3000 ")  # other texts stay as written


def test_an_id_without_visible_characters_is_empty(desk):
    desk.land("deals/d_2026-04-01.csv", "deal_id,stage\n\u200b,won\n1,won\n")
    assert desk.only().rejected == 1
    assert desk.rejected()[0][1:4] == ("deal_id", "\u200b", "deal_id: '\u200b' is empty")


def test_two_spellings_in_one_extract_are_a_repeat(desk):
    desk.land("deals/d_2026-04-01.csv", f"deal_id,stage\n{GUID},won\n{GUID.upper()},won\n")
    assert desk.only().rejected == 1


OPPORTUNITY = "Opportunity ID,Stage,Account ID\n0065g00000AbCdE,Closed Won,0015g00000XyZab\n"
OBJECTS = {
    "OpportunityPartner.csv": "Id,OpportunityId,AccountToId\np,0065g00000AbCdEAAV,0015g00000XyZabAAF\n",
    "Account.csv": "Id,Name,Type\n0015g00000XyZabAAF,甲,Partner\n",
}


@pytest.mark.parametrize("prefix", ["", "sf-"])
def test_a_report_and_objects_of_salesforce_fit_together(desk, source, prefix):  # noqa: F811
    more = f"    key_prefix: {prefix}\n" if prefix else ""
    assert not desk.load(source("salesforce", {"Opportunity.csv": OPPORTUNITY} | OBJECTS, more)).refused
    deal, partner = f"{prefix}0065g00000AbCdEAAV", f"{prefix}0015g00000XyZabAAF"
    assert desk.query("SELECT deal_id, partner_id FROM raw_deals") == [(deal, partner)]
    assert desk.query("SELECT partner_id FROM raw_partners") == [(partner,)]


def test_extracts_with_both_spellings_are_one_deal(desk, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "o_2026-04-01.csv").write_text("Opportunity ID,Stage\n0065g00000AbCdE,won\n")
    (tmp_path / "in" / "o_2026-04-02.csv").write_text("Opportunity ID,Stage\n0065g00000AbCdEAAV,won\n")
    (tmp_path / "sources.yml").write_text(
        f"sources:\n  erp:\n    path: {tmp_path}/in\n    files: {{deals: o_*.csv}}\n    datasets:\n"
        "      deals: {from: deals, columns: {deal_id: Opportunity ID, stage: Stage}}\n"
    )
    desk.load(tmp_path / "sources.yml")
    assert desk.query("SELECT DISTINCT deal_id FROM raw_deals") == [("0065g00000AbCdEAAV",)]
    assert desk.query("SELECT count(*) FROM raw_deals") == [(2,)]
