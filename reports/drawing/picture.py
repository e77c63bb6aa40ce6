"""Pictures of a report, as README has them: ``python -m w2vbench.reports.drawing.picture reports/out/index.html docs/report.png``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Literal

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SCHEMES: dict[str, Literal["light", "dark"]] = {"": "light", "-dark": "dark"}
"""By what the name of a picture's file ends in."""


def browser() -> str | None:
    """Return the path of an installed Chromium or Chrome."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def pictures(page: Path, out: Path, part: str = "#why .story") -> list[Path]:
    """Save screenshots of a part of a page as PNGs, on light and on dark ground.

    Parameters
    ----------
    page
        An HTML file.
    out
        The file of the light one. The dark one stands beside it: ``report.png`` and ``report-dark.png``.
    part
        A CSS selector.

    Returns
    -------
    list of Path
        The files.

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
    made = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        for ending, scheme in SCHEMES.items():
            view = chromium.new_page(
                viewport={"width": 1440, "height": 900}, color_scheme=scheme, device_scale_factor=1.5
            )
            view.goto(page.resolve().as_uri())
            made.append(out.with_stem(out.stem + ending))
            view.locator(part).screenshot(path=str(made[-1]))
        chromium.close()
    return made


if __name__ == "__main__":
    pictures(Path(sys.argv[1]), Path(sys.argv[2]))
