"""A real Superset imports the file of `kyoten superset`, and its charts show the figures of the marts.

`make superset-test` runs this; pytest collects the file only by its name, because it needs .venv-superset. Superset
runs on this machine alone, with SQLite for its own data. Debian's Chromium opens the charts as people do.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
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
from playwright.sync_api import Browser, Response, sync_playwright

from orchestration.home import PROJECT, Home
from orchestration.release.releases import point
from orchestration.superset import write_superset

SUPERSET = PROJECT / ".venv-superset" / "bin" / "superset"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
SWITCHES = 15
CONFIGURATION = """
SECRET_KEY = {key!r}
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
SIMPLE = {{"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 0}}
CACHE_CONFIG = DATA_CACHE_CONFIG = FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = SIMPLE
TALISMAN_ENABLED = False
WTF_CSRF_ENABLED = False
RATELIMIT_ENABLED = False
LANGUAGES = {{"ja": {{"flag": "jp", "name": "Japanese"}}}}
BABEL_DEFAULT_LOCALE = "ja"
"""
LAST_YEAR = (
    "is_complete and month > (select max(month) from kpi.company_monthly where is_complete) - interval '12 months'"
)
QUERIES = {
    "受注金額(月次)": "select month, won_amount from kpi.company_monthly where is_complete",
    "間販比率(月次)": "select month, indirect_ratio from kpi.company_monthly where is_complete",
    "パートナー別の受注金額": f"""
        select partner_id, sum(won_amount) as won_amount, sum(deals_won) as deals_won, sum(deals_new) as deals_new
        from kpi.partner_monthly_as_is where {LAST_YEAR} group by all
    """,
    "拠点別の受注と活動": f"""
        select branch_id, sum(won_amount) as won_amount, sum(deals_won) as deals_won,
            sum(sessions_held) as sessions_held
        from kpi.branch_monthly_as_is where {LAST_YEAR} group by all
    """,
    "間販比率の目標と実績": """
        select month, actual, path, path_gap, outcome from kpi.target_path
        where is_complete and metric = 'indirect_ratio' and scope = 'company' and actual is not null
    """,
    "商談が途絶えている拠点": """
        select entity_name, evidence, last_deal_on, expected_deals, recent_deals from kpi.quiet_warnings
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


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print to the terminal, also while pytest captures."""
    manager = request.config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with manager.global_and_fixture_disabled():
            print(f"\n{line}", flush=True)

    return say


@pytest.fixture(scope="module")
def superset(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a Superset with the imported file, and the password of its user."""
    folder = tmp_path_factory.mktemp("superset")
    write_superset(home, folder / "kyoten.zip", None)
    password = secrets.token_urlsafe()
    configuration = CONFIGURATION.format(key=secrets.token_urlsafe(42), folder=folder)
    (folder / "superset_config.py").write_text(configuration, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"SUPERSET_CONFIG_PATH": str(folder / "superset_config.py"), "FLASK_APP": "superset",
                    "SUPERSET_HOME": str(folder), "SCARF_ANALYTICS": "false"}  # fmt: skip

    def run(*arguments: str) -> None:
        done = subprocess.run([SUPERSET, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments[:2]}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"

    run("db", "upgrade")
    run("fab", "create-admin", "--username", "admin", "--firstname", "a", "--lastname", "b", "--email", "a@example.com",
        "--password", password)  # fmt: skip
    run("init")
    run("import-dashboards", "-p", str(folder / "kyoten.zip"), "-u", "admin")
    run("import-dashboards", "-p", str(folder / "kyoten.zip"), "-u", "admin")  # replaces what the first one made
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    log = folder / "superset.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [SUPERSET, "run", "--host", "127.0.0.1", "--port", port, "--with-threads"],
            env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            assert server.poll() is None, log.read_text()[-3000:]
            try:
                if requests.get(f"{address}/health", timeout=5).ok:
                    break
            except requests.ConnectionError:
                time.sleep(0.5)
        yield address, password
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def session(superset: tuple[str, str]) -> requests.Session:
    address, password = superset
    session = requests.Session()
    login = {"username": "admin", "password": password, "provider": "db", "refresh": False}
    token = session.post(f"{address}/api/v1/security/login", json=login, timeout=60).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def test_everything_is_there_once(superset: tuple[str, str], session: requests.Session) -> None:
    address, _ = superset
    counts = {kind: session.get(f"{address}/api/v1/{kind}/", timeout=60).json()["count"] for kind in
              ("database", "dataset", "chart", "dashboard")}  # fmt: skip
    assert counts == {"database": 1, "dataset": 6, "chart": 6, "dashboard": 1}


@pytest.fixture(scope="module")
def shown(superset: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """What the charts of the dashboard show in a browser, by their titles."""
    address, password = superset
    answers: list[Response] = []
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser: Browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1400, "height": 2200}, locale="ja-JP")
        page.on("response", lambda one: answers.append(one) if "/api/v1/chart/data" in one.url else None)
        page.goto(f"{address}/login/")
        page.locator("#username").fill("admin")
        page.locator("#password").fill(password)
        page.locator("#password").press("Enter")
        page.wait_for_url(lambda url: "/login" not in url, timeout=120_000)
        page.goto(f"{address}/superset/dashboard/kyoten/")
        deadline = time.monotonic() + 180
        while len(answers) < len(QUERIES) and time.monotonic() < deadline:
            page.mouse.wheel(0, 400)
            page.wait_for_timeout(500)
        page.wait_for_timeout(4_000)
        if picture := os.environ.get("SUPERSET_PICTURE"):
            page.screenshot(path=picture)
        charts = page.evaluate("fetch('/api/v1/chart/').then(one => one.json())")["result"]
        titles = {chart["id"]: chart["slice_name"] for chart in charts}
        found = {}
        for answer in answers:
            asked = json.loads(answer.request.post_data or "{}")
            found[titles[asked["form_data"]["slice_id"]]] = answer.json()
        browser.close()
    return found


def text(value: Any) -> str:
    """Return a value of Superset's JSON, or of DuckDB, as one text; a day is a number of milliseconds there."""
    if isinstance(value, int | float) and value > 10**12:
        return str(datetime.fromtimestamp(value / 1000, tz=UTC).date())
    if isinstance(value, int | float | Decimal):
        return f"{float(value):.9g}"
    return "" if value is None else str(value)


def differences(shown: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the rows that only one side has."""
    names = list(expected[0])
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
    home: Home, superset: tuple[str, str], session: requests.Session, show: Callable[[str], None]
) -> None:
    """Each answer is of one release and none fails; as soon as no chart runs, the next one is of the new release."""
    address, _ = superset
    datasets = session.get(f"{address}/api/v1/dataset/", timeout=60).json()["result"]
    (number,) = (one["id"] for one in datasets if one["table_name"] == "company_monthly")
    query = {"metrics": ["won_amount", "deals_won"], "columns": [], "row_limit": 10}
    body = {"datasource": {"id": number, "type": "table"}, "queries": [query], "force": True}
    results: list[tuple[float, float, Any]] = []  # when it was sent and answered, and the answer
    ended = threading.Event()

    def ask() -> Any:
        answer = session.post(f"{address}/api/v1/chart/data", json=body, timeout=60)
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
    assert len(results) > SWITCHES
    assert ask() == known[switches[-1][1]]
