"""Line by line: how often each source line runs, what it takes, what it allocates, and how far it raises the resident set.

Time, traced allocation and resident growth are profiled in passes of their own, since each disturbs the others; the last
two in a forked child each, which may be ended. All hooks run at every line, so the figures are for seeing where a function
spends, not for comparing functions.
"""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from importlib import import_module
from itertools import cycle, islice
from types import FunctionType
from typing import Any

from impls.interface import Implementation, Problem

from .memory import give_back, in_child
from .traced import traced_lines
from .variant import batches_for

PASS_S = 0.3
LIMIT_S = 30.0
MOST_CALLS = 10_000
MIB = 1 << 20


def profile(
    implementation: Implementation, problem: Problem, pass_s: float = PASS_S, limit_s: float = LIMIT_S
) -> dict[str, Any]:
    """Profile an implementation on its problem; the time pass takes about pass_s seconds, and at least two calls.

    A pass over memory is one call (of resident growth two), and ended after limit_s.

    calls: calls in the time pass. unit_s: line_profiler's timer unit, by which its ticks were multiplied.
    hook_s: what its hook adds to a line hit on this machine, included in the times. lines: for each source line its
    number, text, hits and time_s of all calls together (None where no code runs), and of one call traced_bytes,
    traced_peak_bytes and memory_bytes (resident growth). left_out: passes that gave nothing, and why.
    """
    function = implementation.function
    last = (implementation.prepare(problem.bare),) if implementation.prepare else ()
    source, first = inspect.getsourcelines(function)
    arguments = [(*batch, *last) for batch in batches_for(implementation, problem, last)]
    calls, unit, timed = time_lines(function, arguments, pass_s)
    problem.reset()
    import_module("memory_profiler")  # or each child would
    one = arguments[0]
    allocated, why_not = by_line(
        lambda: {line: astuple(found) for line, found in traced_lines(function, one).items()}, problem, limit_s
    )
    left_out = [f"allocated: {why_not}"] if why_not else []
    grown, why_not = by_line(lambda: memory_lines(function, one), problem, limit_s)
    left_out += [f"resident: {why_not}"] if why_not else []
    lines = []
    for number, text in enumerate(source, start=first):
        hits, ticks = timed.get(number, (None, None))
        added, highest = allocated.get(number, (None, None))
        lines.append(
            {
                "number": number,
                "text": text.rstrip("\n"),
                "hits": hits,
                "time_s": None if ticks is None else ticks * unit,
                "traced_bytes": added,
                "traced_peak_bytes": highest,
                "memory_bytes": grown.get(number),
            }
        )
    return {"calls": calls, "unit_s": unit, "hook_s": hook_s(), "lines": lines, "left_out": left_out}


def by_line(work: Callable[[], dict[int, Any]], problem: Problem, limit_s: float) -> tuple[dict[int, Any], str]:
    """Figures by line number from a pass in a forked child, and the reason if it gave none; where a system cannot fork, here."""
    if not hasattr(os, "fork"):
        found = work()
        problem.reset()
        return found, ""
    answer = in_child(lambda: {"lines": list(work().items())}, limit_s)
    return dict(answer.get("lines", ())), answer.get("why_not", "")


def time_lines(
    function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], pass_s: float
) -> tuple[int, float, dict[int, tuple[int, int]]]:
    """Calls, timer unit in seconds, and hits and ticks by line number, over about pass_s of calls after one to warm up."""
    ring = cycle(arguments)
    started = time.perf_counter()
    function(*next(ring))
    calls = max(1, min(MOST_CALLS, int(pass_s / max(time.perf_counter() - started, 1e-7))))
    return ticks(function, list(islice(ring, calls)))


def ticks(
    function: Callable[..., Any], arguments: list[tuple[Any, ...]]
) -> tuple[int, float, dict[int, tuple[int, int]]]:
    """Run a function under line_profiler, once for each tuple of arguments."""
    from line_profiler import LineProfiler

    code = function.__code__
    profiler = LineProfiler()
    profiler.add_function(function)
    profiler.enable_by_count()
    try:
        for one in arguments:
            function(*one)
    finally:
        profiler.disable_by_count()
        if isinstance(function, FunctionType):
            function.__code__ = code  # line_profiler puts a padded copy in its place, and the function would no longer be the code it was
    stats = profiler.get_stats()
    found = next((rows for (_, first, _), rows in stats.timings.items() if first == code.co_firstlineno), [])
    return len(arguments), float(stats.unit), {line: (hits, spent) for line, hits, spent in found}


def hook_s() -> float:
    """What line_profiler's hook adds to a line hit here: an empty loop with it, less the same loop without it, a line."""

    def empty(n: int) -> None:
        for _ in range(n):
            pass

    n = 20_000
    empty(n)
    started = time.perf_counter()
    empty(n)
    bare = time.perf_counter() - started
    started = time.perf_counter()
    _, _, found = ticks(empty, [(n,)])
    hooked = time.perf_counter() - started
    return max(0.0, (hooked - bare) / sum(hits for hits, _ in found.values()))


def memory_lines(function: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[int, int]:
    """Bytes by which each line of one call raised the resident set, summed over its hits."""
    from memory_profiler import LineProfiler, _get_memory

    function(*arguments)  # the first call's own page faults are not the lines' doing
    give_back()
    profiler = LineProfiler(include_children=False, backend="psutil")
    profiled = profiler(function)
    before = _get_memory(-1, "psutil")
    profiled(*arguments)
    grown: dict[int, int] = {}
    first = True
    for _, rows in profiler.code_map.items():  # noqa: PERF102 - not a dict: it yields (file, lines)
        for number, figures in rows:
            if figures is not None:
                # the first line's increment counts from zero, so the memory before the call is taken off it
                increment = figures[0] - (before if first else 0)
                first = False
                grown[number] = round(increment * MIB)
    return grown
