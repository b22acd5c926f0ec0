"""REST APIs, fetched from a local server that pages, throttles, times out, closes connections and changes types."""

import json
import re
import time

import pytest

from orchestration.errors import KyotenError
from orchestration.home import PROJECT
from orchestration.sources.mapping import load_mapping
from tests.transports.conftest import rows

HUBSPOT = """\
sources:
  hubspot:
    timezone: UTC
    rest:
      client:
        base_url: {url}
        auth: {{type: bearer, token: "${{API_TOKEN}}"}}
        paginator: {{type: cursor, cursor_path: paging.next.after, cursor_param: after}}
      resources:
        - name: deals
          endpoint:
            path: crm/v3/objects/deals
            params: {{limit: 2, properties: "dealname,amount"}}
            data_selector: results
    datasets:
      deals:
        from: deals
        mode: full
        columns: {{deal_id: id, deal_name: properties.dealname, amount: properties.amount, stage: properties.dealstage}}
"""
LONG = "12345678901234567.25"
DEALS = [("1", "店舗 A", LONG), ("2", "B", 1), ("3", "C", None), ("4", "D", {"value": "5"}), ("5", "E", 7)]
SALESFORCE = """\
sources:
  sf:
    rest:
      client:
        base_url: {url}services/data/v62.0/
        auth:
          type: oauth2_client_credentials
          access_token_url: {url}services/oauth2/token
          client_id: ${{SF_CLIENT_ID}}
          client_secret: ${{SF_CLIENT_SECRET}}
        paginator: {{type: json_link, next_url_path: nextRecordsUrl}}
      resources:
        - name: opportunity
          endpoint:
            path: query
            params: {{q: "SELECT Id FROM Opportunity WHERE SystemModstamp >= {{incremental.start_value}}"}}
            data_selector: records
            incremental: {{cursor_path: SystemModstamp, initial_value: "2015-01-01T00:00:00Z"}}
    preset: salesforce
    datasets: {{deals: {{mode: delta, columns: {{customer_id: Account.Id}}}}, customers: }}
"""


def deal(key, name, amount):
    return {"id": key, "properties": {"dealname": name, "amount": amount, "dealstage": "won"}, "archived": False}


def hubspot(request):
    """Answer as HubSpot does: two records per page, and the cursor of the next page."""
    start = int(request.query.get("after", 0))
    page = {"results": [deal(*one) for one in DEALS[start : start + 2]]}
    return page | ({"paging": {"next": {"after": str(start + 2)}}} if start + 2 < len(DEALS) else {})


@pytest.fixture
def sources(api, mapping, travel):
    api.answers["/crm/v3/objects/deals"] = hubspot
    return mapping(HUBSPOT.format(url=api.url))


def test_pages_are_followed_to_the_last(desk, api, sources, progress):
    assert progress.fetch(desk, sources) == ["2026-04-01"]
    assert [request.query.get("after") for request in api.asked] == [None, "2", "4"]
    assert {request.token for request in api.asked} == {"tok-3f9c2b7a"}
    result = {f.dataset: f for f in desk.load(sources).files}
    assert (result[None].read, result["deals"].accepted, result["deals"].rejected) == (5, 4, 1)


def test_a_type_that_changes_between_pages_costs_no_other_row_and_no_digit(desk, sources, progress):
    progress.fetch(desk, sources)
    desk.load(sources)
    loaded = desk.query("SELECT deal_id, amount::text FROM raw_deals ORDER BY 1")
    assert loaded == [("2", "1.0000"), ("3", None), ("4", None), ("5", "7.0000")]
    ((number, column, value, _, _),) = desk.rejected()
    assert (number, column, value) == (1, "amount", LONG)  # too long for the contract, and kept complete
    assert "properties.amount.value" in desk.query("SELECT extra_columns FROM raw_deals WHERE deal_id = '4'")[0][0]


def test_json_amounts_keep_their_digits(desk, api, sources, progress):
    text = (
        '{"results": [{"id": "9", "properties": {"dealname": "", "amount": 12345678901234.1250, "dealstage": "won"}}]}'
    )
    api.answers["/crm/v3/objects/deals"] = lambda _: text
    progress.fetch(desk, sources)
    desk.load(sources)
    assert desk.query("SELECT amount::text FROM raw_deals") == [("12345678901234.1250",)]


def once(trouble, then):
    """Fail at the second request only."""
    asked = iter(range(100))
    return lambda request: trouble(request) if next(asked) == 1 else then(request)


def throttled(request):
    return 429, {"Retry-After": "1"}, {"message": "too many requests"}


def slow(request):
    time.sleep(1)
    request.handler.close_connection = True


def broken_off(request):
    request.handler.send(200, {}, hubspot(request), missing=100)  # fewer bytes than in the Content-Length header
    request.handler.close_connection = True


def hung_up(request):
    request.handler.close_connection = True


def down(request):
    return 503, {}, "maintenance"


@pytest.mark.parametrize("trouble", [throttled, slow, broken_off, hung_up, down])
def test_a_temporary_failure_is_retried(desk, api, sources, progress, trouble, monkeypatch):
    if trouble is slow:
        monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "0.5")
    api.answers["/crm/v3/objects/deals"] = once(trouble, hubspot)
    started = time.monotonic()
    progress.fetch(desk, sources)
    assert len(rows(desk.home.extracts / "hubspot" / "2026-04-01" / "deals.jsonl.gz")) == len(DEALS)
    assert len(api.asked) == 4 or (trouble is slow and len(api.asked) > 4)  # the machine may be slow, too
    assert trouble is not throttled or time.monotonic() - started >= 1


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (throttled, "answered 429 Too Many Requests"),
        (slow, "did not answer in time"),
        (broken_off, "broke off"),
        (hung_up, "cannot be reached, or broke off the connection"),
        (down, "answered 503 Service Unavailable: maintenance"),
        (lambda _: (200, {}, '{"results": [{"id": "1", '), "is no JSON"),
        (lambda _: (404, {}, {"message": "no such object"}), "answered 404 Not Found"),
        (lambda _: (401, {}, {"message": "token tok-3f9c2b7a is expired"}), "Check the credentials"),
    ],
)
def test_a_permanent_failure_is_reported_and_no_page_lands(
    desk, api, sources, progress, trouble, expected, monkeypatch
):
    if trouble is slow:
        monkeypatch.setenv("RUNTIME__REQUEST_TIMEOUT", "0.5")

    def second_page(request):
        return trouble(request) if "after" in request.query else hubspot(request)

    api.answers["/crm/v3/objects/deals"] = second_page
    with pytest.raises(KyotenError) as error:
        progress.fetch(desk, sources)
    message = str(error.value)
    assert message.startswith("deals of hubspot was not fetched: ") and expected in message
    assert "\n" not in message
    assert "tok-3f9c2b7a" not in message + "".join(progress)
    assert not [path for path in desk.home.extracts.rglob("*") if path.name != ".unfinished"]


def test_a_source_that_fails_does_not_stop_the_others(desk, api, sources, progress):
    two = HUBSPOT.format(url=api.url) + HUBSPOT.format(url=api.url).partition("\n")[2].replace("hubspot:", "other:")
    sources.write_text(two)
    api.answers["/crm/v3/objects/deals"] = once(lambda _: (404, {}, ""), hubspot)
    with pytest.raises(KyotenError, match="deals of hubspot was not fetched"):
        progress.fetch(desk, sources)
    assert [path.name for path in (desk.home.extracts / "other").iterdir()] == ["2026-04-01"]


SEARCH = """\
          endpoint:
            path: crm/v3/objects/deals/search
            method: POST
            json:
              limit: 2
              filterGroups:
                - filters: [{propertyName: hs_lastmodifieddate, operator: GTE, value: "{incremental.start_value}"}]
            data_selector: results
            paginator: {type: cursor, cursor_path: paging.next.after, cursor_body_path: after}
            incremental: {cursor_path: properties.hs_lastmodifieddate, initial_value: "2015-01-01T00:00:00Z"}
    datasets:
"""


def test_a_search_takes_page_and_cursor_in_its_body(desk, api, mapping, progress, travel):
    def search(request):
        asked = json.loads(request.body)
        since = asked["filterGroups"][0]["filters"][0]["value"]
        found = [d for d in modified if d["properties"]["hs_lastmodifieddate"] >= since]
        start = int(asked.get("after", 0))
        more = {"paging": {"next": {"after": str(start + 2)}}} if start + 2 < len(found) else {}
        return {"results": found[start : start + 2]} | more

    modified = [deal(str(number), "", 1) for number in range(5)]
    for number, one in enumerate(modified):
        one["properties"]["hs_lastmodifieddate"] = f"2026-03-0{number + 1}T00:00:00Z"
    api.answers["/crm/v3/objects/deals/search"] = search
    text = HUBSPOT.format(url=api.url).replace("mode: full", "mode: delta")
    sources = mapping(re.sub("          endpoint:.*    datasets:\n", lambda _: SEARCH, text, flags=re.DOTALL))
    progress.fetch(desk, sources)
    travel("2026-04-02")
    modified[0]["properties"]["hs_lastmodifieddate"] = "2026-04-01T00:00:00Z"
    progress.fetch(desk, sources)
    landed = {path.parent.name: len(rows(path)) for path in desk.home.extracts.glob("hubspot/*/deals.jsonl.gz")}
    assert landed == {"2026-04-01": 5, "2026-04-02": 2}


def test_without_a_record_the_file_has_a_header(desk, api, sources, progress, travel):
    progress.fetch(desk, sources)
    travel("2026-04-02")
    api.answers["/crm/v3/objects/deals"] = lambda _: {"results": []}
    progress.fetch(desk, sources)
    header = (desk.home.extracts / "hubspot" / "2026-04-02" / "deals.csv").read_text().strip()
    assert header == "id,properties.dealname,properties.amount,properties.dealstage,archived,properties.amount.value"
    loaded = {(f.dataset, f.extracted_on.isoformat()): f for f in desk.load(sources).files}
    assert loaded[("deals", "2026-04-02")].status == "loaded"
    assert loaded[("deals", "2026-04-02")].accepted == 0


class Salesforce:
    """A server whose token expires before its time, and which pages with a link without a host."""

    def __init__(self, api, monkeypatch):
        self.tokens = 0
        self.valid = ""
        names = ("Name", "AccountId", "Amount", "CreatedDate", "CloseDate", "OwnerId", "IsDeleted", "StageName")
        self.records = [
            dict.fromkeys(names) | {"Id": key, "Account": account, "SystemModstamp": f"2026-03-{day}T00:00:00.000+0000"}
            for key, account, day in (("006A", {"Id": "001"}, 30), ("006B", None, 31))
        ]
        for record in self.records:
            record["StageName"] = "Won"
        self.expires_after_a_page = True
        api.answers |= {
            "/services/oauth2/token": self.token,
            "/services/data/v62.0/query": self.first,
            "/services/data/v62.0/queryAll": self.first,
            "/services/data/v62.0/query/01g-2000": self.second,
        }
        monkeypatch.setenv("SF_CLIENT_ID", "client-5e1d")
        monkeypatch.setenv("SF_CLIENT_SECRET", "s3cr3t-8a77")

    def token(self, request):
        assert "client_secret=s3cr3t-8a77" in request.body
        self.tokens += 1
        self.valid = f"session-{self.tokens}-d41d8c"
        return {"access_token": self.valid, "token_type": "Bearer"}

    def first(self, request):
        if request.token != self.valid:
            return 401, {}, [{"errorCode": "INVALID_SESSION_ID", "message": request.token}]
        self.valid = "" if self.expires_after_a_page else self.valid
        return {"records": self.records[:1], "done": False, "nextRecordsUrl": "/services/data/v62.0/query/01g-2000"}

    def second(self, request):
        if request.token != self.valid:
            return 401, {}, [{"errorCode": "INVALID_SESSION_ID", "message": request.token}]
        return {"records": self.records[1:], "done": True}


@pytest.fixture
def salesforce(api, monkeypatch):
    return Salesforce(api, monkeypatch)


def test_an_expired_token_is_renewed_and_the_cursor_moves_on(desk, api, salesforce, mapping, progress, travel):
    sources = mapping(SALESFORCE.format(url=api.url))
    progress.fetch(desk, sources)
    assert salesforce.tokens == 2
    desk.load(sources)
    assert desk.query("SELECT deal_id, customer_id FROM raw_deals ORDER BY 1") == [("006A", "001"), ("006B", None)]
    travel("2026-04-02")
    progress.fetch(desk, sources)
    asked = [request.query["q"] for request in api.asked if "q" in request.query]
    assert asked[0].endswith(">= 2015-01-01T00:00:00Z")
    assert asked[-1].endswith(">= 2026-03-31T00:00:00.000+0000")


def test_wrong_credentials_for_a_token_are_reported(desk, api, salesforce, mapping, progress, travel):
    api.answers["/services/oauth2/token"] = lambda request: (400, {}, {"error": "invalid_client", "sent": request.body})
    with pytest.raises(KyotenError, match="/services/oauth2/token answered 400") as error:
        progress.fetch(desk, mapping(SALESFORCE.format(url=api.url)))
    assert str(error.value).endswith("what they may read (${SF_CLIENT_ID}, ${SF_CLIENT_SECRET}).")
    assert "s3cr3t" not in str(error.value)


def test_the_examples_of_the_documentation_work(desk, api, salesforce, mapping, progress, travel, monkeypatch):
    text = (PROJECT / "docs" / "mapping.md").read_text(encoding="utf-8")
    blocks = re.findall("```yaml\n(.*?)```", text.partition("## Transports")[2].partition("\n## ")[0], flags=re.DOTALL)
    files, hubspot_example, salesforce_example = blocks
    assert load_mapping(mapping(files)).sources.keys() == {"exports", "erp"}
    monkeypatch.setenv("HUBSPOT_TOKEN", "tok-3f9c2b7a")
    api.answers["/crm/v3/objects/deals"] = hubspot
    example = "sources:\n" + hubspot_example + salesforce_example
    for host in ("https://api.hubapi.com/", "https://example.my.salesforce.com/"):
        assert host in example
        example = example.replace(host, api.url)
    sources = mapping(example)
    assert progress.fetch(desk, sources) == ["2026-04-01"] * 2
    desk.load(sources)
    loaded = desk.query("SELECT source_name, count(*) FROM raw_deals GROUP BY 1 ORDER BY 1")
    assert loaded == [("hubspot", 4), ("salesforce", 2)]


def test_a_session_token_is_not_shown_either(desk, api, salesforce, mapping, progress, travel):
    api.answers["/services/data/v62.0/query/01g-2000"] = lambda request: (400, {}, f"bad cursor for {request.token}")
    with pytest.raises(KyotenError) as error:
        progress.fetch(desk, mapping(SALESFORCE.format(url=api.url)))
    assert "400" in str(error.value)
    assert "d41d8c" not in str(error.value)
