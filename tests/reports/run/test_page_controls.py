"""The page's control bar: one choice changes everything that is shown, and the address keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from w2vbench.reports.run.page_data import page_data

from tests import saved
from tests.reports.browser import Show, View
from tests.saved import HOSTILE, row


def test_a_size_changes_the_answers_the_table_and_the_reason(show: Show) -> None:
    view = show("sizes")
    assert view.texts(".kernel .size") == ["V = 100,000 · H = 100 · B = 100"]
    view.locate("#choose-V").get_by_role("button", name="1,000", exact=True).click()
    view.choose("B", "8")
    view.choose("H", "300")
    assert view.texts(".kernel .size") == ["V = 1,000 · H = 300 · B = 8"]
    assert view.texts("#at-size") == ["at V = 1,000, B = 8, H = 300"]
    assert view.cases() == [["gather", "800ns", "fastest"], ["one-hot", "80.0µs", "100×"]]
    assert "one-hot moves at least 9.60 MB a call, 1.20 MB a word" in view.texts(".because")[0]


def test_the_page_opens_at_the_size_that_most_kernels_have(show: Show) -> None:
    view = show("other batch")  # though only lookup has several sizes, all with another batch
    assert view.texts("#at-size") == ["at V = 100,000, B = 100, H = 100, unless a row says otherwise"]
    assert view.texts("tr.answer th i") == ["B 4"]
    assert view.texts("#choose-B button") == ["4", "100"]


def test_another_reference_changes_every_ratio_and_its_words(show: Show) -> None:
    view = show("sizes")
    view.choose("ref", "1")
    assert view.cases() == [["gather", "1.00ms", "100× faster"], ["one-hot", "100ms", "1×"]]
    assert view.texts("table.cases th.ratios button") == ["Compared with the textbook"]
    assert view.texts("tr.answer >> nth=0 >> td.ratio") == ["100× faster", "", "100 ms"]
    assert "0.0" not in "".join(view.texts("table.answers"))


def test_types_are_offered_only_where_a_kernel_has_several(show: Show) -> None:
    view = show("sizes")
    view.choose("rest", "f64,i64,zipf,t1")
    assert view.texts(".kernel .size")[0].startswith("V = 1,000 · H = 100 · B = 8")
    assert not show("problem").locate("#choose-rest").is_visible()


@pytest.mark.parametrize(
    ("column", "first", "then"),
    [
        ("Implementation", "one-hot", "gather"),
        ("Time per call", "one-hot", "gather"),
        ("Times slower than the fastest", "gather", "one-hot"),
    ],
)
def test_a_header_sorts_by_its_figure_up_and_down(show: Show, column: str, first: str, then: str) -> None:
    view = show("sizes")  # by time, upwards
    button = view.locate("table.cases").get_by_role("button", name=column, exact=True)
    for slug in (first, then):
        button.focus()
        view.page.keyboard.press("Enter")
        assert view.cases()[0][0] == slug
    assert view.locate("table.cases th[aria-sort]").count() == 1


@pytest.mark.parametrize("sort", ["", "-time", "name", "-ratio"])
def test_cases_without_figures_come_last_whatever_sorts(show: Show, sort: str) -> None:
    assert [len(line) for line in show("every status", f"lookup?sort={sort}").cases()] == [3, 3, *[2] * 6]


def test_the_address_of_a_view_opens_the_same_view_and_is_empty_when_all_is_chosen_back(show: Show) -> None:
    view = show("sizes")
    view.choose("V", "1000")
    view.choose("V", "100000")
    assert "#" not in view.page.url
    view.choose("V", "1000")
    view.choose("ref", "1")
    view.locate("table.cases").get_by_role("button", name="Implementation").click()
    address = view.page.url.partition("#")[2]
    assert address == "?V=1000&ref=textbook&sort=name"
    again = show("sizes", f"lookup{address}")
    assert again.texts(".kernel .size") == ["V = 1,000 · H = 100 · B = 100"]
    assert again.cases()[0] == ["one-hot", "1.00ms", "1×"]
    assert again.page.evaluate("section") == "lookup"


@pytest.mark.parametrize(
    "address",
    [
        *("?V=x&B=-1&ref=99&sort=nonsense", "?V=NaN&H=Infinity", "nowhere?V=1e9", "<img src=x>?rest=<b>"),
        *("100%", "%E0%A4%A?V=1000", "%00?"),  # these cannot be decoded
    ],
)
def test_an_address_that_makes_no_sense_shows_the_page(show: Show, address: str) -> None:
    view = show("sizes", address)
    assert len(view.cases()) == 2
    assert view.locate("img").count() == 0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"V": 1_000, "B": 8, "H": 100}, "Measured here: use gather (800 ns a call)."),
        ({"V": "many"}, "V, B and H are numbers from 1 up."),
        ({"V": 5_000_000}, "Beyond the measured sizes: use gather (about"),
        ({"V": 150_000}, "Beyond the measured sizes: use gather (about"),
        ({"V": 5_000_000}, "That is far from what was measured: measure it."),
        ({"V": 60_000, "B": 64, "H": 256}, "Between the measured sizes: use gather (about"),
        ({"V": 60_000, "B": 64, "H": 256}, "w2vbench run --kernel lookup --vocab 60000 --batch 64 --hidden 256"),
    ],
)  # fmt: skip
def test_your_size_gives_the_answer_and_the_command_that_measures_it(
    show: Show, values: dict[str, Any], says: str
) -> None:
    view = show("sizes")
    for name, value in values.items():
        view.locate(f"#your-size [name={name}]").fill(str(value))
    assert says in view.texts("#your-size output")[0]


def test_the_command_of_your_size_names_files_of_your_own() -> None:
    mine = saved.result(row("a", 1e-5), command="w2vbench run --impl 'my file.py' --vocab 10000")
    assert page_data(mine)["files"] == " --impl 'my file.py'"


def test_a_table_is_copied_as_markdown(show: Show) -> None:
    view = show("sizes")
    view.page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    view.locate(".kernel .foot button.copy").click()
    view.page.wait_for_function("window.copied")
    lines = view.page.evaluate("window.copied").splitlines()
    assert lines[0] == "lookup at V = 100,000 · H = 100 · B = 100"
    assert lines[4:] == ["| gather | 1.00 ms | fastest | 0 B |", "| one-hot | 100 ms | 100× | 0 B |"]


@pytest.mark.parametrize(("V", "measured"), [(1_000, True), (100_000, False)])
def test_line_times_are_shown_only_at_the_size_they_were_measured_at(show: Show, V: int, measured: bool) -> None:
    view = show("sizes", f"lookup?V={V}&B=8&H=100")
    view.unfold()
    block = view.locate(".code-block")
    assert block.locator("th.measured").first.is_visible() == measured
    assert block.locator(".apart").is_visible() != measured
    if measured:
        lines = [" ".join(line.split()) for line in block.locator("tbody tr").all_text_contents()]
        assert lines == ["def gather(W, idx):", "100 %8.00 MB return W[idx]"]
    else:
        assert "w2vbench profile lookup/gather@V=1e5" in block.locator(".apart").inner_text()


def test_hostile_names_are_text_and_never_run(show: Show) -> None:
    view = show("hostile")
    view.unfold()
    view.page.wait_for_timeout(200)  # an image that cannot be loaded says so a little later
    assert view.locate("img").count() == 0
    assert view.locate("script").count() == 3
    page = view.page.evaluate("document.body.innerText")
    assert all(hostile in page for hostile in HOSTILE)


def luminance(view: View, selector: str, style: str) -> float:
    """WCAG's relative luminance of a colour, which a browser gives as ``rgb(r, g, b)``."""
    colour = view.locate(selector).first.evaluate("(element, style) => getComputedStyle(element)[style]", style)
    channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_in_charts_can_be_read_in_light_and_dark(show: Show, scheme: Any) -> None:
    view = show("problem")
    view.page.emulate_media(color_scheme=scheme)
    paper = luminance(view, "body", "backgroundColor")
    assert (paper > 0.5) == (scheme == "light")
    for selector in ("svg.chart text.axis", "svg.chart text.end.textbook", "svg.chart text.end.numpy"):
        light, dark = sorted((luminance(view, selector, "fill"), paper), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, selector  # WCAG AA


def test_on_paper_nothing_is_folded_and_nothing_asks_for_a_click(show: Show) -> None:
    view = show("every status")
    view.page.emulate_media(media="print")
    view.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(table.is_visible() for table in view.locate("table").all())
    assert not any(one.is_visible() for one in view.locate(".controls, nav, .skip, .copy, #your-size").all())
