"""A real Superset of .venv-superset on this machine, for `make superset-test` and `make bi-test`."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from playwright.sync_api import Browser, Response, sync_playwright

from orchestration.home import PROJECT

SUPERSET = PROJECT / ".venv-superset" / "bin" / "superset"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
# The settings that docs/bi.md names, without what would keep a test from asking often and over plain HTTP. Answers are
# cached for a day, as a company may do it: the file for Superset must keep its own charts out of that cache.
SETTINGS = PROJECT / "examples" / "superset" / "superset_config.py"
FOR_TESTS = """
TALISMAN_ENABLED = WTF_CSRF_ENABLED = RATELIMIT_ENABLED = False
CACHE_CONFIG = DATA_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 86_400}
"""


@dataclass(frozen=True)
class Superset:
    """A running Superset."""

    address: str
    password: str  # of the user admin
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> None:
        """Run a command of Superset to its end."""
        command = [SUPERSET, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments[:2]}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"

    def session(self) -> requests.Session:
        """Return a session that has logged in."""
        session = requests.Session()
        login = {"username": "admin", "password": self.password, "provider": "db", "refresh": False}
        token = session.post(f"{self.address}/api/v1/security/login", json=login, timeout=60).json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        return session

    def dashboard(self, charts: int) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Open the dashboard in a browser; return by its title the request of each chart and what Superset answers."""
        answers: list[Response] = []
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser: Browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            page = browser.new_page(viewport={"width": 1400, "height": 2200}, locale="ja-JP")
            page.on("response", lambda one: answers.append(one) if "/api/v1/chart/data" in one.url else None)
            page.goto(f"{self.address}/login/")
            page.locator("#username").fill("admin")
            page.locator("#password").fill(self.password)
            page.locator("#password").press("Enter")
            page.wait_for_url(lambda url: "/login" not in url, timeout=120_000)
            page.goto(f"{self.address}/superset/dashboard/kyoten/")
            deadline = time.monotonic() + 180
            while len(answers) < charts and time.monotonic() < deadline:
                page.mouse.wheel(0, 400)
                page.wait_for_timeout(500)
            page.wait_for_timeout(4_000)
            if picture := os.environ.get("SUPERSET_PICTURE"):
                page.screenshot(path=picture)
            listed = page.evaluate("fetch('/api/v1/chart/').then(one => one.json())")["result"]
            titles = {chart["id"]: chart["slice_name"] for chart in listed}
            found = {}
            for answer in answers:
                asked = json.loads(answer.request.post_data or "{}")
                found[titles[asked["form_data"]["slice_id"]]] = asked, answer.json()
            browser.close()
        return found


def other_than(dashboards: Path, folder: Path) -> Path:
    """Write what an earlier import made: of another database, with a cache, other metrics and titles."""
    shutil.copytree(dashboards, folder)
    for path in folder.rglob("*.yaml"):
        before = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key, value in (("cache_timeout", 86_400), ("sqlalchemy_uri", "duckdb:///:memory:"), ("slice_name", "old"),
                           ("dashboard_title", "old"), ("sql", None)):  # fmt: skip
            if key in before:
                before[key] = value
        for metric in before.get("metrics", ()):
            metric["expression"] = "count(*)"
        path.write_text(yaml.safe_dump(before, allow_unicode=True), encoding="utf-8")
    return folder


@contextmanager
def running(dashboards: Path, folder: Path) -> Iterator[Superset]:
    """Start a Superset that had other datasets, charts and another database before the folder was imported."""
    password = secrets.token_urlsafe()
    (folder / "superset_config.py").write_text(SETTINGS.read_text(encoding="utf-8") + FOR_TESTS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"SUPERSET_CONFIG_PATH": str(folder / "superset_config.py"), "FLASK_APP": "superset",
                    "SUPERSET_HOME": str(folder), "SCARF_ANALYTICS": "false"}  # fmt: skip

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    superset = Superset(f"http://127.0.0.1:{port}", password, environment)
    superset.run("db", "upgrade")
    superset.run("fab", "create-admin", "--username", "admin", "--firstname", "a", "--lastname", "b",
                 "--email", "a@example.com", "--password", password)  # fmt: skip
    superset.run("init")
    superset.run("import-directory", "--overwrite", str(other_than(dashboards, folder / "before")))
    superset.run("import-directory", "--overwrite", str(dashboards))
    log = folder / "superset.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [SUPERSET, "run", "--host", "127.0.0.1", "--port", port, "--with-threads"],
            env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        for _ in range(240):
            assert server.poll() is None, log.read_text()[-3000:]
            try:
                if requests.get(f"{superset.address}/health", timeout=5).ok:
                    break
            except requests.ConnectionError:
                time.sleep(0.5)
        yield superset
    finally:
        server.terminate()
        server.wait()
