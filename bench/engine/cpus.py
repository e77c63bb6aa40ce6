"""CPUs to measure on: held by a lock for as long as a run lasts, so that two runs do not share one, and left alone by the run itself."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Held:
    """CPUs that a run measures on, the idlest first; none where the system cannot keep a process on one.

    shared: whether other runs hold some of them too, since too few were free.
    """

    cpus: tuple[int, ...] = ()
    shared: bool = False

    @property
    def cpu(self) -> int | None:
        """The one that workers of one thread are kept on."""
        return self.cpus[0] if self.cpus else None


def allowed() -> frozenset[int]:
    """The CPUs that this process may use; empty where the system does not say."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


@contextmanager
def held(idlest: Sequence[int], threads: int = 1) -> Iterator[Held]:
    """Hold as many CPUs as there are threads, the idlest of those that no other run of this user holds.

    If too few are free, the idlest of the others are shared. Raises OSError if locks cannot be written.
    """
    wanted = min(threads, len(idlest))
    with contextlib.ExitStack() as locks:
        mine: list[int] = []
        for cpu in idlest:
            if len(mine) < wanted and (lock := locked(cpu)) is not None:
                locks.callback(os.close, lock)
                mine.append(cpu)
        others = [cpu for cpu in idlest if cpu not in mine][: wanted - len(mine)]
        yield Held((*mine, *others), shared=bool(others))


def locked(cpu: int) -> int | None:
    """A descriptor that holds a CPU's lock until it is closed, or the process ends; None if another has it."""
    try:
        import fcntl
    except ImportError:  # not on this system
        return os.open(os.devnull, os.O_RDONLY)
    path = Path(tempfile.gettempdir()) / f"w2vbench-cpu{cpu}-of-{os.getuid()}.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def move(cpus: Collection[int]) -> None:
    """Keep all threads of this process on some CPUs; those that they start are kept there too."""
    tasks = Path("/proc/self/task")
    for thread in [int(task.name) for task in tasks.iterdir()] if tasks.is_dir() else [0]:
        with contextlib.suppress(ProcessLookupError):  # a thread that has just ended
            os.sched_setaffinity(thread, cpus)


@contextmanager
def lifted(everywhere: Collection[int]) -> Iterator[None]:
    """Let what the calling thread starts use all CPUs, whatever the process is kept to."""
    before = allowed()
    if not before:
        yield
        return
    os.sched_setaffinity(0, everywhere)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
