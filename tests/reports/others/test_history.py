"""Runs over time: which files make a series, where a change of level is found, and what excuses it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from w2vbench.bench.main import app
from w2vbench.reports.compare.acknowledged import Acknowledgement
from w2vbench.reports.file.files import ResultError, read, write
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.facts import UNSTEADY
from w2vbench.reports.others import stored_runs
from w2vbench.reports.others.history import FEWEST_RUNS, SHORTEST, Change, Trend, failing, find_all_changes, trends
from w2vbench.reports.others.history_page import COLUMNS, DOTS, WIDE, as_json, drawing, drawn, heading
from w2vbench.reports.others.stored_runs import INDEX, stored

from tests import saved
from tests.reports.others.series import (
    CASE,
    THRESHOLD,
    changes,
    content_of,
    day,
    given_on,
    kept,
    levels,
    made_steady,
    result_of,
    series,
)
from tests.saved import HERE, row


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


UNREAD_TIMES = ("", "yesterday", "2026-13-01T00:00:00+00:00", "2026-01-02T03:04:05 GMT", "\x00")
OTHERS = {
    "broken.json": ('{"benchmarks": [', "cut off"),
    "empty.json": ("", "empty"),
    "foreign.json": ('{"benchmarks": []}', "another suite"),
    "list.json": ("[]", "no result file"),
    "newer.json": ('{"benchmarks": [], "w2vbench": {"schema_version": 99}}', "newer w2vbench"),
    "binary.json": ("\udcff\x00\udcfe", "binary"),
    "other.json": (saved.text(saved.content(engine="pytest-benchmark")), "not a file of w2vbench run"),
    "comparison.json": (saved.text(saved.content(engine="compare")), "not a file of w2vbench run"),
    **{
        f"timeless-{at}.json": (saved.text(content_of() | {"datetime": time}), f"its time is unknown ({time!r})")
        for at, time in enumerate(UNREAD_TIMES)
    },
}


def test_foreign_and_broken_files_are_left_out_each_with_its_reason_in_a_line(tmp_path: Path) -> None:
    write(tmp_path / "good.json", saved.text(content_of()))
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "notes.txt").write_text("not even looked at")
    for name, (text, _) in OTHERS.items():
        (tmp_path / name).write_text(text, errors="surrogateescape")
    found, left = stored(tmp_path)
    assert [Path(file).name for file, _ in found] == ["good.json"]
    reasons = {Path(line.partition(": ")[0]).name: line.partition(": ")[2] for line in left}
    assert reasons.keys() == {*OTHERS, "folder.json"}
    assert all(says in reasons[name] for name, (_, says) in {**OTHERS, "folder.json": ("", "folder")}.items())
    assert all(len(line.splitlines()) == 1 for line in left)


def test_files_are_read_once_and_again_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that are left out. A folder without its index, or with one that is no index, gives the same."""
    write(tmp_path / "a.json", saved.text(content_of(1e-5)))
    write(tmp_path / "b.json", saved.text(content_of(2e-5, when=1)))
    (tmp_path / "foreign.json").write_text('{"benchmarks": []}')
    asked: list[str] = []

    def reading(path: Path) -> ResultFile:
        asked.append(path.name)
        return read(path)

    monkeypatch.setattr(stored_runs, "read", reading)
    first = stored(tmp_path)
    assert (sorted(asked), stored(tmp_path)) == (["a.json", "b.json", "foreign.json"], first)
    assert len(asked) == 3
    write(tmp_path / "b.json", saved.text(content_of(3e-5, when=1, commit="abcdef012345")))
    (changed,) = (run for file, run in stored(tmp_path)[0] if file.endswith("b.json"))
    assert (asked[3:], changed.commit) == (["b.json"], "abcdef012")
    assert changed.cases[0].wall_s == pytest.approx(3e-5)
    again = stored(tmp_path)
    for index in (b"", b"{}", b"\xff", (tmp_path / INDEX).read_bytes().replace(b'"version":"', b'"version":"0')):
        (tmp_path / INDEX).write_bytes(index)
        assert stored(tmp_path) == again
    (tmp_path / "a.json").unlink()
    assert [file for file, _ in stored(tmp_path)[0]] == [str(tmp_path / "b.json")]


def test_a_folder_that_cannot_be_written_has_its_runs_all_the_same(tmp_path: Path) -> None:
    write(tmp_path / "a.json", saved.text(content_of()))
    (tmp_path / INDEX).mkdir()
    assert len(stored(tmp_path)[0]) == len(stored(tmp_path)[0]) == 1


def test_an_empty_folder_has_no_runs_and_where_there_is_none_it_is_said(tmp_path: Path) -> None:
    assert stored(tmp_path) == ([], [])
    assert trends([]) == []
    (tmp_path / "file").write_text("")
    for name in ("file", "runs"):
        with pytest.raises(ResultError, match=rf"{name}: no such folder"):
            stored(tmp_path / name)


# -- which series


def test_machines_and_corpora_are_never_joined_and_a_heading_has_the_corpus_where_a_machine_has_several() -> None:
    new, other = HERE | {"hostname": "new"}, HERE | {"cpu": "B"}
    sotu, mine, longer = ({"name": name, "tokens": n} for name, n in (("sotu", 8), ("mine", 8), ("sotu", 9)))
    runs = [(HERE, sotu), (other, sotu), (HERE, mine), (new, sotu), (HERE, longer)]
    found = trends(
        kept(*[result_of(at + 1.0, environment=here, corpus=words) for at, (here, words) in enumerate(runs)])
    )
    walls = [[point.wall_s for point in trend.series[CASE].points] for trend in found]
    assert walls == [pytest.approx(group) for group in ([1.0, 4.0], [2.0], [3.0], [5.0])]
    assert [trend.runs for trend in found] == [2, 1, 1, 1]
    a, b = (f"{cpu}, 4 CPUs, 16 GiB" for cpu in "AB")
    assert [trend.machine for trend in found] == [heading(trend, [trend]) for trend in found] == [a, b, a, a]
    assert [heading(trend, found) for trend in found] == [f"{a}, sotu", b, f"{a}, mine", f"{a}, sotu"]
    assert [one["corpus"] for one in json.loads(as_json(found))] == ["sotu", "sotu", "mine", "sotu"]


def test_a_case_that_came_later_has_fewer_points() -> None:
    later = saved.result(row("gather", 1e-5, peak_bytes=7), row("take", 1e-5))
    (trend,) = trends(kept(saved.result(row("gather", 2e-5)), later))
    assert [len(one.points) for one in trend.series.values()] == [2, 1]
    assert [point.peak_bytes for point in trend.series[CASE].points] == [None, 7]


@pytest.mark.parametrize(
    ("clock_variation", "steady"), [(None, True), (1.0, True), (UNSTEADY, True), (UNSTEADY + 0.01, False), ("?", True)]
)
def test_a_run_in_which_the_machine_changed_its_speed_is_marked(clock_variation: Any, steady: bool) -> None:
    (trend,) = trends(kept(result_of(environment={"clock_variation": clock_variation})))
    assert trend.series[CASE].points[0].steady is steady


def test_a_commit_is_its_hash_or_nothing() -> None:
    id_ = "0123456789abcdef"
    commits = [{"id": id_, "dirty": False}, {"id": id_, "dirty": True}, {"id": "unversioned", "dirty": True}]
    runs = [content_of() | {"commit_info": one} for one in (*commits, {"id": "unknown"}, {"id": None}, {})]
    (trend,) = trends(kept(*map(ResultFile.model_validate, runs)))
    assert [point.commit for point in trend.series[CASE].points] == ["012345678", "012345678+", "", "", "", ""]


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


@pytest.mark.parametrize("parts", [(1, 1), (1, 1.05), (1, 1.099), (1, 1 / 1.099), (1, 1.07, 1, 1.07, 1)])
def test_steps_below_the_threshold_are_no_change(parts: tuple[float, ...]) -> None:
    assert changes(levels(*[(1e-5 * part, 10) for part in parts])) == []


@pytest.mark.parametrize("step", [1.07, 1 / 1.07])
def test_steps_below_the_threshold_add_up(step: float) -> None:
    """Each is measured from the level that was told of last."""
    found = changes(levels(*[(1e-5 * step**at, 6) for at in range(5)]))
    assert places(found) == [("c11", "c12"), ("c23", "c24")]
    assert [one.ratio for one in found] == pytest.approx([step**2] * 2)
    assert {failing(one, THRESHOLD) for one in found} == {step > 1}


@pytest.mark.parametrize("at", range(2, 10))
def test_a_single_slow_run_is_no_change(at: int) -> None:
    walls = levels((1e-5, 12), noise=0.02)
    walls[at] *= 1.5
    assert not any(failing(one, THRESHOLD) for one in changes(walls))


@pytest.mark.parametrize("count", [1, 10])
def test_noise_alone_is_called_a_change_in_less_than_one_series_of_a_hundred(count: int) -> None:
    rng = np.random.default_rng(30)
    found: list[bool] = []
    for length in (6, 9, 14, 20):
        for _ in range(200 // count):
            made = {str(n): series(levels((1.0, length), noise=0.03, rng=rng)) for n in range(count)}
            find_all_changes(Trend("here", series=made), THRESHOLD)
            found += [bool(one.changes) for one in made.values()]
    assert len(found) >= 500
    assert np.mean(found) < 0.01


def test_a_noisy_machine_is_learnt_from_all_its_series_so_that_a_short_one_finds_nothing_in_its_noise() -> None:
    short = levels((1.0, 5), (1.13, 5))
    assert len(changes(short)) == 1
    rng = np.random.default_rng(2)
    others = {str(n): series(levels((1.0, 30), noise=0.1, rng=rng)) for n in range(9)}
    among = series(short)
    find_all_changes(Trend("here", series={**others, CASE: among}), THRESHOLD)
    assert among.changes == []


def test_few_runs_or_few_steady_ones_find_no_change_and_one_stands_between_steady_runs() -> None:
    few, many = levels((1e-5, 3), (1e-4, FEWEST_RUNS - 3)), levels((1e-5, 8), (3e-5, 4))
    assert [len(changes(few)), len(changes(few[:-1]))] == [1, 0]
    assert [len(changes(many)), len(changes(many, unsteady=range(8, 12)))] == [1, 0]
    found = changes(levels((1e-5, 5), (9e-5, 2), (2e-5, 5)), unsteady=(5, 6))
    assert places(found) == [("c4", "c7")]
    assert found[0].ratio == pytest.approx(2.0)


# -- what fails

UNDONE: dict[str, tuple[list[float], list[bool]]] = {
    "two slowdowns": ([1, 1.5, 3], [True, True]),
    "one that was undone": ([1, 2, 1.02], [False, False]),
    "undone step by step": ([1, 3, 1.7, 1.02], [False, False, False]),
    "creeping, undone in one step": ([1, 1.07, 1.15, 1], [False, False]),
    "undone in part": ([1, 2, 1.3], [True, False]),
    "one that came back after it was undone": ([1, 2, 1, 2], [False, False, True]),
    "of two the second undone": ([1, 2, 4, 2], [True, False, False]),
    "a speed-up that was lost again": ([2, 1, 2], [False, True]),
}


@pytest.mark.parametrize("name", UNDONE)
def test_a_slowdown_fails_unless_it_was_undone(name: str) -> None:
    parts, fails = UNDONE[name]
    found = changes(levels(*[(1e-5 * part, 6) for part in parts]))
    assert [failing(one, THRESHOLD) for one in found] == fails
    assert [one.undone or one.ratio < 1 for one in found] == [not failed for failed in fails]


NO_EXCUSES = [[], [given_on(3.9)], [given_on(1), given_on(2)], [given_on(20, "scatter.*")]]
EXCUSES = [*map(given_on, (4, 4.5, 5, 20)), given_on(5, "lookup/*"), given_on(5, "*")]


@pytest.mark.parametrize(
    ("excuses", "why"),
    [*((its, None) for its in NO_EXCUSES), *(([one], "checks its indices") for one in EXCUSES)],
)
def test_an_acknowledgement_of_the_case_since_the_run_before_a_slowdown_excuses_it_and_no_other(
    excuses: list[Acknowledgement], why: str | None
) -> None:
    (found,) = changes(levels((1e-5, 5), (2e-5, 5)), excuses)
    assert found.acknowledged == why
    assert failing(found, THRESHOLD) is (why is None)


def test_a_second_slowdown_needs_its_own_acknowledgement() -> None:
    found = changes(levels((1e-5, 5), (2e-5, 5), (4e-5, 5)), [given_on(6)])
    assert [failing(one, THRESHOLD) for one in found] == [False, True]


# -- runs that were not steady


@pytest.mark.parametrize("unsteady", [0, 1, 9])
@pytest.mark.parametrize("steady", [0, FEWEST_RUNS - 1, FEWEST_RUNS])
def test_too_few_steady_runs_are_no_answer_if_others_were_not_steady(steady: int, unsteady: int) -> None:
    found = trends(kept(*made_steady(*[True] * steady, *[False] * unsteady)))
    assert any(trend.unanswered for trend in found) is (steady < FEWEST_RUNS and unsteady > 0)


def test_a_case_whose_steady_runs_are_too_few_is_no_answer_though_others_have_enough() -> None:
    both = row("gather", 1e-5), row("take", 1e-5)
    first = saved.result(both[0], environment={"clock_variation": 1.7})
    (trend,) = trends(kept(first, *[saved.result(*both, environment={})] * FEWEST_RUNS))
    assert not trend.unanswered
    trend.series[CASE].points[1] = replace(trend.series[CASE].points[1], steady=False)
    assert trend.unanswered


@pytest.mark.parametrize(("steady", "code"), [(FEWEST_RUNS, 0), (FEWEST_RUNS - 1, 3)])
def test_a_gate_of_too_few_steady_runs_exits_with_3(
    steady: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for at, result in enumerate(made_steady(*[True] * steady, False)):
        write(tmp_path / f"kept/{at}.json", result.model_dump_json(by_alias=True))
    for arguments, wanted in ((["--fail"], code), ([], 0)):
        assert (app(["history", "--store", "kept", *arguments], standalone_mode=False) or 0) == wanted


# -- what is drawn


@pytest.mark.parametrize("runs", [1, COLUMNS, COLUMNS + 1, 1_000])
def test_a_line_of_many_runs_shows_their_highest_and_lowest_in_few_places(runs: int) -> None:
    logs = np.random.default_rng(runs).standard_normal(runs)
    found = drawn(logs)
    assert found == sorted(set(found))
    assert {0, runs - 1, int(np.argmin(logs)), int(np.argmax(logs))} <= {*found}
    assert len(found) <= min(runs, 4 * COLUMNS)


def test_of_many_runs_the_latest_and_those_at_changes_have_points() -> None:
    walls = levels((1.0, 300), (2.0, 300), noise=0.001)
    trend = Trend("here", len(walls), {CASE: series(walls)})
    find_all_changes(trend, THRESHOLD)
    made = drawing(trend.series[CASE])
    assert [point.commit for _, point in made["dots"]] == ["c299", "c300", *(f"c{n}" for n in range(600 - DOTS, 600))]
    (change,) = made["changes"]
    assert WIDE / 2 - 1 < change < WIDE / 2 + 1


def test_a_folder_without_any_run_gets_no_index(tmp_path: Path) -> None:
    """Such as the current folder, where ``--store ""`` leads: found by ``python -m tests.fuzz --seed 207 --only options:90``."""
    (tmp_path / "settings.json").write_text("{}")
    runs, left_out = stored(tmp_path)
    assert (len(runs), len(left_out)) == (0, 1)
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]
