"""The page in a real browser: it opens from disk with the network off, fits a phone, keeps nobody out, and answers first."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from w2vbench.impls.choosing.offered import candidates
from w2vbench.impls.interface.case import Size
from w2vbench.reports.findings.answers import answers, by_kernel
from w2vbench.reports.findings.sizes import nearest, types
from w2vbench.reports.run.page import html
from w2vbench.reports.statistics.units import seconds, size_bytes, slower, two

from tests import saved
from tests.impls.choosing.predicted import choose, predict
from tests.reports.browser import FILES, PHONE, STAGES, WIDE, Show, View
from tests.saved import STATUSES


def fits(view: View, name: str, *widths: int) -> None:
    """That nothing is wider than the window, and the answers no wider than their place, where others would cover them."""
    for width in widths:
        view.page.set_viewport_size({"width": width, "height": 900})
        assert view.overflow() == 0
        answers_ = view.locate("#answers").evaluate_all(
            "(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1)"
        )
        assert name == "hostile" or answers_ == []  # whose names are longer than any


@pytest.mark.parametrize("name", FILES)
def test_a_page_opens_offline_and_fits_a_phone(show: Show, name: str) -> None:
    view = show(name)
    fits(view, name, WIDE, 1366, 1280, 1100, 900, 800, PHONE)
    view.unfold()
    fits(view, name, WIDE, PHONE)
    found = answers(FILES[name]())
    assert view.locate("tr.answer").count() == view.locate("details.kernel").count() >= len(by_kernel(found))


@pytest.mark.parametrize("name", [name for name in FILES if name != "500 cases"])
def test_axe_finds_nothing_that_keeps_anyone_out(show: Show, name: str) -> None:
    view = show(name)
    view.unfold()
    for width, scheme in ((WIDE, "light"), (WIDE, "dark"), (PHONE, "dark")):
        view.page.set_viewport_size({"width": width, "height": 900})
        view.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert view.violations() == [], (width, scheme)


def test_the_first_screen_answers_which_one_to_use_and_links_to_each_kernel(show: Show) -> None:
    view = show("every status")
    assert view.texts("tr.answer >> nth=0 >> td")[:6] == ["gather", "100µs", "the same", "", "one-hot", "100×"]
    assert view.texts("tr.answer >> nth=1 >> td")[:6] == ["numba", "20.0µs", "csr", "2.0×", "none", ""]
    assert view.texts("tr.answer th a") == ["lookup", "dense"]
    box = view.locate("tr.answer").last.bounding_box()
    assert box is not None
    assert box["y"] < 900
    view.locate("tr.answer a").nth(1).click()
    assert view.locate('details.kernel[data-kernel="scatter.dense"]').get_attribute("open") is not None
    assert view.page.url.endswith("#scatter.dense")
    assert [line[0] for line in view.cases("scatter.dense")] == ["numba", "csr"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("every status", ["was interrupted", "the machine was busy"]),
        ("pytest-benchmark", ["not interleaved"]),
        ("problem", []),
    ],
)
def test_a_run_says_if_it_was_interrupted_or_not_interleaved(show: Show, name: str, says: list[str]) -> None:
    warnings = " ".join(show(name).texts(".warning"))
    assert all(one in warnings for one in says)
    assert bool(warnings) == bool(says)


def test_every_status_stands_in_its_kernels_table_with_its_reason(show: Show) -> None:
    view = show("every status")
    reasons = [line[1] for line in view.cases() if len(line) == 2]
    status = {"skipped": "not measured"}
    assert [reason.partition(":")[0] for reason in reasons] == [status.get(one, one) for one in STATUSES]
    assert all("since a-long-word" in reason for reason in reasons)


def test_titles_headings_and_links_let_a_screen_reader_find_its_way(show: Show) -> None:
    """Beyond what axe looks at."""
    view = show("every status")
    assert view.page.title() == "w2vbench: which word2vec code to use, on Example CPU"
    assert view.page.get_by_role("navigation").count() == view.locate("h1").count() == 1
    ids = view.locate("[id]").evaluate_all("(all) => all.map((element) => element.id)")
    assert len(ids) == len(set(ids))
    links = view.locate('a[href^="#"]').evaluate_all("(all) => all.map((link) => link.getAttribute('href').slice(1))")
    assert set(links) <= set(ids)
    assert view.locate("th:not([scope])").count() == 0


STAGE_MEANINGS = "find the word pairs|read rows|draw negatives|score, loss, gradients|add gradients up|optimizer step"
COLUMNS = [f"{name}{meaning}" for name, meaning in zip(STAGES, STAGE_MEANINGS.split("|"), strict=True)]
APART = ["1.00 s5 %", "2.00 s10 %", "3.00 s14 %", "4.00 s19 %", "5.00 s24 %", "6.00 s29 %"]
TOGETHER = ["7.00 s47 % · examples + sampling", "8.00 s53 % · lookup to update"]
SMALL, HALF_WAY = "lookup?V=1000&B=8&H=100", "?V=50000"
SHOWN: dict[str, tuple[str, str, str, list[str]]] = {
    "the winners are marked and nothing else": ("every status", "", "table.cases tr.best th code", ["gather", "numba"]),
    "code is shown from its def on": ("every status", "", "pre.source", ["def gather(W, idx): return W[idx]"]),
    "code is highlighted": ("every status", "", "pre.source .k", ["def", "return"]),
    "each stage has a column": ("stages", "", "table.stages thead th", ["Implementation", *COLUMNS]),
    "stages timed apart have one each": ("stages", "", "table.stages tbody tr >> nth=0 >> td", APART),
    "stages timed together share one": ("stages", "", "table.stages tbody tr >> nth=1 >> td", TOGETHER),
    "stages are the reason": ("stages", "", ".because", ["Why. chapter-3 spends 29 % of a call on update."]),
    "the heat table has every size": ("sizes", SMALL, "table.heats thead tr >> nth=0 >> th", ["V", "1,000", "1,000", "100k", "100k"]),
    "the heat table has a line for the fastest": ("sizes", SMALL, "table.heats tbody tr >> nth=0 >> td", ["1×"] * 4),
    "and one for each other": ("sizes", SMALL, "table.heats tbody tr >> nth=1 >> td", ["100×"] * 4),
    "a kernel without the chosen size has the nearest": ("partial", HALF_WAY, "tr.answer th i", ["V 10,000"]),  # 100,000 is nearest, and only lookup has that
    "which its section says": ("partial", HALF_WAY, ".kernel .size span", ["(the nearest measured size; you chose V = 100,000)"]),
    "only references that there are": ("sizes", "", "#choose-ref option", ["the fastest", "the textbook", "the best NumPy/SciPy"]),
    "of every family": ("every status", "", "#choose-ref option", ["the fastest", "the textbook", "the best NumPy/SciPy", "the best compiled"]),
    "types where a kernel has several": ("sizes", "", "#choose-rest option", ["f32,i64,zipf,t1", "f64,i64,zipf,t1"]),
    "without the one-hot nothing is said of it": ("no one-hot", "", "#story p", [""]),
}  # fmt: skip


@pytest.mark.parametrize("what", SHOWN)
def test_the_page_shows(show: Show, what: str) -> None:
    name, address, selector, texts = SHOWN[what]
    view = show(name, address)
    view.unfold()
    assert view.texts(selector) == texts


def test_lines_have_labels_at_their_ends_and_marks_at_each_size(show: Show) -> None:
    view = show("problem")
    first = view.locate("details.kernel figure svg.chart").first
    names = " ".join(first.locator("text.end").all_text_contents())
    measured = view.texts("table.cases th code")
    sizes = [text for text in first.locator("text.axis").all_text_contents() if "," in text]
    assert all(name in names for name in measured)
    assert sizes == ["1,000", "10,000", "30,000", "100,000"]
    assert first.locator(".mark").count() == len(measured) * len(sizes)


def test_what_threads_gain_stands_beside_the_ideal_and_the_machines_memory(show: Show) -> None:
    view = show("threads")
    assert view.texts("#threads figcaption b") == ["lookup"]
    lines = view.locate("#threads svg.chart")
    ends = [text for text in lines.locator("text.end").all_text_contents() if text]
    assert sorted(ends) == ["ideal", "memory, copied", "memory, read", "numba", "one-hot", "one-hot-matmul"]
    assert lines.locator(".mark").count() == 3 * 3  # lines to compare with have none
    axis = lines.locator("text.axis").all_text_contents()
    assert axis == ["1/2×", "1×", "2×", "4×", "1", "2", "4", "threads, on 2 CPUs"]
    assert view.texts("#threads thead th") == ["Threads", "1", "2", "4 on 2 CPUs"]
    assert view.texts("#threads tbody tr >> nth=0 >> td") == [
        "8.00 ms",
        "4.30 ms1.9× · 93 %1.7–2.1×",
        "4.39 ms1.8× · 46 %1.2–2.9×",
    ]
    assert view.texts("#threads tbody tr >> nth=2 >> td")[2] == "12.5 µs1.5× slower · 16 %1.2–1.9×"
    assert view.texts("#threads > .foot") == ["No implementation of scatter.dense depends on threads."]
    before = view.texts("#threads tbody td")
    view.choose("rest", "f32,i64,zipf,t4")
    assert view.texts("#threads tbody td") == before
    assert view.texts("tr.answer >> nth=0 >> td")[0] == "gather"
    assert show("problem").locate("#threads").count() == 0


def test_the_roofline_has_a_mark_for_each_implementation_and_the_machines_ceilings(show: Show) -> None:
    view = show("sizes", "?V=100000&B=100&H=100")
    assert view.locate("#roofline-chart .mark").count() == 2
    assert view.locate("#roofline-chart .ceiling").count() == 2
    assert not show("problem").locate("#roofline").is_visible()


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_the_roofline_names_the_implementation_to_use_of_each_kernel(show: Show, width: int) -> None:
    """Their marks lie on one another here."""
    view = show("bags", width=width)
    assert sorted(view.texts("#roofline-chart .end")) == ["lookup", "lookup.bag", "scatter.bag"]
    boxes = view.locate("#roofline-chart .end").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().toJSON())"
    )
    for one, other in combinations(boxes, 2):
        apart = one["right"] <= other["left"] or other["right"] <= one["left"]
        assert apart or one["bottom"] <= other["top"] + 4 or other["bottom"] <= one["top"] + 4


def test_columns_are_headed_where_something_stands_below_the_heads(show: Show) -> None:
    view = show("bags")  # lookup is open
    heads = view.locate(".group-head .fold-answers")
    assert [heads.nth(at).evaluate("(one) => getComputedStyle(one).visibility") for at in range(2)] == [
        "hidden",
        "visible",
    ]
    headed = "(one) => getComputedStyle(one, '::before').content"
    folded = view.locate("#lookup\\.bag .fold-answers > span")
    assert [folded.nth(at).evaluate(headed) for at in range(3)] == ['"Use"', '"NumPy/SciPy only"', '"Textbook"']
    assert view.locate("#scatter\\.bag .fold-answers > span").first.evaluate(headed) == "none"


def test_variants_of_one_name_are_told_apart(show: Show) -> None:
    """``lookup`` stands beside its own variant, and two kernels are called bag."""
    view = show("bags")
    assert view.texts("nav a.of-group, nav a.form") == ["lookup", "lookup", "bag", "scatter.bag"]
    assert view.texts("tr.answer th a") == ["lookup", "bag", "bag"]


def test_the_story_sets_one_hot_beside_the_gather(show: Show) -> None:
    view = show("problem")
    assert view.locate("#why").is_visible()
    assert "moves 40.8 MB per word at V = 100,000" in view.texts("#story p")[0]
    assert not show("stages").locate("#why").is_visible()


@pytest.mark.parametrize("name", ["problem", "sizes", "partial", "every status", "small", "stages"])
def test_the_script_finds_the_same_nearest_size_as_the_terminal(show: Show, name: str) -> None:
    view, found = show(name), by_kernel(answers(FILES[name]()))
    for kernel, its in found.items():
        for V, B, H in ((1_000, 1, 100), (30_000, 64, 250), (5_000_000, 10_000, 100)):
            want = nearest(its, lambda one: one.size, V, B, H, types(its[0].size))
            got = view.page.evaluate(NEAREST, [kernel, V, B, H, types(its[0].size)])
            assert got == [want.size.V, want.size.B, want.size.H, want.use.slug]


NEAREST = """([name, V, B, H, rest]) => {
  Object.assign(state, {V, B, H, rest});
  const kernel = kernels.find((one) => one.name === name), problem = nearest(kernel);
  return [problem.V, problem.B, problem.H, kernel.implementations[problem.use].slug];
}"""


def test_the_script_writes_numbers_as_python_does(show: Show) -> None:
    rng = np.random.default_rng(0)
    numbers = [*(10 ** rng.uniform(-10, 10, 2_000)).tolist(), *(10.0**power for power in range(-10, 11))]
    written = show("one case").page.evaluate("(all) => all.map((x) => [time(x), bytes(x), two(x), slower(x)])", numbers)
    for number, (time, size, ratio, words) in zip(numbers, written, strict=True):
        assert (time, size) == (seconds(number), size_bytes(number))
        assert (ratio, words) == (two(number), slower(number))


def test_five_thousand_cases_open_and_follow_a_choice(show: Show) -> None:
    view = show("5,000 cases")
    assert view.locate("tr.answer").count() == 5
    view.choose("V", "25000")
    assert view.texts("#at-size") == ["at V = 25,000, B = 100, H = 100"]
    assert len(json.loads(view.locate("#data").text_content() or "")["problems"]) == 500


def test_an_implementation_of_the_users_own_stands_on_the_first_screen() -> None:
    source = {"file": "mine.py", "line": 1, "code": "def mine(W, idx): ..."}
    made = saved.result(saved.row("mine", 2e-5), saved.row("gather", 1e-5), sources={"lookup/mine": source})
    text = html(made).partition('id="why"')[0]
    assert "mine.py, lookup/mine at V = 10,000, B = 100: 20.0 µs a call, 2.0× slower than gather" in text
    assert "mine.py" not in html(saved.result(saved.row("gather", 1e-5))).partition('id="why"')[0]


@pytest.mark.parametrize("name", ["problem", "sizes", "partial", "every status", "small", "stages", "500 cases"])
def test_the_script_chooses_between_sizes_as_best_does(show: Show, name: str) -> None:
    """The model of impls/choosing/choice.py, on the page's own figures."""
    view = show(name)
    data = view.page.evaluate("data")
    for kernel in data["kernels"]:
        measured = [one for at in kernel["problems"] if "use" in (one := data["problems"][at])]
        if not measured:
            continue
        slugs = [one["slug"] for one in kernel["implementations"]]
        order = kernel["simplest"]
        times = {Size.parse(one["size"]): costs_of(one, slugs) for one in measured}
        for V, H, B in ((1_000, 100, 100), (30_000, 250, 64), (5_000_000, 10, 10_000), (123_456, 77, 1), (2, 1, 3)):
            rest = measured[0]["rest"]
            got = view.page.evaluate(CHOOSE, [kernel["name"], V, H, B, rest])
            dtype, index, words, threads = rest.split(",")
            size = Size(V, H, B, got["K"], dtype, index, words, int(threads[1:]))
            predicted = predict(times, [slugs[at] for at in order], size)
            assert {slugs[at]: cost for at, cost in got["predicted"]} == pytest.approx(predicted)
            assert slugs[got["use"]] == choose(times, [slugs[at] for at in order], size)


def costs_of(problem: dict[str, Any], slugs: list[str]) -> dict[str, float]:
    """What the implementations take at a problem of the page's data, over its recommended one's time."""
    use = next(one["t"][0] for one in problem["cases"] if one["i"] == problem["use"])
    return {slugs[one["i"]]: use * one["r"][0][0] for one in problem["cases"] if "r" in one and one["r"][0]}


CHOOSE = """([name, V, H, B, rest]) => {
  Object.assign(state, {V, B, H, rest});
  const kernel = kernels.find((one) => one.name === name), K = nearest(kernel).K;
  const { use, predicted } = choose(kernel, {V, H, B, K});
  return {K, use, predicted: [...predicted]};
}"""


def test_ties_between_sizes_are_settled_as_those_of_best(show: Show) -> None:
    view = show("every status")
    for kernel in view.page.evaluate("kernels"):
        slugs = [one["slug"] for one in kernel["implementations"]]
        known = [slugs[at] for at in kernel["simplest"]]
        ours = [slug for slug in candidates(kernel["name"]) if slug in known]
        assert [slug for slug in known if slug in ours] == ours
