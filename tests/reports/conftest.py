"""A browser, and pages in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from reports.page import html
from tests.reports.browser import (
    BROWSERS,
    FILES,
    LARGE,
    OPTIONS,
    WIDE,
    Show,
    View,
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if executable is None:
        reason = f"no browser: none of {', '.join(BROWSERS)} is installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def saved_pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Pages as they lie on a disk, each made once."""
    folder = tmp_path_factory.mktemp("pages")

    def page(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(html((FILES | LARGE)[name]()), encoding="utf-8")
        assert path.stat().st_size <= (6_000_000 if name in FILES else 12_000_000)
        return path

    return page


@pytest.fixture(scope="session")
def tab(chromium: Browser) -> View:
    """One offline tab for all pages: the browser then compiles Plotly once."""
    return View(chromium.new_context(offline=True, viewport={"width": WIDE, "height": 900}).new_page())


@pytest.fixture
def show(saved_pages: Callable[[str], Path], tab: View) -> Iterator[Show]:
    """Opens a file's page. Whatever it complains of or fetches meanwhile fails the test.

    A page that is open already is shown again as it is, folded, wide and light: a test that chooses something on a
    page opens it anew, by giving an address, if only an empty one.
    """

    def open_or_reset(name: str, address: str | None = None) -> View:
        page, uri = tab.page, saved_pages(name).as_uri()
        page.set_viewport_size({"width": WIDE, "height": 900})
        page.emulate_media(media="screen", color_scheme="light")
        if address is not None or tab.shows != name:
            page.goto("about:blank")
            page.goto(uri + (f"#{address}" if address else ""))
            tab.shows = name if address is None else ""
        tab.files.add(uri)
        page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = false); scrollTo(0, 0)")
        return tab

    yield open_or_reset
    complaints, tab.complaints = tab.complaints, []
    assert complaints == []
    fetched = {url.partition("#")[0] for url in tab.requests if not url.startswith(("data:", "about:"))}
    assert fetched == tab.files
