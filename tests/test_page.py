"""The page in a real browser: it opens from disk with the network off, fits a phone, and runs nothing that a file says."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, TimeoutError, sync_playwright

from reports.page import html
from reports.results import ResultFile, read
from tests import saved
from tests.saved import HOSTILE, PYTEST, RACE, STATUSES, not_measured, row

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
WIDE, PHONE = 1280, 360

Show = Callable[[str], "View"]


def every_status() -> ResultFile:
    """Two races of ``lookup``, interrupted before a third: in each, two lanes with figures and one for every status; and a race of ``scatter.dense``."""
    missing = [
        not_measured(f"lane-{at}", status, f"since {'a-long-word-' * 12}", V=V)
        for V in (10_000, 100_000)
        for at, status in enumerate(STATUSES)
    ]
    lanes = [
        row(slug, wall * V, V=V, baseline=slug == "one-hot")
        for V in (10_000, 100_000)
        for slug, wall in (("one-hot", 1e-7), ("gather", 1e-9))
    ]
    lanes += [row("numba", 2e-5, kernel="scatter.dense"), row("csr", 4e-5, kernel="scatter.dense")]
    code = {"file": "impls/lookup.py", "line": 7, "code": "def gather(W, idx):\n    return W[idx]\n"}
    return saved.result(
        *lanes, not_measured=missing, complete=False, warnings=["the machine was busy"], sources={"lookup/gather": code}
    )


def many() -> ResultFile:
    """Five hundred cases: five kernels, ten sizes, ten implementations."""
    sizes = [(V, B) for V in (1_000, 10_000, 30_000, 100_000, 1_000_000) for B in (1, 100)]
    ways = [(f"kernel-{k}.variant", V, B, at) for k in range(5) for V, B in sizes for at in range(10)]
    return saved.result(
        *[
            row(f"way-{at}", 1e-6 * (at + 1) * V**0.5, V=V, B=B, kernel=kernel, baseline=at == 0)
            for kernel, V, B, at in ways
        ]
    )


FILES: dict[str, Callable[[], ResultFile]] = {
    "race": lambda: read(RACE),
    "pytest-benchmark": lambda: read(PYTEST),
    "every status": every_status,
    "one case": lambda: saved.result(row("gather", 1e-5)),
    "nothing measured": lambda: saved.result(not_measured=[not_measured("gather", "crashed", "signal SIGSEGV")]),
    "no cases": saved.result,
    "500 cases": many,
    "hostile": saved.hostile,
}


@dataclass
class View:
    """An open page, and all that it did which a page should not do."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

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


READ_DOWN = """async () => {
  for (const plot of document.querySelectorAll(".plot")) {
    plot.scrollIntoView();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  }
}"""


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], View]:
    """Opens a page from disk, offline."""
    folder = tmp_path_factory.mktemp("pages")

    def visit(name: str) -> View:
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(html(FILES[name]()), encoding="utf-8")
        assert path.stat().st_size <= 6_000_000
        view = View(chromium.new_context(offline=True, viewport={"width": WIDE, "height": 900}).new_page())
        view.page.goto(path.as_uri())
        return view

    return visit


@pytest.fixture(scope="module")
def views() -> dict[str, View]:
    return {}


@pytest.fixture
def show(site: Callable[[str], View], views: dict[str, View]) -> Iterator[Callable[[str], View]]:
    """Shows a file's page as it is when it has just been opened. Whatever it complains of or fetches meanwhile fails the test."""

    def open_or_reset(name: str) -> View:
        if name not in views:
            views[name] = site(name)
        page = views[name].page
        page.set_viewport_size({"width": WIDE, "height": 900})
        page.emulate_media(media="screen", color_scheme="light")
        page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = false); scrollTo(0, 0)")
        return views[name]

    yield open_or_reset
    for view in views.values():
        complaints, view.complaints = view.complaints, []
        assert complaints == []
        assert [url for url in view.requests if not url.startswith("data:")] == [view.page.url.partition("#")[0]]


# -- every kind of file


def test_a_plot_is_drawn_only_when_it_comes_near(site: Callable[[str], View], views: dict[str, View]) -> None:
    view = views["500 cases"] = site("500 cases")
    view.locate(".plot svg").first.wait_for()
    view.page.wait_for_timeout(100)
    assert view.locate(".plot:has(svg)").count() < view.locate(".plot").count() == 10


@pytest.mark.parametrize("name", FILES)
def test_a_page_opens_offline_draws_its_plots_and_fits_a_phone(show: Show, name: str) -> None:
    plots = {"pytest-benchmark": 0, "one case": 0, "nothing measured": 0, "no cases": 0, "500 cases": 10, "hostile": 2}
    result = FILES[name]()
    view = show(name)
    assert view.draw() == plots.get(name, 1)
    assert view.locate("tbody tr").count() == len(result.benchmarks) + len(result.w2vbench.not_measured)
    view.page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
    assert view.overflow() == 0
    view.page.set_viewport_size({"width": PHONE, "height": 740})
    assert view.overflow() == 0


# -- what a reader sees


def test_the_plot_has_a_line_for_each_implementation_and_names_it(show: Show) -> None:
    result = read(RACE)
    view = show("race")
    view.draw()
    titles = list(dict.fromkeys(made.extra_info.title for made in result.benchmarks))
    assert view.texts(".plot .legendtext") == titles
    assert view.locate(".plot .scatterlayer .trace").count() == len(titles)
    assert view.locate(".plot .scatterlayer .point").count() == len(result.benchmarks)
    assert view.texts(".plot .xtick") == ["1,000", "10,000", "30,000", "100,000"]
    assert view.texts(".plot .ytick") == ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]


def test_on_a_phone_the_legend_goes_under_the_plot_and_every_size_keeps_its_label(show: Show) -> None:
    view = show("race")
    view.draw()
    view.page.set_viewport_size({"width": PHONE, "height": 740})
    view.page.wait_for_function("""() => {
      const box = (part) => document.querySelector(`.plot ${part}`).getBoundingClientRect();
      return box("svg").width <= innerWidth && box(".legend").top >= box(".g-xtitle").bottom;
    }""")
    widths = view.locate(".plot .xtick text").evaluate_all(
        "(labels) => labels.map((label) => label.getBoundingClientRect().width)"
    )
    assert all(width > 0 for width in widths)  # Plotly hides a label that another would cover


def test_findings_stand_at_the_top_and_lead_to_their_kernels(show: Show) -> None:
    view = show("every status")
    found = view.texts("header li")
    assert found[0].startswith("lookup: gather is fastest at V = 100,000, B = 100: 100 µs a call, 100 times faster")
    assert found[1].startswith("scatter.dense: numba is fastest")
    view.locate("header li a").nth(1).click()
    box = view.page.get_by_role("heading", name="scatter.dense the gradient").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 900


def test_other_sizes_are_one_key_away(show: Show) -> None:
    view = show("every status")
    other = view.page.get_by_label("lookup@V=1e4,H=100,B=100,f32,i64,zipf,t1")
    assert not other.is_visible()
    view.page.get_by_text("1 more size").focus()
    view.page.keyboard.press("Enter")
    other.wait_for(state="visible")


def test_the_fastest_is_marked_and_nothing_else(show: Show) -> None:
    assert show("every status").texts("tr.best th b") == ["gather", "gather", "numba"]


def test_a_run_says_if_it_was_interrupted_or_not_interleaved(show: Show) -> None:
    assert show("every status").texts("p.warning") == [
        "This run was interrupted: only the races below were finished.",
        "the machine was busy",
    ]
    assert "not interleaved" in "".join(show("pytest-benchmark").texts("p.warning"))
    assert show("race").texts("p.warning") == []


def test_every_status_is_told_with_its_reason(show: Show) -> None:
    view = show("every status")
    assert [reason.partition(":")[0] for reason in view.texts("td.reason")] == list(STATUSES) * 2
    assert view.texts("h1 + p")[0].startswith("6 of 18 cases measured")


def test_headings_and_landmarks_let_a_screen_reader_find_its_way(show: Show) -> None:
    view = show("every status")
    page = view.page
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() == "w2vbench: 6 cases on Example CPU"
    assert [
        page.get_by_role("banner").count(),
        page.get_by_role("main").count(),
        page.get_by_role("contentinfo").count(),
    ] == [1, 1, 1]
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4')].map((heading) => Number(heading.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(text.strip() for text in view.texts("h1, h2, h3"))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))
    assert {
        link.removeprefix("#")
        for link in page.evaluate("[...document.querySelectorAll('a')].map((link) => link.getAttribute('href'))")
    } <= set(ids)
    assert view.locate("table").count() == view.locate("thead").count() == 3
    assert view.locate("th:not([scope])").count() == 0
    assert view.locate(".plot:not([aria-label])").count() == 0


def luminance(colour: str) -> float:
    """WCAG's relative luminance of ``rgb(r, g, b)``."""
    channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


BEHIND = """(element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
}"""

INKS = (
    "h1",
    "h2 small",
    "p.soft",
    "header li",
    "header li a",
    "thead th",
    "tr.best td",
    "tr.best small",
    "td.reason",
    "dt",
    "dd",
    "footer code",
    "summary",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(show: Show, scheme: Any) -> None:
    view = show("every status")
    view.page.emulate_media(color_scheme=scheme)
    assert (luminance(view.style("body", "backgroundColor")) > 0.5) == (scheme == "light")
    for selector in INKS:
        assert contrast(view.style(selector, "color"), view.locate(selector).first.evaluate(BEHIND)) >= 4.5, (
            selector
        )  # WCAG AA


def test_a_plot_follows_the_switch_to_dark(show: Show) -> None:
    view = show("every status")
    view.draw()
    before = view.style(".plot .xtick text", "fill")
    view.page.emulate_media(color_scheme="dark")
    view.page.wait_for_function(
        "(before) => getComputedStyle(document.querySelector('.plot .xtick text')).fill !== before", arg=before
    )
    assert contrast(view.style(".plot .xtick text", "fill"), view.style("body", "backgroundColor")) >= 4.5


def test_on_paper_nothing_is_folded_away(show: Show) -> None:
    view = show("every status")
    view.page.emulate_media(media="print")
    view.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(table.is_visible() for table in view.locate("table").all())
    assert view.locate("pre").first.is_visible()
    assert view.locate(".plot svg.main-svg").first.is_visible()


# -- what a file may say


def test_code_in_a_file_is_shown_as_text_and_never_run(show: Show) -> None:
    view = show("hostile")
    view.draw()
    view.page.wait_for_timeout(200)  # an image that cannot be loaded says so a little later
    assert view.locate("img").count() == 0
    assert view.locate("script").count() == 3
    for place in ("header", "h2 small", "p.warning", "tbody", "td.reason", "dl", "footer", "pre"):
        text = "\n".join(view.texts(place))
        for hostile in HOSTILE:
            assert hostile in text, (place, hostile)
    assert view.texts(".plot .legendtext") == list(HOSTILE)


def test_the_label_of_a_point_shows_code_as_text_too(show: Show) -> None:
    view = show("hostile")
    view.draw()
    labels = [view.page.evaluate(HOVER, curve) for curve in range(len(HOSTILE))]
    assert labels == [
        f"{hostile}{figure} at V = 10,000"
        for figure, hostile in zip(("1.00 ms", "10.0 µs", "10.0 µs", "10.0 µs"), HOSTILE, strict=True)
    ]


HOVER = """async (curve) => {
  const plot = document.querySelector(".plot");
  await new Promise((done) => setTimeout(done, 100)); // Plotly answers only so often
  Plotly.Fx.hover(plot, [{curveNumber: curve, pointNumber: 0}]);
  return plot.querySelector(".hoverlayer .hovertext").textContent;
}"""
