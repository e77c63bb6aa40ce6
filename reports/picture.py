"""A picture of a report, as in README: ``python -m reports.picture reports/out/index.html docs/report.png``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """Return the path of an installed Chromium or Chrome."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def picture(page: Path, out: Path, part: str = "#why .story") -> None:
    """Save a screenshot of a part of a page, given by its CSS selector, as a PNG.

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
        view = chromium.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light", device_scale_factor=1.5)
        view.goto(page.resolve().as_uri())
        view.locator(part).screenshot(path=str(out))
        chromium.close()


if __name__ == "__main__":
    picture(Path(sys.argv[1]), Path(sys.argv[2]))
