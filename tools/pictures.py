"""The pictures of README and docs: real output of commands, the pages, and Dagster's graph.

Run: python -m tools.pictures, with a home of the sample company in KYOTEN_HOME (default data/demo). The output of
commands is written to docs/images/<command>.svg. The pages and the graph need Chromium and are written to
docs/images/page_*.jpg, graph.png and dagster_*.png; without Chromium these files do not change. Arguments limit it to
parts: pages, terminal, graph, dagster. `dagster` is done only if named: it runs two jobs in the home, the second of
which is stopped by a held batch. For these pictures settings.yml of the home has schedule, owner and late_after: 1,
and the last extracts of the sample landed after a first refresh, so that there are two releases.
"""

import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path

from dagster import DagsterInstance
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

from orchestration.home import PROJECT, Home

IMAGES = PROJECT / "docs" / "images"
# By picture: the command, and the headings between which its output is shown.
COMMANDS = {"summary": ("How deals found their branch", "Rejected rows"), "releases": ("", "")}
WIDTH, HEIGHT = 1700, 1600  # pixels of the graph
COLUMNS = 120
DRAWS_WITHIN = 15_000  # milliseconds that a page of Dagster may take to show its data
# Replaces the path of this project in the texts of a page.
WITHOUT_PATHS = """([old, shown]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(old, shown);
}"""
STARTS_WITHIN = 180  # seconds that Dagster may take to answer


def terminal(home: Home, command: str, first: str, end: str) -> str:
    """Return a command's terminal output between two headings as SVG, without fonts from the network."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", command],
        cwd=PROJECT,
        env={
            **os.environ,
            "KYOTEN_HOME": str(home.root),
            "FORCE_COLOR": "1",
            "COLUMNS": str(COLUMNS),
            "LANG": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    printed = re.sub(r"\x1b\]8;.*?\x1b\\", "", done.stdout).replace(str(home.root), "data/demo")
    lines = printed.splitlines()
    begins = next(n for n, line in enumerate(lines) if first in line)
    ends = next(n for n, line in enumerate(lines) if end in line) if end else len(lines)
    console.print(Text.from_ansi("\n".join(lines[begins:ends]).rstrip()))
    return re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title=f"make {command}"), flags=re.DOTALL)


@contextmanager
def dagster(home: Home) -> Iterator[str]:
    """Run Dagster's UI for a home and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "orchestration.cli", "dev", "--port", str(port)]
    environment = {**os.environ, "KYOTEN_HOME": str(home.root)}
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Dagster starts servers, which end with their process group
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Dagster did not start; run `make dev` to see why.")
            time.sleep(1)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def graph(home: Home, browser: str) -> None:
    """Write a picture of Dagster's asset graph, one box per layer."""
    with dagster(home) as address:
        subprocess.run(
            [
                *(browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *(
                    f"--window-size={WIDTH},{HEIGHT}",
                    "--virtual-time-budget=60000",
                    f"--screenshot={IMAGES / 'graph.png'}",
                ),
                f"{address}/asset-groups/",
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )
    print("docs/images/graph.png")


def execute(home: Home, job: str) -> None:
    """Run a job of Dagster; its records are in the home."""
    subprocess.run(
        [Path(sys.executable).parent / "dagster", "job", "execute", "-m", "orchestration.definitions", "-j", job],
        cwd=PROJECT,
        env={**os.environ, "KYOTEN_HOME": str(home.root), "DAGSTER_HOME": str(home.dagster)},
        capture_output=True,
        check=False,
    )


def runs(home: Home, browser: str) -> None:
    """Write pictures of what a person looks for in Dagster: what ran, what is late, what failed and why."""
    execute(home, "load_crm")
    landed = max((home.landing / "branches").glob("*.csv"))
    next_day = date.fromisoformat(landed.stem[-10:]) + timedelta(days=1)
    half = landed.with_name(f"branches_{next_day}.csv")
    lines = landed.read_text(encoding="utf-8").splitlines(keepends=True)
    half.write_text("".join(lines[: len(lines) // 2]), encoding="utf-8")
    try:
        execute(home, "refresh")  # half of the branches are held
    finally:
        half.unlink()
    with DagsterInstance.from_config(str(home.dagster)) as instance:
        failed = next(run.run_id for run in instance.get_runs() if run.is_failure)
    shown = {
        "release": ("assets/published/release", 1300, 1330),
        "late": ("assets/raw/deals?view=checks&checkDetail=is_recent", 1300, 600),
        "failed": (f"runs/{failed}", 1300, 860),
        "runs": ("runs", 1500, 420),
    }
    with dagster(home) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, (path, width, height) in shown.items():
            page = chromium.new_page(viewport={"width": width, "height": height})
            page.goto(f"{address}/{path}")
            page.wait_for_timeout(DRAWS_WITHIN)
            page.evaluate(WITHOUT_PATHS, [str(PROJECT), "/opt/kyoten"])
            page.screenshot(path=IMAGES / f"dagster_{name}.png")
            print(f"docs/images/dagster_{name}.png")
            page.close()
        chromium.close()


# By picture: the file below pages/, the language, width and height in pixels, and how far down it begins.
DESK, PHONE = 1000, 390
PAGES = {
    "monday": ("monday.html", "ja", DESK, 1010, "section:nth-of-type(1)"),
    "monday_decisions": ("monday.html", "ja", DESK, 620, "section:nth-of-type(4)"),
    "monday_en": ("monday.html", "en", DESK, 1010, "section:nth-of-type(1)"),
    "monday_phone": ("monday.html", "ja", PHONE, 1100, "section:nth-of-type(1)"),
    "monday_phone_en": ("monday.html", "en", PHONE, 1100, "section:nth-of-type(1)"),
    "segment_map": ("segment_map.html", "ja", DESK, 800, "section:nth-of-type(1)"),
    "segment_map_en": ("segment_map.html", "en", DESK, 800, "section:nth-of-type(1)"),
    "drivers": ("drivers.html", "ja", DESK, 700, "section:nth-of-type(1)"),
    "people": ("people.html", "ja", DESK, 700, "main"),
    "people_en": ("people.html", "en", DESK, 700, "main"),
    "people_phone": ("people.html", "ja", PHONE, 800, "main"),
    "plans": ("plans.html", "ja", DESK, 1000, "main"),
    "plans_en": ("plans.html", "en", DESK, 1000, "main"),
    "plans_phone": ("plans.html", "ja", PHONE, 900, "main"),
    "programmes": ("programmes.html", "ja", DESK, 1000, "main"),
    "programmes_en": ("programmes.html", "en", DESK, 1000, "main"),
    "partner": ("partner/B00032.html", "ja", DESK, 900, "main"),
    "partner_en": ("partner/B00032.html", "en", DESK, 900, "main"),
    "partner_phone": ("partner/B00032.html", "ja", PHONE, 800, "main"),
}


def pages(home: Home, browser: str) -> None:
    """Write pictures of the pages."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, (path, lang, width, height, top) in PAGES.items():
            page = chromium.new_page(viewport={"width": width, "height": height})
            page.goto(f"file://{home.published.resolve() / 'pages' / path}?lang={lang}")
            # A picture of the top of a page has its head, too.
            is_first = top in ("main", "section:nth-of-type(1)")
            box = page.locator(top).bounding_box()
            at = 0 if is_first or not box else box["y"] - 8
            page.screenshot(
                path=IMAGES / f"page_{name}.jpg",
                type="jpeg",
                quality=72,
                full_page=True,
                clip={"x": 0, "y": at, "width": width, "height": height},
            )
            print(f"docs/images/page_{name}.jpg")
            page.close()
        chromium.close()


def main() -> int:
    """Take all pictures."""
    home = Home.from_environment("data/demo")
    IMAGES.mkdir(exist_ok=True)
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    wanted = sys.argv[1:] or ["pages", "terminal", "graph"]
    if not browser:
        print("No Chromium here: the pictures of pages and of Dagster stay as they are.")
    for part, take in {"pages": pages, "dagster": runs, "graph": graph}.items():
        if browser and part in wanted:
            take(home, browser)
    if "terminal" in wanted:
        for name, (first, end) in COMMANDS.items():
            (IMAGES / f"{name}.svg").write_text(terminal(home, name, first, end), encoding="utf-8")
            print(f"docs/images/{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
