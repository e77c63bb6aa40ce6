"""The page: sizes, sorting, filters, ratios to another implementation, copying."""

from __future__ import annotations

import io
import re
from typing import Any

import pandas as pd
import pytest

from reports.files import read
from reports.frame import frame
from reports.samples import walls
from reports.statistics import paired_ratio
from reports.story import findings
from reports.units import times
from tests.markdown import cells
from tests.reports.browser import (
    PHONE,
    Show,
    click_header,
    every_status,
)
from tests.saved import PROBLEM, STATUSES

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
    assert view.texts("select[name=dtype] option") == ["all", "f32"]
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


def test_two_thousand_cases_open_and_can_be_filtered(show: Show) -> None:
    view = show("2,000 cases", "")
    assert view.locate("#every tbody tr").count() == 200
    assert view.texts("#shown") == ["2000 cases, the first 200 shown"]
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
