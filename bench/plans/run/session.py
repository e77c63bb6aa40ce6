"""What every command that measures has in common: the text, the machine, the workers, and what ends it early."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pytest_benchmark.utils import get_commit_info
from w2vbench.bench.engine.machine import cpus, environment
from w2vbench.bench.engine.machine.process import abandoned_folders
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.contracts import check_contracts
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.protocol import ImplementationSource, MeasurementSettings, Status, Verdict
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation
from w2vbench.reports.file.schema.comparison import Comparison
from w2vbench.reports.file.schema.result import SCHEMA, Commit, Engine, Phase, ResultFile, Row, Suite

from .request import PlanError, Say

BROKEN = {Status.WRONG, Status.ERROR, Status.CRASHED}
MACHINE_FACTS = ("cpu", "cpus_allowed", "python", "packages", "blas")
LEAST_MEMORY = 512 << 20
"""The least memory of a worker, in bytes."""


class Session:
    """A command that measures: the machine, as it was before anything was measured, and whether the user has ended it.

    Attributes
    ----------
    machine
        The facts of the machine (``environment.describe``), if another one measures; None for this one.
    parts
        More fields of the result file's ``w2vbench`` part.
    warnings
        More warnings of it.
    """

    def __init__(self, command: str, say: Say, machine: Mapping[str, Any] | None = None) -> None:
        self.command, self.say, self.interrupted = command, say, False
        self.phases: list[Phase] = []
        self.parts: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.busy, self.counters = [] if machine else environment.busy_cpus(), environment.counters()
        self.machine = dict(machine) if machine else environment.describe(self.busy)
        self.commit = Commit.model_validate(get_commit_info())

    @contextmanager
    def measuring(
        self,
        settings: MeasurementSettings,
        threads: Sequence[int] = (1,),
        files: Sequence[Path] = (),
        text: Corpus | None = None,
    ) -> Iterator[RunContext]:
        """Start workers on CPUs that no other run holds. This process leaves those CPUs if it may use others.

        A signal that ends the program raises KeyboardInterrupt from here on, so that processes and folders are cleaned up.

        Parameters
        ----------
        settings
            How experiments are measured.
        threads
            Numbers of threads that workers will have: as many CPUs are held as the largest needs.
        files
            The user's own implementations.
        text
            The text; None if it will be saved in the context's folder later.

        Yields
        ------
        RunContext
            Workers with one thread are pinned to the idlest free CPU.
        """
        stop_on_signals()
        with (
            temporary_folder() as folder,
            cpus.hold(environment.idlest_cpus(self.busy), max(threads)) as mine,
            Workers(mine.cpus) as workers,
        ):
            self.machine["idlest_cpu"] = mine.cpu if 1 in threads else None
            if mine.shared:
                self.machine["cpus_shared"] = True
                self.say(environment.SHARED_CPUS)
            if text is not None:
                text.save(folder)
            yield RunContext(
                workers=workers, corpus=folder, settings=settings, sources=sources_of_files(files), cpu=mine.cpu
            )

    @contextmanager
    def phase(self, name: str, workers: Workers) -> Iterator[None]:
        """Note how long the block takes, and the seconds of the workers' steps meanwhile."""
        began, before = time.perf_counter(), workers.seconds.copy()
        try:
            yield
        finally:
            steps = {step: seconds - before.get(step, 0.0) for step, seconds in workers.seconds.items()}
            used = {step: seconds for step, seconds in steps.items() if seconds}
            self.phases.append(Phase(name=name, wall_s=time.perf_counter() - began, steps=used))

    @contextmanager
    def until_interrupted(self) -> Iterator[None]:
        """Do what stands in the block until the user ends the program, so that what is finished can be kept."""
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True

    def exit_code(self, statuses: Iterable[str]) -> int:
        """Return 130 if the user ended it; else, of the cases' statuses: 1 if one is broken, 3 if none is ok."""
        found = set(statuses)
        return 130 if self.interrupted else 1 if found & BROKEN else 0 if Status.OK in found else 3

    def machine_info(self) -> dict[str, Any]:
        """Return what pytest-benchmark writes of the machine."""
        return machine_info()

    def facts_after(self) -> dict[str, object]:
        """Return the facts of the machine that are known after the measurement only."""
        return {"load_after": environment.load(), **environment.counter_increases(self.counters)}

    def fixed_facts(self) -> dict[str, object]:
        """Return the facts of the machine that must be the same for a measurement to be resumed."""
        return {name: self.machine.get(name) for name in MACHINE_FACTS}

    def say_warnings(self, threads: int) -> None:
        """Say what may have disturbed the figures, for commands without a result file."""
        machine = self.machine | self.facts_after()
        for sentence in environment.warnings_of(machine, threads=threads):
            self.say(f"warning: {sentence}")

    def comparison_file(self, found: Comparison, threads: int) -> ResultFile:
        """Return the result file of a comparison that was made here and now, without the comparison itself."""
        noise = {"threads": threads, "waiting": found.waiting}
        return self.result_file("compare", noise=noise if found.cases else None)

    def result_file(
        self,
        engine: Engine,
        rows: Sequence[Row] = (),
        *,
        noise: Mapping[str, Any] | None = None,
        warnings: Sequence[str] = (),
        measured: Mapping[str, Any] | None = None,
        **part: Any,
    ) -> ResultFile:
        """Return a result file that is made here and now.

        Parameters
        ----------
        rows
            The cases that were measured.
        noise
            Other parameters of ``environment.warnings_of``: what may have spoilt the figures. None if nothing was measured.
        warnings
            Other warnings.
        measured
            What was measured of the machine, by name.
        part
            Other fields of the file's ``w2vbench`` part.
        """
        machine = {**self.machine, **(measured or {}), **self.facts_after()}
        noises = environment.warnings_of(machine, **noise) if noise is not None else []
        return ResultFile(
            machine_info=self.machine_info(),
            commit_info=self.commit,
            benchmarks=list(rows),
            datetime=datetime.now(UTC).isoformat(),
            version=version("pytest-benchmark"),
            w2vbench=Suite(
                schema_version=SCHEMA,
                engine=engine,
                command=self.command,
                environment=machine,
                warnings=[*noises, *warnings, *self.warnings],
                **self.parts,
                **part,
            ),
        )


@cache
def machine_info() -> dict[str, Any]:
    """Return what pytest-benchmark writes of a machine; finding it out takes a second."""
    from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info  # which imports pytest

    return dict(pytest_benchmark_generate_machine_info())


def stop_on_signals() -> None:
    """Let the signals that end a program raise KeyboardInterrupt, so that processes and folders are cleaned up.

    Only in the main thread: elsewhere Python does not allow it, and the program that has other threads ends in its own way.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a temporary folder, and remove those that killed runs left behind."""
    for folder in abandoned_folders("w2vbench"):
        shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"w2vbench-{os.getpid()}-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def saved_corpus(corpus: Corpus) -> Iterator[Path]:
    """Save the corpus in a temporary folder for the workers."""
    with temporary_folder() as folder:
        corpus.save(folder)
        yield folder


def memory_limit(asked: int | None = None, most: int | None = None) -> int:
    """Return the memory limit of a worker, in bytes: what is available, less a reserve of at most 1 GiB, if none is asked for.

    most: the highest limit where none is asked for. Raises PlanError if what is asked for is not enough for any worker.
    """
    if asked is None:
        available = environment.available_bytes()
        free = max(LEAST_MEMORY, available - min(1 << 30, available // 4))
        return free if most is None else min(free, most)
    if asked < LEAST_MEMORY:
        raise PlanError(f"--memory-limit must be at least {LEAST_MEMORY >> 20}M: a worker needs that for NumPy alone")
    return asked


def sources_of_files(files: Sequence[Path]) -> dict[str, ImplementationSource]:
    """Return where implementations come from: this program, and the user's files."""
    return {"": ImplementationSource(files=tuple(str(file.resolve()) for file in files))}


def check_implementations(
    chosen: Sequence[Implementation], corpus: Corpus, files: Sequence[Path], time_limit_s: float
) -> dict[str, Verdict]:
    """Check implementations, some of which may stand in these files, against their contracts, by key."""
    settings = MeasurementSettings(time_limit_s=time_limit_s)
    with saved_corpus(corpus) as folder, Workers() as workers:
        context = RunContext(workers=workers, corpus=folder, sources=sources_of_files(files), settings=settings)
        return check_contracts([i.key for i in chosen], context)


def is_sound(implementation: Implementation, verdict: Verdict) -> bool:
    """Whether an implementation is ok, skipped, or wrong as it is marked."""
    return verdict.status in (Status.OK, Status.SKIPPED) or bool(
        implementation.wrong and verdict.status == Status.WRONG
    )
