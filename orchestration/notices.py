"""Notices that reach people: failures, recoveries, held batches, late data and a weekly summary.

settings.yml names the receivers as addresses of Apprise (mail, Slack, Teams, a webhook and others). logs/notices.json
records what was sent: each cause is sent at most once a day, and a recovery once. A notice that cannot be sent stops
nothing.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from orchestration import engine
from orchestration.errors import KyotenError, printable
from orchestration.freshness import late
from orchestration.home import Home, write_whole
from orchestration.language import translated
from orchestration.release.publish import DATABASE
from orchestration.release.releases import current_release, notice_of_rollback
from orchestration.settings import DAYS, Settings, settings_file, settings_of
from orchestration.warehouse import var

Say = Any
HEADLINES = """
    select case period_type when 'month' then strftime(period_start, '%B %Y') else 'Fiscal year ' || fiscal_year end,
        won_amount, deals_won, deals_new
    from kpi.headlines order by period_type
"""
WAITING = (
    ("deals for a person to decide", "select count(distinct deal_id) from attribution.quarantine"),
    ("salespeople to call", "select count(distinct rep_id) from kpi.people_worklist"),
    (
        "partners and branches going quiet",
        "select count(*) from kpi.quiet_warnings where is_current and evidence <> 'none'",
    ),
    ("approvals that wait too long", "select count(*) from kpi.approvals where is_late"),
)
LONGEST = 4_000  # letters of a notice: chat systems refuse longer ones


def failed(home: Home, causes: Sequence[str], say: Say) -> None:
    """Report that a refresh did not publish: causes that were not reported today, and what readers see meanwhile."""
    with _Sent(home, say) as sent:
        fresh = [cause for cause in causes if sent.is_new(_key(cause))]
        sent.open_failure = True
        if not fresh:
            return
        held = sum("is held" in cause for cause in fresh)
        kind = "a batch is held" if held == len(fresh) else "the refresh failed"
        lines = [f"- {_without_rows(cause, sent.settings)}" for cause in fresh]
        sent.send(f"Kyoten {home.root.name}: {kind}", [*lines, "", _readers(home)])


def succeeded(home: Home, say: Say, today: date | None = None) -> None:
    """Report a recovery after a failure, late data, and once a week the figures."""
    with _Sent(home, say, today) as sent:
        if sent.open_failure:
            sent.open_failure = False
            sent.send(f"Kyoten {home.root.name}: the refresh works again", [_readers(home)])
        overdue = late(home, sent.today, sent.settings.notices.late_after)
        if fresh := [one for one in overdue if sent.is_new(f"late {one.source_name} {one.dataset}")]:
            lines = [f"- {one.text}" for one in fresh]
            sent.send(f"Kyoten {home.root.name}: data is late", [*lines, "", _readers(home)])
        wanted = sent.settings.notices.weekly
        if wanted in DAYS and sent.today.weekday() == DAYS.index(wanted) and sent.is_new("weekly"):
            sent.send(f"Kyoten {home.root.name}: the week", _weekly(home))


def causes_of(error: BaseException) -> list[str]:
    """Return the causes that an error lists, else its first line."""
    text = printable(str(error))
    listed = [line[2:] for line in text.splitlines() if line.startswith("- ") and not line.startswith("- Rejected (")]
    return listed or [f"{type(error).__name__}: {text.splitlines()[0] if text else ''}"]


class _Sent:
    """What was sent, read at the start and written at the end."""

    def __init__(self, home: Home, say: Say, today: date | None = None) -> None:
        self.home, self.say, self.settings = home, say, settings_of(home)
        self.today = today or datetime.now(ZoneInfo(var("business_timezone"))).date()
        self.path = home.logs / "notices.json"

    def __enter__(self) -> "_Sent":
        record: dict[str, Any] = {}
        if self.path.exists():
            try:
                record = json.loads(self.path.read_text(encoding="utf-8"))
            except ValueError:  # a notice twice is better than none
                record = {}
        self.told: dict[str, str] = record.get("told", {})
        self.open_failure: bool = record.get("open_failure", False)
        return self

    def __exit__(self, *_: object) -> None:
        told = {key: day for key, day in self.told.items() if day == str(self.today)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, json.dumps({"told": told, "open_failure": self.open_failure}))

    def is_new(self, key: str) -> bool:
        """Return whether this was not sent today, and record it."""
        is_new = self.told.get(key) != str(self.today)
        self.told[key] = str(self.today)
        return is_new

    def send(self, title: str, lines: Iterable[str]) -> None:
        """Send a notice; say which receivers it did not reach, without their addresses, because these hold secrets."""
        title, text = translated(title), translated("\n".join(lines))
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
        for number, address in enumerate(self.settings.notices.to, start=1):
            place = f"receiver {number} ({address.partition('://')[0]}) of {settings_file(self.home)}"
            try:
                if not _deliver(_with_variables(address), title, text):
                    self.say(f"note: a notice did not reach {place}")
            except KyotenError as error:
                self.say(f"note: a notice did not reach {place}: {error}")


def _deliver(address: str, title: str, text: str) -> bool:
    import logging

    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would log addresses
    receiver = apprise.Apprise()
    if not receiver.add(address):
        raise KyotenError("Apprise cannot read its address")
    return bool(receiver.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT))


def _with_variables(address: str) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise KyotenError(f"the environment variable {found[1]} is not set")
        return os.environ[found[1]]

    return re.sub(r"\$\{(\w+)\}", value, address)


def _key(cause: str) -> str:
    """Return what stays of a cause from one run to the next: not its counts and rows."""
    words = re.sub(r"First: .*", "", cause)
    return hashlib.sha256(re.sub(r"[\d,.]+", "0", words).encode()).hexdigest()[:16]


def _without_rows(cause: str, settings: Settings) -> str:
    """Leave out the first rows of a failed guard where names are not published: a notice leaves the house."""
    if settings.personal == "publish":
        return cause
    return re.sub(r"First: .*", "The output of the refresh has the first rows.", cause, flags=re.DOTALL)


def _readers(home: Home) -> str:
    """Return what readers see now."""
    if notice := notice_of_rollback(home):
        return notice
    release = current_release(home)
    if release is None:
        return "Readers see nothing yet: there is no release."
    return f"Readers see release {release['release_id']}, as of {release['as_of']}, in {home.published}."


def _weekly(home: Home) -> list[str]:
    """Return the headline figures, what waits for a person, and where to read on."""
    import duckdb

    release = home.published / "current" / DATABASE
    if not release.exists():
        return [_readers(home)]
    lines = []
    with engine.connect(home, release, read_only=True) as connection:
        for period, amount, won, new in connection.execute(HEADLINES).fetchall():
            lines.append(f"{period}: won {amount:,.0f}, wins {won:,}, new deals {new:,}")
        for words, query in WAITING:
            try:
                row = connection.execute(query).fetchone()
            except duckdb.CatalogException:  # a release that was published before there was such a table
                continue
            lines.append(f"{row[0] if row else 0:,} {words}")
    return [*lines, "", _readers(home), f"What to do on Monday: {_place(home)}"]


def _place(home: Home) -> Path:
    page = home.first_page
    return page if page.exists() else home.worklist / "quarantine.csv"
