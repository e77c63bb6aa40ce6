"""What a call needs of memory: measured apart from time, in a child forked from the holder of the problem.

Two figures, because neither tells all: the peak of traced allocations is exact to the byte and sees every NumPy
array, but not the scratch memory of compiled libraries; growth of the resident set sees everything, in whole pages,
but nothing that fits into memory which the process had already.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impls.interface import Implementation, Problem

SLOW_S = 0.25


def measure(implementation: Implementation, problem: Problem) -> dict[str, Any]:
    """Peak bytes of one call (traced; resident growth) and of its set-up (traced); None where the system cannot say."""
    if not hasattr(os, "fork"):
        return {"peak_bytes": None, "resident_bytes": None, "prepare_bytes": None, "why_not": "this system cannot fork"}
    return in_child(lambda: weigh(implementation, problem))


def weigh(implementation: Implementation, problem: Problem) -> dict[str, Any]:
    """Trace set-up and one call; then, without tracing, see how far another raises the resident set.

    The first call's rise includes some 2 MB of the child's own first page faults. Where a call takes as long as SLOW_S
    it is taken all the same, since such calls are not made twice.
    """
    arguments = problem.batches[0]
    tracemalloc.start()
    workspace = (implementation.prepare(problem),) if implementation.prepare else ()
    prepared = tracemalloc.get_traced_memory()[0] if implementation.prepare else 0

    def call() -> int:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        implementation.function(*arguments, *workspace)
        return tracemalloc.get_traced_memory()[1] - before

    started = time.perf_counter()
    peak, resident = resident_growth(call)
    took = time.perf_counter() - started
    tracemalloc.stop()
    if took < SLOW_S:
        _, resident = resident_growth(lambda: implementation.function(*arguments, *workspace))
    return {"peak_bytes": peak, "prepare_bytes": prepared, "resident_bytes": resident}


def resident_growth(call: Callable[[], Any]) -> tuple[Any, int | None]:
    """What a call gives, and bytes by which it raises the resident set at most; None where the system keeps no mark."""
    before = None
    with contextlib.suppress(OSError, KeyError):
        Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back
        before = status_bytes("VmRSS")
    result = call()
    return result, None if before is None else max(0, status_bytes("VmHWM") - before)


def status_bytes(field: str) -> int:
    """A field of this process's status, in bytes. Raises KeyError where the system has no such field."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run work in a forked child and give its answer; a child that dies gives the reason instead."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            answer = work()
        except BaseException as error:
            answer = {"why_not": f"{type(error).__name__}: {error}"[:300]}
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if not text:
        return {"why_not": f"the child that measures memory ended with status {status}"}
    answer = json.loads(text)
    return answer if isinstance(answer, dict) else {}
