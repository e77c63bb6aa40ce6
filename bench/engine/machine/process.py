"""This process: its CPU, its memory limit, and its threads and children; and what killed processes have left."""

from __future__ import annotations

import contextlib
import ctypes
import re
import resource
import signal
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil

from . import cpus

LARGEST_PID = 1 << 22
"""Linux has no larger process number, but a folder's name may hold any digits."""


def pin(threads: int, cpu: int | None = None) -> None:
    """Keep a single-threaded worker, and the threads that its packages keep, on one CPU: a given one, or the last that it may use."""
    allowed = cpus.allowed()
    if threads == 1 and allowed:
        cpus.set_affinity({cpu if cpu in allowed else max(allowed)})


def limit_memory(limit_bytes: int) -> None:
    """Make allocations beyond the limit raise MemoryError, before the system kills a process of its choice.

    What counts is data, and not the whole address space: in that, the libraries of a torch for GPUs alone take 3 GB, so that it
    could not be imported.
    """
    with contextlib.suppress(
        ValueError, OSError
    ):  # not on this system: the memory computed beforehand is still a limit
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


def tasks() -> set[int]:
    """Return the ids of this process's threads and child processes. Those that there are only after a job, it has left."""
    this = psutil.Process()
    return {thread.id for thread in this.threads()} | {child.pid for child in this.children()}


def are_idle(left: Collection[int]) -> bool:
    """Whether these tasks are threads that wait for work: torch and JAX keep such (Linux only)."""
    if any(child.pid in left for child in psutil.Process().children()):
        return False
    states = []
    for task in left:
        with contextlib.suppress(OSError):  # it has ended since
            states.append(Path(f"/proc/self/task/{task}/stat").read_text().rpartition(") ")[2][:1])
    return all(state == "S" for state in states)


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


def abandoned_folders(prefix: str) -> Iterator[Path]:
    """Yield the folders named ``PREFIX-PID-…`` in the temporary folder whose process has ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}-*-*"):
        owner = folder.name.removeprefix(f"{prefix}-").partition("-")[0]
        if re.fullmatch("[1-9][0-9]{0,6}", owner) and int(owner) <= LARGEST_PID and not psutil.pid_exists(int(owner)):
            yield folder
