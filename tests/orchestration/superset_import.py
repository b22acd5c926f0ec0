"""A real Superset imports the file of `kyoten superset`, and its charts show the figures of the marts.

`make superset-test` runs this; pytest collects the file only by its name, because it needs .venv-superset. Superset
runs on this machine alone, with SQLite for its own data. Debian's Chromium opens the charts as people do.
"""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
import requests

from orchestration.home import Home
from orchestration.release.releases import point
from orchestration.superset import write_superset
from tests.orchestration.superset_server import Superset, running

SWITCHES = 15
LAST_YEAR = (
    "is_complete and month > (select max(month) from kpi.company_monthly where is_complete) - interval '12 months'"
)
QUERIES = {
    "受注金額(月次)": "select month, won_amount from kpi.company_monthly where is_complete",
    "間販比率(月次)": "select month, indirect_ratio from kpi.company_monthly where is_complete",
    "パートナー別の受注金額(直近12か月)": f"""
        select partner_id, sum(won_amount) as won_amount, sum(deals_won) as deals_won, sum(deals_new) as deals_new
        from kpi.partner_monthly_as_is where {LAST_YEAR} group by all
    """,
    "拠点別の受注と活動(直近12か月)": f"""
        select branch_id, sum(won_amount) as won_amount, sum(deals_won) as deals_won,
            sum(sessions_held) as sessions_held
        from kpi.branch_monthly_as_is where {LAST_YEAR} group by all
    """,
    "間販比率の目標と実績": """
        select targets.month, targets.actual, targets.path, targets.path_gap, labels.label_ja as outcome_label
        from kpi.target_path as targets left join ops.labels as labels
            on labels.table_name = 'target_path' and labels.column_name = 'outcome' and targets.outcome = labels.code
        where is_complete and metric = 'indirect_ratio' and scope = 'company' and actual is not null
    """,
    "商談が途絶えている拠点": """
        select entity_name, labels.label_ja as evidence_label, last_deal_on, expected_deals, recent_deals
        from kpi.quiet_warnings as warnings left join ops.labels as labels
            on labels.table_name = 'quiet_warnings' and labels.column_name = 'evidence'
            and warnings.evidence = labels.code
        where is_current and evidence != 'none'
    """,
}


@pytest.fixture(scope="module")
def home(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with two releases, the first of which is the current one and the shared home's."""
    home = Home(tmp_path_factory.mktemp("home"))
    for name in ("first", "second"):
        folder = home.published / "releases" / name
        folder.mkdir(parents=True)
        for file in ("kyoten.duckdb", "semantic_manifest.json"):
            shutil.copyfile((built_home.published / "current" / file).resolve(), folder / file)
    with duckdb.connect(str(folder / "kyoten.duckdb")) as connection:
        connection.execute("update kpi.company_monthly set won_amount = won_amount + 1, deals_won = deals_won + 1")
    point(home.published / "current", "releases/first")
    point(home.published / "kyoten.duckdb", "current/kyoten.duckdb")
    return home


@pytest.fixture(scope="module")
def superset(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Superset]:
    folder = tmp_path_factory.mktemp("superset")
    write_superset(home, folder / "kyoten", None)
    with running(folder / "kyoten", folder) as server:
        yield server


@pytest.fixture(scope="module")
def session(superset: Superset) -> requests.Session:
    return superset.session()


def test_everything_is_there_once(superset: Superset, session: requests.Session) -> None:
    counts = {kind: session.get(f"{superset.address}/api/v1/{kind}/", timeout=60).json()["count"] for kind in
              ("database", "dataset", "chart", "dashboard")}  # fmt: skip
    assert counts == {"database": 1, "dataset": 6, "chart": 6, "dashboard": 1}


@pytest.fixture(scope="module")
def shown(superset: Superset) -> dict[str, dict[str, Any]]:
    """What the charts of the dashboard show in a browser, by their titles."""
    return {title: answer for title, (_, answer) in superset.dashboard(len(QUERIES)).items()}


def text(value: Any) -> str:
    """Return a value of Superset's JSON, or of DuckDB, as one text; a day is a number of milliseconds there."""
    if isinstance(value, int | float) and value > 10**12:
        return str(datetime.fromtimestamp(value / 1000, tz=UTC).date())
    if isinstance(value, int | float | Decimal):
        return f"{float(value):.9g}"
    return "" if value is None else str(value)


def differences(shown: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the rows that only one side has."""
    names = list((expected or shown or [{}])[0])
    ours, theirs = (Counter(tuple(text(row[name]) for name in names) for row in rows) for rows in (expected, shown))
    return sorted((ours - theirs) + (theirs - ours))


@pytest.mark.parametrize("title", QUERIES)
def test_a_chart_shows_the_figures_of_the_marts(built_home: Home, shown: dict[str, Any], title: str) -> None:
    (result,) = shown[title]["result"]
    assert not result["error"], result["error"]
    with duckdb.connect(str((built_home.published / "kyoten.duckdb").resolve()), read_only=True) as connection:
        found = connection.execute(QUERIES[title])
        names = [column[0] for column in found.description or []]
        expected = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    assert expected
    assert differences(result["data"], expected) == []
    changed = [{**expected[0], names[-1]: "another"}, *expected[1:]]
    assert len(differences(result["data"], changed)) == 2


def test_charts_follow_releases_that_change_under_them(
    home: Home, superset: Superset, session: requests.Session, show: Callable[[str], None]
) -> None:
    """No chart fails, and each is of the release that was current at its request, although the server has a cache.

    No request forces fresh figures, as no browser does that opens the dashboard.
    """
    datasets = session.get(f"{superset.address}/api/v1/dataset/", timeout=60).json()["result"]
    (number,) = (one["id"] for one in datasets if one["table_name"] == "company_monthly")
    query = {"metrics": ["won_amount", "deals_won"], "columns": [], "row_limit": 10}
    body = {"datasource": {"id": number, "type": "table"}, "queries": [query]}
    results: list[tuple[float, float, Any]] = []  # when it was sent and answered, and the answer
    ended = threading.Event()

    def ask() -> Any:
        answer = session.post(f"{superset.address}/api/v1/chart/data", json=body, timeout=60)
        if not answer.ok:
            return answer.text[:300]
        (row,) = answer.json()["result"][0]["data"]
        return tuple(text(row[name]) for name in ("won_amount", "deals_won"))

    def reader() -> None:
        while not ended.is_set():
            started = time.monotonic()
            answer = ask()
            results.append((started, time.monotonic(), answer))

    known = {}
    for folder in sorted((home.published / "releases").iterdir()):
        with duckdb.connect(str(folder / "kyoten.duckdb"), read_only=True) as connection:
            row = connection.execute("select sum(won_amount), sum(deals_won) from kpi.company_monthly").fetchone()
            known[folder.name] = tuple(text(value) for value in row or ())
    assert len(set(known.values())) == 2
    readers = [threading.Thread(target=reader) for _ in range(3)]
    switches: list[tuple[float, str]] = []
    for one in readers:
        one.start()
    for turn in range(SWITCHES):
        name = sorted(known)[(turn + 1) % 2]
        point(home.published / "current", f"releases/{name}")
        switches.append((time.monotonic(), name))
        seen, late = len(results), time.monotonic() + 60
        while len(results) < seen + 5 and time.monotonic() < late:
            time.sleep(0.05)
    ended.set()
    for one in readers:
        one.join()
    failed = [answer for *_, answer in results if answer not in known.values()]
    stale = [
        answer
        for started, ended_at, answer in results
        if started > switches[0][0]
        and not any(started <= at <= ended_at for at, _ in switches)  # then either release is right
        and answer != known[[name for at, name in switches if at <= started][-1]]
    ]
    show(f"{len(results)} charts under {SWITCHES} releases: {len(failed)} failed, {len(stale)} were stale")
    assert failed == []
    assert stale == []
    assert len(results) > SWITCHES
    assert ask() == known[switches[-1][1]]
