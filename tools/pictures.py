"""The README's pictures: real output of commands, and Dagster's graph.

Run: python -m tools.pictures, with a home of the sample company in KYOTEN_HOME (default data/demo). The output of
commands is written to docs/images/<command>.svg. The graph needs Chromium and is written to docs/images/graph.png;
without Chromium that file does not change.
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
from pathlib import Path

from rich.console import Console
from rich.text import Text

from orchestration.home import PROJECT, Home

IMAGES = PROJECT / "docs" / "images"
# By picture: the command, and the headings between which its output is shown.
COMMANDS = {"summary": ("summary", "How deals found their branch", "Rejected rows")}
WIDTH, HEIGHT = 1500, 1250  # pixels of the graph
COLUMNS = 120
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
    begins, ends = (next(n for n, line in enumerate(lines) if heading in line) for heading in (first, end))
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


def graph(home: Home, browser: str, path: Path) -> None:
    """Write a picture of Dagster's asset graph, one box per layer."""
    with dagster(home) as address:
        subprocess.run(
            [
                *(browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *(f"--window-size={WIDTH},{HEIGHT}", "--virtual-time-budget=60000", f"--screenshot={path}"),
                f"{address}/asset-groups/",
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )


def main() -> int:
    """Take all pictures."""
    home = Home.from_environment("data/demo")
    IMAGES.mkdir(exist_ok=True)
    for name, (command, first, end) in COMMANDS.items():
        (IMAGES / f"{name}.svg").write_text(terminal(home, command, first, end), encoding="utf-8")
        print(f"docs/images/{name}.svg")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser:
        graph(home, browser, IMAGES / "graph.png")
        print("docs/images/graph.png")
    else:
        print("No Chromium here: docs/images/graph.png stays as it is.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
