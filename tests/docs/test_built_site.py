"""The site as a browser shows it, in a wide window and on a phone: nothing is cut off, and every picture is there."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.processes import PATIENCE_S
from tests.reports.browser import patient

from .guides import ROOT

PAGES = sorted(page.stem for page in (ROOT / "docs").glob("*.md"))
WIDE, PHONE = 1280, 390

CUT_OFF = """(what) => [...document.querySelectorAll(what)]
  .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent.trim().slice(0, 60))"""
BEYOND = """(width) => [...document.querySelectorAll("article :not(pre) > code")]
  .filter((one) => !one.closest("table") && one.getBoundingClientRect().right > width).map((one) => one.textContent)"""
MISSING = "() => [...document.images].filter((one) => !one.naturalWidth).map((one) => one.src)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as ``tox -e docs`` builds it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    zensical = Path(sysconfig.get_path("scripts")) / "zensical"
    built = subprocess.run(
        [zensical, "build", "--strict", "--clean"], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "build" / "site"


@pytest.fixture(scope="module")
def tab(chromium: Browser) -> Page:
    return patient(chromium.new_context(offline=True).new_page())


def shown(tab: Page, site: Path, page: str, width: int, scheme: str = "light") -> Page:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    tab.goto((site / f"{page}.html").as_uri())
    return tab


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_wider_than_its_window(tab: Page, site: Path, page: str, width: int) -> None:
    view = shown(tab, site, page, width)
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert view.evaluate(BEYOND, width) == []


@pytest.mark.parametrize("page", PAGES)
def test_in_a_wide_window_no_table_and_no_code_scrolls(tab: Page, site: Path, page: str) -> None:
    """What programs print may: it stands as printed."""
    view = shown(tab, site, page, WIDE)
    assert view.evaluate(CUT_OFF, ".md-typeset__scrollwrap, :is(.language-bash, .language-python) code") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_picture_is_there(tab: Page, site: Path, scheme: str) -> None:
    for page in PAGES:
        view = shown(tab, site, page, WIDE, scheme)
        view.wait_for_load_state("load")
        assert view.evaluate(MISSING) == []
