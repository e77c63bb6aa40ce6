"""What a call needs of memory: measured apart from time, in a child forked from the holder of the problem.

Two figures, because neither tells all: the peak of traced allocations is exact to the byte and sees every NumPy
array, but not the scratch memory of compiled libraries; growth of the resident set sees everything, in whole pages,
but nothing that fits into memory which the process had already.
"""

from __future__ import annotations

import contextlib
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from impls.interface import Implementation, Problem


def measure(implementation: Implementation, problem: Problem) -> dict[str, Any]:
    """Peak bytes of one call (traced; resident growth) and of its set-up (traced); None where the system cannot say."""
    if not hasattr(os, "fork"):
        return {"peak_bytes": None, "resident_bytes": None, "prepare_bytes": None, "why_not": "this system cannot fork"}
    return in_child(lambda: weigh(implementation, problem))


def weigh(implementation: Implementation, problem: Problem) -> dict[str, Any]:
    """Trace set-up and one call; then, without tracing, see how far a second call raises the resident set.

    The resident set is read off the system's own high-water mark, which is set back before the call.
    """
    arguments = problem.batches[0]
    tracemalloc.start()
    workspace = (implementation.prepare(problem),) if implementation.prepare else ()
    prepared = tracemalloc.get_traced_memory()[0] if implementation.prepare else 0
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    result = implementation.function(*arguments, *workspace)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    del result
    found = {"peak_bytes": peak, "prepare_bytes": prepared, "resident_bytes": None}
    with contextlib.suppress(OSError, KeyError):
        Path("/proc/self/clear_refs").write_text("5")
        resident = status_bytes("VmRSS")
        result = implementation.function(*arguments, *workspace)
        found["resident_bytes"] = max(0, status_bytes("VmHWM") - resident)
        del result
    return found


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
