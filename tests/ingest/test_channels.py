"""Presets read what a screen, a report and an API deliver: checkboxes, headings and times of each."""

import itertools
import re

import pytest

from orchestration.home import PROJECT
from tests.conftest import long
from tests.ingest.test_presets import HUBSPOT, SAMPLES, SHAPED, loaded, source  # noqa: F401

WORDS = [("1", "0"), ("はい", "いいえ"), ("TRUE", "FALSE"), ("Yes", "No"), ("１", "０"), ("○", "×")]
OF_FILE = "loaded_at, file_sha256, file_name, row_number, extra_columns"


def checkboxes(system: str, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The sample files of a system, whose checkboxes are written in these ways in turn."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((SAMPLES / system).iterdir())}
    words = itertools.cycle(pairs)
    cell = re.compile(r"(?<![^,\n])(true|false)(?![^,\n])")
    return {name: cell.sub(lambda m: next(words)[m[1] == "false"], text) for name, text in texts.items()}


@pytest.mark.parametrize(("system", "more"), [("salesforce", SHAPED), pytest.param("hubspot", HUBSPOT, marks=long)])
def test_every_way_to_write_a_checkbox_gives_the_same_rows(new_desk, source, system, more):  # noqa: F811
    found = []
    for pairs in [("true", "false")], WORDS, WORDS[3:] + WORDS[:3]:
        desk = new_desk()
        result = desk.load(source(system, checkboxes(system, pairs), more), expectations=None)
        assert not result.refused
        found.append({name: desk.lake(name, OF_FILE) for name in loaded(result)})
    assert found[0] == found[1] == found[2]
    assert desk.query("SELECT count(won_on) > 0 FROM raw_deals") == [(True,)]


def test_a_checkbox_that_cannot_be_read_is_refused(desk, source):  # noqa: F811
    mapping = source("salesforce", {"Opportunity.csv": "Id,StageName,IsWon\n1,Closed Won,maybe\n"})
    (refused,) = desk.load(mapping).refused
    assert "deals of crm cannot be made" in refused.message
    assert "«maybe» is neither true nor false" in refused.message and "1/0" in refused.message
    more = "    files: {opportunity: {nulls: {IsWon: [maybe]}}}\n"
    mapping = source("salesforce", {"Opportunity.csv": "Id,StageName,IsWon\n1,Closed Won,maybe\n"}, more)
    assert not desk.load(mapping).refused
    assert desk.query("SELECT deal_id, won_on FROM raw_deals") == [("1", None)]


def test_a_checkbox_in_the_contract_is_read_alike(desk):
    rows = "".join(f"{i},won,{word}\n" for i, word in enumerate(["1", "はい", "yes", "TRUE", "○"]))
    assert desk.land("deals/d_2026-04-01.csv", f"deal_id,stage,is_deleted\n{rows}9,won,いいえ\n8,won,perhaps\n")
    assert desk.only().rejected == 1
    assert desk.query("SELECT is_deleted, count(*) FROM raw_deals GROUP BY 1 ORDER BY 1") == [(False, 1), (True, 5)]


def compared_with_words(texts: dict[str, str]) -> list[str]:
    """Name each preset that casts a checkbox itself instead of with is_true()."""
    cast = re.compile(r"(?i)(?:i?like|=|in\s*\()\s*'(true|1|yes|t)'|::bool|as\s+bool")
    return [name for name, text in texts.items() if cast.search(text)]


def test_presets_have_one_cast_of_checkboxes():
    assert compared_with_words({p.name: p.read_text(encoding="utf-8") for p in (PROJECT / "presets").iterdir()}) == []
    planted = {
        "a": "where: IsDeleted ILIKE 'true'",
        "b": "CASE WHEN x = '1' THEN",
        "c": "x::BOOLEAN",
        "d": "is_true(x)",
    }
    assert compared_with_words(planted) == ["a", "b", "c"]


REPORT = "Opportunity ID,Stage,Close Date,Created Date,Closed,Won\n1,Closed Won,2026/4/5,2026/03/31 20:30,1,1\n"
API = "Id,StageName,CloseDate,CreatedDate,IsClosed,IsWon\n1,Closed Won,2026-04-05,2026-03-31 20:30:00,1,1\n"
JAPANESE = "商談 ID,フェーズ,完了予定日,作成日\n1,Closed Won,2026/4/5,2026/03/31 20:30\n"
HUBSPOT_EXPORT = (
    "Record ID,Deal Stage,Close Date,Create Date,Is Deal Closed?,Is Closed Won\n"
    "1,Closed Won,2026-04-05 00:30,2026-03-31 20:30,はい,はい\n"
)
HUBSPOT_TOOL = (
    "id,property_dealstage,property_closedate,property_createdate,property_hs_is_closed,property_hs_is_closed_won\n"
    "1,Closed Won,2026-04-04 15:30:00,2026-03-31 11:30:00,true,true\n"
)
LOCAL, UTC = "2026-03-31 11:30:00", "2026-03-31 20:30:00"


@pytest.mark.parametrize(
    ("system", "name", "text", "more", "created"),
    [
        ("salesforce", "opportunity.csv", REPORT, "", LOCAL),
        ("salesforce", "opportunity.csv", JAPANESE, "", LOCAL),
        ("salesforce", "Opportunity.csv", API, "", UTC),
        ("salesforce", "Opportunity.csv", API.upper().replace("CLOSED WON", "Closed Won"), "", UTC),
        ("salesforce", "opportunity.csv", REPORT, "    timezone: UTC\n", UTC),
        ("salesforce", "opportunity.csv", REPORT, "    timezone: America/New_York\n", "2026-04-01 00:30:00"),
        ("salesforce", "Opportunity.csv", API, "    files: {opportunity: {timezone: Asia/Tokyo}}\n", LOCAL),
        (
            "salesforce",
            "opportunity.csv",
            REPORT.replace("2026/03/31 20:30", "3/31/2026 20:30"),
            "    datasets: {deals: {dates: {created_at: [mdy]}}}\n",
            LOCAL,
        ),
        ("hubspot", "deals.csv", HUBSPOT_EXPORT, "", LOCAL),
        ("hubspot", "deal.csv", HUBSPOT_TOOL, "", LOCAL),
    ],
    ids=itertools.count(),
)
def test_times_are_local_in_screens_and_reports_and_utc_in_the_api(desk, source, system, name, text, more, created):  # noqa: F811
    result = desk.load(source(system, {name: text}, more))
    assert not result.refused
    assert desk.query("SELECT created_at::text FROM raw_deals") == [(created,)]
    if "作成日" not in text:
        assert desk.query("SELECT won_on::text, closed_on::text FROM raw_deals") == [("2026-04-05", "2026-04-05")]
    is_told = any("has the headings of a screen or report" in note and "Asia/Tokyo" in note for note in result.notes)
    assert is_told == (" " in text.split("\n")[0] and not more.startswith("    timezone"))


SPELLINGS = [
    "2026-03-31T15:30:00.000+0000", "2026-03-31T15:30:00+0000", "2026-03-31T15:30:00Z", "2026-03-31T15:30:00.000Z",
    "2026-03-31T15:30:00.000+00:00", "2026-03-31 15:30:00 +0000", "2026-04-01T00:30:00.000+0900",
]  # fmt: skip
PLAIN = "sources:\n  crm:\n    path: {}\n    extracted_on: 2026-04-30\n    files: {{o: o.csv}}\n    {}\n    datasets:\n"
PLAIN += "      deals: {{from: o, columns: {{deal_id: Id, stage: StageName, created_at: CreatedDate, won_on: At}}{}}}\n"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_zones_of_api_times_are_read_as_they_are_written(desk, tmp_path, source, spelling):  # noqa: F811
    files = {
        "Opportunity.csv": f"Id,StageName,CreatedDate,SystemModstamp\n1,Closed Won,{spelling},{spelling}\n",
        "OpportunityHistory.csv": f"Id,OpportunityId,StageName,CreatedDate\nh,1,Closed Won,{spelling}\n",
        "PartnerFundRequest.csv": f"Id,Title,CreatedDate\nr,x,{spelling}\n",
    }
    assert not desk.load(source("salesforce", files)).refused
    expected = "2026-03-31 15:30:00"
    assert desk.query("SELECT created_at::text, updated_at::text FROM raw_deals") == [(expected, expected)]
    assert desk.query("SELECT entered_at::text FROM raw_deal_stage_history") == [(expected,)]
    assert desk.query("SELECT started_on::text FROM raw_programmes") == [("2026-04-01",)]


@pytest.mark.parametrize("zone", ["", "timezone: UTC", "timezone: America/New_York"])
@pytest.mark.parametrize(
    ("spellings", "dates"),
    [
        (SPELLINGS, ""),
        (SPELLINGS, ", dates: {created_at: iso, won_on: iso}"),
        (SPELLINGS[:1], ", dates: {created_at: ['%Y-%m-%dT%H:%M:%S.%f%z'], won_on: ['%Y-%m-%dT%H:%M:%S.%f%z']}"),
    ],
)
def test_zones_of_times_under_a_plain_mapping(desk, tmp_path, zone, spellings, dates):
    lines = [f"{i},Closed Won,{text},{text}" for i, text in enumerate(spellings)]
    (tmp_path / "o.csv").write_text("\n".join(["Id,StageName,CreatedDate,At", *lines]) + "\n")
    mapping = tmp_path / "sources.yml"
    mapping.write_text(PLAIN.format(tmp_path, zone, dates))
    assert not desk.load(mapping, expectations=None).refused
    days = desk.query("SELECT DISTINCT created_at::text, won_on::text FROM raw_deals")
    assert days == [("2026-03-31 15:30:00", "2026-04-01")]
    assert desk.rejected() == []


def test_files_of_both_channels_in_one_dataset_are_refused(desk, source):  # noqa: F811
    files = {
        "Account.csv": "Id,Name,Type\nA1,甲,Partner\n",
        "Event.csv": "Activity ID,Id,AccountId,StartDateTime\nx,e1,A1,2026-03-31 20:30\n",
        "Task.csv": "Id,AccountId,ActivityDate\nt1,A1,2026-03-31 20:30\n",
    }
    heading = files["Event.csv"].replace("Activity ID,Id,", "Id,x,").replace("StartDateTime", "Start Date Time")
    (refused,) = desk.load(source("salesforce", files | {"Event.csv": heading})).refused
    assert "times of Asia/Tokyo and UTC. State `timezone:`" in refused.message
    mapping = source("salesforce", files | {"Event.csv": heading}, "    timezone: Asia/Tokyo\n")
    assert not desk.load(mapping).refused
    times = desk.query("SELECT occurred_at::text FROM raw_activities")
    assert times == [(LOCAL,), (LOCAL,)]


def test_a_month_of_costs_is_that_of_the_business_time_zone(desk, source):  # noqa: F811
    claims = "Id,RequestId,Amount,Status,CreatedDate\nc,r,5,Paid,2026-03-31T15:10:00Z\n"
    desk.load(source("salesforce", {"PartnerFundClaim.csv": claims}))
    assert desk.query("SELECT month::text FROM raw_programme_costs") == [("2026-04-01",)]
