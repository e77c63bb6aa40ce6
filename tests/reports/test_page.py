"""The page in a real browser: it opens from disk with the network off, fits a phone, and runs nothing that a file says."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from reports.files import read
from reports.frame import frame
from reports.page import as_markdown
from tests.markdown import written
from tests.reports.browser import (
    FILES,
    PHONE,
    WIDE,
    Show,
    View,
)
from tests.saved import PROBLEM, STATUSES

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
    for width, scheme in ((WIDE, "light"), (PHONE, "dark")):
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
