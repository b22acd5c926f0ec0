"""The pages in a real browser, Debian's Chromium: no errors, no requests, language, filters, axe, phone and paper.

`make browser-test` runs them, and says what to install. pytest collects this file only by its name.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from orchestration.home import Home
from orchestration.report import pages
from orchestration.report.queries import figure_sql
from tests.report.reading import read

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed. On Debian: apt-get install chromium fonts-noto-cjk"
)
DESK, PHONE = {"width": 1100, "height": 900}, {"width": 390, "height": 800}
SINGLE = [page.name for page in pages.listed() if not page.each]
# Contrast, names, roles, keyboard and language; the best practices of axe beyond the standard are advice.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # root, as in a container, has no sandbox
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def folder(built_home: Home) -> Path:
    return built_home.published / "pages"


def opened(browser: Browser, path: Path, size: dict, lang: str, problems: list[str]) -> Page:
    """Open a page, and collect what must not happen: errors, messages and requests to elsewhere."""

    def on_console(message: ConsoleMessage) -> None:
        problems.append(f"{path.name}: console {message.type}: {message.text}")

    def on_request(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            problems.append(f"{path.name}: request {request.url}")

    page = browser.new_page(viewport=size)
    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"{path.name}: {error}"))
    page.on("request", on_request)
    page.goto(f"file://{path.resolve()}?lang={lang}")
    return page


def one_of_each(folder: Path) -> list[Path]:
    """Each page, and of branches and editions the largest file."""
    largest = [
        max((folder / name).glob("*.html"), key=lambda file: file.stat().st_size) for name in ("branch", "partner")
    ]
    return [folder / f"{name}.html" for name in SINGLE] + largest


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_pages_open_without_errors_requests_or_barriers(browser: Browser, folder: Path, lang: str) -> None:
    problems: list[str] = []
    for path in one_of_each(folder):
        page = opened(browser, path, DESK, lang, problems)
        assert page.evaluate("document.documentElement.lang") == lang
        for chart in page.locator("[data-chart]:visible").all():
            assert chart.locator("svg path, svg text").count() > 0, f"{path.name}: an empty chart"
        found = Axe().run(page, options=RULES)
        problems += [
            f"{path.name} {lang}: {one['id']} {one['nodes'][0]['html'][:120]}" for one in found.response["violations"]
        ]
        page.close()
    assert not problems


def test_a_request_to_elsewhere_is_seen(browser: Browser, folder: Path, tmp_path: Path) -> None:
    problems: list[str] = []
    text = (folder / "health.html").read_text(encoding="utf-8")
    planted = tmp_path / "planted.html"
    planted.write_text(
        text.replace("</main>", "<img src='http://127.0.0.1:9/x.png'><button></button></main>"), encoding="utf-8"
    )
    page = opened(browser, planted, DESK, "en", problems)
    assert any("request http://127.0.0.1" in one for one in problems)
    assert Axe().run(page, options=RULES).violations_count
    page.close()


def test_pages_fit_a_phone(browser: Browser, folder: Path) -> None:
    problems: list[str] = []
    for path in one_of_each(folder):
        page = opened(browser, path, PHONE, "ja", problems)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], f"{path.name} is {width} wide"
        page.close()
    assert not problems


def test_language_switch(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder / "monday.html", DESK, "ja", [])
    heading = page.locator("h1")
    assert heading.inner_text() == "月曜ページ"
    page.get_by_role("button", name="English").click()
    assert heading.inner_text() == "This Monday"
    assert "forecast" in (page.locator("[data-chart=path] svg").text_content() or "")
    page.close()


def test_filter_more_and_downloads(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder / "league.html", DESK, "en", [])
    league = page.locator(".list").first
    rows = league.locator("tbody tr:visible")
    assert rows.count() == 10
    name = rows.nth(3).locator("td").nth(2).inner_text()
    league.locator(".filter").fill(name)
    assert rows.count() >= 1 and all(name in row.inner_text() for row in rows.all())
    league.locator(".filter").fill("")
    league.locator(".more").click()
    assert rows.count() > 10
    with page.expect_download() as waited:
        league.locator(".csv").click()
    lines = Path(waited.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == rows.count() + 1 and "Rank" not in lines[1]
    with page.expect_download() as waited:
        league.locator(".excel").click()
    assert Path(waited.value.path()).read_bytes().startswith(b"PK")
    page.close()


def test_a_figure_opens_its_definition_and_sql(browser: Browser, folder: Path) -> None:
    path = folder / "monday.html"
    page = opened(browser, path, DESK, "en", [])
    sources = page.evaluate("definitions.sources")
    for figure in (one for one in read(path.read_text(encoding="utf-8")).figures if one.text != "-"):
        button = page.locator(
            f'button.figure[data-q="{figure.query}"][data-c="{figure.column}"][data-k="{figure.key}"]'
        ).first
        if button.count() and figure.query in ("kpis", "landing"):
            button.focus()
            page.keyboard.press("Enter")  # by keyboard as by mouse
            shown = page.locator("#definition pre").inner_text()
            assert " ".join(shown.split()) == " ".join(
                figure_sql(sources[figure.query], figure.key, figure.column).split()
            )
            page.keyboard.press("Escape")
    page.locator("#definition").wait_for(state="hidden")
    page.close()


def test_a_deal_opens_its_why(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder / "health.html", DESK, "en", [])
    deal = page.locator("button.deal").first
    deal.click()
    assert f"make why DEAL={deal.inner_text()}" in page.locator("#definition").inner_text()
    assert "Decided by L" in page.locator("#definition").inner_text()
    page.close()


def test_the_map_filters_its_list(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder / "segment_map.html", DESK, "en", [])
    partner = page.locator("#map-partner option").nth(1).inner_text()
    page.locator("#map-partner").select_option(partner)
    rows = page.locator(".list").last.locator("tbody tr:visible")
    assert rows.count() and all(partner in row.inner_text() for row in rows.all())
    page.locator("#map-moved").click()
    page.close()


def test_a_pick_shows_its_programme_and_its_plan(browser: Browser, folder: Path) -> None:
    problems: list[str] = []
    page = opened(browser, folder / "programmes.html", DESK, "ja", problems)
    picker = page.locator("select.picker")
    values = picker.locator("option").evaluate_all("(all) => all.map((one) => one.value)")
    assert len(values) > 1
    for value in values:
        picker.select_option(value)
        charts = page.locator("[data-chart]:visible")
        assert charts.count() == 1 and charts.get_attribute("data-programme") == value
        assert charts.locator("svg path").count() > 5
    page.close()
    page = opened(browser, folder / "plans.html", DESK, "en", problems)
    picker, chart = page.locator("#plan-pick"), page.locator("[data-chart=course] svg")
    first = chart.inner_html()
    picker.select_option(index=picker.locator("option").count() - 1)
    assert chart.inner_html() != first and "result to date" in (chart.text_content() or "")
    page.close()
    assert not problems


def test_a_business_review_fits_a4(browser: Browser, folder: Path) -> None:
    """Nothing is cut off at the side of the paper, and it takes few pages."""
    path = max((folder / "partner").glob("*.html"), key=lambda file: file.stat().st_size)
    page = opened(browser, path, DESK, "ja", [])
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1000})  # A4 without its margins
    lists = page.locator(".scroll").evaluate_all("(all) => all.map((one) => one.scrollWidth - one.clientWidth)")
    assert max(lists) <= 1
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    assert 1 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 6
    page.close()


def test_labels_of_400_branches_do_not_collide(browser: Browser, folder: Path, tmp_path: Path) -> None:
    """The map with 400 dots: no two labels that are shown overlap."""
    page = opened(browser, folder / "segment_map.html", DESK, "ja", [])
    overlaps, labels = page.evaluate((Path(__file__).parent / "crowd.js").read_text(encoding="utf-8"))
    page.locator("[data-chart=places]").screenshot(path=tmp_path / "map.png")
    assert overlaps == 0 and labels > 40
    page.close()


def test_monday_prints_on_two_pages_of_a4(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder / "monday.html", DESK, "ja", [])
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    assert 1 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 3
    page.close()
