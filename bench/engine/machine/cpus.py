"""CPUs to measure on. A lock keeps two runs off the same CPU, and a run keeps its own work off the CPUs of its workers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class HeldCpus:
    """The CPUs that a run measures on."""

    cpus: tuple[int, ...] = ()  # the idlest first; empty where the system cannot keep a process on one CPU
    shared: bool = False  # whether other runs hold some of them too, because too few were free

    @property
    def cpu(self) -> int | None:
        """The CPU that workers of one thread stay on."""
        return self.cpus[0] if self.cpus else None


def allowed() -> frozenset[int]:
    """Return the CPUs that this process may use; empty where the system does not report them."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


@contextmanager
def hold(idlest: Sequence[int], threads: int = 1) -> Iterator[HeldCpus]:
    """Hold as many CPUs as there are threads: the idlest of those that no other run of this user holds.

    If too few are free, the idlest of the others are shared. Raises OSError if locks cannot be written.
    """
    wanted = min(threads, len(idlest))
    with contextlib.ExitStack() as locks:
        mine: list[int] = []
        for cpu in idlest:
            if len(mine) < wanted and (lock := try_lock(cpu)) is not None:
                locks.callback(os.close, lock)
                mine.append(cpu)
        others = [cpu for cpu in idlest if cpu not in mine][: wanted - len(mine)]
        yield HeldCpus((*mine, *others), shared=bool(others))


def try_lock(cpu: int) -> int | None:
    """Lock a CPU: a descriptor that holds the lock until it is closed or the process ends; None if another has the lock."""
    path = Path(tempfile.gettempdir()) / f"w2vbench-cpu{cpu}-of-{os.getuid()}.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def set_affinity(cpus: Collection[int]) -> None:
    """Keep all threads of this process on some CPUs, and the threads that they start."""
    for thread in psutil.Process().threads():
        with contextlib.suppress(ProcessLookupError):  # a thread that has just ended
            os.sched_setaffinity(thread.id, cpus)


@contextmanager
def spawning_on(cpus: Collection[int]) -> Iterator[None]:
    """Let the processes that the calling thread starts use these CPUs, whatever this process is kept on."""
    before = allowed()
    if before:
        os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)
