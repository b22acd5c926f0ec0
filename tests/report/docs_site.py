"""The docs site as MkDocs makes it, in Debian's Chromium: `make site-test`.

pytest collects this file only by its name, because it needs .venv-site.
"""

import functools
import os
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from orchestration.home import Home
from tests.conftest import run_cli
from tests.report.browser import CHROMIUM

PAGES = ("index", "catalogue/index", "catalogue/kpi.company_monthly", "metrics", "guides/questions", "guides/glossary",
         "guides/bi", "guides/decisions/index")  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="module")
def site(built_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("site"))
    home.published.symlink_to(built_home.published)
    done = run_cli(home, "site")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return home.root / "site"


class Links(HTMLParser):
    """Collects where a page links to, what it loads, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := values.get(name))}
        if tag == "a" and (href := values.get("href")):
            self.links.add(href)
        elif tag in ("script", "img", "iframe", "link") and values.get("rel") not in ("canonical", "prev", "next"):
            self.loaded |= {value for name in ("src", "href") if (value := values.get(name))}


def read(path: Path) -> Links:
    found = Links()
    found.feed(path.read_text(encoding="utf-8"))
    return found


def broken(site: Path) -> list[str]:
    """Return the links that lead nowhere, and everything that a page loads from elsewhere."""
    pages = {path: read(path) for path in site.rglob("*.html") if path.name != "dbt.html"}
    found = []
    for path, page in pages.items():
        found += [f"{path.relative_to(site)} loads {one}" for one in page.loaded if re.match(r"(https?:)?//", one)]
        for link in page.links | page.loaded:
            name, _, anchor = unquote(link).partition("#")
            if re.match(r"(https?:)?//|data:|mailto:", link):
                continue
            to = (path.parent / name).resolve() if name else path
            if not to.is_file() or (anchor and to in pages and anchor not in pages[to].anchors and anchor != "__skip"):
                found.append(f"{path.relative_to(site)}: {link}")
    return found


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path, tmp_path: Path) -> None:
    assert len(list(site.rglob("*.html"))) > 300
    assert broken(site) == []
    (tmp_path / "a.html").write_text('<a href="b.html"></a><a href="#x"></a><img src="https://e.test/a.png">')
    assert sorted(broken(tmp_path)) == ["a.html loads https://e.test/a.png", "a.html: #x", "a.html: b.html"]


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The address of the site on a file server of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def opened(browser: Browser, address: str, problems: list[str]) -> Page:
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    own = address[:7] if address.startswith("file:") else "/".join(address.split("/")[:3])
    page.on("console", lambda message: problems.append(f"{address}: {message.type}: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"{address}: {error}"))
    page.on(
        "request",
        lambda one: None if one.url.startswith((own, "data:", "blob:")) else problems.append(f"request {one.url}"),
    )
    page.on("requestfailed", lambda one: problems.append(f"failed: {one.url}"))
    page.goto(address)
    return page


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("place", ["files", "server"])
def test_pages_open_without_errors_and_requests(
    browser: Browser,
    site: Path,
    served: str,
    language: str,
    place: str,
) -> None:
    problems: list[str] = []
    base = served if place == "server" else site.resolve().as_uri()
    for name in PAGES:
        page = opened(browser, f"{base}/{language}/{name}.html", problems)
        assert page.evaluate("document.documentElement.lang") == language
        page.close()
    assert not problems
    # dbt's own page writes messages to the console before it has replaced its icons.
    page = opened(browser, f"{base}/dbt.html", problems)
    page.get_by_text("パートナー営業のためのデータ倉庫").first.wait_for()
    page.close()
    assert [one for one in problems if one.startswith("request ")] == []


def test_diagrams_are_pictures_with_readable_text(browser: Browser, site: Path) -> None:
    problems: list[str] = []
    for language in ("en", "ja"):
        page = opened(browser, f"{site.resolve().as_uri()}/{language}/guides/architecture.html", problems)
        diagram = page.locator(".diagram svg")
        assert diagram.count() == 1
        names = diagram.locator(".node .nodeLabel")
        assert {"lake", "staging", "marts/kpi"} <= set(names.all_inner_texts())
        for node in diagram.locator(".node").all():
            box, label = node.bounding_box(), node.locator(".nodeLabel").bounding_box()
            assert box and label and box["x"] <= label["x"] and label["x"] + label["width"] <= box["x"] + box["width"]
        assert diagram.locator(".flowchart-link").count() >= names.count() - 1
        page.close()
    assert not problems
    assert [str(path) for path in site.rglob("*.html") if "flowchart TD" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(("language", "word", "expected"), [("ja", "間販比率", "間販"), ("en", "headroom", "eadroom")])
@pytest.mark.parametrize("place", ["files", "server"])
def test_search_finds_words(
    browser: Browser,
    site: Path,
    served: str,
    language: str,
    word: str,
    expected: str,
    place: str,
) -> None:
    problems: list[str] = []
    base = served if place == "server" else site.resolve().as_uri()
    page = opened(browser, f"{base}/{language}/index.html", problems)
    query = page.locator("[data-md-component=search-query]").first
    query.click()
    query.fill(word)
    query.press("End")  # as after typing: the theme waits for a key
    first = page.locator(".md-search-result__item").first
    first.wait_for(timeout=60_000)
    assert expected in first.inner_text()
    page.close()
    assert not problems


def test_one_switch_stays_on_the_page(browser: Browser, site: Path) -> None:
    problems: list[str] = []
    page = opened(browser, f"{site.resolve().as_uri()}/en/catalogue/kpi.company_monthly.html", problems)
    page.locator("a[hreflang=ja]").click()
    assert page.url.endswith("/ja/catalogue/kpi.company_monthly.html")
    assert page.evaluate("document.documentElement.lang") == "ja"
    page.close()
    assert not problems
