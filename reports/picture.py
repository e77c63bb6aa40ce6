"""A picture of a report, as in README: ``python -m reports.picture reports/out/index.html docs/report.png``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """Return the path of an installed Chromium or Chrome."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def picture(page: Path, out: Path, anchor: str = "#lookup", width: int = 1240, height: int = 1180) -> None:
    """Save a screenshot of a page, scrolled to an anchor, as a PNG.

    Raises
    ------
    FileNotFoundError
        If there is no browser.
    """
    from playwright.sync_api import sync_playwright

    executable = browser()
    if executable is None:
        raise FileNotFoundError(f"no browser: install one of {', '.join(BROWSERS)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        view = chromium.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        view.goto(page.resolve().as_uri() + anchor)
        view.wait_for_timeout(1500)  # the plots are drawn when they come into view
        view.screenshot(path=str(out))
        chromium.close()


if __name__ == "__main__":
    picture(Path(sys.argv[1]), Path(sys.argv[2]))
