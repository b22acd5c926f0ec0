"""The transport settings of a mapping, and the messages for their errors."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.errors import KyotenError
from orchestration.sources import mapping_schema
from orchestration.sources.mapping import load_mapping
from orchestration.sources.transports.fetch import has_transports
from tests.transports.conftest import rows
from tests.transports.test_api import HUBSPOT, SALESFORCE, hubspot
from tests.transports.test_database import MAPPING as SQL
from tests.transports.test_remote import MAPPING as REMOTE

API = HUBSPOT.format(url="https://api.example.com/")
DATABASE = SQL.format(url="postgresql+psycopg://${DB_USER}:${DB_PASSWORD}@db/erp")
BUCKET = REMOTE.format(url="s3://bucket/exports")


@pytest.mark.parametrize(
    ("text", "before", "after", "expected"),
    [
        (API, "rest:", "path: .\n    rest:", "line 5.*one transport"),
        (
            API,
            "base_url: https://api.example.com/",
            "x: y",
            "line 5.*`base_url:` is missing. What all paths begin with",
        ),
        (API, "name: deals", "title: deals", "line 10.*`name:` is missing. It is the alias"),
        (API, "name: deals", "name: Deals", "line 10.*alias is a table's name in SQL"),
        (API, "data_selector: results", "incremental: {lag: 5}", "line 14.*`cursor_path:` is missing"),
        (API, "data_selector: results", "incremental: {cursor_path: a, lag: 5}", "line 14.*`?lag.* no effect"),
        (API, "from: deals", "from: deal", r"line 17.*no alias of this source \(did you mean deals\?\)"),
        (DATABASE, "connection:", "connexion:", r"line 5.*unknown key \(did you mean connection\?\)"),
        (DATABASE, "table: deals,", "", "line 8.*needs either `table:` or `query:`"),
        (DATABASE, "{table: deals, ", '{query: "SELECT 1", ', "line 8.*cursor.*a query says itself"),
        (BUCKET, "path:", "options: {key: 1}\n    file:", "line 4.*unknown key"),
        (BUCKET, "s3://bucket/exports", ".\n    options: {key: k}", "line 4.*goes with a `path:` that is a URL"),
    ],
)
def test_an_error_is_reported_with_its_line(mapping, text, before, after, expected):
    assert before in text
    with pytest.raises(KyotenError, match=rf"sources\.yml, {expected}"):
        load_mapping(mapping(text.replace(before, after, 1)))


def test_a_folder_that_a_variable_names_may_be_a_url(mapping, monkeypatch):
    monkeypatch.setenv("CRM_EXPORTS", "s3://bucket/exports")
    source = load_mapping(mapping(BUCKET.replace("s3://bucket/exports", "${CRM_EXPORTS}"))).sources["bucket"]
    assert source.transport and source.transport.kind == "remote"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("type: cursor", "type: cursors", "field `paginator`"),
        ("data_selector: results", "data_selektor: results", "data_selektor"),
        ("path: crm/v3/objects/deals", "path: crm/v3/{resources.companies.id}", "companies"),
    ],
)
def test_errors_of_dlt_in_a_configuration_are_reported(desk, api, mapping, progress, before, after, expected):
    text = HUBSPOT.format(url=api.url)
    assert before in text
    with pytest.raises(KyotenError, match=rf"hubspot was not fetched: .*{expected}") as error:
        progress.fetch(desk, mapping(text.replace(before, after)))
    assert "tok-3f9c2b7a" not in str(error.value)


NOTES = """\
        - name: notes
          include_from_parent: [id]
          endpoint: {path: "deals/{resources.deals.id}/notes", data_selector: results, paginator: single_page}
    datasets:
      activities: {from: notes, columns: {activity_id: id, activity_type: kind, occurred_at: day}}
"""


def test_a_resource_may_depend_on_another(desk, api, mapping, progress, travel):
    api.answers["/crm/v3/objects/deals"] = hubspot
    for number in range(1, 6):
        notes = [{"id": f"n{number}", "kind": "joint_visit", "day": "2026-03-01"}] if number % 2 else []
        api.answers[f"/deals/{number}/notes"] = lambda _, notes=notes: {"results": notes}
    sources = mapping(HUBSPOT.format(url=api.url).replace("    datasets:\n", NOTES))
    progress.fetch(desk, sources)
    assert [row[3] for row in rows(desk.home.extracts / "hubspot" / "2026-04-01" / "notes.jsonl.gz")] == ["1", "3", "5"]
    desk.load(sources)
    assert desk.query("SELECT activity_id FROM raw_activities ORDER BY 1") == [("n1",), ("n3",), ("n5",)]


@pytest.mark.parametrize(
    ("text", "expected"), [(API, True), ("sources: {}\n", False), ("sources: {crm: {}}\n", False), (None, False)]
)
def test_with_a_transport_only_a_fetch_can_find_new_data(desk, text, expected):
    if text:
        (desk.home.root / "sources.yml").write_text(text)
    assert has_transports(desk.home) is expected


def test_the_schema_has_the_transports():
    source = mapping_schema.schema()["properties"]["sources"]["additionalProperties"]
    assert {"sql", "rest", "options"} <= source["properties"].keys()
    assert "cursor" in json.dumps(source["properties"]["sql"])


@settings(deadline=5000)
@given(
    text=st.sampled_from([API, DATABASE, BUCKET, SALESFORCE.format(url="https://sf.example.com/")]),
    at=st.floats(0, 1),
    cut=st.integers(0, 12),
    put=st.text(alphabet="{}[]:,&*!|>-#'\"%@=$ \n\t0aé1", max_size=6),
)
def test_any_transport_is_read_or_gets_a_message(tmp_path, text, at, cut, put):
    path = tmp_path / "sources.yml"
    start = int(at * len(text))
    path.write_text(text[:start] + put + text[start + cut :], encoding="utf-8")
    try:
        load_mapping(path)
    except KyotenError as error:
        assert re.search(r"(sources|salesforce)\.yml", str(error))
