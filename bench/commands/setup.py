"""Set up a measurement: implementations, text, workers, memory, signals."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.plans.selection import Selection

if TYPE_CHECKING:
    from bench.engine.context import RunContext
    from bench.engine.protocol import MeasurementSettings
    from impls.interface import Implementation
    from impls.words import Corpus

LEAST_MEMORY = 512 << 20
"""The least memory of a worker, in bytes."""


def select_kernels(every: Sequence[Implementation], kernels: Sequence[str] | None) -> list[Implementation]:
    """Return the implementations of some kernels or families of kernels. Raises PlanError."""
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
    """Read a file, or the built-in corpus. Raises CorpusError."""
    from impls import texts

    return texts.read(file) if file else texts.builtin()


@contextmanager
def measuring(
    machine: dict[str, Any],
    busy: Sequence[float],
    settings: MeasurementSettings,
    threads: int = 1,
    files: Sequence[Path] = (),
) -> Iterator[RunContext]:
    """Start workers on CPUs that no other run holds. This process leaves those CPUs if it may use others.

    A signal that ends the program raises KeyboardInterrupt from here on, so that processes and folders are cleaned up.

    Parameters
    ----------
    machine
        The CPU is recorded there.
    busy
        Load of each CPU.
    files
        The user's own implementations.

    Yields
    ------
    RunContext
        With an empty folder, into which the text must be saved. Workers with one thread are pinned to the idlest free CPU.
    """
    from bench.commands import terminal as show
    from bench.engine import cpus, environment
    from bench.engine.context import RunContext
    from bench.engine.pool import Workers
    from bench.engine.protocol import ImplementationSource
    from bench.plans.run import temporary_folder

    stop_on_signals()
    sources = {"": ImplementationSource(files=tuple(map(str, files)))}
    with (
        temporary_folder() as folder,
        cpus.hold(environment.idlest_cpus(busy), threads) as mine,
        Workers(mine.cpus) as workers,
    ):
        machine["idlest_cpu"] = mine.cpu if threads == 1 else None
        if mine.shared:
            machine["cpus_shared"] = True
            show.error(environment.SHARED_CPUS)
        yield RunContext(workers=workers, corpus=folder, settings=settings, sources=sources, cpu=mine.cpu)


def stop_on_signals() -> None:
    """Let the signals that end a program raise KeyboardInterrupt, so that processes and folders are cleaned up."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)


def free_memory() -> int:
    """Return the default memory limit of a worker, in bytes: what is available, less a reserve of at most 1 GiB."""
    from bench.engine import environment

    available = environment.available_bytes()
    return max(LEAST_MEMORY, available - min(1 << 30, available // 4))
