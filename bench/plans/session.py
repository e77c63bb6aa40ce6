"""What every command that measures has in common: the text, the machine, the workers, and what ends it early."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.engine import cpus, environment
from bench.engine.context import RunContext
from bench.engine.contract import Verdict
from bench.engine.contracts import check_contracts
from bench.engine.leftovers import abandoned_folders
from bench.engine.pool import Workers
from bench.engine.protocol import ImplementationSource, MeasurementSettings
from impls import catalogue, words
from impls.interface import Implementation
from reports.result_schema import SCHEMA, Commit, Engine, ResultFile, Row, Suite

from .selection import Selection

BROKEN = ("wrong", "error", "crashed")
MACHINE_FACTS = ("cpu", "cpus_allowed", "python", "packages", "blas")
"""Facts of the environment that must be the same for a measurement to be resumed."""
LEAST_MEMORY = 512 << 20
"""The least memory of a worker, in bytes."""

Say = Callable[[str], None]
"""Shows the user a line at once."""
Note = Callable[[str, int, int], None]
"""Shows what is being done, the number of finished steps, and their total (0: unknown)."""


class PlanError(ValueError):
    """A request that cannot be carried out. The message is one line and says what to do."""


class NothingToKeep(ValueError):
    """The end of a command that has nothing to keep. The message is one line."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, kw_only=True)
class MeasurementRequest:
    """What a user asks for of every command that measures.

    Attributes
    ----------
    command
        The command as it can be typed again.
    out
        The folder of the results.
    corpus
        A text file; None for the built-in text.
    files
        The user's own implementations.
    kernels, globs
        Which kernels and cases are selected.
    """

    command: str
    out: Path
    corpus: Path | None = None
    files: Sequence[Path] = ()
    kernels: Sequence[str] = ()
    globs: Sequence[str] = ()


class Session:
    """A command that measures: the machine, as it was before anything was measured, and whether the user has ended it."""

    def __init__(self, command: str, say: Say) -> None:
        self.command, self.say, self.interrupted = command, say, False
        self.busy, self.counters = environment.busy_cpus(), environment.counters()
        self.machine = environment.describe(self.busy)

    @contextmanager
    def measuring(
        self, settings: MeasurementSettings, threads: int = 1, files: Sequence[Path] = ()
    ) -> Iterator[RunContext]:
        """Start workers on CPUs that no other run holds. This process leaves those CPUs if it may use others.

        A signal that ends the program raises KeyboardInterrupt from here on, so that processes and folders are cleaned up.

        Yields
        ------
        RunContext
            With an empty folder, into which the text must be saved. Workers with one thread are pinned to the idlest free CPU.
        """
        stop_on_signals()
        with (
            temporary_folder() as folder,
            cpus.hold(environment.idlest_cpus(self.busy), threads) as mine,
            Workers(mine.cpus) as workers,
        ):
            self.machine["idlest_cpu"] = mine.cpu if threads == 1 else None
            if mine.shared:
                self.machine["cpus_shared"] = True
                self.say(environment.SHARED_CPUS)
            yield RunContext(
                workers=workers, corpus=folder, settings=settings, sources=sources_of_files(files), cpu=mine.cpu
            )

    @contextmanager
    def until_interrupted(self) -> Iterator[None]:
        """Do what stands in the block until the user ends the program, so that what is finished can be kept."""
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True

    def result_file(
        self,
        engine: Engine,
        rows: Sequence[Row] = (),
        *,
        noise: Mapping[str, Any] | None = None,
        warnings: Sequence[str] = (),
        **part: Any,
    ) -> ResultFile:
        """Return a result file that is made here and now.

        Parameters
        ----------
        rows
            The cases that were measured.
        noise
            Other parameters of ``environment.warnings_of``: what may have spoilt the figures.
        warnings
            Other warnings.
        part
            Other fields of the file's ``w2vbench`` part.
        """
        from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info
        from pytest_benchmark.utils import get_commit_info

        machine = self.machine | environment.counter_increases(self.counters)
        return ResultFile(
            machine_info=pytest_benchmark_generate_machine_info(),
            commit_info=Commit.model_validate(get_commit_info()),
            benchmarks=list(rows),
            datetime=datetime.now(UTC).isoformat(),
            version=version("pytest-benchmark"),
            w2vbench=Suite(
                schema_version=SCHEMA,
                engine=engine,
                command=self.command,
                environment=machine,
                warnings=[*environment.warnings_of(machine, **(noise or {})), *warnings],
                **part,
            ),
        )


def stop_on_signals() -> None:
    """Let the signals that end a program raise KeyboardInterrupt, so that processes and folders are cleaned up."""
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
def saved_corpus(corpus: words.Corpus) -> Iterator[Path]:
    """Save the corpus in a temporary folder for the workers."""
    with temporary_folder() as folder:
        corpus.save(folder)
        yield folder


def read_corpus(file: Path | None) -> words.Corpus:
    """Read a file, or the built-in corpus. Raises CorpusError."""
    return words.read(file) if file else words.builtin()


def corpus_and_code(corpus: words.Corpus, files: Sequence[Path]) -> str:
    """Return a digest of a text, of the implementations and of the engine."""
    package = Path(__file__).resolve().parents[2]
    folders = ("impls", "bench/engine")
    digest = hashlib.sha256()
    for part in (corpus.ids, corpus.starts, corpus.counts):
        digest.update(part.tobytes())
    digest.update("\0".join(corpus.vocabulary).encode())
    for file in [*(file for folder in folders for file in sorted((package / folder).rglob("*.py"))), *files]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def free_memory() -> int:
    """Return the default memory limit of a worker, in bytes: what is available, less a reserve of at most 1 GiB."""
    available = environment.available_bytes()
    return max(LEAST_MEMORY, available - min(1 << 30, available // 4))


def sources_of_files(files: Sequence[Path]) -> dict[str, ImplementationSource]:
    """Return where implementations come from: this program, and the user's files."""
    return {"": ImplementationSource(files=tuple(str(file.resolve()) for file in files))}


def implementations(files: Sequence[Path], kernels: Sequence[str] = ()) -> list[Implementation]:
    """Return all implementations of some kernels or families of kernels, with those of the user's files. Raises PlanError."""
    every = catalogue.load(files)
    names = list(dict.fromkeys(i.kernel.name for i in every))
    for kernel in kernels:
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
    return [i for i in every if Selection(kernels).has_kernel(i.kernel.name)]


def check_implementations(
    chosen: Sequence[Implementation], corpus: words.Corpus, files: Sequence[Path], time_limit_s: float
) -> dict[str, Verdict]:
    """Check implementations, some of which may stand in these files, against their contracts, by key."""
    settings = MeasurementSettings(time_limit_s=time_limit_s)
    with saved_corpus(corpus) as folder, Workers() as workers:
        context = RunContext(workers=workers, corpus=folder, sources=sources_of_files(files), settings=settings)
        return check_contracts([i.key for i in chosen], context)
