"""This process: its CPU, its memory limit, and its threads and children."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def pin(threads: int, cpu: int | None = None) -> None:
    """Keep a single-threaded worker on one CPU: a given one, or the last that it may use."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cpu if cpu in allowed else max(allowed)})


def limit_memory(limit_bytes: int) -> None:
    """Make allocations beyond the limit raise MemoryError, before the system kills a process of its choice."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    except (ImportError, ValueError, OSError):  # not on this system: the memory computed beforehand is still a limit
        pass


def count_tasks() -> int:
    """Count this process's threads and child processes. If there are more after a job, the job left some running."""
    import psutil

    tasks = Path("/proc/self/task")
    threads = len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()
    return threads + len(psutil.Process().children())


def blas_threads() -> int | None:
    """Return how many threads BLAS has in this process; None if none is loaded."""
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info() if pool.get("user_api") == "blas"), default=None)
