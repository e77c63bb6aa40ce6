"""Line profiles: the deck's own view of a function."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.engine import lines
from bench.engine.lines import profile_of
from bench.engine.protocol import Line, MeasurementSettings
from bench.engine.traced import LineAllocation, traced_lines
from bench.plans.problems import new_problem_run
from bench.plans.run import profiled_problems
from impls import catalogue, words
from impls.case import Size
from impls.interface import Array, Implementation, Problem
from reports.lines import LEAST_GROWTH, LEAST_TRACED, allocation, cells, note, resident_growth
from reports.page import html
from reports.results import LineProfile, ProfiledLine
from tests import saved

ROOT = Path(__file__).resolve().parents[2]
BY_KEY = {i.key: i for i in catalogue.own()}


def profiled(key: str, size: Size) -> tuple[int, dict[str, Line]]:
    """The number of calls, and each line of code by its text."""
    implementation = BY_KEY[key]
    problem = implementation.kernel.make(size, words.builtin(), np.random.default_rng(0))
    found = lines.profile(implementation, problem)
    assert 0 < found["unit_s"] <= 1e-6
    assert 0 <= found["hook_s"] < 1e-4
    return found["calls"], {line.text.strip(): line for line in found["lines"] if line.hits}


def as_kept(found: dict[str, Any]) -> LineProfile:
    """A profile as a result file has it."""
    return LineProfile.model_validate(found, from_attributes=True)


def test_a_loop_over_the_batch_is_hit_once_a_word() -> None:
    B = 37
    calls, found = profiled("scatter.scalar/loop", Size(500, 1, B))
    assert found["dW[word] += dout[i]"].hits == calls * B
    assert found["for i, word in enumerate(idx):"].hits == calls * (B + 1)


def test_a_profiled_function_is_left_the_code_it_was() -> None:
    """line_profiler pads the code of a function; what says whether two functions are the same code must not see it."""
    implementation = BY_KEY["scatter.scalar/loop"]
    code = implementation.function.__code__
    for _ in range(2):
        profiled("scatter.scalar/loop", Size(50, 1, 3))
        assert implementation.function.__code__ is code


def test_what_a_line_takes_stands_beside_it() -> None:
    """A sleep takes at least as long as it says, however busy the machine is."""
    pause = 0.02

    def waits(W: Array, idx: Array) -> Array:
        time.sleep(pause)
        return W[idx]

    gather = BY_KEY["lookup/gather"]
    problem = gather.kernel.make(Size(100, 4, 1), words.builtin(), np.random.default_rng(0))
    found = lines.profile(replace(gather, function=waits), problem, pass_s=3 * pause)
    waited = next(line for line in found["lines"] if line.text.strip() == "time.sleep(pause)")
    assert waited.hits == found["calls"]
    assert waited.time_s >= found["calls"] * pause


def test_memory_growth_stands_beside_the_line_that_touches_the_pages() -> None:
    B, V = 100, 200_000  # 80 MB: beyond what the allocator keeps for the next call
    _, found = profiled("lookup/one-hot-matmul", Size(V, 4, B))
    made = sum(line.memory_bytes or 0 for text, line in found.items() if "one_hot" in text)
    assert made == pytest.approx(B * V * 4, rel=0.25)


OVERHEAD = 4_000
"""Bytes of Python's own small objects, and of what NumPy keeps from a first call, that a line may have beside its arrays."""


def traced(function: Callable[..., Any], *arguments: Any) -> dict[int, LineAllocation]:
    """What each line of a function allocates, by its distance from the line of its ``def``."""
    first = function.__code__.co_firstlineno
    return {line - first: one for line, one in traced_lines(function, arguments).items()}


def test_an_array_of_zeros_stands_beside_its_line_although_no_page_of_it_is_touched() -> None:
    def zeros(V: int) -> Array:
        one_hot = np.zeros(V)
        one_hot[3] = 1
        return one_hot

    found = traced(zeros, 10**6)
    assert 0 <= found[1].added - 8 * 10**6 < OVERHEAD
    assert 0 <= found[1].peak - 8 * 10**6 < OVERHEAD
    assert abs(found[2].added) + found[2].peak < OVERHEAD


def test_a_line_that_allocates_and_frees_in_a_loop_has_its_peak_and_what_it_leaves() -> None:
    def loops(V: int, B: int) -> None:
        for _ in range(B):
            one_hot = np.zeros(V)
        (one_hot + 1).sum()
        del one_hot

    found = traced(loops, 10**6, 5)
    for line, added, peak in ((2, 8e6, 8e6), (3, 0, 8e6), (4, -8e6, 0)):
        assert found[line].added == pytest.approx(added, abs=OVERHEAD)
        assert found[line].peak == pytest.approx(peak, abs=OVERHEAD)


def test_what_a_function_calls_counts_to_the_line_that_calls_it_itself_too() -> None:
    def calls_itself(depth: int) -> None:
        kept = np.zeros(10**6)
        if depth:
            calls_itself(depth - 1)
        assert kept is not None

    found = traced(calls_itself, 2)
    assert found[1].peak == pytest.approx(8e6, abs=OVERHEAD)
    assert found[3].peak == pytest.approx(16e6, abs=10 * OVERHEAD)
    assert found[3].added == pytest.approx(0, abs=OVERHEAD)


def test_an_error_that_is_caught_ends_no_line_and_one_that_is_not_comes_out() -> None:
    def catches(V: int) -> None:
        try:
            raise KeyError(len(np.zeros(V)))
        except KeyError:
            np.zeros(V)
        raise IndexError

    hook = sys.gettrace()
    with pytest.raises(IndexError):
        traced_lines(catches, (10**6,))
    assert sys.gettrace() is hook
    assert not tracemalloc.is_tracing()


def test_a_wrapped_function_is_traced_in_its_own_lines() -> None:
    def inner(V: int) -> Array:
        return np.zeros(V)

    @wraps(inner)
    def outer(*arguments: Any) -> Any:
        return inner(*arguments)

    assert max(one.peak for one in traced_lines(outer, (10**6,)).values()) >= 8 * 10**6
    assert set(traced_lines(outer, (10**6,))) == {inner.__code__.co_firstlineno + 1}


@pytest.mark.parametrize(
    ("key", "size", "line", "shown"),
    [
        ("lookup/one-hot-dot", Size(10**6, 2, 1, dtype="f64"), "one_hot = np.zeros", "8.00 MB"),
        ("lookup/one-hot-dot", Size(10**6, 2, 3, dtype="f64"), "one_hot = np.zeros", "8.00 MB"),
        ("lookup/one-hot-matmul", Size(10**5, 2, 10), "one_hot = np.zeros", "4.00 MB"),
        ("scatter.dense/bincount", Size(10**4, 100, 8), "summed = np.bincount", "8.00 MB / 8.01 MB"),
        ("output.softmax/full", Size(10**5, 2, 10), "scores = h @ W_out.T", "4.00 MB"),
        ("update.adam/dense", Size(10**4, 100, 8), "m += (1 - BETA1)", "0 B / 8.00 MB"),
    ],
)
def test_lines_of_our_own_implementations_have_what_their_arrays_take(
    key: str, size: Size, line: str, shown: str
) -> None:
    implementation = BY_KEY[key]
    found = as_kept(lines.profile(implementation, problem_of(implementation, size), pass_s=0.0))
    assert not found.left_out
    assert [allocation(one) for one in found.lines if line in one.text and one.hits] == [shown]


def problem_of(implementation: Implementation, size: Size) -> Problem:
    return implementation.kernel.make(size, words.builtin(), np.random.default_rng(0))


def test_a_pass_over_memory_that_takes_too_long_is_stopped_and_reported() -> None:
    home = os.getpid()

    def hangs_in_a_child(W: Array, idx: Array) -> Array:
        if os.getpid() != home:
            time.sleep(600)
        return W[idx]

    gather = replace(BY_KEY["lookup/gather"], function=hangs_in_a_child)
    found = lines.profile(gather, problem_of(gather, Size(100, 4, 1)), pass_s=0.0, limit_s=0.3)
    assert found["left_out"] == ("allocated: no answer in 0.3 s", "resident: no answer in 0.3 s")
    assert sum(line.hits or 0 for line in found["lines"]) > 0
    assert all(line.traced_bytes is line.memory_bytes is None for line in found["lines"])
    reasons = "Not profiled: allocated: no answer in 0.3 s. Not profiled: resident: no answer in 0.3 s."
    assert note(as_kept(found)).endswith(reasons)


def test_memory_is_profiled_in_a_child_so_that_inputs_stay_as_they_are() -> None:
    sgd = BY_KEY["update.sgd/rows"]
    problem = problem_of(sgd, Size(200, 4, 8))
    before = [part.copy() for part in problem.batches[0] if isinstance(part, np.ndarray)]
    lines.profile(sgd, problem, pass_s=0.0)
    after = [part for part in problem.batches[0] if isinstance(part, np.ndarray)]
    assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("key", "call_s", "why"),
    [
        ("lookup/numba", 1e-6, "it is compiled"),
        ("lookup/gather", 3.1, "a call takes 3.1 s (w2vbench profile has no such limit)"),
    ],
)
def test_what_is_not_profiled_in_a_problem_has_a_reason(key: str, call_s: float, why: str) -> None:
    implementation = BY_KEY[key]
    assert profile_of("mine", implementation, problem_of(implementation, Size(100, 4, 1)), call_s).why_not == why


def test_what_fails_under_a_profiler_has_a_reason() -> None:
    gather = replace(BY_KEY["lookup/gather"], function=eval("lambda W, idx: W[idx]"))  # has no source
    assert profile_of("mine", gather, problem_of(gather, Size(100, 4, 1)), 1e-6).why_not


def test_an_implementation_is_profiled_where_its_kernel_has_most_work_or_the_most_that_it_has_itself() -> None:
    small, large, huge = (Size(V, B=B) for V, B in ((1_000, 100), (1_000, 1_000), (100_000, 100)))
    one, two = BY_KEY["lookup/one-hot-dot"], BY_KEY["lookup/gather"]
    problems = [
        new_problem_run(who, size, MeasurementSettings())
        for who, size in (([one, two], small), ([one, two], large), ([two], huge))
    ]
    assert profiled_problems(problems) == {one.key: problems[1].problem, two.key: problems[2].problem}
    problems[2].cases[0].status = "skipped"
    assert profiled_problems(problems) == {one.key: problems[1].problem, two.key: problems[1].problem}


def test_a_run_profiles_at_the_size_that_its_page_shows_first(tmp_path: Path) -> None:
    V = 20_000
    arguments = ["run", "--kernel", "lookup", "--vocab", "1000", str(V), "--batch", "2", "--processes", "1"]
    only = [word for slug in ("one-hot-dot", "gather", "numba") for word in ("--only", f"lookup/{slug}")]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments, *only, "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    suite = json.loads(done.stdout)["w2vbench"]
    assert {case.partition("@")[2].split(",")[0] for case in suite["profiles"]} == {"V=2e4"}
    assert {case.partition("@")[0] for case in suite["profiles"]} == {"lookup/one-hot-dot", "lookup/gather"}
    assert {case.partition("@")[0]: why for case, why in suite["not_profiled"].items()} == {
        "lookup/numba": "it is compiled"
    }
    (profile,) = (found for case, found in suite["profiles"].items() if "one-hot-dot" in case)
    (peak,) = (line["traced_peak_bytes"] for line in profile["lines"] if "np.zeros(W.shape[0]" in line["text"])
    assert 0 <= peak - 4 * V < OVERHEAD


# -- what is shown


@pytest.mark.parametrize(
    ("added", "peak", "shown"),
    [
        (None, None, ""),
        (0, 0, ""),
        (LEAST_TRACED - 1, LEAST_TRACED - 1, ""),
        (8_000_112, 8_000_200, "8.00 MB"),
        (96, 8_000_112, "0 B / 8.00 MB"),
        (-8_000_000, 64, "-8.00 MB / 0 B"),
        (40_000_000, 8_000_000, "40.0 MB / 8.00 MB"),
    ],
)
def test_allocation_is_shown_as_added_and_peak_where_they_differ(
    added: int | None, peak: int | None, shown: str
) -> None:
    line = ProfiledLine(number=1, text="x", hits=1, time_s=1.0, traced_bytes=added, traced_peak_bytes=peak)
    assert allocation(line) == shown


@pytest.mark.parametrize(
    ("bytes_", "shown"), [(None, ""), (LEAST_GROWTH - 1, ""), (64_000, "64.0 kB"), (-5_000_000, "-5.00 MB")]
)
def test_resident_growth_is_shown_where_it_is_the_lines_own(bytes_: int | None, shown: str) -> None:
    assert resident_growth(ProfiledLine(number=1, text="x", memory_bytes=bytes_)) == shown


CASE = "lookup/one-hot@V=1e6,H=100,B=1,f64,i64,zipf,t1"


def shown_profile() -> saved.Content:
    figures = {"hits": 2, "time_s": 2e-3, "memory_bytes": 102_400}
    return {
        "calls": 2,
        "unit_s": 1e-9,
        "hook_s": 1e-7,
        "lines": [
            {"number": 1, "text": "def one_hot(W, idx):"},
            {
                "number": 2,
                "text": "    v = zeros(V)",
                "traced_bytes": 8_000_112,
                "traced_peak_bytes": 8_000_112,
                **figures,
            },
            {
                "number": 3,
                "text": "    return v @ W",
                "traced_bytes": 12,
                "traced_peak_bytes": 80,
                **figures,
                "time_s": 6e-3,
            },
        ],
    }


def test_cells_are_blank_where_no_code_runs_and_shares_are_of_the_largest() -> None:
    first, second, third = cells(LineProfile.model_validate(shown_profile()))
    assert set(first.text) == {""}
    assert second.text == ("2", "2.00 ms", "1.00 ms", "25.0%", "8.00 MB", "102 kB")
    assert (second.time_share, second.memory_share) == (0.25, 1.0)
    assert third.text[-2:] == ("", "102 kB")


def test_the_page_shows_allocation_beside_each_line_and_why_others_have_no_lines() -> None:
    source = {"file": "impls/lookup.py", "line": 7, "code": "def f(W, idx):\n    return W[idx]\n"}
    page = html(
        saved.result(
            saved.row("one-hot", 1e-3, V=10**6),
            saved.row("numba", 1e-6, V=10**6),
            profiles={CASE: shown_profile()},
            not_profiled={CASE.replace("one-hot", "numba"): "it is compiled"},
            sources={"lookup/one-hot": source, "lookup/numba": source},
        )
    )
    assert '<th scope="col">allocated</th><th scope="col">resident</th>' in page
    assert '<td class="bar" style="--share: 100.0%">8.00 MB</td><td>102 kB</td>' in page
    assert page.count("added over all hits / the highest above what was there") == 1
    assert "Not profiled line by line: it is compiled." in page


def test_the_command_prints_source_and_figures_and_gives_json(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    case = "scatter.scalar/add-at@V=1e3,H=1,B=100,f32,i64,zipf,t1"

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        full = [sys.executable, "-m", "bench", "profile", *arguments]
        return subprocess.run(
            full, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    plain = command(case)
    assert plain.returncode == 0, plain.stderr
    assert "np.add.at(dW, idx, dout)" in plain.stdout
    assert "for the profiler itself" in plain.stdout
    assert plain.stdout.splitlines()[1].split()[-3:] == ["allocated", "resident", "source"]
    found = json.loads(command(case, "--json").stdout)
    assert found["case"] == case
    assert [line["hits"] for line in found["lines"] if "np.add.at(dW" in line["text"]] == [found["calls"]]
    unknown = command("lookup/nothing")
    assert unknown.returncode == 2
    assert unknown.stderr.count("\n") == 1
