"""Pages in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from w2vbench.reports.deck import page as deck_page
from w2vbench.reports.run.page import html

from tests.reports.browser import FILES, LARGE, WIDE, Show, View, patient
from tests.reports.deck.deck_runs import DECK_PAGES

MOST_BYTES = 1_500_000


@pytest.fixture(scope="session")
def saved_pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Pages as they lie on a disk, each made once."""
    folder = tmp_path_factory.mktemp("pages")

    def page(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            text = deck_page.html(DECK_PAGES[name]()) if name in DECK_PAGES else html((FILES | LARGE)[name]())
            path.write_text(text, encoding="utf-8")
        assert path.stat().st_size <= MOST_BYTES * (2 if name in LARGE else 1)
        return path

    return page


@pytest.fixture(scope="session")
def tab(chromium: Browser) -> View:
    """One offline tab for all pages."""
    return View(patient(chromium.new_context(offline=True, viewport={"width": WIDE, "height": 900}).new_page()))


@pytest.fixture
def show(saved_pages: Callable[[str], Path], tab: View) -> Iterator[Show]:
    """Opens a file's page at an address. Whatever it complains of or fetches meanwhile fails the test."""

    def open_page(name: str, address: str = "", width: int = WIDE) -> View:
        page, uri = tab.page, saved_pages(name).as_uri()
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(media="screen", color_scheme="light")
        page.goto("about:blank")
        page.goto(uri + (f"#{address}" if address else ""))
        tab.files.add(uri)
        return tab

    yield open_page
    complaints, tab.complaints = tab.complaints, []
    assert complaints == []
    fetched = {url.partition("#")[0] for url in tab.requests if not url.startswith(("data:", "about:"))}
    assert fetched == tab.files
