"""Runs over time: which files make a series, where a change of level is found and what excuses it, and a page that shows it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.commands.main import app
from reports.acknowledged import Acknowledgement
from reports.file_comparison import UNSTEADY
from reports.files import ResultError, write
from reports.history import (
    FEWEST_RUNS,
    NOISE,
    SHORTEST,
    Change,
    Point,
    Series,
    Trend,
    commit_of,
    failing,
    find_all_changes,
    find_changes,
    own_noise,
    parse_time,
    stored,
    trends,
)
from reports.history_page import BARS, HIGH, WIDE, as_json, describe, drawing, heading, html, notes, ordered, sparkline
from reports.results import ResultFile
from tests import saved
from tests.saved import HOSTILE, Content, row, without_processes

THRESHOLD = 0.10
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
CASE = "lookup/gather@V=1e4,H=100,B=100,f32,i64,zipf,t1"
HERE: Content = {"cpu": "A", "cpus_allowed": 4, "memory_bytes": 16 * 2**30, "machine": "x86_64"}


def day(number: int) -> str:
    return (FIRST_DAY + timedelta(days=number)).isoformat()


def series(walls: Sequence[float], *, unsteady: Iterable[int] = (), case: str = CASE) -> Series:
    """One run a day, each of its own commit."""
    spoiled = set(unsteady)
    return Series(
        case,
        [Point(f"{n}.json", day(n), f"c{n}", float(wall), None, n not in spoiled) for n, wall in enumerate(walls)],
    )


def changes(
    walls: Sequence[float], excuses: Sequence[Acknowledgement] = (), *, unsteady: Iterable[int] = ()
) -> list[Change]:
    made = series(walls, unsteady=unsteady)
    find_all_changes(Trend("here", series={CASE: made}), THRESHOLD, excuses)
    return made.changes


def places(found: Sequence[Change]) -> list[tuple[str, str]]:
    return [(one.before.commit, one.after.commit) for one in found]


def levels(*parts: tuple[float, int], noise: float = 0.0, rng: np.random.Generator | None = None) -> list[float]:
    """A series that stays at each level for so many runs."""
    logs = np.concatenate([np.full(count, math.log(level)) for level, count in parts])
    spread = (rng or np.random.default_rng(1)).standard_normal(len(logs))
    return [float(wall) for wall in np.exp(logs + noise * spread)]


def content_of(wall: float = 1e-5, *, when: int = 0, commit: str = "0123456789ab", **suite: Any) -> Content:
    made = saved.content(row("gather", wall), **suite)
    return made | {"datetime": day(when), "commit_info": {"id": commit, "dirty": False}}


def result_of(wall: float = 1e-5, **options: Any) -> ResultFile:
    return ResultFile.model_validate(content_of(wall, **options))


# -- which files


def test_runs_are_found_in_folders_below_and_stand_in_order_of_time(tmp_path: Path) -> None:
    for name, when in (("b/0001_x.json", 5), ("a/0009_x.json", 3), ("0001_y.json", 4)):
        write(tmp_path / name, saved.text(content_of(when=when)))
    found, left = stored(tmp_path)
    assert [Path(file).relative_to(tmp_path).as_posix() for file, _ in found] == [
        "a/0009_x.json",
        "0001_y.json",
        "b/0001_x.json",
    ]
    assert left == []


@pytest.mark.parametrize("unread", ["", "yesterday", "2026-13-01T00:00:00+00:00", "2026-01-02T03:04:05 GMT", "\x00"])
def test_a_run_of_no_known_time_is_left_out_with_the_reason(tmp_path: Path, unread: str) -> None:
    write(tmp_path / "good.json", saved.text(content_of()))
    write(tmp_path / "timeless.json", saved.text(content_of() | {"datetime": unread}))
    found, left = stored(tmp_path)
    assert [Path(file).name for file, _ in found] == ["good.json"]
    assert left == [f"{tmp_path / 'timeless.json'}: its time is unknown ({unread!r})"]


def test_runs_stand_in_order_of_their_moments_and_not_of_how_these_are_written(tmp_path: Path) -> None:
    moments = ["2026-01-02T00:30:00+02:00", "2026-01-01T23:00:00", "2026-01-01T23:30:00Z", "2026-01-01T20:00:00-04:00"]
    for number, moment in enumerate(reversed(moments)):
        write(tmp_path / f"{number}.json", saved.text(content_of() | {"datetime": moment}))
    found, left = stored(tmp_path)
    assert [run.datetime for _, run in found] == moments
    assert left == []


def test_runs_of_one_moment_stand_in_order_of_their_names(tmp_path: Path) -> None:
    for name in "cab":
        write(tmp_path / f"{name}.json", saved.text(content_of()))
    assert [Path(file).stem for file, _ in stored(tmp_path)[0]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-01-01T00:00:00", FIRST_DAY),
        ("2026-01-01T02:00:00+02:00", FIRST_DAY),
        ("2026-01-01", FIRST_DAY),
        ("2026-01-01T00:00:00Z", FIRST_DAY),
        ("soon", None),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, when: datetime | None) -> None:
    assert parse_time(text) == when


def test_foreign_and_broken_files_are_left_out_each_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path / "good.json", saved.text(content_of()))
    other = saved.content(without_processes("gather", 1e-5), engine="pytest-benchmark")
    comparison = saved.content(engine="compare")
    texts = {
        "broken.json": '{"benchmarks": [',
        "empty.json": "",
        "foreign.json": '{"benchmarks": []}',
        "list.json": "[]",
        "newer.json": '{"benchmarks": [], "w2vbench": {"schema_version": 99}}',
        "other.json": saved.text(other),
        "comparison.json": saved.text(comparison),
        "notes.txt": "not even looked at",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "binary.json").write_bytes(b"\xff\x00\xfe")
    found, left = stored(tmp_path)
    assert [Path(file).name for file, _ in found] == ["good.json"]
    reasons = {Path(line.partition(": ")[0]).name: line.partition(": ")[2] for line in left}
    assert set(reasons) == {*texts, "folder.json", "binary.json"} - {"notes.txt"}
    assert all(len(line.splitlines()) == 1 for line in left)
    assert "cut off" in reasons["broken.json"]
    assert "another suite" in reasons["foreign.json"]
    assert "newer w2vbench" in reasons["newer.json"]
    assert "folder" in reasons["folder.json"]
    assert "not a file of w2vbench run" in reasons["other.json"]
    assert "not a file of w2vbench run" in reasons["comparison.json"]


def test_an_empty_folder_has_no_runs(tmp_path: Path) -> None:
    assert stored(tmp_path) == ([], [])
    assert trends([]) == []
    assert "No runs." in html([], [], THRESHOLD)
    assert as_json([]) == "[]"


@pytest.mark.parametrize("make", [False, True])
def test_where_there_is_no_folder_it_is_said_in_one_line(tmp_path: Path, make: bool) -> None:
    if make:
        (tmp_path / "runs").write_text("a file")
    with pytest.raises(ResultError, match="runs: no such folder"):
        stored(tmp_path / "runs")


# -- which series


def test_machines_and_corpora_are_never_joined() -> None:
    other = HERE | {"cpu": "B"}
    runs = [
        result_of(1.0, environment=HERE, corpus={"name": "sotu"}),
        result_of(2.0, environment=other, corpus={"name": "sotu"}),
        result_of(3.0, environment=HERE, corpus={"name": "mine"}),
        result_of(4.0, environment=HERE | {"hostname": "new"}, corpus={"name": "sotu"}),
    ]
    found = trends([(f"{n}.json", run) for n, run in enumerate(runs)])
    walls = [[point.wall_s for point in trend.series[CASE].points] for trend in found]
    assert walls == [pytest.approx([1.0, 4.0]), pytest.approx([2.0]), pytest.approx([3.0])]
    assert [trend.runs for trend in found] == [2, 1, 1]
    assert [trend.machine for trend in found] == ["A, 4 CPUs, 16 GiB", "B, 4 CPUs, 16 GiB", "A, 4 CPUs, 16 GiB"]


def test_a_corpus_of_another_length_is_another_and_a_heading_has_it_where_a_machine_has_several() -> None:
    runs = [
        result_of(environment=here, corpus={"name": name, "tokens": tokens})
        for here, name, tokens in (
            (HERE, "sotu", 8),
            (HERE, "sotu", 9),
            (HERE, "mine", 8),
            (HERE | {"cpu": "B"}, "sotu", 8),
        )
    ]
    found = trends([(f"{n}.json", run) for n, run in enumerate([*runs, runs[0]])])
    assert [trend.runs for trend in found] == [2, 1, 1, 1]
    here, other = (f"{cpu}, 4 CPUs, 16 GiB" for cpu in "AB")
    assert [heading(trend, found) for trend in found] == [f"{here}, sotu", f"{here}, sotu", f"{here}, mine", other]
    assert [heading(trend, [trend]) for trend in found] == [here, here, here, other]
    assert [one["corpus"] for one in json.loads(as_json(found))] == ["sotu", "sotu", "mine", "sotu"]
    page = html(found, [], THRESHOLD)
    assert [page.count(text) > 0 for text in (f"{here}, sotu", f"{here}, mine", f"{other}, sotu")] == [
        True,
        True,
        False,
    ]


def test_a_case_that_came_later_has_fewer_points() -> None:
    later = saved.result(row("gather", 1e-5, peak_bytes=7), row("take", 1e-5))
    (trend,) = trends([("a", saved.result(row("gather", 2e-5))), ("b", later)])
    assert [len(one.points) for one in trend.series.values()] == [2, 1]
    assert [point.peak_bytes for point in trend.series[CASE].points] == [None, 7]


@pytest.mark.parametrize(
    ("clock_variation", "steady"), [(None, True), (1.0, True), (UNSTEADY, True), (UNSTEADY + 0.01, False), ("?", True)]
)
def test_a_run_in_which_the_machine_changed_its_speed_is_marked(clock_variation: Any, steady: bool) -> None:
    (trend,) = trends([("a", result_of(environment={"clock_variation": clock_variation}))])
    assert trend.series[CASE].points[0].steady is steady


@pytest.mark.parametrize(
    ("info", "says"),
    [
        ({"id": "0123456789abcdef", "dirty": False}, "012345678"),
        ({"id": "0123456789abcdef", "dirty": True}, "012345678+"),
        ({"id": "unversioned", "dirty": True}, ""),
        ({"id": "unknown"}, ""),
        ({"id": None}, ""),
        ({}, ""),
    ],
)
def test_a_commit_is_its_hash_or_nothing(info: Content, says: str) -> None:
    assert commit_of(ResultFile.model_validate(saved.content() | {"commit_info": info})) == says


# -- changes


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("at", [SHORTEST, 6, 12 - SHORTEST])
@pytest.mark.parametrize("factor", [1.3, 3.0, 1 / 1.3, 1 / 3])
def test_a_step_is_found_at_its_run_with_its_size(factor: float, at: int, noise: float) -> None:
    found = changes(levels((1e-5, at), (1e-5 * factor, 12 - at), noise=noise))
    assert places(found) == [(f"c{at - 1}", f"c{at}")]
    assert found[0].ratio == pytest.approx(factor, rel=2.5 * noise + 1e-9)
    assert failing(found[0], THRESHOLD) == (factor > 1)
    assert not found[0].undone


def test_two_steps_are_two_changes() -> None:
    found = changes(levels((1e-5, 5), (1.5e-5, 5), (3e-5, 5), noise=0.02))
    assert places(found) == [("c4", "c5"), ("c9", "c10")]
    assert all(failing(one, THRESHOLD) for one in found)


@pytest.mark.parametrize("factor", [1.0, 1.05, 1.099, 1 / 1.099])
def test_a_step_below_the_threshold_is_no_change(factor: float) -> None:
    assert changes(levels((1e-5, 10), (factor * 1e-5, 10))) == []


def test_a_single_slow_run_is_no_change() -> None:
    for at in range(2, 10):
        walls = levels((1e-5, 12), noise=0.02)
        walls[at] *= 1.5
        assert not any(failing(one, THRESHOLD) for one in changes(walls))


def test_few_runs_find_no_change() -> None:
    walls = levels((1e-5, 3), (1e-4, FEWEST_RUNS - 3))
    assert len(changes(walls)) == 1
    assert changes(walls[:-1]) == []


@pytest.mark.parametrize("count", [1, 10])
def test_noise_alone_is_called_a_change_in_less_than_one_series_of_a_hundred(count: int) -> None:
    rng = np.random.default_rng(30)
    false = total = 0
    for length in (6, 9, 14, 20):
        for _ in range(200 // count):
            trend = Trend(
                "here", series={str(n): series(levels((1.0, length), noise=0.03, rng=rng)) for n in range(count)}
            )
            find_all_changes(trend, THRESHOLD)
            false += sum(bool(one.changes) for one in trend.series.values())
            total += count
    assert total >= 500
    assert false / total < 0.01


def test_a_noisy_machine_is_learnt_from_all_its_series_so_that_a_short_one_finds_nothing_in_its_noise() -> None:
    short = levels((1.0, 5), (1.13, 5))
    assert len(changes(short)) == 1
    rng = np.random.default_rng(2)
    others = {str(n): series(levels((1.0, 30), noise=0.1, rng=rng)) for n in range(9)}
    among = series(short)
    find_all_changes(Trend("here", series={**others, CASE: among}), THRESHOLD)
    assert among.changes == []


def test_noise_is_read_off_steps_so_that_a_change_of_level_counts_little() -> None:
    logs = np.log(levels((1.0, 200), (3.0, 200), noise=0.03))
    assert own_noise(logs) == pytest.approx(0.03, rel=0.2)


def test_a_series_alone_may_be_given_its_noise() -> None:
    for noise, count in ((NOISE, 1), (0.5, 0)):
        one = series(levels((1.0, 5), (1.5, 5)))
        find_changes(one, THRESHOLD, noise)
        assert len(one.changes) == count


def test_unsteady_runs_are_shown_but_find_no_change() -> None:
    walls = levels((1e-5, 8), (3e-5, 4))
    assert len(changes(walls)) == 1
    assert changes(walls, unsteady=range(8, 12)) == []
    one = series(walls, unsteady=range(8, 12))
    assert len(sparkline(one)) == len(drawing(one)["dots"]) == 12
    assert html([Trend("here", 12, {CASE: one})], [], THRESHOLD).count('class="unsteady"') == 4


def test_a_change_stands_between_the_steady_runs_around_it() -> None:
    walls = levels((1e-5, 5), (9e-5, 2), (2e-5, 5))
    found = changes(walls, unsteady=(5, 6))
    assert places(found) == [("c4", "c7")]
    assert found[0].ratio == pytest.approx(2.0)


# -- what does not fail


def test_a_slowdown_that_was_undone_is_shown_and_does_not_fail() -> None:
    slower, faster = changes(levels((1e-5, 5), (2e-5, 5), (1.02e-5, 5)))
    assert (slower.undone, faster.undone) == (True, False)
    assert not failing(slower, THRESHOLD)
    assert not failing(faster, THRESHOLD)
    assert describe(slower) == "2.00× slower between c4 and c5, undone since"


def test_a_slowdown_that_was_undone_step_by_step_is_undone_too() -> None:
    slower, *faster = changes(levels((1e-5, 5), (3e-5, 5), (1.7e-5, 5), (1.02e-5, 5)))
    assert (slower.undone, failing(slower, THRESHOLD)) == (True, False)
    assert not any(failing(one, THRESHOLD) for one in faster)


def test_a_slowdown_that_came_back_after_it_was_undone_fails_by_its_return_alone() -> None:
    found = changes(levels((1e-5, 5), (2e-5, 5), (1e-5, 5), (2e-5, 5)))
    assert places(found) == [("c4", "c5"), ("c9", "c10"), ("c14", "c15")]
    assert [failing(one, THRESHOLD) for one in found] == [False, False, True]


def test_of_two_slowdowns_the_one_that_was_taken_back_is_undone() -> None:
    found = changes(levels((1e-5, 5), (2e-5, 5), (4e-5, 5), (2e-5, 5)))
    assert [one.undone for one in found] == [False, True, False]
    assert [failing(one, THRESHOLD) for one in found] == [True, False, False]


@pytest.mark.parametrize("step", [1.07, 1 / 1.07])
def test_steps_below_the_threshold_add_up(step: float) -> None:
    """Each is measured from the level that was told of last."""
    found = changes(levels(*[(1e-5 * step**at, 6) for at in range(5)]))
    assert places(found) == [("c11", "c12"), ("c23", "c24")]
    assert [one.ratio for one in found] == pytest.approx([step**2] * 2)
    assert {failing(one, THRESHOLD) for one in found} == {step > 1}


def test_creeping_that_was_taken_back_in_one_step_is_undone() -> None:
    slower, faster = changes(levels((1e-5, 6), (1.07e-5, 6), (1.15e-5, 6), (1e-5, 6)))
    assert (slower.undone, failing(slower, THRESHOLD)) == (True, False)
    assert slower.ratio * faster.ratio == pytest.approx(1.0)


def test_a_slow_drift_back_and_forth_below_the_threshold_is_no_change() -> None:
    assert changes(levels(*[(1e-5 * 1.07 ** (at % 2), 6) for at in range(6)])) == []


def test_a_slowdown_that_was_undone_in_part_still_fails() -> None:
    slower, _ = changes(levels((1e-5, 5), (2e-5, 5), (1.3e-5, 5)))
    assert failing(slower, THRESHOLD)


def test_a_speed_up_that_was_lost_again_fails() -> None:
    faster, slower = changes(levels((2e-5, 5), (1e-5, 5), (2e-5, 5)))
    assert not failing(faster, THRESHOLD)
    assert failing(slower, THRESHOLD)


def given_on(number: float, case: str = CASE) -> Acknowledgement:
    return Acknowledgement(case, "checks its indices", FIRST_DAY + timedelta(days=number))


@pytest.mark.parametrize("case", [CASE, "lookup/*", "*"])
@pytest.mark.parametrize("number", [4, 4.5, 5, 20])
def test_a_slowdown_acknowledged_since_the_run_before_it_does_not_fail(number: float, case: str) -> None:
    (found,) = changes(levels((1e-5, 5), (2e-5, 5)), [given_on(number, case)])
    assert found.acknowledged == "checks its indices"
    assert not failing(found, THRESHOLD)
    assert describe(found) == "2.00× slower between c4 and c5, acknowledged (checks its indices)"


@pytest.mark.parametrize("excuses", [[given_on(3.9)], [given_on(20, "scatter.*")], [given_on(1), given_on(2)], []])
def test_an_acknowledgement_from_before_or_of_another_case_excuses_nothing(excuses: list[Acknowledgement]) -> None:
    (found,) = changes(levels((1e-5, 5), (2e-5, 5)), excuses)
    assert found.acknowledged is None
    assert failing(found, THRESHOLD)


def test_a_second_slowdown_needs_its_own_acknowledgement() -> None:
    first, second = changes(levels((1e-5, 5), (2e-5, 5), (4e-5, 5)), [given_on(6)])
    assert (failing(first, THRESHOLD), failing(second, THRESHOLD)) == (False, True)


@pytest.mark.parametrize(("ratio", "fails"), [(1.2, True), (1.05, False), (0.5, False)])
def test_only_slowdowns_beyond_the_threshold_fail(ratio: float, fails: bool) -> None:
    before, after = series([1.0, 2.0]).points
    assert failing(Change(ratio, before, after), THRESHOLD) is fails


@pytest.mark.parametrize(("ratio", "says"), [(1.25, "25.0 % slower"), (0.8, "25.0 % faster"), (3.0, "3.00× slower")])
def test_a_change_is_told_with_its_direction(ratio: float, says: str) -> None:
    before, after = series([1.0, 2.0]).points
    assert describe(Change(ratio, before, after)) == f"{says} between c0 and c1"


def test_runs_of_unknown_commits_are_told_by_their_time() -> None:
    before, after = (Point("a.json", day(n), "", 1.0, None) for n in (0, 1))
    assert describe(Change(1.25, before, after)).endswith("between 2026-01-01 00:00 and 2026-01-02 00:00")


# -- shown

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
    assert drawn["line"] == " ".join(f"{x},{y}" for x, y in zip(xs, ys, strict=True))


def test_a_change_is_drawn_between_its_runs() -> None:
    one = series(levels((1e-5, 5), (2e-5, 5)))
    find_changes(one, THRESHOLD)
    drawn = drawing(one)
    (x,) = drawn["changes"]
    assert drawn["dots"][4][0][0] < x < drawn["dots"][5][0][0]


def test_series_that_changed_most_come_first_and_others_keep_their_order() -> None:
    made = {
        name: series(levels((1e-5, 5), (factor * 1e-5, 5)), case=name)
        for name, factor in (("flat", 1.0), ("some", 1.5), ("level", 1.0), ("faster", 0.2), ("slower", 3.0))
    }
    trend = Trend("here", 10, made)
    find_all_changes(trend, THRESHOLD)
    assert [one.case for one in ordered(trend)] == ["faster", "slower", "some", "flat", "level"]


def test_json_tells_all_points_and_changes() -> None:
    one = series(levels((1e-5, 5), (2e-5, 5)))
    find_changes(one, THRESHOLD, acknowledgements=[given_on(6)])
    (trend,) = json.loads(as_json([Trend("here", 10, {CASE: one})]))
    assert (trend["machine"], trend["runs"], trend["series"][0]["case"]) == ("here", 10, CASE)
    assert trend["series"][0]["points"] == [vars(point) for point in one.points]
    (change,) = trend["series"][0]["changes"]
    assert change["before"] == vars(one.points[4])
    assert change["after"] == vars(one.points[5])
    assert change["ratio"] == pytest.approx(2.0)
    assert (change["undone"], change["acknowledged"]) == (False, "checks its indices")


# -- the page


def test_the_page_fetches_nothing() -> None:
    one = series(levels((1e-5, 5), (2e-5, 5)))
    find_changes(one, THRESHOLD)
    page = html([Trend("here", 10, {CASE: one})], ["x.json: empty"], THRESHOLD)
    assert not re.search(r"https?:|//\w|src=|@import|url\(|<script", page)
    assert re.findall(r'href="([^"]*)"', page) == ["data:,"]


def test_the_page_says_what_changed_and_what_was_left_out() -> None:
    slow, meant = (series(levels((1e-5, 5), (2e-5, 5)), case=name) for name in ("lookup/slow", "lookup/meant"))
    find_changes(slow, THRESHOLD)
    find_changes(meant, THRESHOLD, acknowledgements=[given_on(6, "lookup/meant")])
    page = unescape(html([Trend("here", 10, {"a": slow, "b": meant})], ["x.json: empty"], THRESHOLD))
    assert '<span class="slower">2.00× slower between c4 and c5</span>' in page
    assert '<span class="">2.00× slower between c4 and c5, acknowledged (checks its indices)</span>' in page
    assert "less than 10 %" in page
    assert "x.json: empty" in page
    assert page.count("<svg") == 2
    assert page.count("<line ") == 2
    assert page.count("<circle ") == 20


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


def test_hostile_files_are_shown_from_the_folder_to_the_page(tmp_path: Path) -> None:
    script = HOSTILE[0]
    for number in range(FEWEST_RUNS):
        made = content_of(1e-5, when=number, commit=script, environment={"cpu": script})
        made["benchmarks"][0]["name"] = script
        write(tmp_path / f"{number}.json", saved.text(made))
    (tmp_path / f"{script.replace('/', '')}.json").write_text("")
    runs, left = stored(tmp_path)
    found = trends(runs)
    for trend in found:
        find_all_changes(trend, THRESHOLD)
    page = html(found, left, THRESHOLD)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 3


# -- runs that were not steady


def made_steady(*steady: bool) -> list[tuple[str, ResultFile]]:
    """Runs one a day, some of them on a machine that changed its speed meanwhile."""
    return [
        (f"{at}.json", result_of(when=at, environment={"clock_variation": 1.0 if one else 1.7}))
        for at, one in enumerate(steady)
    ]


@pytest.mark.parametrize(
    ("steady", "unanswered"),
    [
        ((True,) * FEWEST_RUNS, False),
        ((True,) * (FEWEST_RUNS - 1), False),  # there are not enough yet
        ((True,) * (FEWEST_RUNS - 1) + (False,), True),
        ((False,) * 9, True),
        ((True,) * FEWEST_RUNS + (False,) * 3, False),
        ((False,), True),
        ((), False),
    ],
)
def test_too_few_steady_runs_are_no_answer(steady: tuple[bool, ...], unanswered: bool) -> None:
    found = trends(made_steady(*steady))
    assert any(trend.unanswered for trend in found) is unanswered
    for trend in found:
        said = list(notes(trend))
        assert any("Too few steady runs" in note for note in said) is unanswered
        assert any("not used to find changes" in note and "1.7×" in note for note in said) is (False in steady)
        assert all(note in unescape(html(found, [], THRESHOLD)) for note in said)
        assert json.loads(as_json(found))[0]["notes"] == said


def test_a_case_whose_steady_runs_are_too_few_is_no_answer_though_others_have_enough() -> None:
    both = [row("gather", 1e-5), row("take", 1e-5)]
    runs = [
        (f"{at}.json", saved.result(*both[: 1 + (at > 0)], environment={"clock_variation": 1.0 if at else 1.7}))
        for at in range(FEWEST_RUNS + 1)
    ]
    (trend,) = trends(runs)
    assert not trend.unanswered
    trend.series[CASE].points[1] = replace(trend.series[CASE].points[1], steady=False)
    assert trend.unanswered


def test_runs_that_were_warned_of_are_told() -> None:
    busy = result_of(warnings=["the machine was busy when the run began (63% of its CPUs' time): figures may be high"])
    (trend,) = trends([("a.json", result_of()), ("b.json", busy)])
    assert any(
        note.startswith("1 of the steady runs had warnings; the last, in b.json: the machine was busy")
        for note in notes(trend)
    )


@pytest.mark.parametrize(("steady", "code"), [(FEWEST_RUNS, 0), (FEWEST_RUNS - 1, 3)])
def test_a_gate_of_too_few_steady_runs_exits_with_3(
    steady: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    for name, result in made_steady(*[True] * steady, False):
        (tmp_path / "kept" / name).write_text(result.model_dump_json(by_alias=True))
    for arguments, wanted in ((["--fail"], code), ([], 0)):
        assert (app(["history", "--store", "kept", *arguments], standalone_mode=False) or 0) == wanted
        assert f"1 of {steady + 1} runs are shown, but not used to find changes" in " ".join(
            capsys.readouterr().out.split()
        )
