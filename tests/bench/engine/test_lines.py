"""Line profiles: the deck's own view of a function."""

from __future__ import annotations

import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.protocol import Line
from w2vbench.bench.engine.worker.profiling import lines
from w2vbench.bench.engine.worker.profiling.lines import profiles_of, traced_lines
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus import words
from w2vbench.impls.interface import Array, Implementation
from w2vbench.impls.interface.case import Size
from w2vbench.reports.drawing.lines import allocation, note
from w2vbench.reports.file.schema.result import LineProfile

from tests.processes import w2vbench

BY_KEY = {i.key: i for i in catalogue.own()}
GATHER = BY_KEY["lookup/gather"]
SMALL = Size(100, 4, 1)
Profiler = Callable[..., protocol.LineProfile]


@pytest.fixture
def profiled(corpus: words.Corpus) -> Profiler:
    """Profiles an implementation at a size."""

    def profile(implementation: Implementation, size: Size = SMALL, **limits: Any) -> protocol.LineProfile:
        problem = implementation.kernel.make(size, corpus, np.random.default_rng(0))
        found = lines.profile("mine", implementation, problem, **limits)
        assert 0 < found.unit_s <= 1e-6
        assert 0 <= found.hook_s < 1e-4
        return found

    return profile


def as_kept(found: protocol.LineProfile) -> LineProfile:
    """A profile as a result file has it."""
    return LineProfile.model_validate(found, from_attributes=True)


def by_text(found: protocol.LineProfile) -> dict[str, Line]:
    """Each line of code that was run, by its text."""
    return {line.text.strip(): line for line in found.lines if line.hits}


def test_a_loop_over_the_batch_is_hit_once_a_word_and_its_function_is_left_the_code_it_was(profiled: Profiler) -> None:
    """line_profiler pads the code of a function; what says whether two functions are the same code must not see it."""
    implementation, B = BY_KEY["scatter.scalar/loop"], 37
    code = implementation.function.__code__
    for _ in range(2):
        found = profiled(implementation, Size(500, 1, B))
        assert by_text(found)["dW[word] += dout[i]"].hits == found.calls * B
        assert by_text(found)["for i, word in enumerate(idx):"].hits == found.calls * (B + 1)
        assert implementation.function.__code__ is code


def test_memory_growth_stands_beside_the_line_that_touches_the_pages(profiled: Profiler) -> None:
    """All pages, since how many a single number brings in depends on the system's huge pages, and on NumPy's use of them."""
    numbers = 10_000_000  # 80 MB: beyond what the allocator keeps for the next call

    def fills(W: Array, idx: Array) -> Array:
        filled = np.zeros(numbers)
        filled[:] = 1
        return W[idx]

    found = by_text(profiled(replace(GATHER, function=fills)))
    assert (found["filled = np.zeros(numbers)"].memory_bytes or 0) < numbers
    assert found["filled[:] = 1"].memory_bytes == pytest.approx(8 * numbers, rel=0.25)


OVERHEAD = 4_000
"""Bytes of Python's own small objects, and of what NumPy keeps from a first call, that a line may have beside its arrays."""
MB = 10**6


def loops(V: int) -> None:
    """A line allocates and frees in a loop."""
    for _ in range(5):
        one_hot = np.zeros(V)
    (one_hot + 1).sum()
    del one_hot


def calls_itself(V: int, depth: int = 2) -> None:
    """What a function calls counts to the line that calls, itself too."""
    kept = np.zeros(V)
    if depth:
        calls_itself(V, depth - 1)
    del kept


@pytest.mark.parametrize(
    ("function", "lines"),
    [
        (loops, [(3, 8 * MB, 8 * MB), (4, 0, 8 * MB), (5, -8 * MB, 0)]),
        (calls_itself, [(2, None, 8 * MB), (4, 0, 16 * MB)]),
    ],
)
def test_a_line_has_what_it_leaves_and_its_peak(
    function: Callable[[int], None], lines: list[tuple[int, int | None, int]]
) -> None:
    """By their distance from the line of the ``def``."""
    found = traced_lines(function, function, (MB,))
    for line, added, peak in lines:
        one = found[function.__code__.co_firstlineno + line]
        assert added is None or one["traced_bytes"] == pytest.approx(added, abs=OVERHEAD)
        assert one["traced_peak_bytes"] == pytest.approx(peak, abs=10 * OVERHEAD)


def test_an_error_that_is_caught_ends_no_line_and_one_that_is_not_comes_out() -> None:
    def catches(V: int) -> None:
        try:
            raise KeyError(len(np.zeros(V)))
        except KeyError:
            np.zeros(V)
        raise IndexError

    hook = sys.gettrace()
    with pytest.raises(IndexError):
        traced_lines(catches, catches, (10**6,))
    assert sys.gettrace() is hook
    assert not tracemalloc.is_tracing()


@pytest.mark.parametrize(
    ("key", "size", "line", "shown"),
    [
        ("lookup/one-hot-dot", Size(10**6, 2, 3, dtype="f64"), "one_hot = np.zeros", "8.00 MB"),
        ("lookup/one-hot-matmul", Size(10**5, 2, 10), "one_hot = np.zeros", "4.00 MB"),
        ("scatter.dense/bincount", Size(10**4, 100, 8), "summed = np.bincount", "8.00 MB / 8.01 MB"),
        ("output.softmax/full", Size(10**5, 2, 10), "scores = h @ W_out.T", "4.00 MB"),
        ("update.adam/dense", Size(10**4, 100, 8), "m += (1 - BETA1)", "0 B / 8.00 MB"),
    ],
)
def test_lines_of_our_own_implementations_have_what_their_arrays_take(
    key: str, size: Size, line: str, shown: str, profiled: Profiler
) -> None:
    found = as_kept(profiled(BY_KEY[key], size, pass_s=0.0))
    assert not found.left_out
    assert [allocation(one) for one in found.lines if line in one.text and one.hits] == [shown]


def test_a_pass_over_memory_that_takes_too_long_is_stopped_and_reported(profiled: Profiler) -> None:
    home = os.getpid()

    def hangs_in_a_child(W: Array, idx: Array) -> Array:
        if os.getpid() != home:
            time.sleep(600)
        return W[idx]

    found = profiled(replace(GATHER, function=hangs_in_a_child), pass_s=0.0, limit_s=0.3)
    assert found.left_out == ("allocated: no answer in 0.3 s", "resident: no answer in 0.3 s")
    assert sum(line.hits or 0 for line in found.lines) > 0
    assert all(line.traced_bytes is line.memory_bytes is None for line in found.lines)
    assert all(reason in note(as_kept(found)) for reason in found.left_out)


@pytest.mark.parametrize(
    ("implementation", "call_s", "why"),
    [
        (BY_KEY["lookup/numba"], 1e-6, "it is compiled"),
        (GATHER, 3.1, "a call takes 3.1 s"),
        (replace(GATHER, function=eval("lambda W, idx: W[idx]")), 1e-6, ""),  # has no source
    ],
)
def test_what_is_not_profiled_in_a_problem_has_a_reason(
    implementation: Implementation, call_s: float, why: str, corpus: words.Corpus
) -> None:
    problem = implementation.kernel.make(SMALL, corpus, np.random.default_rng(0))
    (found,) = profiles_of("mine", implementation, problem, call_s)
    reason = found.why_not
    assert reason
    assert why in reason


def test_a_run_profiles_at_the_size_that_its_page_shows_first(tmp_path: Path) -> None:
    V = 20_000
    arguments = ["run", "--kernel", "lookup", "--vocab", "1000", str(V), "--batch", "2", "--processes", "1", "--json"]
    only = [word for slug in ("one-hot-dot", "gather", "numba") for word in ("--only", f"lookup/{slug}")]
    suite = json.loads(w2vbench(*arguments, *only, cwd=tmp_path).stdout)["w2vbench"]
    assert {case.partition("@")[2].split(",")[0] for case in suite["profiles"]} == {"V=2e4"}
    assert {case.partition("@")[0] for case in suite["profiles"]} == {"lookup/one-hot-dot", "lookup/gather"}
    assert [case.partition("@")[0] for case in suite["not_profiled"]] == ["lookup/numba"]
    (profile,) = (found for case, found in suite["profiles"].items() if "one-hot-dot" in case)
    (peak,) = (line["traced_peak_bytes"] for line in profile["lines"] if "np.zeros(W.shape[0]" in line["text"])
    assert 0 <= peak - 4 * V < OVERHEAD


def test_the_command_prints_source_and_figures_and_gives_json(tmp_path: Path) -> None:
    case = "scatter.scalar/add-at@V=1e3,H=1,B=100,f32,i64,zipf,t1"
    plain = w2vbench("profile", case, cwd=tmp_path)
    assert plain.returncode == 0, plain.stderr
    assert "np.add.at(dW, idx, dout)" in plain.stdout
    assert plain.stdout.splitlines()[1].split()[-3:] == ["allocated", "resident", "source"]
    found = json.loads(w2vbench("profile", case, "--json", cwd=tmp_path).stdout)
    assert found["case"] == case
    assert [line["hits"] for line in found["lines"] if "np.add.at(dW" in line["text"]] == [found["calls"]]
    unknown = w2vbench("profile", "lookup/nothing", cwd=tmp_path)
    assert unknown.returncode == 2
    assert unknown.stderr.count("\n") == 1
