"""What the commands that measure begin with: implementations, text, workers, memory, signals."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.plans.selection import Selection

if TYPE_CHECKING:
    from bench.engine.pool import Workers
    from impls.interface import Implementation
    from impls.words import Corpus

LEAST_MEMORY = 512 << 20
"""Bytes that a worker needs at least."""


def narrowed(every: Sequence[Implementation], kernels: Sequence[str] | None) -> list[Implementation]:
    """The implementations of some kernels or families of kernels. Raises PlanError."""
    from difflib import get_close_matches

    from bench.plans.run import PlanError

    names = list(dict.fromkeys(i.kernel.name for i in every))
    for kernel in kernels or ():
        if any(Selection([kernel]).has_kernel(name) for name in names):
            continue
        families = dict.fromkeys(name.partition(".")[0] for name in names)
        by_ending = {
            **{name.rpartition(".")[2]: name for name in names},
            **{name: name for name in (*names, *families)},
        }
        near = [name for name in by_ending if name.startswith(kernel)] or get_close_matches(kernel, by_ending, 1)
        guess = f"did you mean {by_ending[near[0]]}? " if near else ""
        raise PlanError(f"no kernel {kernel!r}; {guess}there are {', '.join(names)}")
    return [i for i in every if Selection(kernels or ()).has_kernel(i.kernel.name)]


def read_corpus(file: Path | None) -> Corpus:
    """The built-in corpus, or a file's. Raises CorpusError."""
    from impls import words

    return words.read(file) if file else words.builtin()


@contextmanager
def measuring(machine: dict[str, Any], busy: Sequence[float], threads: int = 1) -> Iterator[tuple[Workers, int | None]]:
    """Workers to measure with, and the CPU that those of one thread are kept on: the idlest that no other run holds.

    machine: where it is noted. This process leaves the CPUs to its workers, if it may use others.
    """
    from bench.commands import terminal as show
    from bench.engine import cpus, environment
    from bench.engine.pool import Workers

    with cpus.held(environment.idlest(busy), threads) as mine, Workers(mine.cpus) as workers:
        machine["idlest_cpu"] = mine.cpu if threads == 1 else None
        if mine.shared:
            machine["cpus_shared"] = True
            show.error(environment.CROWDED)
        yield workers, mine.cpu


def stop_on_signals() -> None:
    """Have the signals that end a program raise KeyboardInterrupt, so that what was begun is tidied away."""
    for ending in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, ending):
            signal.signal(getattr(signal, ending), signal.default_int_handler)


def free_memory() -> int:
    """Bytes that a worker may hold if nothing else is said: what is available, less a reserve of at most a gigabyte."""
    from bench.engine import environment

    available = environment.available_bytes()
    return max(LEAST_MEMORY, available - min(1 << 30, available // 4))
