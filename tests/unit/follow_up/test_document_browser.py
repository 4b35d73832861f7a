"""The document's page in a real browser: axe-core finds nothing, nothing is fetched, all is there at 320 pixels."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import document_content
import pytest

from include.follow_up.document import write_documents

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = (1280, 320)
EDITIONS = ("content", "correction", "unreported")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    programs = [path for path in map(shutil.which, PROGRAMS) if path]
    if not programs:
        pytest.skip("no Chromium is on this machine, so the page is not checked in a browser: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not in this environment; run `make setup`")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=programs[0], args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        name: write_documents(getattr(document_content, name)(), tmp_path_factory.mktemp(name))[0] for name in EDITIONS
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("edition", EDITIONS)
def test_axe_finds_no_violation(browser: Browser, pages: dict[str, Path], edition: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not here; run `make setup`").Axe
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(pages[edition].as_uri())
    for details in page.query_selector_all("summary"):
        details.click()
    response = axe().run(page).response
    page.close()
    assert response["testEngine"]["name"] == "axe-core"
    assert len(response["passes"]) > 30, "axe has looked at the page"
    assert [(one["id"], one["nodes"][0]["html"]) for one in response["violations"]] == []


def test_nothing_is_fetched_and_nothing_fails(browser: Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page()
    fetched: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.on("console", lambda message: failed.append(message.text))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(pages["content"].as_uri())
    fonts = page.evaluate("document.fonts.ready.then(() => [...document.fonts].map(font => font.status))")
    page.close()
    assert [url for url in fetched if not url.startswith("data:")] == [pages["content"].as_uri()]
    assert failed == []
    assert fonts == ["loaded", "loaded", "loaded"]


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_page_needs_no_scrolling_sideways_at_320_pixels(
    browser: Browser, pages: dict[str, Path], edition: str
) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 640})
    page.goto(pages[edition].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    outside = page.evaluate(
        """[...document.querySelectorAll('main *')].filter(element => !element.closest('.scroll, svg, thead, .unseen')
           && element.getBoundingClientRect().right > 321).map(element => element.outerHTML.slice(0, 120))"""
    )
    page.close()
    assert outside == []


def test_the_first_key_leads_past_the_head(browser: Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(pages["content"].as_uri())
    page.keyboard.press("Tab")
    box = page.locator(".skip").bounding_box()
    assert box is not None
    assert box["y"] >= 0, "the link is seen when it has the focus"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "indhold"
    page.close()


def test_paper_shows_every_milestone_and_hides_what_only_a_screen_can_use(
    browser: Browser, pages: dict[str, Path]
) -> None:
    page = browser.new_page()
    page.goto(pages["content"].as_uri())
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert all(table.is_visible() for table in page.locator(".milestones").all())
    page.close()
