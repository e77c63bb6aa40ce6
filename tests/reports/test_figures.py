"""Plots as data: the right lines, one look for each implementation, and labels that a person reads."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from reports.figures import COLOURS, SYMBOLS, figures, styles
from reports.files import read
from reports.frame import frame
from tests import saved
from tests.saved import PROBLEM, PYTEST, not_measured, row, without_processes

TIME_V, TIME_B = "Time per call against vocabulary V", "Time per call against batch B"
MEMORY_V, MEMORY_B = "Peak memory of a call against vocabulary V", "Peak memory of a call against batch B"
IMPLEMENTATIONS, SHARES, CPU = (
    "Speed-up over the baseline",
    "Share of the roofline limit",
    "CPU time against wall time",
)


def plots(*rows: saved.Content, **suite: Any) -> dict[str, dict[str, Any]]:
    """The plots of a file with one kernel, by the beginnings of their titles."""
    made = figures(frame(saved.result(*rows, **suite)))
    starts = (TIME_V, TIME_B, MEMORY_V, MEMORY_B, IMPLEMENTATIONS, SHARES, CPU)
    found = {next(start for start in starts if plot["title"].startswith(start)): plot for plot in made}
    assert len(found) == len(made)
    return found


def line(plot: dict[str, Any], name: str) -> dict[str, Any]:
    return next(trace for trace in plot["data"] if trace["name"] == name)


def test_each_implementation_is_a_line_through_its_own_times_in_order_of_size() -> None:
    times = {100_000: 1e-2, 1_000: 1e-4, 10_000: 1e-3}  # not in order
    plot = plots(*[row("one-hot", wall, V=V) for V, wall in times.items()], row("gather", 1e-5, V=1_000))[TIME_V]
    assert plot["kernel"] == "lookup"
    assert plot["title"] == "Time per call against vocabulary V (B = 100)"
    assert line(plot, "one-hot")["x"] == [1_000, 10_000, 100_000]
    assert line(plot, "one-hot")["y"] == pytest.approx([1e-4, 1e-3, 1e-2])
    assert line(plot, "one-hot")["text"] == ["100 µs", "1.00 ms", "10.0 ms"]
    assert line(plot, "gather")["x"] == [1_000]


def test_ticks_are_the_sizes_measured_and_whole_decades_of_time_around_the_figures() -> None:
    plot = plots(row("one-hot", 2e-6), row("one-hot", 5e-2, V=100_000))[TIME_V]
    assert plot["x"] == {
        "title": "vocabulary V",
        "type": "log",
        "at": [10_000, 100_000],
        "labels": ["10,000", "100,000"],
    }
    assert plot["y"]["labels"] == ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]
    assert plot["y"]["at"] == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1])


def test_the_batch_gets_a_plot_of_its_own() -> None:
    made = plots(*[row("gather", 1e-6 * B, V=V, B=B) for V in (10_000, 100_000) for B in (1, 10, 100)])
    assert list(made) == [TIME_V, TIME_B, CPU]
    assert made[TIME_V]["title"].endswith("against vocabulary V (B = 100)")
    assert made[TIME_B]["title"].endswith("against batch B (V = 100,000)")
    assert line(made[TIME_B], "gather")["y"] == pytest.approx([1e-6, 1e-5, 1e-4])


def test_a_plot_takes_the_longest_row_of_sizes() -> None:
    short = [row("gather", 1e-6, V=V, B=100) for V in (10_000, 1_000_000)]
    long = [row("gather", 1e-6, V=V, B=7) for V in (1_000, 10_000, 100_000)]
    plot = plots(*short, *long)[TIME_V]
    assert plot["title"].endswith("(B = 7)")
    assert plot["x"]["at"] == [1_000, 10_000, 100_000]


def test_memory_gets_its_own_plots_where_it_was_measured() -> None:
    made = plots(*[row("gather", 1e-6, V=V, B=B, peak_bytes=V * B) for V in (10_000, 100_000) for B in (10, 100)])
    assert list(made) == [TIME_V, MEMORY_V, TIME_B, MEMORY_B, CPU]
    assert line(made[MEMORY_V], "gather")["y"] == [1_000_000, 10_000_000]
    assert line(made[MEMORY_V], "gather")["text"] == ["1.00 MB", "10.0 MB"]
    assert made[MEMORY_V]["y"]["labels"] == ["1 MB", "10 MB"]


def test_resident_growth_is_drawn_where_it_stands_for_the_peak_with_an_open_symbol() -> None:
    hidden: saved.Content = {"needs": ["torch"], "peak_bytes": 785}
    made = plots(
        *[row("full", 1e-6, V=V, peak_bytes=100 * V) for V in (10_000, 100_000)],
        *[row("torch", 1e-6, V=V, resident_bytes=200 * V, **hidden) for V in (10_000, 100_000)],
        *[row("gensim", 1e-6, V=V, **hidden) for V in (10_000, 100_000)],
    )
    drawn = made[MEMORY_V]
    assert "open symbols: resident" in drawn["title"]
    full, torch = drawn["data"]  # and no false small number of gensim
    assert torch["y"] == [2e6, 2e7]
    assert torch["text"] == ["2.00 MB resident", "20.0 MB resident"]
    assert [symbol.endswith("-open") for symbol in torch["marker"]["symbol"]] == [True, True]
    assert not str(full["marker"]["symbol"]).endswith("-open")


def test_a_case_that_takes_no_memory_has_no_place_on_a_logarithmic_axis() -> None:
    made = plots(*[row(slug, 1e-6, V=V, peak_bytes=used) for V in (10, 100) for slug, used in (("a", V), ("b", 0))])
    assert [trace["name"] for trace in made[MEMORY_V]["data"]] == ["a"]
    assert MEMORY_V not in plots(*[row("b", 1e-6, V=V, peak_bytes=0) for V in (10, 100)])


def test_a_label_says_how_a_line_grows() -> None:
    made = plots(*[row("one-hot", V * 1e-9, V=V, peak_bytes=V**2) for V in (10_000, 100_000)])
    assert "V^1.00" in line(made[TIME_V], "one-hot")["hovertemplate"]
    assert "V^2.00" in line(made[MEMORY_V], "one-hot")["hovertemplate"]


def test_one_size_makes_no_line() -> None:
    assert list(plots(row("gather", 1e-6), row("take", 1e-6))) == [CPU]
    assert plots() == {}
    assert plots(not_measured=[not_measured("gather", "crashed", "")]) == {}


# -- whiskers


def test_whiskers_are_the_intervals_over_processes() -> None:
    processes = [[1e-3] * 6, [1.1e-3] * 6, [1.3e-3] * 6]
    rows = [row("gather", processes, V=V) for V in (10_000, 100_000)]
    cases = frame(saved.result(*rows))
    whiskers = line(plots(*rows)[TIME_V], "gather")["error_y"]
    assert [cases.wall_s.iloc[0] + up for up in whiskers["array"]] == pytest.approx(cases.wall_high_s.to_list())
    assert [cases.wall_s.iloc[0] - down for down in whiskers["arrayminus"]] == pytest.approx(cases.wall_low_s.to_list())
    assert min(whiskers["array"] + whiskers["arrayminus"]) > 0


def test_a_file_without_processes_has_no_whiskers() -> None:
    made = plots(*[without_processes("gather", 1e-5, V=V, baseline=True) for V in (10, 100)], engine="pytest-benchmark")
    assert line(made[TIME_V], "gather")["error_y"]["array"] == [0, 0]
    assert line(made[IMPLEMENTATIONS], "gather")["error_x"]["array"] == [0]


# -- speed-ups, limits and CPU time


def test_speed_ups_are_points_with_intervals_of_the_problem_with_the_most_work() -> None:
    slow = [[8e-5] * 6, [9e-5] * 6, [1e-4] * 6]
    rows = [row("one-hot", slow, V=V, baseline=True) for V in (10_000, 100_000)]
    rows += [row("gather", 1e-5, V=10_000), row("gather", 2e-5, V=100_000)]
    rows += [row("take", 1e-5, V=10_000)]  # not measured at the larger size
    plot = plots(*rows)[IMPLEMENTATIONS]
    assert plot["title"] == "Speed-up over the baseline (V = 100,000, B = 100)"
    assert [trace["y"] for trace in plot["data"]] == [["one-hot"], ["gather"]]
    cases = frame(saved.result(*rows))
    expected = cases[(cases.implementation == "gather") & (cases.V == 100_000)]
    one = line(plot, "gather")
    assert one["x"] == pytest.approx([(4 * 4.5 * 5) ** (1 / 3)])
    assert one["text"] == ["4.48× faster"]
    assert one["x"][0] + one["error_x"]["array"][0] == pytest.approx(expected.speedup_high.item())
    assert one["x"][0] - one["error_x"]["arrayminus"][0] == pytest.approx(expected.speedup_low.item())
    assert plot["y"]["type"] == "category"


def test_without_a_baseline_there_are_no_speed_ups() -> None:
    assert IMPLEMENTATIONS not in plots(row("gather", 1e-5), row("take", 1e-5))


def test_a_bar_is_the_share_of_the_limit_that_binds() -> None:
    rows = [row("one-hot", 1e-2, read_bytes=4e7, written_bytes=0, moves_more=True), row("gather", 1e-5)]
    plot = plots(*rows, limits={"read": [[2.0**18, 8e9], [2.0**28, 8e9]]})[SHARES]
    (bar,) = plot["data"]
    assert (bar["type"], bar["y"], bar["text"]) == ("bar", ["one-hot"], ["50% of memory"])
    assert bar["x"] == pytest.approx([50])
    assert plot["x"]["labels"] == ["0 %", "25 %", "50 %", "75 %", "100 %"]


def test_cpu_time_stands_against_wall_time_for_every_case_of_every_kernel() -> None:
    rows = [row("a", 1e-6, V=V) for V in (10, 100)] + [row("b", 1e-3, kernel="scatter.dense")]
    plot = plots(
        *rows,
        row("idle", 1e-3, kernel="x")
        | {
            "extra_info": row("idle", 1e-3, kernel="x")["extra_info"]
            | {"processes": [{"wall_s": [1e-3], "cpu_s": [0.0]}]}
        },
    )[CPU]
    assert plot["kernel"] == ""
    assert [trace["name"] for trace in plot["data"]] == ["one core", "lookup", "scatter.dense"]
    assert line(plot, "lookup")["x"] == pytest.approx([1e-6, 1e-6])
    assert line(plot, "lookup")["y"] == pytest.approx([1e-6, 1e-6])
    assert line(plot, "one core")["x"] == line(plot, "one core")["y"] == pytest.approx([1e-6, 1e-3])
    assert all(trace["meta"] == "" for trace in plot["data"])  # no implementation's button hides a kernel's points


# -- one look everywhere


def test_what_was_not_measured_is_no_line_and_leaves_the_others_their_colours() -> None:
    sizes = (10_000, 100_000)
    implementations = [row(slug, 1e-6, V=V) for V in sizes for slug in ("a", "b", "c")]
    before = plots(*implementations)[TIME_V]
    missing = [not_measured("b", "timeout", "", V=V) for V in sizes]
    kept = [
        implementation for implementation in implementations if implementation["extra_info"]["implementation"] != "b"
    ]
    after = plots(*kept, not_measured=missing)[TIME_V]
    assert [trace["name"] for trace in after["data"]] == ["a", "c"]
    assert line(after, "a")["line"] == line(before, "a")["line"]


def test_an_implementation_looks_the_same_in_every_plot_of_its_kernel_and_in_the_legend() -> None:
    # the first was not measured at the vocabulary of the plot against B
    more: dict[str, Any] = {"peak_bytes": 10, "read_bytes": 4e3, "written_bytes": 0, "moves_more": True}
    rows = [row("a", 1e-6, V=V, B=10, **more) for V in (1_000, 10_000)]
    rows += [
        row(slug, 1e-6, V=V, B=B, baseline=slug == "b", **more)
        for V in (1_000, 10_000, 100_000)
        for B in (1, 10)
        for slug in ("b", "c")
    ]
    suite = {"limits": {"read": [[2.0**8, 8e9], [2.0**28, 8e9]]}}
    made = plots(*rows, **suite)
    assert list(made) == [TIME_V, MEMORY_V, TIME_B, MEMORY_B, IMPLEMENTATIONS, SHARES, CPU]
    assert [len(plot["data"]) for plot in made.values()] == [3, 3, 2, 2, 2, 2, 2]
    looks = styles(frame(saved.result(*rows, **suite)))["lookup"]
    for start, plot in made.items():
        for trace in plot["data"] if start != CPU else ():
            assert trace["meta"] == f"lookup/{trace['name']}"
            assert trace["marker"]["color"] == looks[trace["name"]][0]
            if start != SHARES:
                assert (trace["line"]["color"], trace["marker"]["symbol"]) == looks[trace["name"]]


def test_no_two_of_ten_implementations_share_a_colour_or_a_symbol_and_none_of_eighty_both() -> None:
    plot = plots(*[row(f"implementation-{at}", 1e-6, V=V) for V in (10_000, 100_000) for at in range(10)])[TIME_V]
    assert len({trace["line"]["color"] for trace in plot["data"]}) == len(COLOURS) == 10
    assert len({trace["marker"]["symbol"] for trace in plot["data"]}) == len(SYMBOLS) == 10
    many = styles(frame(saved.result(*[row(f"implementation-{at}", 1e-6) for at in range(80)])))["lookup"]
    assert len(set(many.values())) == 80


# -- labels


@pytest.mark.parametrize("text", [*saved.HOSTILE, "a & b", "&lt;", "%{x}"])
def test_a_name_is_shown_as_it_is_and_never_as_html(text: str) -> None:
    rows = [row("a", 1e-6, V=V, title=text, kernel=text, baseline=True) for V in (10_000, 100_000)]
    for made in rows:
        made["extra_info"]["implementation"] = text
    against_v, implementations, cpu = figures(frame(saved.result(*rows)))
    (stages,) = (
        plot for plot in figures(frame(saved.result(*rows)), {rows[1]["name"]: {text: 1.0}}) if plot.get("stacked")
    )
    for plot in (against_v, implementations, cpu, stages):
        trace = plot["data"][-1]
        assert "<" not in trace["name"]
        assert html.unescape(trace["name"]) == text
    assert implementations["data"][0]["y"] == [implementations["data"][0]["name"]]
    assert "<" not in against_v["data"][0]["hovertemplate"].replace("<extra>", "").replace("</extra>", "")


def test_a_name_in_a_template_is_no_variable_of_it() -> None:
    """Plotly fills in ``%{x}`` wherever a template has it, in a name too."""
    rows = [row("a", 1e-6, V=V) for V in (10_000, 100_000)]
    for made in rows:
        made["extra_info"]["implementation"] = "%{x}"
    template = plots(*rows)[TIME_V]["data"][0]["hovertemplate"]
    assert template.count("%{x") == 1


@pytest.mark.parametrize("path", [PROBLEM, PYTEST], ids=["problem", "pytest-benchmark"])
def test_plots_of_real_files_are_json_with_finite_numbers(path: Any) -> None:
    json.dumps(figures(frame(read(path))), allow_nan=False)


def test_every_measured_figure_of_the_real_problem_is_in_its_plots() -> None:
    cases = frame(read(PROBLEM))
    wall, memory, implementations, cpu = figures(cases)
    assert sorted(y for trace in wall["data"] for y in trace["y"]) == sorted(cases.wall_s)
    assert sorted(y for trace in memory["data"] for y in trace["y"]) == sorted(cases.peak_bytes)
    assert sorted(y for trace in cpu["data"][1:] for y in trace["y"]) == sorted(cases.cpu_s)
    largest = cases.loc[cases.V.eq(cases.V.max())]
    assert [trace["x"][0] for trace in implementations["data"]] == largest.speedup.to_list()
    assert len(wall["data"]) == cases.implementation.nunique()
    assert min(wall["y"]["at"]) <= cases.wall_s.min() <= cases.wall_s.max() <= max(wall["y"]["at"])
