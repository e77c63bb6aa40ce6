"""What a call needs of memory: measured apart from time, in a child forked from the holder of the problem.

Two figures, because neither tells all: the peak of traced allocations is exact to the byte and sees every NumPy
array, but not the scratch memory of compiled libraries; growth of the resident set sees everything, in whole pages,
but nothing that fits into memory which the process had already.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impls.interface import Implementation, Problem
from impls.messages import told

from .variant import batches_for

TWICE_S = 0.25
FIGURES = ("peak_bytes", "resident_bytes", "prepare_bytes", "prepare_resident_bytes")


def measure(implementation: Implementation, problem: Problem, time_limit_s: float) -> dict[str, Any]:
    """FIGURES: bytes of one call (traced peak; resident growth) and of its set-up (traced; resident growth); ``why_not``
    where there are none."""
    if not hasattr(os, "fork"):
        return {"why_not": "this system cannot fork"}
    return in_child(lambda: trace(implementation, problem), time_limit_s)


def trace(implementation: Implementation, problem: Problem) -> dict[str, Any]:
    """Trace set-up and one call; then, without tracing, see how far another raises the resident set.

    Where a call takes as long as TWICE_S, the first one's rise is taken, since such calls are not made twice.
    """
    small_pages()
    give_back()
    tracemalloc.start()
    pages = allocated_pages()
    function, last = implementation.start(problem)
    prepared, held = 0, None
    if implementation.prepare:
        prepared = tracemalloc.get_traced_memory()[0]
        give_back()  # what set-up itself has freed
        after = allocated_pages()
        if pages is not None and after is not None:
            held = max(0, after - pages - tracemalloc.get_tracemalloc_memory())
    arguments = next(batches_for(implementation, problem, last))

    def call() -> int:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        function(*arguments, *last)
        return tracemalloc.get_traced_memory()[1] - before

    started = time.perf_counter()
    peak, resident = resident_growth(call)
    took = time.perf_counter() - started
    tracemalloc.stop()
    if took < TWICE_S:
        give_back()
        _, resident = resident_growth(lambda: function(*arguments, *last))
    return dict(zip(FIGURES, (peak, resident, prepared, held), strict=True))


def resident_growth(call: Callable[[], Any]) -> tuple[Any, int | None]:
    """What a call gives, and bytes by which it raises the resident set at most; None where the system keeps no mark.

    Pages of files are not counted: a process that was just forked maps those of each library again that a call passes
    through, which is 2 MB for NumPy and 20 for torch.
    """
    before = None
    with contextlib.suppress(OSError, KeyError):
        Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back
        files, before = status_bytes("RssFile"), status_bytes("VmRSS")
    result = call()
    if before is None:
        return result, None
    return result, max(0, status_bytes("VmHWM") - before - max(0, status_bytes("RssFile") - files))


def allocated_pages() -> int | None:
    """Bytes of this process's pages that belong to no file; None where the system does not say."""
    with contextlib.suppress(OSError, KeyError):
        return status_bytes("RssAnon")
    return None


def give_back() -> None:
    """Have glibc give its free memory back to the system: what a call takes out of it would be no growth."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def status_bytes(field: str) -> int:
    """A field of this process's status, in bytes. Raises KeyError where the system has no such field."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def in_child(work: Callable[[], dict[str, Any]], time_limit_s: float) -> dict[str, Any]:
    """Run work in a forked child and give its answer; a child that dies or takes too long gives the reason instead."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            end_with_parent()
            try:
                answer = work()
            except BaseException as error:
                answer = {"why_not": told(error)}
            os.write(writer, json.dumps(answer).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        ready, _, _ = select.select([pipe], [], [], time_limit_s)
        if not ready:
            os.kill(child, signal.SIGKILL)
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if not text:
        return {
            "why_not": f"no answer in {time_limit_s:g} s" if not ready else f"its process ended with status {status}"
        }
    with contextlib.suppress(ValueError, RecursionError):
        answer = json.loads(text)
        if isinstance(answer, dict):
            return answer
    return {"why_not": "something in its process wrote into the engine's own pipe"}


def small_pages() -> None:
    """Have the system give this process single pages: a huge one counts 2 MB where a call touches a byte (Linux only)."""
    if sys.platform == "linux":
        import ctypes

        PR_SET_THP_DISABLE = 41
        ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


def end_with_parent() -> None:
    """Have the system end this process when the one that started it is killed (Linux only)."""
    if sys.platform == "linux":
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
