"""Pages in a real browser: files to show, and what is read off a page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Dialog, Locator, Page, TimeoutError

from reports.figures import STAGES
from reports.files import read
from reports.results import ResultFile
from tests import saved
from tests.saved import PROBLEM, PYTEST, STATUSES, not_measured, row

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
WIDE, PHONE = 1280, 360

Show = Callable[..., "View"]


def every_status() -> ResultFile:
    """Two problems of ``lookup``, interrupted before a third: each has two figures and one case of every status; and one problem of ``scatter.dense``."""
    missing = [
        not_measured(f"implementation-{at}", status, f"since {'a-long-word-' * 12}", V=V)
        for V in (10_000, 100_000)
        for at, status in enumerate(STATUSES)
    ]
    implementations = [
        row(slug, wall * V, V=V, baseline=slug == "one-hot")
        for V in (10_000, 100_000)
        for slug, wall in (("one-hot", 1e-7), ("gather", 1e-9))
    ]
    implementations += [row("numba", 2e-5, kernel="scatter.dense"), row("csr", 4e-5, kernel="scatter.dense")]
    code = {"file": "impls/lookup.py", "line": 7, "code": "def gather(W, idx):\n    return W[idx]\n"}
    return saved.result(
        *implementations,
        not_measured=missing,
        complete=False,
        warnings=["the machine was busy"],
        sources={"lookup/gather": code},
    )


def many(V_: tuple[int, ...] = (1_000, 10_000, 30_000, 100_000, 1_000_000)) -> ResultFile:
    """Five kernels, two batches, ten implementations: five hundred cases at five vocabularies, with the longest names of sizes."""
    ways = [(f"kernel-{k}.variant", V, B, at) for k in range(5) for V in V_ for B in (10, 100) for at in range(10)]
    return saved.result(
        *[
            row(f"way-{at}", 1e-6 * (at + 1) * V**0.5, V=V, B=B, K=5, kernel=kernel, baseline=at == 0)
            for kernel, V, B, at in ways
        ]
    )


def partial() -> ResultFile:
    """``loop`` and ``gather`` at two vocabularies, ``take`` only at the smaller; names that a spreadsheet could take for formulas."""
    rows = [
        row(slug, wall * V, V=V, baseline=slug == "loop")
        for V in (10_000, 100_000)
        for slug, wall in (("loop", 8e-8), ("gather", 2e-8))
    ]
    rows += [row("take", 1e-4), row("a|b", 1e-5, kernel='=HYPERLINK("http://example.org","x")')]
    return saved.result(*rows, not_measured=[not_measured("take", "timeout", 'too long,\nsaid "it"', V=100_000)])


def stages() -> ResultFile:
    """Training implementations at two sizes, at the larger with where a step's time goes: one parted into six, one into two."""
    rows = [
        row(slug, wall, B=B, kernel="training.cbow", baseline=slug == "chapter-3")
        for B in (100, 1000)
        for slug, wall in (("chapter-3", 1e-2), ("numba", 1e-5))
    ]
    parts = {name: 1.0 + at for at, name in enumerate(STAGES)}
    found = [{name: parts[name] for name in STAGES[:6]}, {name: parts[name] for name in STAGES[6:]}]
    return saved.result(*rows, stages={case["name"]: part for case, part in zip(rows[2:], found, strict=True)})


def unlike() -> ResultFile:
    """Two problems whose tables have other columns: of one the machine's limit is known, of the other the pairs a second."""
    covers: dict[str, Any] = {"covers": {"pairs": 3000, "words": 300}}
    return saved.result(
        row("gather", 1e-2, V=100_000, read_bytes=4e7, written_bytes=0, moves_more=True),
        *(row(slug, wall, kernel="training.cbow", **covers) for slug, wall in (("chapter-3", 1e-3), ("numba", 1e-4))),
        limits={"read": [[2.0**18, 8e9], [2.0**28, 8e9]]},
    )


FILES: dict[str, Callable[[], ResultFile]] = {
    "problem": lambda: read(PROBLEM),
    "pytest-benchmark": lambda: read(PYTEST),
    "every status": every_status,
    "one case": lambda: saved.result(row("gather", 1e-5)),
    "nothing measured": lambda: saved.result(not_measured=[not_measured("gather", "crashed", "signal SIGSEGV")]),
    "no cases": saved.result,
    "500 cases": many,
    "hostile": saved.hostile,
    "small": lambda: ResultFile.model_validate(saved.small()),
    "partial": partial,
    "stages": stages,
    "unlike columns": unlike,
}
LARGE = {"2,000 cases": lambda: many(tuple(range(1_000, 21_000, 1_000)))}


@dataclass
class View:
    """An open page, and all that it did which a page should not do."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    shows: str = ""

    def __post_init__(self) -> None:
        def dismiss(dialog: Dialog) -> None:
            self.complaints.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", dismiss)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def locate(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def texts(self, selector: str) -> list[str]:
        return self.locate(selector).all_text_contents()

    def style(self, selector: str, name: str) -> str:
        """A computed style of the first element that fits."""
        return str(self.locate(selector).first.evaluate("(element, name) => getComputedStyle(element)[name]", name))

    def table(self, selector: str) -> list[list[str]]:
        """A table's body: implementation, what is said of it, and the other cells of each row."""
        rows: list[list[str]] = self.locate(selector).first.evaluate(ROWS)
        return [[" ".join(cell.split()) for cell in line] for line in rows]

    def names(self, selector: str = "#every") -> list[str]:
        """The implementations of a table in the order of its rows."""
        return [line[0] for line in self.table(selector)]

    def drawn(self, plot: int = 0) -> dict[str, float]:
        """Opacity of each trace that a plot shows."""
        found: dict[str, float] = (
            self.locate(".plot")
            .nth(plot)
            .evaluate("(plot) => Object.fromEntries(plot.data.map((one) => [one.meta, one.opacity]))")
        )
        return found

    def draw(self) -> int:
        """Go past every plot, as somebody who reads down the page; gives how many there are, all drawn."""
        self.page.evaluate(READ_DOWN)
        self.page.wait_for_function(
            "[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg'))"
        )
        return self.locate(".plot").count()

    def overflow(self) -> int:
        """Pixels by which the document is wider than the window, once plots have followed its size."""
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        with contextlib.suppress(TimeoutError):
            self.page.wait_for_function(fits, timeout=2_000)
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


ROWS = """(table) => [...table.tBodies[0].rows].map((line) => [
  line.querySelector("th b").textContent, line.querySelector("th small").textContent,
  ...[...line.querySelectorAll("td")].map((cell) => cell.textContent)])"""

READ_DOWN = """async () => {
  for (const plot of document.querySelectorAll(".plot")) {
    plot.scrollIntoView();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  }
}"""


def click_header(view: View, where: str, name: str) -> str:
    """Sorts by a column, and gives what the column then says of its order."""
    button = view.locate(where).first.get_by_role("button", name=name, exact=True)
    button.focus()
    view.page.keyboard.press("Enter")
    assert view.page.evaluate("document.activeElement.textContent") == name  # focus stays
    return str(view.locate(f"{where} th[aria-sort]:has(:focus)").get_attribute("aria-sort"))
