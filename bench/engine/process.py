"""This process: the CPU that it stays on, the memory that it may have, and what it has left running."""

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
    """Let no allocation go past the limit: it raises MemoryError, instead of the system killing what it likes."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    except (ImportError, ValueError, OSError):  # not on this system: the budget computed beforehand still holds
        pass


def running() -> int:
    """Threads and child processes of this process, as far as the system tells: more than at first were left behind."""
    import psutil

    tasks = Path("/proc/self/task")
    threads = len(list(tasks.iterdir())) if tasks.is_dir() else threading.active_count()
    return threads + len(psutil.Process().children())


def blas_threads() -> int | None:
    """How many threads BLAS has in this process."""
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info() if pool.get("user_api") == "blas"), default=None)
