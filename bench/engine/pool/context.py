"""What every experiment of a run shares: workers, corpus, sources of implementations, and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface.case import Size

from .pool import Workers
from .worker_process import WorkerFailure


class JobFields(TypedDict):
    """The fields that every job has, as in ``protocol.Job``."""

    sources: dict[str, protocol.ImplementationSource]
    corpus: str
    settings: MeasurementSettings
    cpu: int | None


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What every experiment of a run shares."""

    workers: Workers  # the processes that measure
    corpus: Path  # the folder in which the corpus is saved
    settings: MeasurementSettings = field(default_factory=MeasurementSettings)  # how experiments are measured
    # Where implementations come from, by name. The empty name is this program's own package, with the user's files.
    sources: Mapping[str, protocol.ImplementationSource] = field(
        default_factory=lambda: {"": protocol.ImplementationSource()}
    )
    cpu: int | None = None  # the CPU that workers of one thread stay on

    @cached_property
    def only_own_code(self) -> bool:
        """Whether no file and no installed package has implementations of its own: one process may then time several problems in
        succession, and what has passed its checks before need not repeat them."""
        return all(source.is_own for source in self.sources.values()) and not catalogue.announced()

    def job_fields(self) -> JobFields:
        """Return the fields that every job has."""
        return {"sources": dict(self.sources), "corpus": str(self.corpus), "settings": self.settings, "cpu": self.cpu}

    def check(
        self, key: str, source: str = "", sizes: Sequence[Size] = (), *, reuse: bool = True
    ) -> Iterator[protocol.Events]:
        """Check an implementation against its contract and yield the events of its process. Raises WorkerFailure.

        Parameters
        ----------
        sizes
            The sizes at which it will be measured, if they are known.
        reuse
            Whether its worker may have checked others before.
        """
        job = protocol.CheckContract(**self.job_fields(), key=key, source=source, sizes=tuple(map(str, sizes)))
        return self.workers.work(job, 1, reuse=reuse)

    def profile(self, key: str, size: Size) -> protocol.LineProfile:
        """Profile one implementation line by line, in a fresh process. Raises WorkerFailure."""
        job = protocol.ProfileLines(**self.job_fields(), key=key, size=str(size))
        events = self.workers.work(job, size.threads)
        return next(event for event in events if isinstance(event, protocol.LineProfile))

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
