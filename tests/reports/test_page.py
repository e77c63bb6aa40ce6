"""The page in a real browser: it opens from disk with the network off, fits a phone, and runs nothing that a file says."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Locator, Page, TimeoutError, sync_playwright

from reports.figures import STAGES
from reports.files import read
from reports.frame import frame
from reports.page import as_markdown, html
from reports.results import ResultFile
from reports.samples import walls
from reports.statistics import paired_ratio
from reports.story import findings
from reports.units import times
from tests import saved
from tests.markdown import cells, written
from tests.saved import HOSTILE, PROBLEM, PYTEST, STATUSES, not_measured, row

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
LARGE = {"5,000 cases": lambda: many(tuple(range(1_000, 51_000, 1_000)))}


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


@pytest.fixture(scope="module")
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


# -- every kind of file


def test_a_plot_is_drawn_only_when_it_comes_near(show: Show) -> None:
    view = show("500 cases")
    view.page.wait_for_timeout(100)
    assert view.locate(".plot:has(svg)").count() == 0
    view.locate(".plot").first.scroll_into_view_if_needed()
    view.locate(".plot svg").first.wait_for()
    view.page.wait_for_timeout(100)
    assert view.locate(".plot:has(svg)").count() < view.locate(".plot").count() == 16


PLOTS = {"problem": 4, "pytest-benchmark": 2, "every status": 3, "one case": 1, "nothing measured": 0, "no cases": 0}
PLOTS |= {"500 cases": 16, "hostile": 4, "small": 5, "partial": 3, "stages": 4, "unlike columns": 2}


@pytest.mark.parametrize("name", FILES)
def test_a_page_opens_offline_draws_its_plots_and_fits_a_phone(show: Show, name: str) -> None:
    result = FILES[name]()
    view = show(name)
    assert view.draw() == PLOTS[name]
    assert view.locate("#every tbody tr").count() == min(200, len(frame(result)))
    for width, height in ((WIDE, 900), (PHONE, 740)):
        view.page.set_viewport_size({"width": width, "height": height})
        for unfolded in ("false", "true"):
            view.page.evaluate(f"document.querySelectorAll('details').forEach((part) => part.open = {unfolded})")
            assert view.overflow() == 0


@pytest.mark.parametrize("name", [name for name in FILES if name != "500 cases"])  # of which each is like the others
def test_axe_finds_nothing_that_keeps_anyone_out(show: Show, name: str) -> None:
    view = show(name)
    view.draw()
    view.page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
    for width, scheme in ((WIDE, "light"), (WIDE, "dark"), (PHONE, "dark"), (PHONE, "light")):
        view.page.set_viewport_size({"width": width, "height": 900})
        view.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(view) == [], (width, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_an_implementation_is_hidden_another_marked_and_rows_sorted(
    show: Show, scheme: Any
) -> None:
    view = show("every status", "hide=lookup/one-hot&hide=lookup/implementation-1&mark=lookup/gather&sort=-1&V=10000")
    view.page.emulate_media(color_scheme=scheme)
    assert view.locate("tr.hidden").count() == 4
    assert violations(view) == []


def violations(view: View) -> list[tuple[str, str]]:
    """What axe-core finds fault with, and in what."""
    found = Axe().run(view.page).response["violations"]
    return [(one["id"], node["html"]) for one in found for node in one["nodes"]]


@pytest.mark.parametrize("name", ["problem", "pytest-benchmark", "small", "hostile", "partial", "every status"])
def test_tables_show_what_markdown_shows(show: Show, name: str) -> None:
    result = FILES[name]()
    view = show(name)
    body = [line for problem in written(as_markdown(result).split("\n## ", 1)[1]) for line in problem]
    assert sorted(filled(line) for line in view.table("#every")) == sorted(
        filled([line[0], "", *line[2:]]) for line in body
    )
    assert sorted((line[0], line[1]) for line in view.table("#every")) == sorted(
        zip(frame(result).implementation, frame(result).problem, strict=True)
    )
    for section in range(view.locate(".kernel").count()):
        for line in view.table(f".kernel >> nth={section} >> table.problem"):
            assert [*line, *[""] * 9][: len(body[0])] in [[*one, *[""] * 9][: len(body[0])] for one in body]


def filled(line: list[str]) -> list[str]:
    """A row without what is said of its implementation and without the empty cells at its end."""
    return " | ".join([line[0], *line[2:]]).rstrip(" |").split(" | ")


# -- what a reader sees


def test_the_plots_have_a_line_for_each_implementation_and_buttons_name_them(show: Show) -> None:
    result = read(PROBLEM)
    view = show("problem")
    view.draw()
    slugs = list(dict.fromkeys(made.extra_info.implementation for made in result.benchmarks))
    assert view.texts("button.implementation") == slugs
    assert [len(view.drawn(plot)) for plot in range(3)] == [len(slugs)] * 3
    first = ".plot >> nth=0 >> "
    assert view.locate(f"{first}.scatterlayer .trace").count() == len(slugs)
    assert view.locate(f"{first}.scatterlayer .point").count() == len(result.benchmarks)
    assert view.texts(f"{first}.xtick") == ["1,000", "10,000", "30,000", "100,000"]
    assert view.texts(f"{first}.ytick")[:6] == ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]
    swatches = view.locate("button.implementation .swatch").evaluate_all(
        "(all) => all.map((one) => one.style.backgroundColor)"
    )
    strokes = view.locate(f"{first}.scatterlayer .js-line").evaluate_all("(all) => all.map((one) => one.style.stroke)")
    assert swatches == strokes


def test_on_a_phone_a_legend_goes_under_its_plot_and_every_size_keeps_its_label(show: Show) -> None:
    view = show("problem")
    view.draw()
    view.page.set_viewport_size({"width": PHONE, "height": 740})
    view.page.wait_for_function("""() => {
      const plot = [...document.querySelectorAll(".plot")].at(-1), box = (part) => plot.querySelector(part).getBoundingClientRect();
      return box("svg").width <= innerWidth && box(".legend").top >= box(".g-xtitle").bottom;
    }""")
    widths = view.locate(".plot >> nth=0 >> .xtick text").evaluate_all(
        "(labels) => labels.map((label) => label.getBoundingClientRect().width)"
    )
    assert len(widths) == 4
    assert all(width > 0 for width in widths)  # Plotly hides a label that another would cover


def test_on_a_phone_figures_stand_beside_the_names(show: Show) -> None:
    view = show("500 cases")
    view.page.set_viewport_size({"width": PHONE, "height": 740})
    box = view.locate("#every tbody td").first.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= PHONE


def test_findings_stand_at_the_top_and_lead_to_their_kernels(show: Show) -> None:
    view = show("every status", "")
    found = view.texts("ul.story li")
    assert found[0].startswith("lookup: gather is fastest at V = 100,000, B = 100: 100 µs a call, 100× faster (")
    assert found[1].startswith("scatter.dense: numba is fastest")
    view.locate("ul.story a").nth(1).click()
    box = view.page.get_by_role("heading", name="scatter.dense the gradient").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 900


def test_the_overview_leads_to_its_kernels(show: Show) -> None:
    view = show("every status")
    assert view.texts("main table >> nth=0 >> tbody td") == [
        "100× faster (100–100)",
        "gather, 100 µs",
        "one-hot, 10.0 ms",
        "100,000, 100",
    ]
    assert view.locate("main table >> nth=0 >> tbody a").get_attribute("href") == "#lookup"


def test_the_fastest_is_marked_and_nothing_else(show: Show) -> None:
    view = show("every status")
    assert view.texts(".kernel tr.best th b") == ["gather", "numba"]
    assert view.texts("#every tr.best th b") == ["gather", "gather", "numba"]


def test_a_run_says_if_it_was_interrupted_or_not_interleaved(show: Show) -> None:
    assert show("every status").texts("p.warning") == [
        "This run was interrupted: only the problems below were finished.",
        "the machine was busy",
    ]
    assert "not interleaved" in "".join(show("pytest-benchmark").texts("p.warning"))
    assert show("problem").texts("p.warning") == []


def test_every_status_is_told_with_its_reason(show: Show) -> None:
    view = show("every status")
    for where, often in ((".kernel", 1), ("#every", 2)):
        assert [reason.partition(":")[0] for reason in view.texts(f"{where} td.reason")] == list(STATUSES) * often
    assert view.texts("h1 + p")[0].startswith("6 timings; 2 wrong; 2 skipped")


def test_code_is_shown_in_colours_and_only_where_there_is_some(show: Show) -> None:
    view = show("every status")
    view.page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
    assert view.texts("details h3") == ["gather impls/lookup.py:7"]
    assert view.texts("details pre") == ["def gather(W, idx):\n    return W[idx]"]
    assert view.style("pre .k", "color") != view.style("pre", "color")


def test_headings_and_landmarks_let_a_screen_reader_find_its_way(show: Show) -> None:
    view = show("every status")
    page = view.page
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title().startswith("w2vbench: 6 timings; 2 wrong")
    assert page.title().endswith("on Example CPU")
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
    links = page.evaluate("[...document.querySelectorAll('a')].map((link) => link.getAttribute('href'))")
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert view.locate("table").count() == view.locate("thead").count() == 6
    assert view.locate("th:not([scope])").count() == 0
    assert view.locate(".plot:not([aria-label])").count() == 0
    for role, name in (
        ("region", "In short"),
        ("region", "Every case"),
        ("group", "Implementations of lookup: show or hide"),
    ):
        assert page.get_by_role(role, name=name, exact=True).count() == 1  # type: ignore[arg-type]


# -- where a step's time goes


def test_where_a_steps_time_goes_is_a_list_of_the_size_that_is_shown(show: Show) -> None:
    view = show("stages", "")
    shown = view.locate(".kernel .stages")
    assert [line.partition(":")[0] for line in view.texts(".kernel .stages li")] == ["chapter-3", "numba"]
    assert view.texts(".kernel .stages li")[1].startswith("numba: lookup to update 53%, examples + sampling 47%")
    view.locate("select.size").first.select_option("V=1e4,H=100,B=100,f32,i64,zipf,t1")
    assert not shown.is_visible()
    view.locate("select.size").first.select_option("V=1e4,H=100,B=1e3,f32,i64,zipf,t1")
    assert shown.is_visible()
    assert len(view.texts(".kernel .stages li")) == 2


def test_on_a_phone_every_stage_has_its_place_under_the_plot_and_bars_say_their_shares_alone(show: Show) -> None:
    view = show("stages")
    view.draw()
    plot = view.page.locator(".plot", has_text="share of a step")
    assert "scatter 24%" in plot.locator(".bartext").all_text_contents()
    view.page.set_viewport_size({"width": PHONE, "height": 740})
    view.page.wait_for_function("""() => {
      const plot = [...document.querySelectorAll(".plot")].find((one) => one.textContent.includes("share of a step"));
      const box = (part) => plot.querySelector(part).getBoundingClientRect(), end = plot.getBoundingClientRect().bottom;
      const names = [...plot.querySelectorAll(".legendtext")].map((name) => name.getBoundingClientRect());
      return box("svg").width <= innerWidth && names.length === 8
        && names.every((name) => name.top >= box(".g-xtitle").bottom && name.bottom <= end);
    }""")
    assert "24%" in plot.locator(".bartext").all_text_contents()
    assert not any("scatter" in text for text in plot.locator(".bartext").all_text_contents())


# -- sizes, sorting and filters


def test_another_size_changes_the_table_and_the_story(show: Show) -> None:
    view = show("every status", "")
    size = "V=1e4,H=100,B=100,f32,i64,zipf,t1"
    assert view.table(".kernel table.problem")[1][:3] == ["gather", "the gather way", "100 µs"]
    view.locate("select.size").first.select_option(size)
    assert view.table(".kernel table.problem")[1][:3] == ["gather", "the gather way", "10.0 µs"]
    story = findings(every_status())[0]
    assert story.problem == f"lookup@{size}"
    assert " ".join(view.texts(".finding")[0].split()) == f"{story.sentence} {story.advice}"
    assert view.texts(".problem")[0] == size
    assert view.texts(".kernel tr.best b") == ["gather", "numba"]
    assert view.locate(".kernel >> nth=1 >> select.size option").count() == 1


def click_header(view: View, where: str, name: str) -> str:
    """Sorts by a column, and gives what the column then says of its order."""
    button = view.locate(where).first.get_by_role("button", name=name, exact=True)
    button.focus()
    view.page.keyboard.press("Enter")
    assert view.page.evaluate("document.activeElement.textContent") == name  # focus stays
    return str(view.locate(f"{where} th[aria-sort]:has(:focus)").get_attribute("aria-sort"))


@pytest.mark.parametrize("where", ["#every", ".kernel table.problem"])
def test_rows_are_sorted_upwards_downwards_and_back_and_those_without_figures_come_last(show: Show, where: str) -> None:
    view = show("every status", "")
    before = view.table(where)
    for direction, fastest in (("ascending", 0), ("descending", -1)):
        assert click_header(view, where, "wall") == direction
        rows = view.table(where)
        figures, rest = rows[: -len(STATUSES) * len(before) // 8], [line for line in rows if len(line) == 3]
        measured = [line for line in rows if len(line) > 3]
        assert rows == [*measured, *rest]
        assert [line[2] for line in measured] == [line[2] for line in sorted(measured, key=wall, reverse=fastest != 0)]
        assert figures
        assert sorted(rows) == sorted(before)
    assert click_header(view, where, "wall") == "none"
    assert view.table(where) == before


def wall(line: list[str]) -> float:
    number, unit = line[2].split()
    return float(number.replace(",", "")) * {"µs": 1e-6, "ms": 1e-3, "s": 1.0}[unit]


@pytest.mark.parametrize(
    ("header", "column"),
    [("speed-up", "speedup"), ("CPU", "cpu_s"), ("peak memory", "peak_bytes"), ("grows as", "growth_V")],
)
def test_every_column_is_sorted_by_its_figure_not_by_its_text(show: Show, header: str, column: str) -> None:
    view = show("problem", "")
    cases = frame(read(PROBLEM)).set_index(["problem", "implementation"])[column]
    for direction in (1, -1):
        click_header(view, "#every", header)
        found = [float(f"{direction * cases[line[1], line[0]]:.6g}") for line in view.table("#every")]
        assert found == sorted(found)
        assert len(found) == len(cases)


def test_each_figure_of_every_case_stands_under_its_own_column(show: Show) -> None:
    view = show("unlike columns", "")
    header = view.texts("#every thead th")
    lines = {line[0]: dict(zip(header[1:], line[2:], strict=True)) for line in view.table("#every")}
    assert (lines["gather"]["limit reached"], lines["gather"]["pairs a second"]) == ("50% memory", "")
    assert (lines["numba"]["limit reached"], lines["numba"]["pairs a second"]) == ("", "30.0 million")
    assert lines["numba"]["words a second"] == "3.00 million"
    for direction in ("ascending", "descending"):
        assert click_header(view, "#every", "pairs a second") == direction
        ours = ["chapter-3", "numba"] if direction == "ascending" else ["numba", "chapter-3"]
        assert view.names("#every") == [*ours, "gather"]


def test_names_are_sorted_too(show: Show) -> None:
    view = show("problem", "")
    before = view.names(".kernel table.problem")
    click_header(view, ".kernel table.problem", "implementation")
    assert view.names(".kernel table.problem") == sorted(before)
    assert view.names("#every")[: len(before)] == before  # one table's order is its own


def test_every_case_can_be_filtered_by_kernel_size_status_and_name(show: Show) -> None:
    view = show("every status", "")
    cases = frame(every_status())
    form = view.locate("form.filters")
    assert view.texts("select[name=V] option") == ["all", "10,000", "100,000"]
    assert view.texts("select[name=status] option")[1:] == sorted(["ok", *STATUSES])
    for chosen, wanted in (
        ({"kernel": "scatter.dense"}, cases.kernel == "scatter.dense"),
        ({"V": "100000"}, cases.V == 100_000),
        ({"status": "timeout"}, cases.status == "timeout"),
        (
            {"B": "100", "status": "ok", "kernel": "lookup"},
            (cases.status == "ok") & (cases.kernel == "lookup"),
        ),
        ({"kernel": "scatter.dense", "status": "crashed"}, cases.V < 0),
    ):
        for name, value in chosen.items():
            form.locator(f"select[name={name}]").select_option(value)
        expected = cases[wanted]
        assert [(line[1], line[0]) for line in view.table("#every")] == list(
            zip(expected.problem, expected.implementation, strict=True)
        )
        assert view.texts("#shown") == [f"{len(expected)} cases"]
        for name in chosen:
            form.locator(f"select[name={name}]").select_option("")
    for text, found in (("GATH", ["gather", "gather"]), ("the csr way", ["csr"]), ("V=1e5", 8), ("<b>", [])):
        form.get_by_label("Name").fill(text)
        assert view.names() == found or len(view.names()) == found
    assert view.names() == []
    view.page.keyboard.press("Enter")  # sends nothing
    assert view.texts("#shown") == ["0 cases"]


def test_every_case_can_be_filtered_by_type(show: Show) -> None:
    view = show("every status", "")
    assert view.texts("select[name=dtype] option") == ["all", "f32"]


# -- another implementation to compare with


def test_speed_ups_over_another_implementation_are_the_ratios_of_the_statistics(show: Show) -> None:
    result = read(PROBLEM)
    view = show("problem", "")
    base = "csr-one-hot"
    view.locate("select.over").select_option(base)
    problems: dict[str, dict[str, Any]] = {}
    for made in result.benchmarks:
        problems.setdefault(made.group or "", {})[made.extra_info.implementation] = walls(made.extra_info.processes)
    for slug, problem, _, shown, *_ in view.table("#every"):
        mine = problems[problem]
        assert shown == ("this one" if slug == base else times(paired_ratio(mine[base], mine[slug])))
    largest = max(problems, key=lambda problem: float(re.findall(r"V=(\w+)", problem)[0]))
    for slug, _, _, shown, *_ in view.table(".kernel table.problem"):
        assert shown == (
            "this one" if slug == base else times(paired_ratio(problems[largest][base], problems[largest][slug]))
        )
    view.locate("select.over").select_option("one-hot-dot")
    assert view.table("#every")[0][3] == "baseline"


def test_where_the_other_was_not_measured_there_is_no_ratio(show: Show) -> None:
    view = show("partial", "")
    view.locate("select.size").first.select_option("V=1e4,H=100,B=100,f32,i64,zipf,t1")
    view.locate("select.over").first.select_option("take")
    shown = {(line[0], line[1].split(",")[0]): line[3] for line in view.table("#every") if len(line) > 3}
    assert shown["loop", "lookup@V=1e4"] == "8.00× slower (8.00–8.00)"
    assert shown["take", "lookup@V=1e4"] == "this one"
    assert shown["loop", "lookup@V=1e5"] == shown["gather", "lookup@V=1e5"] == "–"
    view.locate("select.size").first.select_option("V=1e5,H=100,B=100,f32,i64,zipf,t1")
    assert view.locate("select.over").first.input_value() == "loop"  # and the table says so: over the baseline
    assert [line[3] for line in view.table(".kernel table.problem")[:2]] == ["baseline", "4.00× faster (4.00–4.00)"]


def test_a_kernel_without_a_baseline_can_still_be_compared(show: Show) -> None:
    view = show("every status", "")
    over = view.locate("select.over").nth(1)
    assert over.locator("option").all_text_contents() == ["no baseline", "numba", "csr"]
    over.select_option("csr")
    assert [line[3] for line in view.table(".kernel >> nth=1 >> table.problem")] == [
        "2.00× faster (2.00–2.00)",
        "this one",
    ]


# -- marking and hiding an implementation


def test_a_click_on_a_row_marks_its_implementation_everywhere_and_again_no_more(show: Show) -> None:
    view = show("every status", "")
    view.draw()
    view.locate(".kernel table.problem td >> nth=0").click()
    assert view.texts("tr.marked b") == ["one-hot"] * 3
    assert view.texts("button.implementation.marked") == ["one-hot"]
    view.page.wait_for_function("document.querySelector('.plot').data[1].opacity < 1")
    assert view.drawn() == {"lookup/one-hot": 1, "lookup/gather": 0.2}
    assert set(view.drawn(2).values()) == {1}  # every kernel's plot dims nothing
    view.locate("#every td >> nth=0").click()
    assert view.locate("tr.marked").count() == 0
    view.page.wait_for_function("document.querySelector('.plot').data[1].opacity === 1")


def test_a_row_is_marked_by_the_keyboard(show: Show) -> None:
    view = show("every status", "")
    name = view.locate("#every").get_by_role("button", name="gather").first
    name.focus()
    for key, pressed, rows in (("Enter", "true", 3), ("Space", "false", 0)):
        view.page.keyboard.press(key)
        assert name.get_attribute("aria-pressed") == pressed
        assert view.locate("tr.marked").count() == rows
        assert view.page.evaluate("document.activeElement.textContent") == "gather"
    view.page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    view.page.keyboard.press("Enter")  # somebody who selects text with the mouse marks nothing; a key does
    assert view.locate("tr.marked").count() == 3


def test_a_button_of_the_legend_takes_an_implementation_out_of_the_plots_and_dims_its_rows(show: Show) -> None:
    view = show("every status", "")
    view.draw()
    button = view.locate(".legend").first.get_by_role("button", name="gather")
    ink = view.style("#every tr[data-implementation='lookup/gather'] td", "color")
    button.click()
    view.page.wait_for_function("document.querySelector('.plot').data.length === 1")
    assert [list(view.drawn(plot)) for plot in (0, 1)] == [["lookup/one-hot"]] * 2
    assert view.locate(".plot >> nth=0 >> .scatterlayer .trace").count() == 1
    assert button.get_attribute("aria-pressed") == "false"
    assert view.texts("tr.hidden b") == ["gather"] * 3
    assert view.style("#every tr.hidden td", "color") != ink
    button.press("Enter")
    view.page.wait_for_function("document.querySelector('.plot').data.length === 2")
    assert view.locate("tr.hidden").count() == 0


# -- the address of a view


def seen(view: View) -> dict[str, Any]:
    """All that a reader can choose, as the page shows it."""
    values = "(all) => all.map((one) => one.value)"
    return {
        "choices": view.locate("select, input").evaluate_all(values),
        "tables": [view.table(f"table.problem >> nth={at}") for at in range(view.locate("table.problem").count())],
        "marked": view.texts(".marked"),
        "hidden": view.texts("tr.hidden b"),
        "pressed": view.locate("[aria-pressed]").evaluate_all("(all) => all.map((one) => one.ariaPressed)"),
        "order": view.locate("#every th").evaluate_all("(all) => all.map((one) => one.ariaSort)"),
        "findings": view.texts(".finding"),
    }


def test_the_address_of_a_view_opens_the_same_view(show: Show) -> None:
    view = show("every status", "")
    untouched = seen(view)
    view.locate("select.size").first.select_option("V=1e4,H=100,B=100,f32,i64,zipf,t1")
    view.locate("select.over").first.select_option("gather")
    view.locate("select.over").nth(1).select_option("csr")
    view.locate(".legend").first.get_by_role("button", name="implementation-3").click()
    view.locate("#every").get_by_role("button", name="numba").click()
    click_header(view, "#every", "wall")
    click_header(view, "#every", "wall")
    view.locate("form select[name=V]").select_option("10000")
    view.locate("form input").fill("a")
    chosen, address = seen(view), view.page.url.partition("#")[2]
    assert chosen != untouched
    again = show("every status", address)
    assert seen(again) == chosen
    again.draw()
    # the same address in a page that is open already, as when it is pasted there, and then another
    pasted = show("every status", "")
    pasted.page.evaluate("(address) => { location.hash = address; }", address)
    pasted.page.wait_for_function("document.querySelector('form input').value === 'a'")
    assert seen(pasted) == chosen
    pasted.page.evaluate("location.hash = 'mark='")
    pasted.page.wait_for_function("document.querySelector('form input').value === ''")
    assert seen(pasted) == untouched


def test_when_everything_is_chosen_back_the_address_is_empty_again(show: Show) -> None:
    view = show("every status", "")
    for _ in range(2):
        view.locate(".legend button").first.click()
    assert "#" not in view.page.url


NONSENSE = (
    "mark=<img src=x onerror=alert(1)>&hide=<script>alert(2)</script>&sort=<b>&kernel=<i>&V=1&status=x&text=<u>",
    "size=lookup <img src=x onerror=alert(3)>&over=lookup <script>&over=&size=&size=none",
    "over=lookup constructor&over=lookup __proto__&size=__proto__ x&over=toString x&mark=__proto__",
    "sort=99&V=-1&B=NaN", "=", "&&&==&=&#", "%E0%A4%A&hide=%FF", "sort=--1&hide=&mark=",
)  # fmt: skip


@pytest.mark.parametrize("address", NONSENSE)
def test_an_address_that_makes_no_sense_or_mischief_is_text(show: Show, address: str) -> None:
    untouched = seen(show("every status"))
    view = show("every status", address)
    view.draw()
    assert view.locate("img").count() == 0
    assert view.locate("script").count() == 3
    if "text=" in address:
        assert view.locate("form input").input_value() == "<u>"
        assert view.texts("#shown") == ["0 cases"]
        view.locate("form input").fill("")
    shown = seen(view)
    if "over=lookup" in address:  # a name that no implementation has: no figures are made up
        assert shown["choices"] == untouched["choices"]
        assert {line[3] for line in shown["tables"][-1] if len(line) > 3} == {"–"}
    else:
        assert shown == untouched


def test_hostile_names_can_be_chosen_and_kept_in_the_address(show: Show) -> None:
    _, image, _, end = HOSTILE
    view = show("hostile", "")
    view.draw()
    view.locate("select.over").first.select_option(image)
    view.locate(".legend button").nth(1).click()
    view.locate("form select[name=kernel]").select_option(end)
    view.locate("#every").get_by_role("button").filter(has_text="f").first.click()
    chosen = seen(view)
    again = show("hostile", view.page.url.partition("#")[2])
    again.draw()
    assert seen(again) == chosen
    assert again.names() == ["f", "f"]
    assert set(again.texts("tr.hidden b")) == {image}
    assert again.locate("img").count() == 0


# -- copying

STUB = """Object.defineProperty(navigator, "clipboard", {value: {writeText: async (text) => { window.copied = text; }}});"""
REFUSED = """Object.defineProperty(navigator, "clipboard", {value: {writeText: async () => { throw new Error("not allowed"); }}});
document.execCommand = () => { window.copied = document.activeElement.value; return true; };"""


@pytest.mark.parametrize("before", [STUB, REFUSED], ids=["clipboard", "refused"])
@pytest.mark.parametrize("name", ["small", "partial", "hostile"])
def test_what_is_shown_is_copied_as_markdown_and_csv(show: Show, name: str, before: str) -> None:
    view = show(name, "sort=-1")
    view.page.evaluate(before)
    if name == "small":
        view.locate("form select[name=kernel]").select_option("lookup")
    for where, table in ((".kernel >> nth=0", ".kernel table.problem"), ("form", "#every")):
        header = ["case", *view.texts(f"{table} >> nth=0 >> thead th")[1:]]
        problem = f"lookup@{view.texts('.problem')[0]}"
        expected = []
        for slug, of, *rest in view.table(table):
            kernel, _, size = (of if table == "#every" else problem).rpartition("@")
            expected.append([f"{kernel}/{slug}@{size}", *rest])
        width = len(header)
        expected = [[*line, *[""] * (width - len(line))] for line in expected]
        button = view.locate(where).get_by_role("button", name="Copy as Markdown")
        button.click()
        view.locate(where).get_by_text("Copied").wait_for()
        head, rule, *lines = view.page.evaluate("copied").splitlines()
        assert cells(head) == header
        assert cells(rule) == ["---"] * width
        assert [[*cells(line), *[""] * width][:width] for line in lines] == expected
        assert not re.search(r"<\w", "\n".join(lines))
        view.locate(where).get_by_role("button", name="Copy as CSV").click()
        view.page.wait_for_function("copied.startsWith('case,')")
        made = pd.read_csv(io.StringIO(view.page.evaluate("copied")), dtype=str, keep_default_na=False)
        assert list(made.columns) == header
        safe = [[f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell for cell in line] for line in expected]
        assert [[" ".join(cell.split()) for cell in line] for line in made.to_numpy().tolist()] == safe
        if name == "partial" and table == "#every":
            assert any(case.startswith("'=HYPERLINK") for case in made.case)
        assert view.locate("textarea").count() == 0


def test_a_button_says_that_it_copied_and_then_what_it_does_again(show: Show) -> None:
    view = show("small", "")
    view.page.evaluate(STUB)
    button = view.locate("button.copy").first
    button.click()
    button.click()
    assert button.text_content() == "Copied"
    view.page.get_by_text("Copied").wait_for(state="detached")
    assert button.text_content() == "Copy as Markdown"


# -- a large file


def test_five_thousand_cases_open_and_can_be_filtered(show: Show) -> None:
    view = show("5,000 cases", "")
    assert view.locate("#every tbody tr").count() == 200
    assert view.texts("#shown") == ["5000 cases, the first 200 shown"]
    view.page.get_by_role("button", name="Show more").click()
    assert view.locate("#every tbody tr").count() == 400
    view.locate("form select[name=V]").select_option("20000")
    view.locate("form select[name=kernel]").select_option("kernel-3.variant")
    assert len(view.table("#every")) == 20
    assert {line[1] for line in view.table("#every")} == {
        f"kernel-3.variant@V=2e4,H=100,B={B},K=5,f32,i64,zipf,t1" for B in (10, 100)
    }
    assert not view.page.get_by_role("button", name="Show more").is_visible()
    view.locate("form input").fill("way-7@")
    assert view.names() == ["way-7", "way-7"]
    view.page.set_viewport_size({"width": PHONE, "height": 740})
    assert view.overflow() == 0


# -- colours and paper


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
    "ul.story li",
    "ul.story a",
    ".controls label",
    "button.copy",
    "button.implementation",
    "thead th",
    "thead th button",
    "tr.best td",
    "tr.best small",
    "tr.best button",
    "td.reason",
    "dt",
    "dd",
    "footer code",
    "summary",
    "pre .k",
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


def test_on_paper_nothing_is_folded_away_and_nothing_asks_for_a_click(show: Show) -> None:
    view = show("every status")
    view.page.emulate_media(media="print")
    view.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(table.is_visible() for table in view.locate("table").all())
    assert view.locate("pre").first.is_visible()
    view.page.wait_for_function("[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg'))")
    assert all(plot.is_visible() for plot in view.locate(".plot svg.main-svg >> nth=0").all())
    assert not any(control.is_visible() for control in view.locate(".controls, .legend button, .skip").all())


def test_text_on_a_bar_can_be_read(show: Show) -> None:
    view = show("small")
    view.draw()
    bars = view.locate(".plot .barlayer .point")
    assert bars.count() == 2
    for bar in bars.all():
        fill, ink, inside = bar.evaluate("""(bar) => {
          const text = bar.querySelector("text"), box = bar.querySelector("path").getBoundingClientRect();
          return [getComputedStyle(bar.querySelector("path")).fill, getComputedStyle(text).fill, text.getBoundingClientRect().right <= box.right + 1];
        }""")
        assert contrast(ink, fill if inside else view.style("body", "backgroundColor")) >= 3


# -- what a file may say


def test_code_in_a_file_is_shown_as_text_and_never_run(show: Show) -> None:
    view = show("hostile")
    view.draw()
    view.page.wait_for_timeout(200)  # an image that cannot be loaded says so a little later
    assert view.locate("img").count() == 0
    assert view.locate("script").count() == 3
    for place in ("header", "h2 small", "p.warning", "#every", "td.reason", "dl", "footer", "pre"):
        text = "\n".join(view.texts(place))
        for hostile in HOSTILE:
            if place != "#every" or hostile in HOSTILE[1::2]:  # a name and a kernel; titles stand in the kernel's table
                assert hostile in text, (place, hostile)
    titles = [line[1] for line in view.table(".kernel table.problem")]
    assert titles == list(HOSTILE)
    assert view.texts(".legend >> nth=0 >> button")[1] == HOSTILE[1]
    assert HOSTILE[3] in view.texts(".plot .legendtext")


def test_the_label_of_a_point_shows_code_as_text_too(show: Show) -> None:
    view = show("hostile")
    view.draw()
    labels = [view.page.evaluate(HOVER, curve) for curve in range(4)]
    assert [(label[0], label[1].partition(" · ")[0]) for label in labels] == [
        (name, f"{figure} at V = 10,000")
        for name, figure in (("one-hot", "1.00 ms"), (HOSTILE[1], "10.0 µs"), ("c", "10.0 µs"), ("d", "10.0 µs"))
    ]


HOVER = """async (curve) => {
  const plot = document.querySelector(".plot");
  plot.scrollIntoView();
  await new Promise((done) => setTimeout(done, 100)); // Plotly answers only so often
  Plotly.Fx.hover(plot, [{curveNumber: curve, pointNumber: 0}]);
  const label = plot.querySelector(".hoverlayer .hovertext");
  return [label.querySelector(".name").textContent, label.querySelector(".nums").textContent];
}"""
