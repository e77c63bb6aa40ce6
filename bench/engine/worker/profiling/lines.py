"""Line profiles: how often each source line runs, how long it takes, and how much memory it allocates.

Time, traced allocation and resident growth are measured in separate passes, because each disturbs the others. The two
passes over memory run in forked children, which can be stopped. Hooks run at every line, so a profile shows where a
function spends time and memory; it does not compare functions.
"""

from __future__ import annotations

import gc
import inspect
import sys
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, partial
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from timeit import timeit
from types import FrameType, FunctionType
from typing import Any

import numpy as np
from msgspec import structs
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import limit_memory, pin
from w2vbench.bench.engine.worker.checking.contract import check_problem
from w2vbench.bench.engine.worker.variants.extensions import lined
from w2vbench.bench.engine.worker.variants.loop import Arguments, Function
from w2vbench.bench.engine.worker.variants.sources import load_source
from w2vbench.bench.engine.worker.variants.variant import adapt_batch
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation, Problem
from w2vbench.impls.interface.case import Size
from w2vbench.impls.messages import describe

from .memory import in_children, trim_heap

PASS_S = 0.3
LIMIT_S = 30.0
MOST_CALLS = 10_000
PASSES = 4
"""Each of a profile's passes, three at most, may take one part in PASSES of the time limit."""
EXPERIMENT_S = 0.02
"""Length of the time pass in an experiment."""
FEW_CALLS, FEW_CALLS_S = 3, 0.3
"""The time pass has so many calls if they take no longer than this: one that was interrupted would be all that is known."""
EXPERIMENT_LIMIT_S = 2.5
"""An implementation is not profiled in an experiment if two calls would take longer than this."""
MIB = 1 << 20

MemoryFigures = dict[int, dict[str, int]]
"""Fields of ``protocol.Line`` that are measured in a child, by line number."""


def profile_lines(job: protocol.ProfileLines, emit: protocol.Emit) -> None:
    """Check an implementation at a size, and profile it line by line."""
    size = Size.parse(job.size)
    pin(size.threads, job.cpu)
    limit_memory(job.settings.memory_limit_bytes)
    implementation = load_source("", job.sources[""]).find(job.key)
    name = implementation.slug
    emit(protocol.StepBegins(name="inputs", variant=name))
    problem = implementation.kernel.make(size, Corpus.load(Path(job.corpus)), np.random.default_rng(job.settings.seed))
    emit(protocol.StepBegins(name="the check", variant=name))
    verdict = check_problem(implementation, problem, *implementation.start(problem))
    problem.reset()
    for shown, function in lined(name, implementation).items():
        emit(protocol.StepBegins(name="the profile", variant=name))
        found = profile(shown, implementation, problem, limit_s=job.settings.time_limit_s / PASSES, of=function)
        emit(structs.replace(found, status=verdict.status, reason=verdict.reason))
        problem.reset()


def profiles_of(
    name: str, implementation: Implementation, problem: Problem, call_s: float
) -> Iterator[protocol.LineProfile]:
    """Profile a variant of an experiment, each of its methods apart, or give the reason why not: it is too slow for a run, or fails under a profiler."""
    why_not = implementation.no_lines
    if not why_not and 2 * call_s > EXPERIMENT_LIMIT_S:
        why_not = f"a call takes {call_s:.1f} s (w2vbench profile has no such limit)"
    for shown, function in lined(name, implementation).items():
        if why_not:
            yield protocol.LineProfile(variant=shown, why_not=why_not)
            continue
        try:
            yield profile(shown, implementation, problem, EXPERIMENT_S, EXPERIMENT_LIMIT_S, of=function)
        except Exception as error:
            yield protocol.LineProfile(variant=shown, why_not=describe(error))


def profile(
    name: str,
    implementation: Implementation,
    problem: Problem,
    pass_s: float = PASS_S,
    limit_s: float = LIMIT_S,
    of: Function | None = None,
) -> protocol.LineProfile:
    """Profile an implementation line by line on its problem.

    Parameters
    ----------
    name, implementation, problem
        What is profiled, under which name, and its inputs.
    pass_s
        About how long the time pass takes; it has FEW_CALLS calls at least, or fewer where they are slow.
    limit_s
        Longest that a pass over memory may take: it is one call (two for resident growth).
    of
        The function whose lines are profiled, if it is not the implementation's but one that this calls.

    Returns
    -------
    LineProfile
        ``calls`` counts the calls of the time pass. ``hook_s`` is what the profiler adds
        to a line hit, which the times include. A line's ``hits`` and ``time_s`` are of all calls together (None where no code
        runs); ``traced_bytes``, ``traced_peak_bytes`` and ``memory_bytes`` (resident growth) are of one call. ``left_out``
        names the passes that failed, and why.
    """
    function = implementation.function
    workspace = (implementation.prepare(problem.bare),) if implementation.prepare else ()
    of = of or function
    source, first = inspect.getsourcelines(of)
    arguments = [(*adapt_batch(implementation.adapt, workspace, batch), *workspace) for batch in problem.batches]
    batches = cycle(arguments)
    calls = calls_in(pass_s, timeit(lambda: function(*next(batches)), number=1))  # after a warm-up call
    unit_s, timed = hooked_lines(function, of, islice(batches, calls))
    problem.reset()
    import_module("memory_profiler")  # here, so that the children need not
    inspect.getmodule(function.__code__)  # it asks the file system for the path of each module, once a process
    left_out, memory = [], defaultdict[int, dict[str, int]](dict)
    passes = {"allocated": traced_lines, "resident": resident_lines}
    works = [partial(memory_of_lines, function, of, arguments[0]) for memory_of_lines in passes.values()]
    for what, answer in zip(passes, in_children(works, [limit_s] * len(works), MemoryFigures), strict=True):
        if isinstance(answer, str):
            left_out.append(f"{what}: {answer}")
            continue
        for number, found in answer.items():
            memory[number] |= found
    return protocol.LineProfile(
        variant=name,
        calls=calls,
        unit_s=unit_s,
        hook_s=hook_s(),
        lines=tuple(
            protocol.Line(number=at, text=text.rstrip("\n"), hits=hits, time_s=time_s, **memory[at])
            for at, text in enumerate(source, start=first)
            for hits, time_s in [timed.get(at, (None, None))]
        ),
        left_out=tuple(left_out),
    )


def calls_in(pass_s: float, call_s: float) -> int:
    """Return how many calls a time pass has: those that fit into it, or a few more."""
    fitting, few = (int(seconds / max(call_s, 1e-7)) for seconds in (pass_s, FEW_CALLS_S))
    return max(1, min(FEW_CALLS, few), min(MOST_CALLS, fitting))


def hooked_lines(
    function: Function, of: Function, arguments: Iterable[Arguments]
) -> tuple[float, dict[int, tuple[int, float]]]:
    """Run a function once for each tuple of arguments, and the lines of another or the same one under line_profiler.

    Returns the timer's unit in seconds; and by line, its hits and seconds.
    """
    from line_profiler import LineProfiler

    code = of.__code__
    profiler = LineProfiler()
    profiler.add_function(of)
    profiler.enable_by_count()
    try:
        for batch in arguments:
            function(*batch)
    finally:
        profiler.disable_by_count()
        if isinstance(of, FunctionType):
            # line_profiler replaced it by a padded copy, which would change the code's identity
            of.__code__ = code
    stats = profiler.get_stats()
    lines = next((rows for (_, first, _), rows in stats.timings.items() if first == code.co_firstlineno), [])
    return stats.unit, {line: (hits, ticks * stats.unit) for line, hits, ticks in lines}


@cache
def hook_s() -> float:
    """Measure what line_profiler's hook adds to a line hit: an empty loop with it, less the same loop without it.

    It is measured once a process.
    """

    def empty(n: int) -> None:
        for _ in range(n):
            pass

    n = 20_000
    empty(n)
    bare_s = timeit(lambda: empty(n), number=1)
    started = time.perf_counter()
    _, lines = hooked_lines(empty, empty, [(n,)])
    hooked_s = time.perf_counter() - started
    return max(0.0, (hooked_s - bare_s) / sum(hits for hits, _ in lines.values()))


def traced_lines(function: Function, of: Function, arguments: Arguments) -> MemoryFigures:
    """Call a function, and trace what each line of it, or of another that it calls, allocates through Python.

    A line includes the functions that it calls. It has what it leaves allocated, over all its hits, and the highest peak above
    what was allocated when a hit began: exact to the byte, but for the hook's own figures, about a hundred bytes a line.
    """
    code = inspect.unwrap(of).__code__
    lines: MemoryFigures = {}
    line: int | None = None  # 0 before the first line
    before = 0

    def on_line(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal line, before
        if event in ("line", "return"):  # the previous line has ended; after an exception it continues
            now, peak = tracemalloc.get_traced_memory()
            if line:
                figures = lines.setdefault(line, {"traced_bytes": 0, "traced_peak_bytes": 0})
                figures["traced_bytes"] += now - before
                figures["traced_peak_bytes"] = max(figures["traced_peak_bytes"], peak - before)
            line = frame.f_lineno if event == "line" else None
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
        return on_line

    def on_call(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal line
        if frame.f_code is not code or line is not None:  # a recursive call belongs to the line that makes it
            return None
        line = 0
        return on_line

    gc.collect()
    tracemalloc.start()
    hook = sys.gettrace()
    sys.settrace(on_call)
    try:
        function(*arguments)
    finally:
        sys.settrace(hook)
        tracemalloc.stop()
    return lines


def resident_lines(function: Function, of: Function, arguments: Arguments) -> MemoryFigures:
    """Return the bytes by which each line of a function raised the resident set in one call, over all its hits."""
    from memory_profiler import LineProfiler, _get_memory

    function(*arguments)  # the first call's page faults do not belong to its lines
    trim_heap()
    profiler = LineProfiler(include_children=False, backend="psutil")
    profiler.add_function(of)
    profiled = profiler.wrap_function(function)
    before = _get_memory(-1, "psutil")
    profiled(*arguments)
    growth: MemoryFigures = {}
    for _, rows in profiler.code_map.items():  # noqa: PERF102 - not a dict: it yields (file, lines)
        for number, figures in rows:
            if figures is not None:
                # the first line's increment counts from zero, so the memory before the call is subtracted
                growth[number] = {"memory_bytes": round((figures[0] - (0 if growth else before)) * MIB)}
    if of is not function and growth:
        del growth[next(iter(growth))]  # before its first line, what calls it may have grown
    return growth
