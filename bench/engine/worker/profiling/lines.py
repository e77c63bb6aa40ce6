"""Line profiles: how often each source line runs, how long it takes, and how much memory it allocates.

Time, traced allocation and resident growth are measured in separate passes, because each disturbs the others. The two
passes over memory run in forked children, which can be stopped. Hooks run at every line, so a profile shows where a
function spends time and memory; it does not compare functions.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from timeit import timeit
from types import FunctionType
from typing import Any

import numpy as np
from msgspec import structs
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import limit_memory, pin
from w2vbench.bench.engine.worker.checking.contract import check_problem
from w2vbench.bench.engine.worker.variants.loop import Arguments, Function
from w2vbench.bench.engine.worker.variants.methods import lined
from w2vbench.bench.engine.worker.variants.sources import load_source
from w2vbench.bench.engine.worker.variants.variant import adapt_batch
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation, Problem
from w2vbench.impls.interface.case import Size
from w2vbench.impls.messages import describe

from .memory import in_children, trim_heap
from .traced import traced_lines

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

LineFigures = dict[int, dict[str, Any]]
"""Some of the fields of ``protocol.Line``, by line number."""


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
    calls, unit_s, figures = time_lines(function, of, arguments, pass_s)
    problem.reset()
    import_module("memory_profiler")  # here, so that the children need not
    inspect.getmodule(function.__code__)  # it asks the file system for the path of each module, once a process
    left_out = []
    passes = {"allocated": allocated_lines, "resident": resident_lines}
    works = [partial(memory_of_lines, function, of, arguments[0]) for memory_of_lines in passes.values()]
    for what, answer in zip(passes, in_children(works, [limit_s] * len(works)), strict=True):
        if why_not := answer.pop("why_not", ""):
            left_out.append(f"{what}: {why_not}")
        for number, found in answer.items():
            figures.setdefault(int(number), {}).update(found)
    return protocol.LineProfile(
        variant=name,
        calls=calls,
        unit_s=unit_s,
        hook_s=hook_s(),
        lines=tuple(
            protocol.Line(number=number, text=text.rstrip("\n"), **figures.get(number, {}))
            for number, text in enumerate(source, start=first)
        ),
        left_out=tuple(left_out),
    )


def time_lines(
    function: Function, of: Function, arguments: Sequence[Arguments], pass_s: float
) -> tuple[int, float, LineFigures]:
    """Profile the lines of a function in about pass_s of calls, after a warm-up call. Returns calls, timer unit in seconds, and hits and time."""
    batches = cycle(arguments)
    warm_up_s = timeit(lambda: function(*next(batches)), number=1)
    calls = calls_in(pass_s, warm_up_s)
    return calls, *hooked_lines(function, of, islice(batches, calls))


def calls_in(pass_s: float, call_s: float) -> int:
    """Return how many calls a time pass has: those that fit into it, or a few more."""
    fitting, few = (int(seconds / max(call_s, 1e-7)) for seconds in (pass_s, FEW_CALLS_S))
    return max(1, min(FEW_CALLS, few), min(MOST_CALLS, fitting))


def hooked_lines(function: Function, of: Function, arguments: Iterable[Arguments]) -> tuple[float, LineFigures]:
    """Run a function once for each tuple of arguments, and the lines of another or the same one under line_profiler.

    Returns timer unit, and hits and time.
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
    return stats.unit, {line: {"hits": hits, "time_s": ticks * stats.unit} for line, hits, ticks in lines}


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
    hits = sum(int(line["hits"]) for line in lines.values())
    return max(0.0, (hooked_s - bare_s) / hits)


def allocated_lines(function: Function, of: Function, arguments: Arguments) -> LineFigures:
    """Return what each line of a function allocates through Python in one call."""
    allocations = traced_lines(function, arguments, of).items()
    return {line: {"traced_bytes": one.added, "traced_peak_bytes": one.peak} for line, one in allocations}


def resident_lines(function: Function, of: Function, arguments: Arguments) -> LineFigures:
    """Return the bytes by which each line of a function raised the resident set in one call, over all its hits."""
    from memory_profiler import LineProfiler, _get_memory

    function(*arguments)  # the first call's page faults do not belong to its lines
    trim_heap()
    profiler = LineProfiler(include_children=False, backend="psutil")
    profiler.add_function(of)
    profiled = profiler.wrap_function(function)
    before = _get_memory(-1, "psutil")
    profiled(*arguments)
    growth: LineFigures = {}
    for _, rows in profiler.code_map.items():  # noqa: PERF102 - not a dict: it yields (file, lines)
        for number, figures in rows:
            if figures is not None:
                # the first line's increment counts from zero, so the memory before the call is subtracted
                growth[number] = {"memory_bytes": round((figures[0] - (0 if growth else before)) * MIB)}
    if of is not function and growth:
        del growth[next(iter(growth))]  # before its first line, what calls it may have grown
    return growth
