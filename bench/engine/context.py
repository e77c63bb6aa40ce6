"""What every experiment of a run shares: workers, corpus, sources of implementations, and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impls.case import Size

from . import protocol
from .pool import WorkerFailure, Workers


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How experiments are measured.

    Attributes
    ----------
    processes
        Fresh processes of an experiment.
    rounds
        Most samples of a variant in a process.
    sample_s
        Shortest sample.
    variant_s
        Time that a variant may take in a process; slower variants get fewer rounds.
    time_limit_s
        Longest that one step of an implementation may take.
    memory_limit_bytes
        Most that a worker may allocate.
    seed
        Seed of all random choices.
    profile
        Whether each implementation is also profiled line by line, at one size.
    """

    processes: int = 3
    rounds: int = 12
    sample_s: float = 0.002
    variant_s: float = 0.04
    time_limit_s: float = 30.0
    memory_limit_bytes: int = 3 << 30
    seed: int = 0
    profile: bool = True


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What every experiment of a run shares.

    Attributes
    ----------
    workers
        The processes that measure.
    corpus
        The folder in which the corpus is saved.
    settings
        How experiments are measured.
    sources
        Where implementations come from, by name. The empty name is this program's own package, with the user's files.
    cpu
        The CPU that workers of one thread stay on.
    """

    workers: Workers
    corpus: Path
    settings: Settings = field(default_factory=Settings)
    sources: Mapping[str, protocol.Source] = field(default_factory=lambda: {"": protocol.Source()})
    cpu: int | None = None

    @property
    def only_own_code(self) -> bool:
        """Whether all implementations are this program's: one process may then check and time several in succession."""
        return all(not source.tree and not source.files for source in self.sources.values())

    def job_fields(self) -> dict[str, Any]:
        """Return the fields that every job has."""
        return {
            "sources": dict(self.sources),
            "corpus": str(self.corpus),
            "seed": self.settings.seed,
            "cpu": self.cpu,
            "memory_limit_bytes": self.settings.memory_limit_bytes,
            "time_limit_s": self.settings.time_limit_s,
        }

    def check(self, *keys: str, source: str = "", reuse: bool = False) -> Iterator[protocol.Events]:
        """Check implementations in one process and yield its events. Raises WorkerFailure.

        reuse: whether the process may have done another job before.
        """
        job = protocol.CheckContract(**self.job_fields(), keys=keys, source=source)
        return self.workers.work(job, 1, reuse=reuse)

    def profile(self, key: str, size: Size) -> protocol.Profile:
        """Profile one implementation line by line, in a fresh process. Raises WorkerFailure."""
        job = protocol.ProfileLines(**self.job_fields(), key=key, size=str(size))
        events = self.workers.work(job, size.threads)
        return next(event for event in events if isinstance(event, protocol.Profile))

    def machine_limits(self, sizes: Sequence[Size]) -> protocol.MachineLimits | None:
        """Measure the machine's limits at the working sets and dtypes of some sizes; None if the worker fails."""
        job = protocol.MeasureLimits(
            **self.job_fields(),
            largest_bytes=max(size.V * size.H * size.float_type.itemsize for size in sizes),
            dtypes=tuple(sorted({size.dtype for size in sizes})),
            threads=sizes[0].threads,
        )
        try:
            events = list(self.workers.work(job, sizes[0].threads, reuse=True))
        except WorkerFailure:
            return None
        return next(event for event in events if isinstance(event, protocol.MachineLimits))

    def list_sources(self, differing: Sequence[str] = ()) -> dict[str, protocol.SourceListed]:
        """List the implementations of the sources ``base`` and ``head``. Raises WorkerFailure.

        differing: files that differ between their trees.
        """
        job = protocol.ListSources(**self.job_fields(), differing=tuple(differing))
        events = self.workers.work(job, 1, start_next=True)
        return {event.source: event for event in events if isinstance(event, protocol.SourceListed)}
