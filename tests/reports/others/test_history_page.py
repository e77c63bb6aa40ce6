"""What is shown of runs over time: notes, sparklines, drawings, JSON and a page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.reports.others.history import FEWEST_RUNS, Change, Point, Series, Trend, trends
from w2vbench.reports.others.history_page import (
    BARS,
    HIGH,
    WIDE,
    as_json,
    describe,
    drawing,
    html,
    notes,
    ordered,
    sparkline,
)

from tests.reports.others.series import CASE, THRESHOLD, day, kept, levels, made_steady, result_of, series, trend_of
from tests.saved import HOSTILE

MEANT = "lookup/meant"


def twice(case: str = CASE) -> Series:
    """A series that once became slower by a factor of two."""
    return series(levels((1e-5, 5), (2e-5, 5)), case=case)


@pytest.mark.parametrize(("ratio", "says"), [(1.25, "25.0 % slower"), (0.8, "25.0 % faster"), (3.0, "3.00× slower")])
def test_a_change_is_told_with_its_direction_and_its_commits_or_times(ratio: float, says: str) -> None:
    before, after = series([1.0, 2.0]).points
    assert describe(Change(ratio, before, after)) == f"{says} between c0 and c1"
    before, after = (replace(one, commit="") for one in (before, after))
    assert describe(Change(ratio, before, after)) == f"{says} between 2026-01-01 00:00 and 2026-01-02 00:00"


walls_of = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=30)


@given(walls_of)
def test_a_sparkline_has_a_bar_for_each_run_and_is_higher_where_time_is(walls: list[float]) -> None:
    line = sparkline(series(walls))
    assert len(line) == len(walls)
    assert set(line) <= set(BARS)
    heights = [BARS.index(bar) for _, bar in sorted(zip(walls, line, strict=True))]
    assert heights == sorted(heights)
    if max(walls) >= 1.11 * min(walls):
        assert (heights[0], heights[-1]) == (0, len(BARS) - 1)


@given(st.floats(1e-9, 1e3), st.lists(st.floats(1.0, 1.01), min_size=1, max_size=20))
def test_noise_of_a_percent_does_not_fill_the_sparkline(wall: float, factors: list[float]) -> None:
    heights = [BARS.index(bar) for bar in sparkline(series([wall * factor for factor in factors]))]
    assert max(heights) - min(heights) <= 1


@given(walls_of)
def test_a_drawing_stays_in_its_box_and_runs_from_left_to_right(walls: list[float]) -> None:
    drawn = drawing(series(walls))
    xs, ys = zip(*[place for place, _ in drawn["dots"]], strict=True)
    assert list(xs) == sorted(xs)
    assert xs[0] > 0
    assert xs[-1] < WIDE
    assert all(0 < y < HIGH for y in ys)
    down = [y for _, y in sorted(zip(walls, ys, strict=True))]
    assert down == sorted(down, reverse=True)


def test_series_that_changed_most_come_first_and_others_keep_their_order() -> None:
    factors = {"flat": 1.0, "some": 1.5, "level": 1.0, "faster": 0.2, "slower": 3.0}
    made = [series(levels((1e-5, 5), (factor * 1e-5, 5)), case=name) for name, factor in factors.items()]
    assert [one.case for one in ordered(trend_of(*made))] == ["faster", "slower", "some", "flat", "level"]


def test_a_change_is_drawn_between_its_runs_and_json_tells_all_points_and_changes() -> None:
    one = twice(MEANT)
    (trend,) = json.loads(as_json([trend_of(one)]))
    assert (trend["machine"], trend["runs"], trend["series"][0]["case"]) == ("here", 10, MEANT)
    assert trend["series"][0]["points"] == [vars(point) for point in one.points]
    (change,) = trend["series"][0]["changes"]
    assert (change["before"], change["after"]) == (vars(one.points[4]), vars(one.points[5]))
    assert change["ratio"] == pytest.approx(2.0)
    assert (change["undone"], change["acknowledged"]) == (False, "checks its indices")
    drawn = drawing(one)
    assert drawn["dots"][4][0][0] < drawn["changes"][0] < drawn["dots"][5][0][0]


def test_the_page_says_what_changed_and_what_was_left_out_and_fetches_nothing() -> None:
    unsteady = series(levels((1e-5, 8), (3e-5, 2)), unsteady=range(8, 10), case="lookup/unsteady")
    page = unescape(html([trend_of(twice(), twice(MEANT), unsteady)], ["x.json: empty"], THRESHOLD))
    assert '<span class="slower">2.00× slower between c4 and c5</span>' in page
    assert '<span class="">2.00× slower between c4 and c5, acknowledged (checks its indices)</span>' in page
    assert "x.json: empty" in page
    assert [page.count(tag) for tag in ("<svg", "<line ", "<circle ", 'class="unsteady"')] == [3, 2, 30, 2]
    assert not re.search(r"https?:|//\w|src=|@import|url\(|<script", page)
    assert set(re.findall(r'href="([^"]*)"', page)) == {"data:,", "#main"}
    assert "No runs." in html([], [], THRESHOLD)
    assert as_json([]) == "[]"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_file_is_a_tag_of_the_page(text: str) -> None:
    pages = []
    for name in (text, "tame"):
        points = [Point(name, f"{day(n)}{name}", name, wall, None, n > 0) for n, wall in enumerate([1.0, 2.0])]
        one = Series(name, points, [Change(2.0, points[0], points[1], acknowledged=name)])
        pages.append(html([Trend(name, 2, {name: one})], [name], THRESHOLD))
    tags = [re.findall(r"<[\w/!][^>]*>", re.sub(r'aria-label="[^"]*"', "", page)) for page in pages]
    assert tags[0] == tags[1]
    assert text in unescape(pages[0])
    assert text not in pages[0] or not set(text) & set('<>"')


@pytest.mark.parametrize("last", [True, False])
def test_too_few_steady_runs_are_told_on_the_page_and_in_json(last: bool) -> None:
    found = trends(kept(*made_steady(*[True] * (FEWEST_RUNS - 1), last)))
    said = list(notes(found[0]))
    assert len(said) == (0 if last else 2)
    assert all(note in unescape(html(found, [], THRESHOLD)) for note in said)
    assert json.loads(as_json(found))[0]["notes"] == said


def test_runs_that_were_warned_of_are_told() -> None:
    (trend,) = trends(kept(result_of(), result_of(warnings=["the machine was busy"])))
    told = "1 of the steady runs had warnings; the last, in 1.json: the machine was busy"
    assert any(note.startswith(told) for note in notes(trend))
