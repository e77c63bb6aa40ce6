"""Plots as data: the right lines, one look for each implementation, and labels that a person reads."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from reports.figures import COLOURS, SYMBOLS, figures
from reports.frame import frame
from reports.results import read
from tests import saved
from tests.saved import PYTEST, RACE, not_measured, row


def plots(*rows: saved.Content, **suite: Any) -> list[dict[str, Any]]:
    return figures(frame(saved.result(*rows, **suite)))


def line(plot: dict[str, Any], name: str) -> dict[str, Any]:
    return next(trace for trace in plot["data"] if trace["name"] == name)


def test_each_implementation_is_a_line_through_its_own_times_in_order_of_size() -> None:
    times = {100_000: 1e-2, 1_000: 1e-4, 10_000: 1e-3}  # not in order
    (plot,) = plots(
        *[row("one-hot", wall, V=V, title="one-hot × W") for V, wall in times.items()],
        row("gather", 1e-5, V=1_000, title="W[idx]"),
    )
    assert plot["kernel"] == "lookup"
    assert plot["title"] == "lookup: time a call against vocabulary V (B = 100)"
    assert line(plot, "one-hot × W")["x"] == [1_000, 10_000, 100_000]
    assert line(plot, "one-hot × W")["y"] == [1e-4, 1e-3, 1e-2]
    assert line(plot, "one-hot × W")["text"] == ["100 µs", "1.00 ms", "10.0 ms"]
    assert line(plot, "W[idx]")["x"] == [1_000]


def test_ticks_are_the_sizes_measured_and_whole_decades_of_time_around_the_figures() -> None:
    (plot,) = plots(row("one-hot", 2e-6), row("one-hot", 5e-2, V=100_000))
    assert plot["x"] == {"title": "vocabulary V", "at": [10_000, 100_000], "labels": ["10,000", "100,000"]}
    assert plot["y"]["labels"] == ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]
    assert plot["y"]["at"] == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1])


def test_the_batch_gets_a_plot_of_its_own() -> None:
    against_v, against_b = plots(*[row("gather", 1e-6 * B, V=V, B=B) for V in (10_000, 100_000) for B in (1, 10, 100)])
    assert against_v["title"].endswith("against vocabulary V (B = 100)")
    assert against_b["title"].endswith("against batch B (V = 100,000)")
    assert line(against_b, "the gather way")["y"] == pytest.approx([1e-6, 1e-5, 1e-4])


def test_a_plot_takes_the_longest_row_of_sizes() -> None:
    short = [row("gather", 1e-6, V=V, B=100) for V in (10_000, 1_000_000)]
    long = [row("gather", 1e-6, V=V, B=7) for V in (1_000, 10_000, 100_000)]
    (plot,) = [plot for plot in plots(*short, *long) if "vocabulary" in plot["title"]]
    assert plot["title"].endswith("(B = 7)")
    assert plot["x"]["at"] == [1_000, 10_000, 100_000]


def test_one_size_makes_no_plot() -> None:
    assert plots(row("gather", 1e-6), row("take", 1e-6)) == []
    assert plots() == []
    assert plots(not_measured=[not_measured("gather", "crashed", "")]) == []


def test_what_was_not_measured_is_no_line_and_leaves_the_others_their_colours() -> None:
    sizes = (10_000, 100_000)
    lanes = [row(slug, 1e-6, V=V) for V in sizes for slug in ("a", "b", "c")]
    (before,) = plots(*lanes)
    missing = [not_measured("b", "timeout", "", V=V) for V in sizes]
    (after,) = plots(*[lane for lane in lanes if lane["extra_info"]["implementation"] != "b"], not_measured=missing)
    assert [trace["name"] for trace in after["data"]] == ["the a way", "the c way"]
    assert line(after, "the a way")["line"] == line(before, "the a way")["line"]


def test_an_implementation_looks_the_same_in_every_plot_of_its_kernel() -> None:
    # the first was not measured at the vocabulary of the plot against B
    rows = [row("a", 1e-6, V=V, B=10) for V in (1_000, 10_000)]
    rows += [row(slug, 1e-6, V=V, B=B) for V in (1_000, 10_000, 100_000) for B in (1, 10) for slug in ("b", "c")]
    against_v, against_b = plots(*rows)
    assert (len(against_v["data"]), len(against_b["data"])) == (3, 2)
    for slug in ("b", "c"):
        look = [
            (line(plot, f"the {slug} way")["line"], line(plot, f"the {slug} way")["marker"])
            for plot in (against_v, against_b)
        ]
        assert look[0] == look[1]


def test_no_two_of_nine_implementations_share_a_colour_or_a_symbol() -> None:
    (plot,) = plots(*[row(f"lane-{at}", 1e-6, V=V) for V in (10_000, 100_000) for at in range(9)])
    assert len({trace["line"]["color"] for trace in plot["data"]}) == len(COLOURS) == 9
    assert len({trace["marker"]["symbol"] for trace in plot["data"]}) == len(SYMBOLS) == 9


@pytest.mark.parametrize("text", [*saved.HOSTILE, "a & b", "&lt;", "%{x}"])
def test_a_title_is_shown_as_it_is_and_never_as_html(text: str) -> None:
    (plot,) = plots(row("a", 1e-6, title=text), row("a", 1e-6, V=100_000, title=text))
    (trace,) = plot["data"]
    assert "<" not in trace["name"]
    assert html.unescape(trace["name"]) == text
    # a title in the template would be read as one
    assert text not in trace["hovertemplate"]


@pytest.mark.parametrize("path", [RACE, PYTEST], ids=["race", "pytest-benchmark"])
def test_plots_of_real_files_are_json_with_finite_numbers(path: Any) -> None:
    json.dumps(figures(frame(read(path))), allow_nan=False)


def test_every_measured_time_of_the_real_race_is_in_its_plot() -> None:
    cases = frame(read(RACE))
    (plot,) = figures(cases)
    assert sorted(y for trace in plot["data"] for y in trace["y"]) == sorted(cases.wall_s)
    assert len(plot["data"]) == cases.implementation.nunique()
    assert min(plot["y"]["at"]) <= cases.wall_s.min() <= cases.wall_s.max() <= max(plot["y"]["at"])
