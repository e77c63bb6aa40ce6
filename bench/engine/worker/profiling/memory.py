"""Memory of a call, measured apart from time, in a child forked from the process that holds the problem.

There are two figures, because neither is complete. The peak of traced allocation is exact to the byte and sees every NumPy
array, but not the scratch memory of compiled libraries. Growth of the resident set sees all memory, in whole pages, but
nothing that fits into memory which the process already had.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import select
import signal
import time
import tracemalloc
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil
from w2vbench.bench.engine.machine.process import call_libc, end_with_parent
from w2vbench.bench.engine.worker.variants.variant import adapt_batch
from w2vbench.impls.interface import Implementation, Problem
from w2vbench.impls.messages import type_and_message

REPEAT_LIMIT_S = 0.25
"""Calls that take as long as this are not repeated."""
NO_ANSWER = "no answer"
Result = TypeVar("Result")
SIZES = re.compile(r"(\w+):\s+(\d+) kB")
"""Compiled here, so that it does not count as memory of what is traced."""
FIGURES = ("peak_bytes", "resident_bytes", "prepare_bytes", "prepare_resident_bytes")


def measure(implementation: Implementation, problem: Problem, time_limit_s: float) -> dict[str, Any]:
    """Measure the memory of one call and of set-up.

    Returns
    -------
    dict
        FIGURES, in bytes: traced peak and resident growth of a call, traced allocation and resident growth of set-up. Or
        ``why_not``, the reason why there are none.
    """
    return measure_together([(implementation, time_limit_s)], problem)[0]


def measure_together(
    implementations: Sequence[tuple[Implementation, float]],
    problem: Problem,
    unanswered: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Measure the memory of several implementations, each with its time limit, as ``measure`` does.

    unanswered: by key, what is said of those that are not asked again, since their child gave no answer.
    """
    said = unanswered or {}
    asked = [(one, limit_s) for one, limit_s in implementations if one.key not in said]
    figures = iter(in_children([partial(trace, one, problem) for one, _ in asked], [limit_s for _, limit_s in asked]))
    return [{"why_not": said[one.key]} if one.key in said else next(figures) for one, _ in implementations]


def trace(implementation: Implementation, problem: Problem) -> dict[str, Any]:
    """Trace set-up and one call, and measure without tracing how far another call raises the resident set.

    A call that takes as long as REPEAT_LIMIT_S is not repeated: its resident growth is then measured while it is traced.
    """
    disable_huge_pages()
    trim_heap()
    tracemalloc.start()
    pages = status().get("RssAnon")  # those that belong to no file
    function, workspace = implementation.start(problem)
    prepare_traced, prepare_resident = 0, None
    if implementation.prepare:
        prepare_traced = tracemalloc.get_traced_memory()[0]
        trim_heap()  # return what set-up itself has freed
        after = status().get("RssAnon")
        if pages is not None and after is not None:
            prepare_resident = max(0, after - pages - tracemalloc.get_tracemalloc_memory())
    arguments = adapt_batch(implementation.adapt, workspace, problem.batches[0])

    def call() -> int:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        function(*arguments, *workspace)
        return tracemalloc.get_traced_memory()[1] - before

    started = time.perf_counter()
    peak, resident = resident_growth(call)
    elapsed_s = time.perf_counter() - started
    tracemalloc.stop()
    if elapsed_s < REPEAT_LIMIT_S:
        trim_heap()
        _, resident = resident_growth(lambda: function(*arguments, *workspace))
    return dict(zip(FIGURES, (peak, resident, prepare_traced, prepare_resident), strict=True))


def resident_growth(call: Callable[[], Result]) -> tuple[Result, int | None]:
    """Return a call's result, and the most bytes by which it raises the resident set.

    The growth is None where the system keeps no high-water mark. Pages of files are not counted: a process that was just
    forked maps the pages of each library again at its first call, which is 2 MB for NumPy and 20 MB for torch.
    """
    before: dict[str, int] = {}
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
        before = status()
    result = call()
    if "RssFile" not in before:
        return result, None
    after = status()
    return result, max(0, after["VmHWM"] - before["VmRSS"] - max(0, after["RssFile"] - before["RssFile"]))


def trim_heap() -> None:
    """Make glibc return its free memory to the system: what a call takes out of free memory would not count as growth."""
    call_libc("malloc_trim", 0)


def status() -> dict[str, int]:
    """Return the sizes in this process's status, in bytes; empty where the system does not report them."""
    with contextlib.suppress(OSError):
        return {name: int(size) * 1024 for name, size in SIZES.findall(Path("/proc/self/status").read_text())}
    return {}


def in_children(works: Sequence[Callable[[], dict[Any, Any]]], limits_s: Sequence[float]) -> list[dict[str, Any]]:
    """Do each work in a forked child, side by side if there is memory for that: nothing is timed in them.

    Returns what ``Child.answer`` returns, of each.
    """
    if len(works) > 1 and not has_room(len(works)):
        return [
            answer for work, limit_s in zip(works, limits_s, strict=True) for answer in in_children([work], [limit_s])
        ]
    children = [Child(work, alone=len(works) == 1) for work in works]
    return [child.answer(limit_s) for child, limit_s in zip(children, limits_s, strict=True)]


def has_room(children: int) -> bool:
    """Whether this number of children may each hold as much memory as this process may."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return limit != resource.RLIM_INFINITY and psutil.virtual_memory().available > children * limit


class Child:
    """A forked child that does some work and sends its answer as JSON, so that keys become texts.

    Parameters
    ----------
    work
        Returns the answer.
    alone
        Whether it stays on this process's CPUs; others may use all.
    """

    def __init__(self, work: Callable[[], dict[Any, Any]], *, alone: bool = True) -> None:
        self.reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # JAX's: a child has no threads of it, and its programs here need none
            self.number = os.fork()
        if self.number == 0:
            try:
                end_with_parent()
                if not alone and hasattr(os, "sched_setaffinity"):
                    os.sched_setaffinity(0, range(os.cpu_count() or 1))
                try:
                    answer = work()
                except BaseException as error:
                    answer = {"why_not": type_and_message(error)}
                with os.fdopen(writer, "wb") as pipe:
                    pipe.write(json.dumps(answer).encode())
            finally:
                os._exit(0)
        os.close(writer)

    def answer(self, time_limit_s: float) -> dict[str, Any]:
        """Wait for the answer; or return ``why_not`` if the child fails or takes longer from now on."""
        with os.fdopen(self.reader, "rb") as pipe:
            ready, _, _ = select.select([pipe], [], [], time_limit_s)
            if not ready:
                os.kill(self.number, signal.SIGKILL)
            text = pipe.read()
        _, status = os.waitpid(self.number, 0)
        if not text:
            return {
                "why_not": f"its process ended with status {status}"
                if ready
                else f"{NO_ANSWER} in {time_limit_s:.2g} s"
            }
        with contextlib.suppress(ValueError, RecursionError):
            answer = json.loads(text)
            if isinstance(answer, dict):
                return answer
        return {"why_not": "something in its process wrote into the engine's own pipe"}


def disable_huge_pages() -> None:
    """Give this process small pages only: a huge page counts as 2 MB when a call touches one byte of it (Linux only)."""
    PR_SET_THP_DISABLE = 41
    call_libc("prctl", PR_SET_THP_DISABLE, 1, 0, 0, 0)
