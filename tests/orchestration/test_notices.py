"""Notices arrive at local receivers, once per cause and day, with what a person needs and no secret."""

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from email import message_from_string
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from orchestration import notices
from orchestration.errors import KyotenError
from orchestration.freshness import late
from orchestration.home import Home
from orchestration.lake.ledger import SCHEMA
from orchestration.release.releases import kept_releases, roll_back
from orchestration.settings import settings_of
from tests.conftest import run_cli
from tests.orchestration.test_publish import _build, _publish

GUARD = (
    "Guard assert_deals_add_up: {} rows. The money of deals is that of the ledger; correct the deal. First: deal_id={}."
)
MONDAY = date(2026, 11, 30)
SECRET = "s3cret-t0ken"  # pragma: allowlist secret


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


class Mail(socketserver.StreamRequestHandler):
    """As much SMTP as a client needs to hand over a mail."""

    def handle(self) -> None:
        def answer(text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        answer("220 here")
        while line := self.rfile.readline().decode().strip():
            if line.upper() == "DATA":
                answer("354 go")
                lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                self.server.received.append("".join(lines))  # type: ignore[attr-defined]
            if line.upper() == "QUIT":
                answer("221 bye")
                return
            answer("250 ok")


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any]]]:
    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        yield from _served(server, "json://127.0.0.1:{}/x")


@pytest.fixture
def mail() -> Iterator[tuple[str, list[Any]]]:
    with socketserver.TCPServer(("127.0.0.1", 0), Mail) as server:
        yield from _served(server, "mailto://127.0.0.1:{}?from=kyoten@example.com&to=data@example.com&mode=insecure")


def _served(server: Any, address: str) -> Iterator[tuple[str, list[Any]]]:
    server.received = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield address.format(server.server_address[1]), server.received
    server.shutdown()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "ours")
    _build(home, 1, rows=10)
    _publish(home)
    return home


def receive(home: Home, *addresses: str, more: str = "") -> None:
    (home.root / "settings.yml").write_text(f"notices: {json.dumps({'to': addresses})}\n{more}")


def fails(home: Home, *causes: str) -> list[str]:
    said: list[str] = []
    notices.failed(home, causes, said.append)
    return said


def test_a_failed_guard_by_webhook(home: Home, webhook: tuple[str, list[Any]]) -> None:
    address, received = webhook
    receive(home, address)
    assert fails(home, GUARD.format(3, "D1")) == []
    (notice,) = received
    assert notice["title"] == "Kyoten ours: the refresh failed"
    for part in (
        "assert_deals_add_up",
        "correct the deal",
        "First: deal_id=D1",
        "Readers see release 20",
        "as of 2026-03-31",
    ):
        assert part in notice["message"], "rule, remedy, first rows, and what readers see"


def test_a_cause_is_sent_once_a_day_and_a_recovery_once(
    home: Home, webhook: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, received = webhook
    receive(home, address)
    for number, deal in ((3, "D1"), (4, "D2")):  # the same guard with other rows
        fails(home, GUARD.format(number, deal))
    assert len(received) == 1
    fails(home, GUARD.format(3, "D1"), "deals/2026-04-01.csv: lacks the required column stage")
    assert len(received) == 2 and "assert_deals" not in received[1]["message"], "only the new cause"
    fails(home, "landing/branches/2026-04-02 is held: 20 rows instead of 40")
    assert received[2]["title"].endswith("a batch is held")
    for _ in range(2):
        notices.succeeded(home, print, today=MONDAY + timedelta(days=1))
    assert [one["title"] for one in received[3:]] == ["Kyoten ours: the refresh works again"]
    record = json.loads((home.logs / "notices.json").read_text())
    record["told"] = {key: "2026-01-01" for key in record["told"]}
    (home.logs / "notices.json").write_text(json.dumps(record))
    fails(home, GUARD.format(3, "D1"))
    assert len(received) == 5, "again on another day"


def test_a_mail_arrives(home: Home, mail: tuple[str, list[Any]]) -> None:
    address, received = mail
    receive(home, address)
    assert fails(home, GUARD.format(3, "D1")) == []
    message = message_from_string(received[0])
    assert message["To"] and "data@example.com" in message["To"] and "failed" in str(message["Subject"])


@pytest.mark.parametrize(
    ("address", "host", "part"),
    [
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#data", "hooks.slack.com", "attachments"),
        (
            "workflows://prod-1.westus.logic.azure.com:443/643e69f83c8944/s1gn",
            "prod-1.westus.logic.azure.com",
            "attachments",
        ),
    ],
)  # the addresses of Apprise's documentation  # pragma: allowlist secret
def test_slack_and_teams_get_what_they_read(
    home: Home, monkeypatch: pytest.MonkeyPatch, address: str, host: str, part: str
) -> None:
    sent: list[tuple[str, str]] = []

    def request(_session: Any, *, url: str, data: Any = None, **_: Any) -> Any:
        sent.append((url, data if isinstance(data, str) else bytes(data).decode()))
        return SimpleNamespace(status_code=200, content=b"ok", text="ok", headers={})

    monkeypatch.setattr("requests.sessions.Session.request", request)
    receive(home, address)
    assert fails(home, GUARD.format(3, "D1")) == []
    ((url, body),) = sent
    assert url.startswith(f"https://{host}") and part in json.loads(body)
    shown = body.replace("\\", "")  # Teams reads Markdown, in which _ is written with a backslash
    assert "assert_deals_add_up" in shown and "Readers see release 20" in shown


def test_the_first_rows_stay_in_the_house_where_names_are_not_published(
    home: Home, webhook: tuple[str, list[Any]]
) -> None:
    address, received = webhook
    receive(home, address, more="personal: pseudonymise\n")
    fails(home, GUARD.format(3, "鈴木 花子"))
    assert "鈴木" not in received[0]["message"] and "assert_deals_add_up" in received[0]["message"]


def test_a_rollback_is_in_the_notice(home: Home, webhook: tuple[str, list[Any]]) -> None:
    address, received = webhook
    receive(home, address)
    roll_back(home, kept_releases(home)[0].release_id, "prices were wrong")
    fails(home, GUARD.format(3, "D1"))
    assert "Readers stay at release" in received[0]["message"] and "prices were wrong" in received[0]["message"]


def test_a_receiver_that_is_away_stops_nothing_and_its_address_stays_secret(
    home: Home, webhook: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    address, received = webhook
    monkeypatch.setenv("TOKEN", SECRET)
    receive(home, f"json://u:${{TOKEN}}@127.0.0.1:{port}", "json://${NO_SUCH_TOKEN}@x", "no address", address)
    said = fails(home, GUARD.format(3, "D1"))
    assert len(received) == 1, "the others have it nevertheless"
    assert [line.split(" of /")[0] for line in said] == [
        "note: a notice did not reach receiver 1 (json)",
        "note: a notice did not reach receiver 2 (json)",
        "note: a notice did not reach receiver 3 (no address)",
    ]
    assert "NO_SUCH_TOKEN is not set" in said[1]
    assert SECRET not in "".join(said) + caplog.text + (home.logs / "notices.json").read_text()


def loads(home: Home, dataset: str, days: list[str]) -> None:
    """Write a ledger with one extract per day."""
    folder = home.lake / "loads"
    folder.mkdir(parents=True, exist_ok=True)
    stated = {"source_name": "'landing'", "dataset": f"'{dataset}'", "status": "'loaded'", "extracted_on": "day::date"}
    columns = ", ".join(f"{stated.get(name, 'null')}::{kind} as {name}" for name, kind in SCHEMA.items())
    rows = ", ".join(f"('{day}')" for day in days)
    query = f"select {columns} from (values {rows}) as t(day)"
    duckdb.sql(f"copy ({query}) to '{folder}/20260401T000000Z-{dataset}.parquet' (format parquet)")


def test_late_data_is_sent_once_a_day(home: Home, webhook: tuple[str, list[Any]]) -> None:
    loads(home, "deals", ["2026-11-02", "2026-11-09", "2026-11-16"])
    loads(home, "reps", ["2026-11-15", "2026-11-16"])  # too few to have a usual time
    loads(home, "attribution_overrides", ["2026-11-02", "2026-11-03", "2026-11-04"])  # nobody owes a decision
    loads(home, "staff", ["2026-11-27", "2026-11-28", "2026-11-29"])
    assert [(one.dataset, one.days) for one in late(home, MONDAY, 2)] == []
    on = MONDAY + timedelta(days=1)
    assert [(one.dataset, one.days, one.usual_days) for one in late(home, on, 2)] == [("deals", 15, 7)]
    assert [one.dataset for one in late(home, on + timedelta(days=1), 2)] == ["deals", "staff"]
    address, received = webhook
    receive(home, address)
    for _ in range(2):
        notices.succeeded(home, print, today=on)
    (notice,) = received
    assert (
        notice["title"].endswith("data is late") and "15 days ago; usually one comes every 7 days" in notice["message"]
    )


def test_the_weekly_summary_has_the_figures_of_the_release(
    built_home: Home, tmp_path: Path, webhook: tuple[str, list[Any]]
) -> None:
    home = Home(tmp_path / "ours")
    home.root.mkdir()
    (home.root / "published").symlink_to(built_home.published)
    address, received = webhook
    receive(home, address)
    for day in (MONDAY, MONDAY, MONDAY + timedelta(days=1)):
        notices.succeeded(home, print, today=day)
    (notice,) = received
    assert notice["title"] == "Kyoten ours: the week"
    with duckdb.connect(str(built_home.published / "kyoten.duckdb"), read_only=True) as connection:
        amount = connection.sql("select won_amount from kpi.headlines where period_type = 'month'").fetchall()[0][0]
    assert f"won {amount:,.0f}" in notice["message"] and "for a person to decide" in notice["message"]


def test_a_refresh_that_fails_sends_its_causes(home_copy: Home, webhook: tuple[str, list[Any]]) -> None:
    address, received = webhook
    receive(home_copy, address)
    (home_copy.landing / "deals" / "2026-09-30.csv").write_text("deal_id,amount\nD1,5\n")
    assert run_cli(home_copy, "refresh").returncode == 1
    assert any(
        "deals/2026-09-30.csv" in one["message"] and "lacks the required column stage" in one["message"]
        for one in received
    )
    (home_copy.landing / "deals" / "2026-09-30.csv").unlink()
    assert run_cli(home_copy, "refresh").returncode == 0
    assert "Kyoten home: the refresh works again" in [one["title"] for one in received]


def test_settings_of_notices_are_checked(home: Home) -> None:
    for text, message in (
        ("notices: {to: here}", r"notices.to must be a list of texts"),
        ("notices: {weekly: mon}", r"notices.weekly is 'mon'. Write one of monday"),
        ("notices: {late_after: 0}", r"notices.late_after is 0. Write a number of 1 or more"),
    ):
        (home.root / "settings.yml").write_text(text)
        with pytest.raises(KyotenError, match=message):
            settings_of(home)
