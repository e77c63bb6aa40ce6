"""This process: its CPU, its memory limit, and its threads and children."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal

import psutil


def pin(threads: int, cpu: int | None = None) -> None:
    """Keep a single-threaded worker on one CPU: a given one, or the last that it may use."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cpu if cpu in allowed else max(allowed)})


def limit_memory(limit_bytes: int) -> None:
    """Make allocations beyond the limit raise MemoryError, before the system kills a process of its choice."""
    with contextlib.suppress(
        ValueError, OSError
    ):  # not on this system: the memory computed beforehand is still a limit
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


def count_tasks() -> int:
    """Count this process's threads and child processes. If there are more after a job, the job left some running."""
    this = psutil.Process()
    return this.num_threads() + len(this.children())


def call_libc(function: str, *arguments: int) -> None:
    """Call a function of the C library that only Linux's has; nothing happens where there is none."""
    with contextlib.suppress(AttributeError):
        getattr(ctypes.CDLL(None), function)(*arguments)


def end_with_parent() -> None:
    """Make the system end this process when its parent is killed (Linux only)."""
    PR_SET_PDEATHSIG = 1
    call_libc("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that all can be found and ended (Linux only)."""
    PR_SET_CHILD_SUBREAPER = 36
    call_libc("prctl", PR_SET_CHILD_SUBREAPER, 1)


def blas_threads() -> int | None:
    """Return how many threads BLAS has in this process; None if none is loaded."""
    from threadpoolctl import threadpool_info  # workers start sooner without it

    return max((pool["num_threads"] for pool in threadpool_info() if pool.get("user_api") == "blas"), default=None)
