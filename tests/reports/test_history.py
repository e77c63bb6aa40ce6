"""Runs over time: which files make a series, where a change of level is found, and what excuses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.commands.main import app
from reports.acknowledged import Acknowledgement
from reports.file_comparison import UNSTEADY
from reports.files import ResultError, write
from reports.history import FEWEST_RUNS, SHORTEST, Change, Trend, failing, find_all_changes, stored, trends
from reports.result_schema import ResultFile
from tests import saved
from tests.reports.series import (
    CASE,
    THRESHOLD,
    changes,
    content_of,
    day,
    given_on,
    levels,
    made_steady,
    result_of,
    series,
)
from tests.saved import Content, row, without_processes

HERE: Content = {"cpu": "A", "cpus_allowed": 4, "memory_bytes": 16 * 2**30, "machine": "x86_64"}


def places(found: Sequence[Change]) -> list[tuple[str, str]]:
    return [(one.before.commit, one.after.commit) for one in found]


# -- which files


@pytest.mark.parametrize(
    "runs",
    [
        {"a/0009_x.json": day(3), "0001_y.json": day(4), "b/0001_x.json": day(5)},
        {
            "d.json": "2026-01-01",
            "c.json": "2026-01-02T00:30:00+02:00",
            "z.json": "2026-01-01T23:00:00",
            "b.json": "2026-01-01T23:30:00Z",
            "a.json": "2026-01-01T20:00:00-04:00",
        },
        {"a.json": day(0), "b.json": day(0), "c.json": day(0)},
    ],
    ids=["in folders below", "by their moments, in UTC where no zone is given", "of one moment, by name"],
)
def test_runs_stand_in_order_of_time(tmp_path: Path, runs: dict[str, str]) -> None:
    for name, moment in reversed(runs.items()):
        write(tmp_path / name, saved.text(content_of() | {"datetime": moment}))
    found, left = stored(tmp_path)
    assert [Path(file).relative_to(tmp_path).as_posix() for file, _ in found] == list(runs)
    assert left == []


@pytest.mark.parametrize("unread", ["", "yesterday", "2026-13-01T00:00:00+00:00", "2026-01-02T03:04:05 GMT", "\x00"])
def test_a_run_of_no_known_time_is_left_out_with_the_reason(tmp_path: Path, unread: str) -> None:
    write(tmp_path / "good.json", saved.text(content_of()))
    write(tmp_path / "timeless.json", saved.text(content_of() | {"datetime": unread}))
    found, left = stored(tmp_path)
    assert [Path(file).name for file, _ in found] == ["good.json"]
    assert left == [f"{tmp_path / 'timeless.json'}: its time is unknown ({unread!r})"]


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
    run = ResultFile.model_validate(content_of() | {"commit_info": info})
    (trend,) = trends([("a.json", run)])
    assert trend.series[CASE].points[0].commit == says


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


def test_a_change_stands_between_the_steady_runs_around_it() -> None:
    walls = levels((1e-5, 5), (9e-5, 2), (2e-5, 5))
    found = changes(walls, unsteady=(5, 6))
    assert places(found) == [("c4", "c7")]
    assert found[0].ratio == pytest.approx(2.0)


def test_unsteady_runs_find_no_change() -> None:
    walls = levels((1e-5, 8), (3e-5, 4))
    assert len(changes(walls)) == 1
    assert changes(walls, unsteady=range(8, 12)) == []


# -- what fails


@pytest.mark.parametrize(
    ("parts", "fails"),
    [
        ((1.0, 1.5, 3.0), (True, True)),
        ((1.0, 2.0, 1.02), (False, False)),
        ((1.0, 3.0, 1.7, 1.02), (False, False, False)),
        ((1.0, 1.07, 1.15, 1.0), (False, False)),
        ((1.0, 2.0, 1.3), (True, False)),
        ((1.0, 2.0, 1.0, 2.0), (False, False, True)),
        ((1.0, 2.0, 4.0, 2.0), (True, False, False)),
        ((2.0, 1.0, 2.0), (False, True)),
    ],
    ids=[
        "two slowdowns",
        "one that was undone",
        "undone step by step",
        "creeping, undone in one step",
        "undone in part",
        "one that came back after it was undone",
        "of two the second undone",
        "a speed-up that was lost again",
    ],
)
def test_a_slowdown_fails_unless_it_was_undone(parts: tuple[float, ...], fails: tuple[bool, ...]) -> None:
    found = changes(levels(*[(1e-5 * part, 6) for part in parts]))
    assert tuple(failing(one, THRESHOLD) for one in found) == fails
    assert [one.undone for one in found] == [
        one.ratio > 1 and not failed for one, failed in zip(found, fails, strict=True)
    ]


@pytest.mark.parametrize("step", [1.07, 1 / 1.07])
def test_steps_below_the_threshold_add_up(step: float) -> None:
    """Each is measured from the level that was told of last."""
    found = changes(levels(*[(1e-5 * step**at, 6) for at in range(5)]))
    assert places(found) == [("c11", "c12"), ("c23", "c24")]
    assert [one.ratio for one in found] == pytest.approx([step**2] * 2)
    assert {failing(one, THRESHOLD) for one in found} == {step > 1}


def test_a_slow_drift_back_and_forth_below_the_threshold_is_no_change() -> None:
    assert changes(levels(*[(1e-5 * 1.07 ** (at % 2), 6) for at in range(6)])) == []


@pytest.mark.parametrize("case", [CASE, "lookup/*", "*"])
@pytest.mark.parametrize("number", [4, 4.5, 5, 20])
def test_a_slowdown_acknowledged_since_the_run_before_it_does_not_fail(number: float, case: str) -> None:
    (found,) = changes(levels((1e-5, 5), (2e-5, 5)), [given_on(number, case)])
    assert found.acknowledged == "checks its indices"
    assert not failing(found, THRESHOLD)


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


# -- runs that were not steady


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


@pytest.mark.parametrize(("steady", "code"), [(FEWEST_RUNS, 0), (FEWEST_RUNS - 1, 3)])
def test_a_gate_of_too_few_steady_runs_exits_with_3(
    steady: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    for name, result in made_steady(*[True] * steady, False):
        (tmp_path / "kept" / name).write_text(result.model_dump_json(by_alias=True))
    for arguments, wanted in ((["--fail"], code), ([], 0)):
        assert (app(["history", "--store", "kept", *arguments], standalone_mode=False) or 0) == wanted
