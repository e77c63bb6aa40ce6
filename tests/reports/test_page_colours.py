"""The page: colours, paper, and files that try to run code on it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reports.browser import Show
from tests.saved import HOSTILE

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
