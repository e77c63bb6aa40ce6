"""Line profiles: how often each source line runs, how long it takes, and how much memory it allocates.

Time, traced allocation and resident growth are measured in separate passes, because each disturbs the others. The two
passes over memory run in forked children, which can be stopped. Hooks run at every line, so a profile shows where a
function spends time and memory; it does not compare functions.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from importlib import import_module
from itertools import cycle, islice
from types import FunctionType
from typing import Any

from impls.interface import Implementation, Problem

from .memory import in_child, trim_heap
from .traced import traced_lines
from .variant import batches_for

PASS_S = 0.3
LIMIT_S = 30.0
MOST_CALLS = 10_000
MIB = 1 << 20


def profile(
    implementation: Implementation, problem: Problem, pass_s: float = PASS_S, limit_s: float = LIMIT_S
) -> dict[str, Any]:
    """Profile an implementation line by line on its problem.

    Parameters
    ----------
    implementation, problem
        What is profiled, and its inputs.
    pass_s
        About how long the time pass takes; it has at least two calls.
    limit_s
        Longest that a pass over memory may take: it is one call (two for resident growth).

    Returns
    -------
    dict
        The fields of ``protocol.Profile``. ``calls`` counts the calls of the time pass. ``hook_s`` is what the profiler adds
        to a line hit, which the times include. A line's ``hits`` and ``time_s`` are of all calls together (None where no code
        runs); ``traced_bytes``, ``traced_peak_bytes`` and ``memory_bytes`` (resident growth) are of one call. ``left_out``
        names the passes that failed, and why.
    """
    function = implementation.function
    workspace = (implementation.prepare(problem.bare),) if implementation.prepare else ()
    source, first = inspect.getsourcelines(function)
    arguments = [(*batch, *workspace) for batch in batches_for(implementation, problem, workspace)]
    calls, unit, timed = time_lines(function, arguments, pass_s)
    problem.reset()
    import_module("memory_profiler")  # here, so that the child need not
    batch = arguments[0]
    allocated, why_not = memory_pass(
        lambda: {line: astuple(bytes_) for line, bytes_ in traced_lines(function, batch).items()}, limit_s
    )
    left_out = [f"allocated: {why_not}"] if why_not else []
    growth, why_not = memory_pass(lambda: memory_lines(function, batch), limit_s)
    left_out += [f"resident: {why_not}"] if why_not else []
    lines = []
    for number, text in enumerate(source, start=first):
        hits, time_ticks = timed.get(number, (None, None))
        added, peak = allocated.get(number, (None, None))
        lines.append(
            {
                "number": number,
                "text": text.rstrip("\n"),
                "hits": hits,
                "time_s": None if time_ticks is None else time_ticks * unit,
                "traced_bytes": added,
                "traced_peak_bytes": peak,
                "memory_bytes": growth.get(number),
            }
        )
    return {"calls": calls, "unit_s": unit, "hook_s": hook_s(), "lines": lines, "left_out": left_out}


def memory_pass(work: Callable[[], dict[int, Any]], limit_s: float) -> tuple[dict[int, Any], str]:
    """Run a pass in a forked child. Returns figures by line number, and the reason if there are none."""
    answer = in_child(lambda: {"lines": list(work().items())}, limit_s)
    return dict(answer.get("lines", ())), answer.get("why_not", "")


def time_lines(
    function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], pass_s: float
) -> tuple[int, float, dict[int, tuple[int, int]]]:
    """Profile about pass_s of calls after a warm-up call: calls, timer unit in seconds, hits and ticks by line number."""
    batches = cycle(arguments)
    started = time.perf_counter()
    function(*next(batches))
    calls = max(1, min(MOST_CALLS, int(pass_s / max(time.perf_counter() - started, 1e-7))))
    return ticks(function, list(islice(batches, calls)))


def ticks(
    function: Callable[..., Any], arguments: list[tuple[Any, ...]]
) -> tuple[int, float, dict[int, tuple[int, int]]]:
    """Run a function under line_profiler, once for each tuple of arguments. Returns what ``time_lines`` does."""
    from line_profiler import LineProfiler

    code = function.__code__
    profiler = LineProfiler()
    profiler.add_function(function)
    profiler.enable_by_count()
    try:
        for batch in arguments:
            function(*batch)
    finally:
        profiler.disable_by_count()
        if isinstance(function, FunctionType):
            function.__code__ = (
                code  # line_profiler replaced it by a padded copy, which would change the code's identity
            )
    stats = profiler.get_stats()
    lines = next((rows for (_, first, _), rows in stats.timings.items() if first == code.co_firstlineno), [])
    return len(arguments), float(stats.unit), {line: (hits, spent) for line, hits, spent in lines}


def hook_s() -> float:
    """Measure what line_profiler's hook adds to a line hit: an empty loop with it, less the same loop without it."""

    def empty(n: int) -> None:
        for _ in range(n):
            pass

    n = 20_000
    empty(n)
    started = time.perf_counter()
    empty(n)
    bare = time.perf_counter() - started
    started = time.perf_counter()
    _, _, lines = ticks(empty, [(n,)])
    hooked = time.perf_counter() - started
    return max(0.0, (hooked - bare) / sum(hits for hits, _ in lines.values()))


def memory_lines(function: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[int, int]:
    """Return the bytes by which each line of one call raised the resident set, over all its hits."""
    from memory_profiler import LineProfiler, _get_memory

    function(*arguments)  # the first call's page faults do not belong to its lines
    trim_heap()
    profiler = LineProfiler(include_children=False, backend="psutil")
    profiled = profiler(function)
    before = _get_memory(-1, "psutil")
    profiled(*arguments)
    growth: dict[int, int] = {}
    first = True
    for _, rows in profiler.code_map.items():  # noqa: PERF102 - not a dict: it yields (file, lines)
        for number, figures in rows:
            if figures is not None:
                # the first line's increment counts from zero, so the memory before the call is subtracted
                increment = figures[0] - (before if first else 0)
                first = False
                growth[number] = round(increment * MIB)
    return growth
